"""What a mirror deletes, and what it keeps. Source: docs/contract.md "Data"."""

import pytest

from mngr_ansible.host.state import FileState
from mngr_ansible.plan.plan import resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import WORK_DIR, compared, contribution, due, file_state, plan, state, statuses, tree, write


def mirrored(tmp_path, listing: dict[str, str], *names: str, more=(), settings=None, **options):
    spec = FileTransferSpec(tree(tmp_path / "top", *names), "d", mirror=True, **options)
    listings = {f"{WORK_DIR}/d": listing}
    made = due(contribution("p", spec), *more, settings=settings, listings=listings)
    return [
        each.path.removeprefix(f"{WORK_DIR}/d/")
        for due in made.transfers
        for each in due.entries
        if each.entry.kind == "absent"
    ]


def test_a_mirror_deletes_what_is_not_in_the_plan_the_deepest_first(tmp_path):
    listing = {"a": "file", "old": "file", "dir": "directory", "dir/sub": "directory", "dir/sub/x": "file"}
    assert mirrored(tmp_path, listing, "a") == ["dir/sub/x", "dir/sub", "dir", "old"]


def test_a_mirror_keeps_other_plugins_files_excluded_files_and_our_own_files(tmp_path):
    listing = {
        "theirs": "directory",
        "theirs/b": "file",
        "cache": "directory",
        "cache/x": "file",
        "kept": "directory",
        "kept/x.log": "file",
        "kept/old": "file",
        "a.mngr-backup-20261124T101112Z": "file",
        ".mngr-ansible-0123456789abcdef": "file",
    }
    other = contribution("q", FileTransferSpec(write(tmp_path / "b"), "d/theirs/b"))
    exclude = ["cache/", "*.log"]
    assert mirrored(tmp_path, listing, "a", more=[other], exclude=exclude) == ["kept/old"]


@pytest.mark.parametrize("destination", ["~/m", "m", "/root/m"])
@pytest.mark.parametrize("pattern", ["~/m/cache/**", "m/cache/**", "/root/m/cache/**"])
def test_a_mirror_keeps_what_the_user_excludes_in_every_spelling_of_the_path(tmp_path, destination, pattern):
    spec = FileTransferSpec(tree(tmp_path / "top", "a"), destination, mirror=True)
    settings = {"plugins": {"p": {"exclude_files": [pattern]}}}
    listings = {"/root/m": {"cache": "directory", "cache/x": "file", "old": "file"}}
    host = state(listings=listings, work_dir="/root")
    made = resolve_destinations(
        plan(contribution("p", spec), settings=settings, work_dir=""), host.login.home, host.paths.work_dir
    )

    (found,) = compared(made, host).transfers
    assert [each.path for each in found.entries if each.entry.kind == "absent"] == ["/root/m/old"]


def test_a_mirror_keeps_the_hosts_copy_of_a_secret_that_is_not_sent(tmp_path):
    write(tmp_path / "top" / "key", mode=0o600)
    settings = {"plugins": {"p": {"secrets": False}}}
    assert mirrored(tmp_path, {"a": "file", "key": "file", "old": "file"}, "a", settings=settings) == ["old"]


def test_a_mirror_keeps_what_a_skipped_transfer_may_have_written_before(tmp_path):
    skipped = [
        contribution("q", FileTransferSpec(tmp_path / "gone", "d/one", is_required=False)),
        contribution("r", FileTransferSpec(tmp_path / "gone", "d/sub/tree", is_required=False)),
        contribution("s", FileTransferSpec(tmp_path / "gone", "d", is_required=False)),
    ]
    listing = {"one": "file", "one-more": "file", "sub": "directory", "sub/tree": "directory", "sub/tree/x": "file"}
    assert mirrored(tmp_path, listing, "a", more=skipped) == ["one-more"]


@pytest.mark.parametrize("destination", ["~/", ".", "/root", "/srv", WORK_DIR])
def test_a_mirror_of_a_directory_that_contains_home_or_work_dir_is_blocked(tmp_path, destination):
    made = plan(contribution("p", FileTransferSpec(tree(tmp_path / "top", "a"), destination, mirror=True)))
    host = state()

    (outcome,) = compared(resolve_destinations(made, host.login.home, host.paths.work_dir), host).outcomes
    assert (str(outcome.status), "would empty the" in outcome.reason) == ("blocked", True)


def test_a_step_counts_the_files_that_a_mirror_deletes(tmp_path):
    spec = FileTransferSpec(tree(tmp_path / "top", "a"), "d", mirror=True)
    made = due(
        contribution("p", spec),
        listings={f"{WORK_DIR}/d": {"a": "file", "old": "file"}},
        files={f"{WORK_DIR}/d": FileState("directory", 0o755, 0, 0, 0), f"{WORK_DIR}/d/a": file_state(text="content")},
    )

    (outcome,) = made.outcomes
    assert statuses(made.outcomes) == {f"file:{WORK_DIR}/d": "differs"}
    assert (outcome.reason, outcome.files) == ("1 to delete", {"total": 2, "due": 1, "deletions": 1})


def test_a_mirror_of_an_empty_source_is_blocked_until_a_person_agrees(tmp_path):
    (tmp_path / "top" / "directory").mkdir(parents=True)
    spec = FileTransferSpec(tmp_path / "top", "d", mirror=True)
    found = {"files": {f"{WORK_DIR}/d": FileState("directory", 0o755, 0, 0, 0)}}

    made = due(contribution("p", spec), listings={f"{WORK_DIR}/d": {"a": "file", "b": "file"}}, **found)
    (outcome,), (held,) = made.outcomes, made.held
    assert (str(outcome.status), made.transfers, made.stops) == ("blocked", (), (outcome,))
    assert outcome.reason.startswith("its source is empty, and a mirror of it would delete 2 paths. Check the source")
    assert held.question == f"The source of {WORK_DIR}/d is empty. Delete all 2 paths in it?"

    agreed = made.released()
    assert (statuses(agreed.outcomes), agreed.stops) == ({f"file:{WORK_DIR}/d": "differs"}, ())
    assert [each.path for each in agreed.transfers[0].entries if each.entry.kind == "absent"] == [
        f"{WORK_DIR}/d/a",
        f"{WORK_DIR}/d/b",
    ]


def test_a_mirror_of_an_empty_source_that_deletes_nothing_needs_no_answer(tmp_path):
    (tmp_path / "top").mkdir()
    spec = FileTransferSpec(tmp_path / "top", "d", mirror=True)
    assert due(contribution("p", spec)).outcomes[0].status == "missing"


def test_a_mirror_keeps_what_is_mounted_in_it_and_the_directories_above(tmp_path):
    listing = {"a": "file", "m": "directory", "s": "directory", "s/f": "file", "s/g": "file", "old": "file"}
    spec = FileTransferSpec(tree(tmp_path / "top", "a"), "d", mirror=True)
    mounted = frozenset((f"{WORK_DIR}/d/m", f"{WORK_DIR}/d/s/f"))
    made = due(contribution("p", spec), listings={f"{WORK_DIR}/d": listing}, mounted=mounted)
    deleted = [each.path for each in made.transfers[0].entries if each.entry.kind == "absent"]
    assert deleted == [f"{WORK_DIR}/d/s/g", f"{WORK_DIR}/d/old"]
