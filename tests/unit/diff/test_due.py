"""The plan compared with what is true on a host. Source: docs/contract.md "Data", "JSON"."""

import hashlib

import pytest

from mngr_ansible.host.state import FileState
from mngr_ansible.report.outcomes import untouched
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import WORK_DIR, due, plan, state, statuses, tree, wants, write

X = f"{WORK_DIR}/x"


def file_state(text: str = "text", mode: int = 0o644) -> FileState:
    return FileState("file", mode, 0, 0, len(text), hashlib.sha256(text.encode()).hexdigest())


def directory(mode: int = 0o755) -> FileState:
    return FileState("directory", mode, 0, 0, 0)


def link(target: str) -> FileState:
    return FileState("link", sha256=hashlib.sha256(f"{target}\n".encode()).hexdigest())


@pytest.fixture
def file(tmp_path):
    """The plugin claude needs a file at x."""
    return wants("claude", FileTransferSpec(write(tmp_path / "file"), "x"))


@pytest.mark.parametrize(
    ("found", "status", "reason"),
    [
        (None, "missing", "it does not exist"),
        (file_state(), "ok", ""),
        (file_state("other"), "differs", "other content"),
        (file_state(mode=0o600), "differs", "mode 0600, wanted 0644"),
        (file_state(mode=0o4644), "differs", "mode 4644, wanted 0644"),
        (link("y"), "differs", "it is a link"),
        (FileState("unreadable", 0o200, 0, 0, 3), "differs", "it cannot be read"),
        (directory(), "blocked", "/srv/work/x is a directory; give the full file name, such as /srv/work/x/file"),
        (FileState("other"), "blocked", "/srv/work/x is not a regular file; move it away"),
    ],
)
def test_a_file_is_compared_by_kind_content_and_mode(file, found, status, reason):
    (outcome,) = due(file, files={X: found} if found else {}).outcomes

    assert (outcome.id, outcome.kind, outcome.status) == (f"file:{X}", "file", status)
    assert outcome.reason.startswith(reason)
    assert outcome.plugins == ("claude",)


def test_a_directory_says_how_many_of_its_files_are_due(tmp_path):
    claude = wants("claude", FileTransferSpec(tree(tmp_path / "t", "a", "b/c"), "x"))
    have = {X: directory(), f"{X}/a": file_state("content"), f"{X}/b": directory(), f"{X}/b/c": file_state("old")}

    made = due(claude, files=have)

    assert (made.outcomes[0].status, made.outcomes[0].files) == ("differs", {"total": 2, "due": 1})
    assert [each.path for each in made.transfers[0].entries] == [f"{X}/b/c"]


def test_a_trees_top_directory_keeps_its_mode_and_a_lower_one_gets_its_own(tmp_path):
    claude = wants("claude", FileTransferSpec(tree(tmp_path / "t", "b/c"), "x"))
    have = {X: directory(0o700), f"{X}/b": directory(0o700), f"{X}/b/c": file_state("content")}

    made = due(claude, files=have)

    assert [each.path for each in made.transfers[0].entries] == [f"{X}/b"]
    assert made.outcomes[0].reason == "modes or owners of directories"


def test_a_link_is_compared_by_its_target(tmp_path):
    top = tree(tmp_path / "t", "a")
    (top / "l").symlink_to("a")
    claude = wants("claude", FileTransferSpec(top, "x"))
    have = {X: directory(), f"{X}/a": file_state("content")}

    assert due(claude, files={**have, f"{X}/l": link("a")}).is_empty
    assert due(claude, files={**have, f"{X}/l": link("b")}).outcomes[0].status == "differs"


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


@pytest.mark.parametrize(
    ("found", "status", "is_installed"),
    [
        ("ok", "ok", False),
        ("missing", "missing", True),
        ("too-old", "too-old", True),
        ("too-new", "too-new", False),
        ("unknown", "unknown", False),
    ],
)
def test_only_what_is_missing_or_too_old_is_installed(found, status, is_installed):
    made = due(wants("claude", "git>=1"), findings={"git": found})

    assert statuses(made.outcomes) == {"package:git": status}
    assert bool(made.installs) is is_installed


@pytest.mark.parametrize("found", ["too-new", "unknown"])
@pytest.mark.parametrize(("is_required", "stops"), [(True, 1), (False, 0)])
def test_a_required_package_that_cannot_be_installed_stops_its_host(found, is_required, stops):
    made = due(wants("claude", {"name": "git", "version": "<2", "is_required": is_required}), findings={"git": found})
    assert len(made.stops) == stops


def test_without_privilege_a_package_is_blocked_with_the_command_for_an_administrator():
    (outcome,) = due(wants("claude", "git"), uid=1000, user="dev", privilege="none").outcomes

    assert outcome.status == "blocked"
    assert outcome.reason.endswith("an administrator must run: sudo apt-get install -y git")


