"""What of a transfer must change on a host, and what prevents it. Source: docs/contract.md "Data", "JSON"."""

import dataclasses

import pytest

from mngr_ansible.host.state import FileState
from mngr_ansible.plan.plan import resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import (
    WORK_DIR,
    compared,
    contribution,
    directory_state,
    due,
    file_state,
    link_state,
    plan,
    state,
    tree,
    write,
)
from tests.unit.diff.conftest import X

MINE = {"uid": 1000, "user": "dev", "groups": (1000, 27), "privilege": "sudo"}


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "x")


def reason(made) -> tuple[str, str]:
    (outcome,) = made.outcomes
    return str(outcome.status), outcome.reason


@pytest.mark.parametrize(
    ("found", "status", "reason"),
    [
        (None, "missing", "it does not exist"),
        (file_state(), "ok", ""),
        (file_state("other"), "differs", "other content"),
        (file_state(mode=0o600), "differs", "mode 0600, needed 0644"),
        (file_state(mode=0o4644), "differs", "mode 4644, needed 0644"),
        (link_state("y"), "differs", "it is a link"),
        (FileState("unreadable", 0o200, 0, 0, 3), "differs", "it cannot be read"),
        (directory_state(), "blocked", "/srv/work/x is a directory; give the full file name, such as /srv/work/x/file"),
        (
            FileState("other"),
            "blocked",
            "/srv/work/x is not a regular file (a fifo, a socket or a device); use another",
        ),
    ],
)
def test_a_file_is_compared_by_kind_content_and_mode(file, found, status, reason):
    (outcome,) = due(file, files={X: found} if found else {}).outcomes

    assert (outcome.id, outcome.kind, outcome.status) == (f"file:{X}", "file", status)
    assert outcome.reason.startswith(reason)
    assert outcome.plugins == ("claude",)


def test_a_directory_says_how_many_of_its_files_are_due(tmp_path):
    claude = contribution("claude", FileTransferSpec(tree(tmp_path / "t", "a", "b/c"), "x"))
    have = {
        X: directory_state(),
        f"{X}/a": file_state("content"),
        f"{X}/b": directory_state(),
        f"{X}/b/c": file_state("old"),
    }

    made = due(claude, files=have)

    assert (made.outcomes[0].status, made.outcomes[0].files) == ("differs", {"total": 2, "due": 1})
    assert [each.path for each in made.transfers[0].entries] == [f"{X}/b/c"]


def test_a_trees_top_directory_keeps_its_mode_and_a_lower_one_gets_its_own(tmp_path):
    claude = contribution("claude", FileTransferSpec(tree(tmp_path / "t", "b/c"), "x"))
    have = {X: directory_state(0o700), f"{X}/b": directory_state(0o700), f"{X}/b/c": file_state("content")}

    made = due(claude, files=have)

    assert [each.path for each in made.transfers[0].entries] == [f"{X}/b"]
    assert made.outcomes[0].reason == "modes or owners of directories"


def test_a_link_is_compared_by_its_target(tmp_path):
    top = tree(tmp_path / "t", "a")
    (top / "l").symlink_to("a")
    claude = contribution("claude", FileTransferSpec(top, "x"))
    have = {X: directory_state(), f"{X}/a": file_state("content")}

    assert due(claude, files={**have, f"{X}/l": link_state("a")}).is_empty
    assert due(claude, files={**have, f"{X}/l": link_state("b")}).outcomes[0].status == "differs"


@pytest.mark.parametrize(
    ("code", "uid", "reason"),
    [
        ("r", 1000, "dev cannot write to /srv/work; use --become"),
        ("R", 1000, "dev cannot write to /srv/work; use --become"),
        ("r", 0, "dev cannot write to /srv/work; the file system may be read-only"),
        ("x", 1000, "something above /srv/work/x is not a directory"),
    ],
)
def test_a_destination_that_cannot_be_written_is_blocked_with_the_remedy(file, code, uid, reason):
    made = due(file, parents={WORK_DIR: code}, uid=uid, user="dev")

    assert made.outcomes[0].status == "blocked"
    assert made.outcomes[0].reason.startswith(reason)
    assert made.stops == made.outcomes


