"""Events of a run become one outcome for every step. Silence is never success.

Source: docs/architecture.md "How a run is made".
"""

import pytest

from mngr_ansible.report.outcomes import from_events, unreached, untouched
from mngr_ansible.run.runner import Event, RunResult
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import replace
from tests.support.builders import contribution, due, plan, statuses, tree, write

FILE = "file:/srv/work/x"
GIT, VIM = "package:git", "package:vim"


@pytest.fixture
def wish(tmp_path):
    return contribution("claude", FileTransferSpec(write(tmp_path / "file"), "x"), "git", "vim")


@pytest.fixture
def made(wish):
    """A file and two packages are due."""
    return due(wish)


def step(name: str, status: str = "changed", host: str = "host-1", **more: str | None) -> Event:
    return Event("step", host, "Task", step={"id": name, "status": status, "current": None, "reason": "", **more})


def failed(text: str = "boom", host: str = "host-1") -> Event:
    return Event("failed", host, "Task", text)


LOST = Event("unreachable", "host-1", "Task", "Connection closed")


def result(*events: Event, status="finished", problem=None, hosts=("host-1",)) -> RunResult:
    return RunResult(status, problem is None and status == "finished", frozenset(hosts), events, problem)


def settled(made, *events: Event, **of_run):
    steps, error = from_events(made, "host-1", "build-1", result(*events, **of_run))
    return statuses(steps), error


def test_where_the_playbook_never_began_no_step_was_running(made):
    steps, error = from_events(made, "host-1", "build-1", replace(result(status="timeout"), has_begun=False))
    assert set(statuses(steps).values()) == {"not-reached"}
    assert "the time was up; not started: /srv/work/x, git, vim" in str(error)


@pytest.mark.parametrize(
    ("has_begun", "status", "words"),
    [(True, "unknown", "the outcome of git, vim is unknown"), (False, "not-reached", "not started: git, vim")],
)
def test_what_a_lost_worker_may_go_on_with_is_unknown_and_what_never_began_is_not_reached(
    made, has_begun, status, words
):
    lost = result(step(FILE), status="stopped", problem="the worker 'ssh bastion' was lost")
    lost = replace(lost, has_begun=has_begun, is_out_of_sight=True, remedy="Check the link.")
    steps, error = from_events(made, "host-1", "build-1", lost)
    assert statuses(steps) == {FILE: "changed", GIT: status, VIM: status}
    assert error.problem == f"the worker 'ssh bastion' was lost; {words}"
    assert error.remedy.startswith("Check the link. Run the same command again.")


def test_a_host_that_was_done_when_its_worker_was_lost_has_no_error(made):
    lost = result(step(FILE), step(GIT), step(VIM), status="stopped", problem="the worker 'ssh bastion' was lost")
    steps, error = from_events(made, "host-1", "build-1", replace(lost, is_out_of_sight=True, remedy="Check the link."))
    assert (set(statuses(steps).values()), error) == ({"changed"}, None)


@pytest.mark.parametrize(
    "text",
    [
        "The command action failed to execute in the expected time frame (5) and was terminated",
        "Task failed: Timed out after 4 second(s).",
    ],
)
def test_where_the_time_of_a_host_alone_was_up_what_was_being_done_is_unknown(made, text):
    found, error = settled(made, step(FILE), failed(text))
    assert found == {FILE: "changed", GIT: "unknown", VIM: "unknown"}
    assert error.problem == "the time that each host has was up; the outcome of git, vim is unknown"
    assert "--host-timeout" in error.remedy


def test_a_step_with_an_event_has_the_status_and_words_of_the_event(made):
    events = [step(FILE), step(GIT, "ok", current="2.39.5"), step(VIM, "failed", reason="no such package"), failed()]

    steps, error = from_events(made, "host-1", "build-1", result(*events))

    assert [(each.id, each.status, each.current, each.reason) for each in steps] == [
        (FILE, "changed", None, ""),
        (GIT, "changed", "2.39.5", ""),
        (VIM, "failed", None, "no such package"),
    ]
    assert [each.before for each in steps] == ["missing", "", ""]
    assert error is None, "the failed step says it all"


