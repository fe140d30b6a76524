"""An answer of a host, line by line, as values; what is not asked or is missing is refused."""

import pytest

from mngr_ansible.host.probe_answer import Facts, parse_answer
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.state import Login, System
from tests.support.builders import requirements

ANSWER = """\
home /home/dev
user dev
uid 1000
groups 1000 27
tmp /home/dev
system Linux x86_64
os ID=debian
os VERSION_ID="13"
os PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
os NAME='never closed
program curl
manager apt
manager uv
python 3.13 /usr/bin/python3
obstacle tty
privilege none
work_dir /home/dev/work/../x
""".splitlines()


def test_the_login_and_the_system_are_read():
    state = parse_answer(ANSWER, ProbeRequest((), ()), ())

    assert state.login == Login("dev", 1000, "/home/dev", groups=(1000, 27), obstacle="tty")
    assert state.login.privilege_problem == (
        "dev is not root and has no sudo without a password (its sudo needs a terminal: requiretty)"
    )
    release = {"ID": "debian", "VERSION_ID": "13", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)"}
    assert state.system == System(
        "Linux", "x86_64", release, ("apt", "uv"), ("curl",), "/usr/bin/python3", python_version="3.13"
    )
    assert (state.system.name, state.system.manager) == ("Debian GNU/Linux 13 (trixie)", "apt")
    assert (state.paths.work_dir, state.paths.tmp) == ("/home/dev/x", "/home/dev")


@pytest.mark.parametrize(
    ("line", "notice"),
    [
        (
            "slowsudo 20 name",
            "sudo takes 20 s each time on this host: it cannot resolve the host's own name. Add that name",
        ),
        ("slowsudo 7", "sudo takes 7 s each time on this host"),
        ("slowsudo x{{ 7 }}", ""),
    ],
)
def test_a_sudo_that_is_slow_is_noticed(line, notice):
    state = parse_answer([*ANSWER, line], ProbeRequest((), ()), ())

    assert state.login.sudo_notice.startswith(notice)
    assert bool(state.login.sudo_notice) is bool(notice)


@pytest.mark.parametrize(("obstacle", "words"), [("slow 60", "within 60 s"), ("slow {0.__class__}", "within 60 s")])
def test_how_long_sudo_was_waited_for_is_said(obstacle, words):
    lines = [line for line in ANSWER if not line.startswith("obstacle")]
    state = parse_answer([*lines, f"obstacle {obstacle}"], ProbeRequest((), ()), ())

    assert state.login.sudo_obstacle == f"its sudo does not answer {words}"


def test_what_a_host_does_not_have_may_be_missing():
    optional = ("groups", "tmp", "os", "program", "manager", "python", "obstacle")
    lines = [line for line in ANSWER if not line.startswith(optional)]

    state = parse_answer([*lines, "oldpython 3.6 /usr/bin/python3"], ProbeRequest((), ()), ())

    assert state.system == System("Linux", "x86_64", old_python="3.6")
    assert (state.login.groups, state.paths.tmp, state.login.sudo_obstacle) == ((), "", "")


@pytest.mark.parametrize("word", ["home", "user", "uid", "system", "privilege", "work_dir"])
def test_what_every_host_has_may_not_be_missing(word):
    with pytest.raises(ValueError, match=f"no {word}"):
        parse_answer([line for line in ANSWER if not line.startswith(f"{word} ")], ProbeRequest((), ()), ())


@pytest.mark.parametrize(
    "line", ["surprise", "home", "kinds f", "parents w", "owner 0", "listing 0 d 2e", "real 0 0 0 =/"]
)
def test_a_line_that_was_not_asked_for_is_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011 - each line has another text
        parse_answer([line, *ANSWER], ProbeRequest((), ()), ())


def test_the_lines_about_requirements_are_not_read_as_facts():
    lines = ["uid 0", "checks", "uid 7", "mngr-check end 0"]

    facts = Facts.parse(lines)

    assert (facts.all("uid"), facts.check_lines) == (["0"], ["uid 7", "mngr-check end 0"])


def test_an_answer_without_the_requirements_is_refused():
    with pytest.raises(ValueError, match=r"cut off|incomplete"):
        parse_answer(ANSWER, ProbeRequest((), requirements("git")), ())