def test_a_file_that_is_as_planned_needs_no_right_to_write(file):
    assert due(file, files={X: file_state()}, parents={WORK_DIR: "r"}).is_empty


def test_only_the_owner_gets_permissions_on_a_secret(tmp_path):
    secret = FileTransferSpec(write(tmp_path / "s", mode=0o755), "x", is_secret=True)
    assert due(contribution("claude", secret)).outcomes[0].wanted == "0700, secret"


@pytest.mark.parametrize(("bits", "mode"), [(0o711, "0700"), (0o622, "0600"), (0o4700, "0700")])
def test_what_others_may_run_or_write_but_not_read_is_a_secret(tmp_path, bits, mode):
    made = due(contribution("p", FileTransferSpec(write(tmp_path / "file", mode=bits), "x")))
    assert made.outcomes[0].wanted == f"{mode}, secret"


def test_a_file_that_only_its_owner_can_read_is_a_secret(tmp_path):
    private = FileTransferSpec(write(tmp_path / "s", mode=0o400), "x")
    assert due(contribution("claude", private)).outcomes[0].wanted == "0600, secret"


@pytest.mark.parametrize(
    ("uid", "gid", "expected"),
    [(7, 8, ("ok", "")), (0, 8, ("differs", "owner 0, needed agent")), (7, 0, ("differs", "group 0, needed staff"))],
)
def test_an_owner_is_compared_by_number(source, uid, gid, expected):
    spec = FileTransferSpec(source, "x", owner="agent", group="staff")
    found = dataclasses.replace(file_state(), uid=uid, gid=gid)
    numbers = {("user", "agent"): 7, ("group", "staff"): 8}

    assert reason(due(contribution("p", spec), files={X: found}, owner_ids=numbers)) == expected


def test_an_owner_that_is_unknown_on_the_host_blocks_the_transfer(source):
    spec = FileTransferSpec(source, "x", owner="agent")

    status, why = reason(due(contribution("p", spec), owner_ids={("user", "agent"): None}))
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
    (transfer,) = due(contribution("p", FileTransferSpec(source, "x", **options)), **facts).transfers

    assert transfer.as_root is as_root


def test_without_root_another_owner_blocks_the_transfer_with_a_remedy(source):
    spec = FileTransferSpec(source, "x", owner="1001")

    status, why = reason(due(contribution("p", spec), **{**MINE, "privilege": "none"}))
    assert status == "blocked"
    assert "log in as root, allow sudo without a password, or leave owner and group out" in why


def test_files_that_root_writes_for_the_remote_user_belong_to_the_remote_user(tmp_path):
    mine, theirs = tree(tmp_path / "mine", "a"), tree(tmp_path / "theirs", "b")
    (transfer,) = due(
        contribution("p", FileTransferSpec(mine, "d")),
        contribution("q", FileTransferSpec(theirs, "d", owner="1001")),
        **MINE,
    ).transfers

    owners = {each.entry.relative: (each.options.owner, each.options.group) for each in transfer.entries}
    assert owners["a"] == ("1000", "1000")
    assert owners["b"] == ("1001", None)


@pytest.mark.parametrize(
    "found", [file_state(text="other"), file_state(mode=0o600), FileState("link", sha256="0" * 64)]
)
def test_with_if_exists_keep_any_file_or_link_is_ok(source, found):
    assert due(contribution("p", FileTransferSpec(source, "x", if_exists="keep")), files={X: found}).is_empty


def test_with_if_exists_keep_a_directory_in_place_of_a_file_blocks_the_transfer(source):
    found = {X: FileState("directory", 0o755, 0, 0, 0)}
    assert reason(due(contribution("p", FileTransferSpec(source, "x", if_exists="keep")), files=found))[0] == "blocked"


def test_two_paths_to_one_file_through_a_link_on_the_host_are_one_destination(tmp_path, source):
    first, second = (
        contribution("p", FileTransferSpec(source, "/a/x")),
        contribution("q", FileTransferSpec(source, "/b/x")),
    )

    made = resolve_destinations(plan(first, second), "/root", WORK_DIR, {"/a": "/b"})

    assert [(each.destination, each.plugins) for each in made.transfers] == [("/b/x", ("q",))]
    assert made.overlay_notices == ("/b/x: q overrides p",)


