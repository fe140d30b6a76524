"""What of a transfer must change on a host, and what prevents it."""

import dataclasses

import pytest

from mngr_ansible.host.state import FileState
from mngr_ansible.plan.plan import resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import WORK_DIR, compared, due, plan, state, statuses, tree, wants, write
from tests.unit.diff.test_due import X, file_state

MINE = {"uid": 1000, "user": "dev", "groups": (1000, 27), "privilege": "sudo"}


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "x")


def reason(made) -> tuple[str, str]:
    (outcome,) = made.outcomes
    return str(outcome.status), outcome.reason


@pytest.mark.parametrize(
    ("uid", "gid", "expected"),
    [(7, 8, ("ok", "")), (0, 8, ("differs", "owner 0, wanted agent")), (7, 0, ("differs", "group 0, wanted staff"))],
)
def test_an_owner_is_compared_by_number(source, uid, gid, expected):
    spec = FileTransferSpec(source, "x", owner="agent", group="staff")
    found = dataclasses.replace(file_state(), uid=uid, gid=gid)
    numbers = {("user", "agent"): 7, ("group", "staff"): 8}

    assert reason(due(wants("p", spec), files={X: found}, owner_ids=numbers)) == expected


def test_an_owner_that_is_unknown_on_the_host_blocks_the_transfer(source):
    spec = FileTransferSpec(source, "x", owner="agent")

    status, why = reason(due(wants("p", spec), owner_ids={("user", "agent"): None}))
    assert (status, "no user agent" in why) == ("blocked", True)


@pytest.mark.parametrize(
    ("options", "facts", "as_root"),
    [
        ({"owner": "1000"}, MINE, False),
        ({"owner": "1001"}, MINE, True),
        ({"group": "27"}, MINE, False),
        ({"group": "28"}, MINE, True),
        ({"owner": "1001"}, {"uid": 0}, False),
    ],
)
def test_root_is_used_only_if_the_remote_user_cannot_give_the_file_that_owner(source, options, facts, as_root):
    (transfer,) = due(wants("p", FileTransferSpec(source, "x", **options)), **facts).transfers

    assert transfer.as_root is as_root


def test_without_root_another_owner_blocks_the_transfer_with_a_remedy(source):
    spec = FileTransferSpec(source, "x", owner="1001")

    status, why = reason(due(wants("p", spec), **{**MINE, "privilege": "none"}))
    assert status == "blocked"
    assert "log in as root, allow sudo without a password, or leave owner and group out" in why


def test_files_that_root_writes_for_the_remote_user_belong_to_the_remote_user(tmp_path):
    mine, theirs = tree(tmp_path / "mine", "a"), tree(tmp_path / "theirs", "b")
    (transfer,) = due(
        wants("p", FileTransferSpec(mine, "d")), wants("q", FileTransferSpec(theirs, "d", owner="1001")), **MINE
    ).transfers

    owners = {each.entry.relative: (each.options.owner, each.options.group) for each in transfer.entries}
    assert owners["a"] == ("1000", "1000")
    assert owners["b"] == ("1001", None)


@pytest.mark.parametrize(
    "found", [file_state(text="other"), file_state(mode=0o600), FileState("link", sha256="0" * 64)]
)
def test_with_if_exists_keep_any_file_or_link_is_ok(source, found):
    assert due(wants("p", FileTransferSpec(source, "x", if_exists="keep")), files={X: found}).is_empty


def test_with_if_exists_keep_a_directory_in_place_of_a_file_blocks_the_transfer(source):
    found = {X: FileState("directory", 0o755, 0, 0, 0)}
    assert reason(due(wants("p", FileTransferSpec(source, "x", if_exists="keep")), files=found))[0] == "blocked"


def mirrored(tmp_path, listing: dict[str, str], *names: str, more=(), settings=None, **options):
    spec = FileTransferSpec(tree(tmp_path / "top", *names), "d", mirror=True, **options)
    listings = {f"{WORK_DIR}/d": listing}
    made = due(wants("p", spec), *more, settings=settings, listings=listings)
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
    other = wants("q", FileTransferSpec(write(tmp_path / "b"), "d/theirs/b"))
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
        plan(wants("p", spec), settings=settings, work_dir=""), host.login.home, host.paths.work_dir
    )

    (found,) = compared(made, host).transfers
    assert [each.path for each in found.entries if each.entry.kind == "absent"] == ["/root/m/old"]


def test_a_mirror_keeps_the_hosts_copy_of_a_secret_that_is_not_sent(tmp_path):
    write(tmp_path / "top" / "key", mode=0o600)
    settings = {"plugins": {"p": {"secrets": False}}}
    assert mirrored(tmp_path, {"a": "file", "key": "file", "old": "file"}, "a", settings=settings) == ["old"]


def test_a_mirror_keeps_what_a_skipped_transfer_may_have_written_before(tmp_path):
    skipped = [
        wants("q", FileTransferSpec(tmp_path / "gone", "d/one", is_required=False)),
        wants("r", FileTransferSpec(tmp_path / "gone", "d/sub/tree", is_required=False)),
        wants("s", FileTransferSpec(tmp_path / "gone", "d", is_required=False)),
    ]
    listing = {"one": "file", "one-more": "file", "sub": "directory", "sub/tree": "directory", "sub/tree/x": "file"}
    assert mirrored(tmp_path, listing, "a", more=skipped) == ["one-more"]


@pytest.mark.parametrize("destination", ["~/", ".", "/root", "/srv", WORK_DIR])
def test_a_mirror_of_a_directory_that_contains_home_or_work_dir_is_blocked(tmp_path, destination):
    made = plan(wants("p", FileTransferSpec(tree(tmp_path / "top", "a"), destination, mirror=True)))
    host = state()

    (outcome,) = compared(resolve_destinations(made, host.login.home, host.paths.work_dir), host).outcomes
    assert (str(outcome.status), "would empty the" in outcome.reason) == ("blocked", True)


def test_two_paths_to_one_file_through_a_link_on_the_host_are_one_destination(tmp_path, source):
    first, second = wants("p", FileTransferSpec(source, "/a/x")), wants("q", FileTransferSpec(source, "/b/x"))

    made = resolve_destinations(plan(first, second), "/root", WORK_DIR, {"/a": "/b"})

    assert [(each.destination, each.plugins) for each in made.transfers] == [("/b/x", ("q",))]
    assert made.overlay_notices == ("/b/x: q overrides p",)


def test_a_step_counts_the_files_that_a_mirror_deletes(tmp_path):
    spec = FileTransferSpec(tree(tmp_path / "top", "a"), "d", mirror=True)
    made = due(
        wants("p", spec),
        listings={f"{WORK_DIR}/d": {"a": "file", "old": "file"}},
        files={f"{WORK_DIR}/d": FileState("directory", 0o755, 0, 0, 0), f"{WORK_DIR}/d/a": file_state(text="content")},
    )

    (outcome,) = made.outcomes
    assert statuses(made.outcomes) == {f"file:{WORK_DIR}/d": "differs"}
    assert (outcome.reason, outcome.files) == ("1 to delete", {"total": 2, "due": 1})
