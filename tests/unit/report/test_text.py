"""Reports and errors as people read them. Source: docs/users.md."""

import dataclasses
import os
import subprocess
from types import SimpleNamespace

import pytest

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import ErrorGroup, HostError, MissingFilesError, MngrAnsibleError
from mngr_ansible.report import plain, text
from mngr_ansible.report.report import HostReport, Report

GIT = Outcome("package:git", "package", Status.OK, "2.39.5", ">=2.39", ("claude", "mngr"))
NODE = Outcome(
    "package:node", "package", Status.TOO_OLD, "18.19.1", ">=20", ("codex",), "codex: runs the agent", source="apt"
)
NPMRC = Outcome("file:/root/.npmrc", "file", Status.MISSING, None, "0600, secret", ("manifest",), "not there")
CLAUDE = Outcome(
    *("file:/w/.claude", "file", Status.DIFFERS, "directory, 0755", "directory", ("claude",), "2 of 41 files"),
    files={"total": 41, "due": 2},
)


def host(*outcomes: Outcome, **more) -> HostReport:
    return HostReport(
        **{"host": "build-1", "is_local": False, "outcomes": outcomes, "about": "Debian 12, root", **more}
    )


def host_text(report: HostReport, *, is_run: bool = False) -> str:
    return plain.text((text.host_table(report, is_run=is_run),))


def advice_text(report: Report) -> str:
    return plain.text(text.advice_page(report))


def error_text(error: MngrAnsibleError) -> str:
    return plain.text(text.error_page(error))


def lines(*outcomes: Outcome, is_run: bool = False) -> list[str]:
    return host_text(host(*outcomes), is_run=is_run).split("\n")


def test_a_heading_has_the_host_its_system_and_the_number_of_changes():
    heading = lines(NPMRC, CLAUDE, NODE, GIT)[0]
    assert heading.startswith("build-1   Debian 12, root")
    assert heading.endswith("3 of 4 to change")
    assert len(heading) == 80


def test_a_heading_counts_what_cannot_be_done_apart_from_what_is_to_change():
    blocked = dataclasses.replace(NODE, status=Status.BLOCKED)
    assert lines(blocked, NPMRC, GIT)[0].endswith("1 of 3 to change, 1 with a problem")


def with_statuses(*statuses: Status) -> tuple[Outcome, ...]:
    return tuple(Outcome(f"package:p{number}", "package", status) for number, status in enumerate(statuses))


@pytest.mark.parametrize(
    ("statuses", "count"),
    [
        ((Status.OK, Status.OK), "0 of 2 changed"),
        ((Status.OK, Status.UNKNOWN), "0 of 2 changed, 1 with a problem"),
        ((Status.CHANGED,) * 5, "5 of 5 changed"),
        ((Status.CHANGED, Status.OK, Status.SKIPPED), "1 of 3 changed"),
        ((Status.CHANGED, Status.FAILED, Status.NOT_REACHED), "1 of 3 changed, 1 with a problem, 1 not started"),
        ((Status.BLOCKED, Status.NOT_REACHED), "0 of 2 changed, 1 with a problem, 1 not started"),
        ((Status.ADVISED, Status.CHANGED), "1 of 2 changed, 1 to install by hand"),
        ((Status.CHANGED, Status.CHANGED, Status.MISSING), "2 of 3 changed, 1 to change"),
        ((Status.MISSING, Status.OK), "1 of 2 to change"),
    ],
)
def test_a_heading_after_a_run_says_what_was_changed(statuses, count):
    assert lines(*with_statuses(*statuses), is_run=True)[0].endswith(f" {count}")


@pytest.mark.parametrize(
    ("statuses", "count"),
    [
        ((Status.OK, Status.OK), "0 of 2 to change"),
        ((Status.OK, Status.UNKNOWN), "0 of 2 to change, 1 with a problem"),
        ((Status.OK, Status.NOT_REACHED), "0 of 2 to change, 1 not started"),
        ((Status.MISSING, Status.DIFFERS, Status.BLOCKED), "2 of 3 to change, 1 with a problem"),
    ],
)
def test_a_heading_before_a_run_says_what_is_to_change(statuses, count):
    assert lines(*with_statuses(*statuses))[0].endswith(f" {count}")


def test_every_step_has_a_row_with_its_status_in_words():
    rows = [line.split() for line in lines(NPMRC, CLAUDE, NODE, GIT)[1:]]

    assert rows[0] == ["missing", "/root/.npmrc", "0600,", "secret", "manifest"]
    assert rows[1] == ["differs", "/w/.claude/", "2", "of", "41", "files", "claude"]
    assert " ".join(rows[2]) == "too old node 18.19.1 >=20 from apt codex: runs the agent"
    assert " ".join(rows[3]) == "ok git 2.39.5 >=2.39 claude, mngr"


def test_nothing_is_cut_and_a_long_cell_moves_only_its_own_row():
    long = Outcome("file:/" + "long/" * 40, "file", Status.MISSING, None, "0644", ("plugin-" * 20,))
    short = lines(NPMRC, GIT)[1:]
    rows = lines(NPMRC, long, GIT)[1:]
    assert rows[1].split() == ["missing", "/" + "long/" * 40, "0644", "plugin-" * 20]
    assert [row.split() for row in (rows[0], rows[2])] == [row.split() for row in short]
    assert all(len(row) <= 80 for row in (rows[0], rows[2]))