def test_a_package_that_was_changed_says_what_was_there_and_what_it_is_for(tmp_path):
    wanted = PackageRequirement("git", ">=2.39", purpose="fetches code")
    (package,), _ = from_events(
        due(contribution("claude", wanted), findings={"git": "too-old"}),
        "host-1",
        "build-1",
        result(step(GIT, "changed", current="2.39.5")),
    )
    assert (package.before, package.current) == ("1.0", "2.39.5")
    assert (package.purpose, package.reason) == ("claude: fetches code", "")


def test_the_last_word_about_a_step_holds(made):
    events = [step(FILE), step(GIT), step(VIM), step(GIT, "failed", reason="still 1.0")]
    assert settled(made, *events)[0][GIT] == "failed"


def test_a_step_without_an_event_is_not_reached_and_an_error_although_ansible_reports_success(made):
    found, error = settled(made, step(FILE))

    assert found == {FILE: "changed", GIT: "not-reached", VIM: "not-reached"}
    assert "Ansible ended before git, vim" in error.problem
    assert error.host == "build-1"


def test_a_run_without_events_finishes_no_step(made):
    found, error = settled(made, hosts=())
    assert set(found.values()) == {"not-reached"}
    assert error is not None


def test_events_of_another_host_finish_no_step_of_this_one(made):
    found, _ = settled(made, step(FILE, host="host-2"), step(GIT, host="host-2"))
    assert set(found.values()) == {"not-reached"}


def test_a_lost_connection_leaves_what_was_being_done_unknown_and_the_rest_not_reached(made):
    found, error = settled(made, LOST)

    assert found == {FILE: "unknown", GIT: "not-reached", VIM: "not-reached"}
    assert error.problem == f"the connection was lost; the outcome of {FILE.removeprefix('file:')} is unknown"
    assert "Run the same command again." in error.remedy


def test_a_connection_lost_while_packages_are_installed_leaves_all_of_them_unknown(made):
    found, error = settled(made, step(FILE), LOST)

    assert found == {FILE: "changed", GIT: "unknown", VIM: "unknown"}
    assert error.problem == "the connection was lost; the outcome of git, vim is unknown"


def test_a_lost_connection_counts_also_after_a_temporary_directory_that_could_not_be_made(made):
    no_space = Event("unreachable", "host-1", text="Failed to create temporary directory.")
    found, error = settled(made, no_space, Event("unreachable", "host-1", text="gone"))
    assert found[FILE] == "unknown"
    assert "the connection was lost" in error.problem


def test_when_the_time_is_up_what_was_being_done_is_unknown(made):
    found, error = settled(made, step(FILE), status="timeout")

    assert found[GIT] == "unknown"
    assert error.problem == "the time was up; the outcome of git, vim is unknown"
    assert "--timeout" in error.remedy


def test_a_host_that_was_done_when_another_used_up_the_time_is_done(made):
    found, error = settled(made, step(FILE), step(GIT), step(VIM), status="timeout")
    assert (set(found.values()), error) == ({"changed"}, None)


@pytest.mark.parametrize(
    "of_run",
    [
        {"problem": "Ansible broke with exit code 250 before the playbook was through."},
        {"status": "stopped", "problem": "The process that ran Ansible was ended from outside (exit code -9)."},
    ],
)
def test_a_run_that_broke_is_an_error_even_when_every_step_has_an_event(made, of_run):
    _, error = settled(made, step(FILE), step(GIT), step(VIM), **of_run)
    assert of_run["problem"] in error.problem


def test_a_disk_of_ours_that_became_full_is_told_with_what_helps(made):
    _, error = settled(made, problem="ansible-runner broke: OSError: [Errno 28] No space left on device")
    assert error.remedy.startswith("Free space on this machine's disk, or name another directory in XDG_STATE_HOME")


