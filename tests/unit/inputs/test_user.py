"""The user's settings, manifests and command line are contributions. Source: docs/contract.md "Hooks"."""

from pathlib import Path

from mngr_ansible.inputs.settings import Settings
from mngr_ansible.inputs.user import user_contributions
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import write


def test_settings_come_before_manifests_and_those_before_the_command_line(tmp_path):
    first, second = write(tmp_path / "first.yml", "packages: [git]"), write(tmp_path / "second.yml", "packages: [fd]")
    settings = Settings.parse({"packages": ["tree"], "manifests": [str(first)]})

    found = user_contributions(settings, [second], [], ["jq"])

    assert [each.who for each in found] == ["settings", "manifest (first.yml)", "manifest (second.yml)", "command-line"]
    assert [each.requirements[0].name for each in found] == ["tree", "git", "fd", "jq"]


def test_paths_in_the_settings_start_at_the_directory_that_is_given(tmp_path):
    write(tmp_path / "own.yml", "files: [{local_path: a, remote_path: b}]")
    settings = Settings.parse({"files": [{"local_path": "c", "remote_path": "d"}], "manifests": ["own.yml"]})

    found = user_contributions(settings, [], [], [], directory=tmp_path)

    assert [each.transfers[0].local_path for each in found] == [tmp_path / "c", tmp_path / "a"]


def test_the_command_line_may_give_text_mappings_and_specifications():
    spec = FileTransferSpec("/a", "b")
    (made,) = user_contributions(Settings(), [], [spec, "/c:d", {"local_path": "/e", "remote_path": "f"}], [])
    assert [each.local_path for each in made.transfers] == [Path("/a"), Path("/c"), Path("/e")]


def test_without_anything_there_is_no_contribution():
    assert user_contributions(Settings(), [], [], []) == ()