def test_a_file_below_work_dir_has_a_relative_name_and_the_heading_says_where_that_is():
    below = dataclasses.replace(CLAUDE, short=".claude")
    shown = host_text(host(below, GIT, work_dir="/w")).split("\n")
    assert shown[0].startswith("build-1   Debian 12, root, in /w  ")
    assert shown[1].split()[:2] == ["differs", ".claude/"]
    assert host_text(host(GIT, work_dir="/w")).split("\n")[0].startswith("build-1   Debian 12, root   ")


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.FAILED, Status.UNKNOWN, Status.TOO_NEW])
def test_a_step_that_needs_a_person_shows_its_reason(status):
    step = Outcome("package:git", "package", status, reason="the reason why")
    assert "    the reason why" in lines(step)


def test_control_characters_of_a_stranger_are_escaped():
    evil = Outcome("package:x", "package", Status.BLOCKED, "1\x1b[2J", None, ("p\rq",), "a\nb\x1b]0;t\x07")

    shown = host_text(host(evil)) + error_text(HostError("\x1b[31m", remedy="\x07", host="h"))

    assert all(char.isprintable() or char == "\n" for char in shown)
    assert len(shown.split("\n")) == 4


def test_an_error_is_a_problem_its_list_and_a_remedy_below_it():
    error = MissingFilesError("1 required file is missing\n  ~/a  wanted by claude", remedy="Create it.")
    assert error_text(error) == ("error: 1 required file is missing\n         ~/a  wanted by claude\n       Create it.")


def test_an_error_names_its_host_and_a_group_shows_each():
    lost = HostError("it is gone", remedy="Look.", host="build-1")
    assert error_text(ErrorGroup([lost, lost])) == "\n".join(["error: build-1: it is gone\n       Look."] * 2)


def test_a_plan_shows_the_apply_command_only_where_something_can_be_done():
    blocked = dataclasses.replace(GIT, status=Status.BLOCKED)
    optional = dataclasses.replace(blocked, is_required=False)
    for steps, can in (((NODE,), True), ((GIT,), False), ((NODE, blocked), False), ((NODE, optional), True)):
        output = plain.text(text.plan_page(Report("plan", (host(*steps),)), "mngr-ansible apply"))
        assert output.endswith("To make these changes: mngr-ansible apply") is can
        assert ("apply would change nothing either" in output) is (blocked in steps)


def test_what_is_repeated_reads_back_as_it_was_given():
    odd = ["a b", "b\udcffad", "tab\t'and\\", "ü"]
    options = SimpleNamespace(file=odd, only=None, become=True, no_check_packages=False, ask_become_pass=False)
    line = text.apply_command(("printf", "%s\\0"), options, ("file",), ("only",))
    output = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    given = [word for each in odd for word in ("--file", each)]
    assert output.split(b"\0")[:-1] == [os.fsencode(each) for each in [*given, "--become"]]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"status": Status.BLOCKED, "reason": "node cannot be installed: no source"}, "no command for node: no source"),
        ({"status": Status.TOO_NEW, "reason": "found 22, needed <2"}, "no command for node: found 22, needed <2"),
        ({"status": Status.UNKNOWN, "reason": "its version cannot be read"}, "no command for node: its version cannot"),
        ({"status": Status.BLOCKED, "reason": "an administrator must run …", "source": "apt"}, ""),
        ({"status": Status.MISSING}, ""),
    ],
)
def test_beside_the_commands_alone_every_step_without_one_is_named_with_its_reason(step, said):
    step = Outcome("package:node", "package", **step)
    output = plain.text(text.no_command_page(Report("plan", (host(step, commands=("apt-get install -y x",)),))))
    assert output.startswith(said)
    assert bool(output) is bool(said)


def test_a_reason_that_several_steps_have_is_told_once_with_all_their_names():
    reason = "a and b cannot be installed: Debian 12 offers none of the packages a and b"
    two = [Outcome(f"package:{name}", "package", Status.BLOCKED, reason=reason) for name in "ab"]
    report = host(*two, is_local=True)
    told = "Debian 12 offers none of the packages a and b"
    assert plain.text(text.no_command_page(Report("plan", (report,)))) == f"no command for a, b: {told}"
    assert advice_text(Report("apply", (report,))) == f"a, b: blocked: {told}"


def test_why_a_step_was_not_begun_is_no_advice():
    steps = (
        Outcome("package:git", "package", Status.TOO_NEW, reason="found 2, needed <1"),
        Outcome("file:/x", "file", Status.NOT_REACHED, reason="nothing was changed on this host because of git"),
    )
    assert advice_text(Report("apply", (host(*steps, is_local=True),))) == "git: too new: found 2, needed <1"


def test_on_this_machine_apply_prints_the_commands_alone():
    local = host(NODE, host="localhost", is_local=True, commands=("sudo apt-get install -y nodejs",))
    assert plain.text(text.apply_page(Report("apply", (local,)))) == "sudo apt-get install -y nodejs"


@pytest.mark.parametrize(
    ("command", "whose"),
    [
        ("sudo apt-get install -y node", "Run these commands yourself (they need root):"),
        ("apt-get install -y node", "Run these commands yourself:"),
    ],
)
def test_the_advice_counts_packages_and_asks_the_person_to_run_the_commands(command, whose):
    advised = Outcome("package:node", "package", Status.ADVISED)

    copied = dataclasses.replace(NPMRC, status=Status.CHANGED)
    advice = advice_text(Report("apply", (host(advised, GIT, copied, is_local=True, commands=(command,)),)))

    assert advice.startswith("1 of 2 packages is missing or too old on this machine (Debian 12).")
    assert whose in advice