@pytest.mark.parametrize("event", [failed("the check crashed"), LOST])
def test_a_failure_that_no_step_explains_is_an_error(made, event):
    _, error = settled(made, step(FILE), step(GIT), step(VIM), event)
    assert error is not None


def test_a_task_that_failed_before_any_step_gives_its_message(made):
    found, error = settled(made, failed("no space left on device"))

    assert set(found.values()) == {"not-reached"}
    assert error.problem == "no space left on device"


def test_what_was_not_due_keeps_its_status(wish):
    made = due(wish, findings={"git": "ok", "vim": "too-new"})
    assert settled(made, step(FILE), step(GIT, "failed"))[0] == {FILE: "changed", GIT: "ok", VIM: "too-new"}


@pytest.mark.parametrize("output", ["MODULE FAILURE: no start", "Module result deserialization failed: x\nKilled"])
def test_what_was_being_done_by_a_module_that_was_killed_is_unknown(made, output):
    found, error = settled(made, step(FILE), failed(output))
    assert found == {FILE: "changed", GIT: "unknown", VIM: "unknown"}
    assert error.problem == "a module ended on the host without an answer; the outcome of git, vim is unknown"


def test_a_word_that_we_do_not_know_is_unknown(made):
    assert settled(made, step(FILE, "splendid"), step(GIT), step(VIM))[0][FILE] == "unknown"


def test_what_is_printed_is_advised_and_files_are_still_copied(wish):
    made = due(wish, is_local=True)
    assert settled(made, step(FILE)) == ({FILE: "changed", GIT: "advised", VIM: "advised"}, None)


def test_a_host_stopped_before_its_first_change_keeps_the_blocking_status_and_starts_nothing_else(wish):
    made = due(wish, findings={"git": "too-new"})
    assert statuses(untouched(made)) == {FILE: "not-reached", GIT: "too-new", VIM: "not-reached"}


def test_where_nothing_is_to_change_every_step_keeps_its_status():
    made = due(contribution("claude", "git"), findings={"git": "ok"})
    assert statuses(untouched(made)) == {GIT: "ok"}


def test_under_print_a_host_without_python_gets_advice_and_nothing_else(wish):
    made = due(wish, python=None, install="print")
    assert statuses(untouched(made)) == {
        "bootstrap:python3": "advised",
        FILE: "not-reached",
        GIT: "advised",
        VIM: "advised",
    }


def test_a_host_that_never_answered_has_its_steps_not_reached_with_destinations_as_written(tmp_path):
    files = [FileTransferSpec(write(tmp_path / "file"), "~/x"), FileTransferSpec(tree(tmp_path / "top", "a", "b"), "d")]
    absent = FileTransferSpec(tmp_path / "absent", "y", is_required=False)

    steps = unreached(plan(contribution("claude", *files, absent, "git>=2"), work_dir=""))

    not_reached = dict.fromkeys(["file:~/x", "file:d", GIT], "not-reached")
    assert statuses(steps) == {**not_reached, "file:y": "skipped"}
    assert all(each.is_failure for each in steps[:3])
    assert [(each.wanted, each.files) for each in steps[:2]] == [("0644", None), ("directory", {"total": 2, "due": 2})]


def test_what_would_be_printed_is_not_reached_on_a_stopped_host_either(wish):
    made = due(wish, is_local=True, findings={"git": "too-new"})
    assert statuses(untouched(made)) == {FILE: "not-reached", GIT: "too-new", VIM: "not-reached"}


def test_an_optional_requirement_that_failed_is_no_failure(tmp_path):
    made = due(contribution("claude", {"name": "git", "is_required": False}))
    (outcome,), error = from_events(made, "host-1", "build-1", result(step(GIT, "failed", reason="no such package")))
    assert (outcome.status, outcome.is_failure, error) == ("failed", False, None)


def test_a_host_that_failed_before_another_used_up_the_time_has_failed(made):
    gone = step(FILE, "failed", reason="no room")
    found, error = settled(made, gone, failed("no room"), status="timeout")
    assert (found, error) == ({FILE: "failed", GIT: "not-reached", VIM: "not-reached"}, None)