def test_one_file_that_goes_to_a_link_to_a_directory_was_meant_to_go_into_it(tmp_path, source):
    """A tree's own file replaces such a link: there its place is named in full."""
    link = dataclasses.replace(link_state("y"), leads_to_directory=True)
    status, why = reason(due(contribution("p", FileTransferSpec(source, "x")), files={X: link}))
    assert (status, why) == ("blocked", f"{X} is a link to a directory; give the full file name, such as {X}/x")

    claude = contribution("p", FileTransferSpec(tree(tmp_path / "t", "x"), "."))
    found = {WORK_DIR: directory_state(), X: link}
    assert reason(due(claude, files=found)) == ("differs", "1 of 1 files")


@pytest.mark.parametrize("destination", ["~", "~/", ".", "/root", WORK_DIR])
def test_a_file_never_takes_the_place_of_the_home_or_of_work_dir(source, destination):
    made = plan(contribution("p", FileTransferSpec(source, destination)))
    there = state()
    (outcome,) = compared(resolve_destinations(made, there.login.home, WORK_DIR), there).outcomes
    assert str(outcome.status) == "blocked"
    assert outcome.reason.endswith("/x")


def test_a_link_in_place_of_the_home_or_work_dir_is_followed_and_any_other_is_named(tmp_path):
    link = dataclasses.replace(link_state("/data"), leads_to_directory=True)
    top = tree(tmp_path / "t", "a")
    assert due(contribution("p", FileTransferSpec(top, ".")), files={WORK_DIR: link}).outcomes[0].status == "differs"
    status, why = reason(due(contribution("p", FileTransferSpec(top, "x")), files={X: link}))
    assert (status, why) == ("blocked", f"{X} is a link to a directory; give the real path as the destination")


@pytest.mark.parametrize(("found", "status"), [("old", "blocked"), ("text", "ok")])
def test_a_mounted_file_is_blocked_only_where_it_must_be_replaced(source, found, status):
    claude = contribution("claude", FileTransferSpec(source, "x"))
    made = due(claude, files={X: file_state(found)}, mounted=frozenset((X,)))
    assert made.outcomes[0].status == status


def test_the_mode_of_a_mounted_file_can_be_changed(source):
    claude = contribution("claude", FileTransferSpec(source, "x"))
    assert due(claude, files={X: file_state(mode=0o600)}, mounted=frozenset((X,))).outcomes[0].status == "differs"


def test_a_read_only_file_system_is_named_and_become_is_no_remedy_for_it(file):
    made = due(file, parents={WORK_DIR: "R"}, read_only=frozenset(("/srv",)), uid=1000, user="dev")
    assert made.outcomes[0].reason == (
        "/srv/work is on a file system that is read-only; use another destination, or make it writable and run again"
    )


@pytest.mark.parametrize(
    ("uid", "status"),
    [(1001, "differs"), (0, "ok"), (1000, "ok")],
)
def test_a_secret_in_a_file_of_another_user_is_written_anew(tmp_path, uid, status):
    secret = FileTransferSpec(write(tmp_path / "s", mode=0o600), "x", is_secret=True)
    found = dataclasses.replace(file_state(mode=0o600), uid=uid)
    made = due(contribution("p", secret), files={X: found}, **MINE)
    assert made.outcomes[0].status == status
    if status == "differs":
        assert made.outcomes[0].reason == "owner 1001, and a secret may not belong to another user"


@pytest.mark.parametrize(("letter", "word"), [("i", "immutable"), ("a", "append-only")])
def test_a_file_that_chattr_protects_is_blocked_with_the_command_that_ends_it(source, letter, word):
    claude = contribution("claude", FileTransferSpec(source, "x"))
    (outcome,) = due(claude, files={X: file_state("old")}, protected={X: letter}).outcomes
    why = f"{X} is {word}: somebody protected it with chattr +{letter}. If it may be changed, run on the host: "
    assert (str(outcome.status), outcome.reason) == ("blocked", f"{why}chattr -{letter} {X}, then run again")
    assert due(claude, files={X: file_state()}, protected={X: letter}).outcomes[0].status == "ok"
