"""What an agent was created with: how later options change it, and which records are used."""

from __future__ import annotations

import pytest

from mngr_ansible.errors import UsageError
from mngr_ansible.mngr.created_with import CreatedWith
from mngr_ansible.mngr.trust import Words

USER = Words("create", None)


def test_a_reuse_adds_options_and_another_version_of_a_tool_takes_the_place_of_the_earlier_one(tmp_path):
    there, gone = tmp_path / "there.yml", tmp_path / "gone.yml"
    there.touch()
    earlier = CreatedWith(("git>=2", "jq"), (str(there), str(gone)), "print")
    assert earlier.and_later(CreatedWith(("git>=2.39", "curl"), install="auto")) == CreatedWith(
        ("jq", "git>=2.39", "curl"), (str(there), str(gone)), "auto"
    )
    assert earlier.and_later(CreatedWith(manifests=("/new.yml",))) == CreatedWith(
        ("git>=2", "jq"), (str(there), "/new.yml"), "print"
    )


def test_an_update_replaces_only_the_options_that_it_gives():
    earlier = CreatedWith(("git>=2", "jq"), ("/a.yml",), "print")
    assert earlier.replaced_by(CreatedWith()) == earlier
    assert earlier.replaced_by(CreatedWith(("curl",))) == CreatedWith(("curl",), ("/a.yml",), "print")
    assert earlier.replaced_by(CreatedWith((), ("/b.yml",), "auto")) == CreatedWith(
        ("git>=2", "jq"), ("/b.yml",), "auto"
    )


def test_what_a_repository_gave_stays_its_until_the_user_gives_it_himself():
    earlier = CreatedWith(("jq", "git"), repository="/r", theirs=("jq", "git"))
    later = earlier.and_later(CreatedWith(("jq",)))
    assert (later.theirs, later.repository) == (("git",), "/r")
    assert [each.repository for each in later.contributions()] == ["/r", ""]


def test_a_record_is_used_only_with_the_seal_of_this_user_for_this_agent(tmp_path):
    given = CreatedWith.of({"ansible_package": ("git>=2.39",), "ansible_install": "print"}, USER)
    record = {**given.record("agent-1", tmp_path), "status": "ok"}
    assert CreatedWith.recorded(record, "agent-1", "one", tmp_path) == given
    for other in (
        {**record, "created_with": {**record["created_with"], "install": "auto"}},
        {**record, "seal": None},
        {**record, "seal": "ü"},
        {**record, "created_with": "git"},
    ):
        assert CreatedWith.recorded(other, "agent-1", "one", tmp_path) == CreatedWith()
    assert CreatedWith.recorded(record, "agent-2", "two", tmp_path) == CreatedWith()
    (tmp_path / "other").mkdir()
    assert CreatedWith.recorded(record, "agent-1", "one", tmp_path / "other") == CreatedWith()
    assert list((tmp_path / "other").iterdir()) == []
    assert (tmp_path / "mngr-ansible.key").stat().st_mode & 0o777 == 0o600
    assert CreatedWith().record("agent-1", tmp_path / "nowhere") == {}


def test_a_manifest_is_remembered_by_its_absolute_path_and_must_be_a_file_that_stays(tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    given = CreatedWith.of({"ansible_manifest": ("a.yml", "~/b.yml")}, USER)
    assert given.manifests == (f"{tmp_path}/a.yml", f"{home}/b.yml")
    for path in ("-", "/dev/null"):
        with pytest.raises(UsageError, match="no file that stays"):
            CreatedWith.of({"ansible_manifest": (path,)}, USER)
