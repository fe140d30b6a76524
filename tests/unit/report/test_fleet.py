"""Several hosts as people read them, at 80 columns. Source: docs/users.md "Many hosts"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mngr_ansible.diff.outcome import ONLY_A_RUN_CAN_TELL, Outcome, Status
from mngr_ansible.errors import ErrorGroup, HostError, InputError, MngrAnsibleError
from mngr_ansible.report import plain
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.report.text import (
    apply_page,
    errors_page,
    no_command_page,
    plan_page,
    render_page,
    summed_page,
    tables,
    wrong_page,
)

if TYPE_CHECKING:
    from mngr_ansible.report.page import Page

GIT = Outcome("package:git", "package", Status.OK, "2.39.5", ">=2.39", ("manifest",))
NPMRC = Outcome("file:/root/.npmrc", "file", Status.MISSING, None, "0600, secret", ("manifest",))
SITE = Outcome("playbook:site.yml", "playbook", Status.UNKNOWN, plugins=("command-line",), reason=ONLY_A_RUN_CAN_TELL)
DEAD = HostError("it does not answer", remedy="Check that it is up.")


def to(outcome: Outcome, status: str, reason: str = "", *, is_required: bool = True) -> Outcome:
    return Outcome(
        outcome.id, outcome.kind, Status(status), None, outcome.wanted, outcome.plugins, reason, is_required=is_required
    )


def host(name: str, *outcomes: Outcome, about: str = "Debian 12, root", **more: object) -> HostReport:
    return HostReport(name, False, outcomes, about=about, **more)  # type: ignore[arg-type]


def hosts(number: int, *outcomes: Outcome, start: int = 1, **more: object) -> tuple[HostReport, ...]:
    return tuple(host(f"web-{index}", *outcomes, **more) for index in range(start, start + number))  # type: ignore[arg-type]


def dead(name: str, *outcomes: Outcome) -> HostReport:
    error = HostError(DEAD.problem, remedy=DEAD.remedy, host=name)
    return HostReport(name, False, outcomes, error=error)


def lines(page: Page) -> list[str]:
    """The lines of a page for a pipe, of which each is at most 80 columns long."""
    found = plain.text(page).splitlines()
    assert all(len(line) <= 80 for line in found)
    return found


def test_hosts_that_are_alike_in_every_row_are_one_table_with_their_names() -> None:
    fine, changing = hosts(1, GIT, to(NPMRC, "ok"), start=3), hosts(17, GIT, NPMRC, start=4)
    report = Report("plan", (*hosts(2, GIT, NPMRC), *fine, *changing))
    assert lines(plan_page(report, "mngr-ansible apply")) == [
        "19 hosts   Debian 12, root                                each: 1 of 2 to change",
        "    web-1, web-2, web-4, web-5, web-6, web-7, web-8, web-9, web-10, web-11,",
        "    web-12, web-13, web-14, web-15, web-16, web-17, web-18, web-19, web-20",
        "  ok       git           2.39.5  >=2.39  manifest",
        "  missing  /root/.npmrc  0600, secret    manifest",
        "",
        "web-3   Debian 12, root                                         0 of 2 to change",
        "  ok  git           2.39.5  >=2.39  manifest",
        "  ok  /root/.npmrc  0600, secret    manifest",
        "Nothing was changed. To make these changes: mngr-ansible apply",
        "20 hosts: 19 to change, 1 ok",
    ]


def test_agents_of_mngr_are_called_agents() -> None:
    report = Report("plan", hosts(2, GIT, agent="a"))
    shown = lines(plan_page(report, "apply"))
    assert (shown[0].split("   ")[0], shown[-1]) == ("2 agents", "2 agents: 2 ok")


def test_hosts_that_never_answered_are_one_table_of_a_run_and_the_last_line_counts_them() -> None:
    done = hosts(9, GIT, to(NPMRC, "changed"))
    lost = [dead(f"db-{index}", to(NPMRC, "not-reached"), to(GIT, "not-reached")) for index in range(3)]
    assert lines(apply_page(Report("apply", (*done, *lost)))) == [
        "9 hosts   Debian 12, root                                   each: 1 of 2 changed",
        "    web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8, web-9",
        "  ok       git           2.39.5  >=2.39  manifest",
        "  changed  /root/.npmrc  0600, secret    manifest",
        "",
        "3 hosts                                      each: 0 of 2 changed, 2 not started",
        "    db-0, db-1, db-2",
        "  not started  /root/.npmrc  0600, secret  manifest",
        "  not started  git           >=2.39        manifest",
        "12 hosts: 9 done (9 changed), 3 not reached",
    ]


def test_alike_hosts_of_several_systems_are_one_table_and_one_host_alone_looks_as_ever() -> None:
    report = Report("apply", (*hosts(2, GIT), *hosts(1, GIT, start=3, about="Ubuntu 24.04, root")))
    assert lines(apply_page(report))[0].startswith("3 hosts   2 systems  ")
    users = Report("apply", (host("a", GIT, about="Debian 12, u1"), host("b", GIT, about="Debian 12, u2")))
    assert lines(apply_page(users))[0].startswith("2 hosts   Debian 12  ")
    alone = Report("apply", hosts(1, GIT))
    assert lines(apply_page(alone)) == [
        "web-1   Debian 12, root                                           0 of 1 changed",
        "  ok  git  2.39.5  >=2.39  manifest",
    ]


def test_a_reason_makes_hosts_differ() -> None:
    blocked = [host(f"web-{index}", to(GIT, "blocked", f"reason {index % 2}")) for index in range(4)]
    heads = [line for line in lines(tables(Report("plan", tuple(blocked)))) if line.startswith("2 hosts")]
    assert len(heads) == 2


@pytest.mark.parametrize(
    ("command", "steps", "counted"),
    [
        ("apply", [to(GIT, "changed")], "3 done (3 changed)"),
        ("apply", [GIT, to(NPMRC, "skipped")], "3 done (0 changed)"),
        ("apply", [to(GIT, "failed", is_required=False)], "3 done (0 changed, 3 with a problem)"),
        ("apply", [to(NPMRC, "changed"), to(GIT, "failed")], "3 failed"),
        ("bootstrap", [to(NPMRC, "changed"), to(GIT, "unknown")], "3 unknown"),
        ("apply", [to(NPMRC, "not-reached"), to(GIT, "blocked")], "3 with a problem"),
        ("apply", [to(NPMRC, "changed"), to(GIT, "advised")], "3 to finish by hand"),
        ("apply", [to(NPMRC, "changed"), to(GIT, "not-reached")], "3 failed"),
        ("apply", [to(NPMRC, "not-reached"), GIT], "3 not reached"),
        ("plan", [NPMRC, SITE], "3 to change"),
        ("plan", [GIT, SITE], "3 ok"),
        ("plan", [NPMRC, to(GIT, "blocked")], "3 with a problem"),
        ("plan", [GIT, to(NPMRC, "blocked", is_required=False)], "3 with a problem"),
        ("plan", [NPMRC, to(GIT, "blocked", is_required=False)], "3 to change (3 with a problem)"),
        ("plan", [to(GIT, "skipped"), to(NPMRC, "too-new", is_required=False)], "3 with a problem"),
        ("render", [NPMRC], "3 to change"),
        ("plan", [], "3 ok"),
    ],
)
def test_the_last_line_counts_how_hosts_ended_or_what_they_need(
    command: str, steps: list[Outcome], counted: str
) -> None:
    last = lines(summed_page(Report(command, (*hosts(3, *steps), dead("db-1", to(NPMRC, "not-reached"))))))[-1]
    assert last == f"4 hosts: {counted}, 1 not reached".replace("3 not reached, 1 not", "4 not")


def test_a_host_that_was_not_begun_is_not_reached_also_where_all_its_steps_are_optional() -> None:
    optional = to(NPMRC, "not-reached", is_required=False)
    left = HostReport("web-9", False, (optional,))
    assert left.ok
    assert (
        lines(summed_page(Report("apply", (*hosts(1, GIT), left))))[-1] == "2 hosts: 1 done (0 changed), 1 not reached"
    )


@pytest.mark.parametrize("is_required", [True, False])
def test_a_host_that_was_lost_in_an_optional_step_is_unknown(is_required: bool) -> None:
    lost = host("web-9", to(NPMRC, "changed"), to(GIT, "unknown", is_required=is_required), error=DEAD)
    assert lines(summed_page(Report("apply", (*hosts(2, to(NPMRC, "changed")), lost))))[-1] == (
        "3 hosts: 2 done (2 changed), 1 unknown"
    )


def test_that_a_required_step_stops_the_rest_of_its_host_is_said_where_the_table_has_steps_to_change() -> None:
    stopped = lines(plan_page(Report("plan", hosts(1, NPMRC, to(GIT, "blocked", "no source"))), "x"))
    assert stopped[0].endswith("  1 of 2 to change, 1 with a problem")
    assert stopped[-1] == "Nothing was changed. apply would change nothing either: required steps stop it."


def test_a_render_ends_with_its_directory() -> None:
    report = Report(
        "render", (*hosts(2, NPMRC), *hosts(1, to(GIT, "blocked", "no source"), start=3)), extra={"path": "/d"}
    )
    assert lines(render_page(report))[-3:] == [
        "3 hosts: 2 to change, 1 with a problem",
        "The playbook fails on web-3, and says why.",
        "/d",
    ]


def test_commands_that_several_hosts_have_are_shown_once_with_all_their_names() -> None:
    advised, commands = to(GIT, "advised"), ("sudo apt-get install -y git",)
    alike = hosts(2, advised, commands=commands)
    report = Report("apply", (*alike, host("c", advised, commands=("sudo dnf install -y git",)), host("d", GIT)))
    assert lines(apply_page(report))[-5:] == [
        "To run on web-1, web-2:",
        "  sudo apt-get install -y git",
        "To run on c:",
        "  sudo dnf install -y git",
        "4 hosts: 1 done (0 changed), 3 to finish by hand",
    ]


def test_why_there_is_no_command_is_said_once_for_all_hosts() -> None:
    blocked = hosts(6, to(GIT, "blocked", "no source"))
    shown = lines(no_command_page(Report("plan", blocked)))
    assert shown == ["web-1, web-2, web-3 and 3 more: no command for git: no source"]


def test_this_machine_among_others_has_a_table_and_its_commands_as_they_have() -> None:
    local = HostReport("localhost", True, (to(GIT, "advised"),), ("sudo apt-get install -y git",), about="Debian 12, u")
    shown = lines(apply_page(Report("apply", (local, *hosts(1, GIT)))))
    assert shown[0].startswith("localhost   Debian 12, u")
    assert "To run on localhost:" in shown


def gone(name: str, remedy: str = "Check that it is up.") -> HostError:
    return HostError("it does not answer", remedy=remedy, host=name)


def test_an_error_that_several_hosts_have_is_told_once_with_their_names() -> None:
    other = HostError("its name cannot be resolved", remedy="Correct the name.", host="db-1")
    found: list[MngrAnsibleError] = [gone("web-1"), other, gone("web-2"), InputError("bad", remedy="Fix it.")]
    assert lines(errors_page(found)) == [
        "error: web-1, web-2: it does not answer",
        "       Check that it is up.",
        "error: db-1: its name cannot be resolved",
        "       Correct the name.",
        "error: bad",
        "       Fix it.",
    ]


def test_many_names_of_an_error_stand_below_it() -> None:
    found = ErrorGroup([gone(f"web-{index}") for index in range(1, 18)])
    assert lines(errors_page([found])) == [
        "error: 17 hosts: it does not answer",
        "         web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8, web-9, web-10,",
        "         web-11, web-12, web-13, web-14, web-15, web-16, web-17",
        "       Check that it is up.",
    ]


def test_a_remedy_that_names_a_host_is_shown_for_the_first_one() -> None:
    found = [gone(name, f"Try it by hand: ssh {name}") for name in ("a", "b")]
    assert lines(errors_page(found)) == [
        "error: a, b: it does not answer",
        "       For a, and the others likewise: Try it by hand: ssh a",
    ]


def test_an_error_is_told_once_where_it_differs_in_what_is_the_host_s_own() -> None:
    found = []
    for index in range(6):
        error = HostError(f"it does not accept this user and key (u{index}@10.0.0.{index}: no)", remedy="Give the key.")
        error.host, error.own = f"web-{index}", (f"u{index}", f"10.0.0.{index}")
        found.append(error)
    first = plain.text(errors_page(found[:2])).splitlines()[0]
    assert first == "error: web-0, and likewise web-1: it does not accept this user and key (u0@10.0.0.0: no)"
    assert plain.text(errors_page(found)).splitlines() == [
        "error: 6 hosts, such as web-0: it does not accept this user and key (u0@10.0.0.0: no)",
        "         web-0, web-1, web-2, web-3, web-4, web-5",
        "       Give the key.",
    ]


def test_quiet_shows_the_hosts_that_are_not_as_they_should_be_and_the_last_line() -> None:
    failed = host("db-1", to(GIT, "failed", "no space left"), commands=("sudo apt-get install -y git",))
    assert lines(wrong_page(Report("apply", (*hosts(3, to(NPMRC, "changed")), failed)))) == [
        "db-1   Debian 12, root                          0 of 1 changed, 1 with a problem",
        "  failed  git  >=2.39  manifest",
        "    no space left",
        "To run on db-1:",
        "  sudo apt-get install -y git",
        "4 hosts: 3 done (3 changed), 1 failed",
    ]
    gone = dead("db-2", to(NPMRC, "not-reached"))  # its error says all
    assert lines(wrong_page(Report("apply", (*hosts(1, GIT), gone)))) == ["2 hosts: 1 done (0 changed), 1 not reached"]
    plan = lines(wrong_page(Report("plan", (*hosts(2, GIT), host("c", NPMRC), dead("db-1")))))
    assert plan[0].startswith("c  ")
    assert plan[2:] == ["4 hosts: 1 to change, 2 ok, 1 not reached"]


@pytest.mark.parametrize(("count", "said"), [(1, "1 playbook to run"), (2, "2 playbooks to run")])
def test_an_own_playbook_of_a_plan_is_neither_to_change_nor_a_problem(count: int, said: str) -> None:
    book = Outcome("playbook:base.yml", "playbook", Status.UNKNOWN, reason=ONLY_A_RUN_CAN_TELL)
    report = Report("plan", hosts(1, GIT, *(SITE, book)[:count]))
    shown = lines(plan_page(report, "mngr-ansible apply"))
    assert shown[0].endswith(f"  0 of 1 to change, {said}")
    assert shown[2].split() == ["unknown", "site.yml", "only", "a", "run", "can", "tell", "command-line"]
    assert shown[2 + count :] == ["Nothing was changed. To run the playbooks: mngr-ansible apply"]
    assert not report.is_due


def test_an_own_playbook_alone_a_lost_one_and_one_that_failed() -> None:
    alone = lines(plan_page(Report("plan", hosts(1, SITE)), "x"))
    assert alone[0].endswith("  1 playbook to run")
    lost = Report("apply", hosts(1, GIT, to(SITE, "unknown", "it was running when the run was cut off")))
    assert not lost.ok
    assert lines(apply_page(lost))[0].endswith("1 with a problem")
    failed = Report("apply", hosts(1, to(GIT, "changed"), to(SITE, "failed", "task Restart nginx: no such service")))
    assert lines(apply_page(failed))[-2:] == [
        "  failed   site.yml          command-line",
        "    task Restart nginx: no such service",
    ]