@pytest.mark.parametrize("is_local", [True, False])
def test_without_a_source_for_the_host_a_package_is_blocked_and_the_reason_names_the_known_sources(is_local):
    git = {"name": "git", "sources": [{"manager": "apt"}]}
    made = due(
        wants("claude", git), managers=("dnf",), os_release={"PRETTY_NAME": "Fedora Linux 44"}, is_local=is_local
    )

    assert statuses(made.outcomes) == {"package:git": "blocked"}
    reason = "git cannot be installed: Fedora Linux 44 installs with dnf; known sources: apt"
    assert made.outcomes[0].reason == reason


@pytest.mark.parametrize(
    ("options", "is_advised"),
    [
        ({}, False),
        ({"install": "print"}, True),
        ({"is_local": True}, True),
        ({"is_local": True, "install": "auto"}, False),
        ({"is_local": True, "settings": {"install": "auto"}}, True),
        ({"is_local": True, "settings": {"plugins": {"claude": {"install": "auto"}}}}, False),
    ],
)
def test_a_package_is_printed_on_this_machine_or_with_print_and_installed_otherwise(options, is_advised):
    made = due(wants("claude", "git"), **options)
    assert (bool(made.advised), bool(made.installs)) == (is_advised, not is_advised)


def test_a_printed_package_needs_no_privilege():
    made = due(wants("claude", "git"), install="print", uid=1000, privilege="none")
    assert (statuses(made.outcomes), made.stops) == ({"package:git": "missing"}, ())


def test_python_is_a_step_only_where_something_is_due(file):
    bare = {"python": None}

    assert statuses(due(file, **bare).outcomes) == {"bootstrap:python3": "missing", f"file:{X}": "missing"}
    assert statuses(due(file, files={X: file_state()}, **bare).outcomes) == {f"file:{X}": "ok"}
    assert statuses(due(wants("p", "git"), install="print", **bare).outcomes) == {"package:git": "missing"}
    assert not due(file, is_local=True, **bare).needs_python


def test_with_print_python_is_advised(file):
    assert due(file, python=None, install="print").is_python_advised


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"managers": ("brew",)}, "no package manager that we know"),
        ({"old_python": "3.6"}, "the host has 3.6"),
        ({"privilege": "none", "uid": 1000}, "an administrator must run: sudo apt-get install -y python3"),
    ],
)
def test_a_host_that_cannot_get_python_is_blocked(file, facts, reason):
    made = due(file, python=None, **facts)

    assert made.outcomes[0].status == "blocked"
    assert reason in made.outcomes[0].reason
    assert made.stops[0].id == "bootstrap:python3"


@pytest.mark.parametrize("facts", [{"old_python": "3.6"}, {"managers": ("brew",)}])
def test_a_host_that_cannot_get_python_is_not_stopped_for_what_is_optional(facts):
    made = due(wants("p", {"name": "git", "is_required": False}), python=None, **facts)

    assert not made.stops
    assert made.is_empty
    assert not any(each.is_failure for each in untouched(made))


def test_a_skipped_transfer_of_two_plugins_is_one_step_that_names_both(tmp_path):
    absent = FileTransferSpec(tmp_path / "absent", "x", is_required=False)

    made = due(wants("a", absent), wants("b", absent))

    assert statuses(made.outcomes) == {f"file:{X}": "skipped"}
    assert made.outcomes[0].plugins == ("a", "b")
    assert not made.stops


def test_a_skipped_transfer_adds_no_second_step_with_the_same_id(tmp_path, file):
    absent = FileTransferSpec(tmp_path / "absent", X, is_required=False)
    assert statuses(due(file, wants("b", absent)).outcomes) == {f"file:{X}": "missing"}


def test_only_the_owner_gets_permissions_on_a_secret(tmp_path):
    secret = FileTransferSpec(write(tmp_path / "s", mode=0o755), "x", is_secret=True)
    assert due(wants("claude", secret)).outcomes[0].wanted == "0700, secret"


@pytest.mark.parametrize(("bits", "mode"), [(0o711, "0700"), (0o622, "0600"), (0o4700, "0700")])
def test_what_others_may_run_or_write_but_not_read_is_a_secret(tmp_path, bits, mode):
    made = due(wants("p", FileTransferSpec(write(tmp_path / "file", mode=bits), "x")))
    assert made.outcomes[0].wanted == f"{mode}, secret"


def test_a_file_that_only_its_owner_can_read_is_a_secret(tmp_path):
    private = FileTransferSpec(write(tmp_path / "s", mode=0o400), "x")
    assert due(wants("claude", private)).outcomes[0].wanted == "0600, secret"


def test_every_step_of_the_plan_has_one_outcome_in_its_order(file):
    desired = plan(file, wants("claude", "git", "vim"))
    made = due(file, wants("claude", "git", "vim"))
    assert [each.id for each in made.outcomes] == [each.id for each in (*desired.transfers, *desired.requirements)]
    assert state().system.name == "Linux"


@pytest.mark.parametrize(("privilege", "is_installed"), [("root", True), ("sudo", True), ("none", False)])
def test_on_this_machine_auto_installs_only_what_needs_no_privilege_that_we_lack(privilege, is_installed):
    made = due(wants("claude", "git"), is_local=True, install="auto", uid=1000, privilege=privilege)

    assert [each.requirement.name for each in (made.installs if is_installed else made.advised)] == ["git"]
    assert statuses(made.outcomes) == {"package:git": "missing"}
