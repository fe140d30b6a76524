"""From facts of a host to findings: what is a problem, what is a warning, and what to do."""

import pytest

from mngr_ansible.doctor import host_findings
from mngr_ansible.doctor.examination import with_clock
from mngr_ansible.doctor.host import Examined
from mngr_ansible.doctor.host_facts import HostFacts, Lock, Place
from mngr_ansible.host.state import HostState, Login, Paths, System
from mngr_ansible.report.findings import Finding
from mngr_ansible.values import replace

EMPTY = {name: Place() for name in ("home", "tmp", "system", "cache")}
DEBIAN = {"ID": "debian", "PRETTY_NAME": "Debian 12"}


def facts(**fields):
    return HostFacts(**{"places": EMPTY, **fields})


def state(privilege="root", obstacle="", tmp="/tmp", **system):
    login = Login("dev", 0 if privilege == "root" else 1000, "/home/dev", privilege=privilege, obstacle=obstacle)
    about = System(**{"os_release": DEBIAN, "managers": ("apt",), "python": "/usr/bin/python3", **system})
    return HostState(login, about, Paths("/home/dev", tmp=tmp))


def one(findings, check):
    (found,) = [each for each in findings if each.name == f"h: {check}"]
    return found.status, found.text, found.remedy


@pytest.mark.parametrize(
    ("system", "privilege", "status", "text"),
    [
        ({"python": "/usr/bin/python3", "python_version": "3.11"}, "none", "ok", "Python 3.11, /usr/bin/python3"),
        ({"python": None}, "sudo", "ok", "none yet; the first run installs it with apt"),
        ({"python": None}, "none", "problem", "none, and this login cannot install it"),
        ({"python": None, "managers": ()}, "root", "problem", "none, and this login cannot install it"),
        (
            {"python": None, "old_python": "3.8"},
            "root",
            "problem",
            "Ansible needs Python 3.9 or newer, the host has 3.8",
        ),
        (
            {"python": None, "python_variables": ("PYTHONHOME",)},
            "root",
            "problem",
            "the host's python3 does not start with PYTHONHOME of the login's environment",
        ),
        (
            {"python": None, "refused": {"python3": "dev can change /x"}},
            "root",
            "problem",
            "root did not run python3: dev",
        ),
    ],
)
def test_python_is_a_problem_only_where_a_run_could_not_install_it(system, privilege, status, text):
    found = one(host_findings.about_system("h", state(privilege, **system), facts()), "python")
    assert (found[0], text in found[1], bool(found[2])) == (status, True, status != "ok")


@pytest.mark.parametrize(
    ("privilege", "obstacle", "status", "text"),
    [
        ("root", "", "ok", "dev"),
        ("sudo", "", "ok", "dev becomes root by sudo, without a password"),
        ("password", "", "ok", "dev becomes root by sudo, with the password that you gave"),
        ("none", "", "warning", "dev is not root and has no sudo without a password"),
        ("none", "tty", "warning", "(its sudo needs a terminal: requiretty)"),
        ("none", "slow 60", "warning", "(its sudo does not answer within 60 s)"),
        ("none", "rs", "warning", "(its sudo is sudo-rs, "),
    ],
)
def test_privilege_is_told_as_the_probe_found_it(privilege, obstacle, status, text):
    found = one(host_findings.about_system("h", state(privilege, obstacle), facts()), "privilege")
    assert (found[0], text in found[1], bool(found[2])) == (status, True, status != "ok")


def test_a_sudo_that_is_slow_is_a_warning():
    slow = state("sudo")
    slow = replace(slow, login=replace(slow.login, sudo_seconds=12, is_name_unknown=True))
    status, text, remedy = one(host_findings.about_system("h", slow, facts()), "privilege")
    assert (status, "sudo takes 12 s each time" in text, "/etc/hosts" in remedy) == ("warning", True, True)


def test_a_system_that_is_read_only_or_has_an_unknown_manager_is_a_warning():
    read_only = facts(places={**EMPTY, "system": Place(at="/", options=("ro",))})
    assert "/usr is read-only" in one(host_findings.about_system("h", state(), read_only), "system")[1]
    status, _, remedy = one(host_findings.about_system("h", state(managers=()), facts()), "managers")
    assert (status, "by hand" in remedy) == ("warning", True)


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({}, "ok", "no package manager is locked"),
        ({"locks": (Lock(7, "/run/zypp.pid", "zypper"),)}, "warning", "zypper (pid 7) holds /run/zypp.pid"),
        ({"is_booting": True}, "warning", "cloud-init still sets this host up"),
        ({"stale": ("/var/lib/pacman/db.lck",)}, "problem", "no pacman is running"),
    ],
)
def test_a_lock_is_a_problem_only_where_nobody_will_release_it(fields, status, text):
    found = one(host_findings.about_packages("h", facts(**fields), "root"), "locks")
    assert (found[0], text in found[1]) == (status, True)


def test_an_installation_that_was_cut_off_is_finished_with_the_right_command():
    found = one(host_findings.about_packages("h", facts(unfinished=("a", "b")), "sudo"), "packages")
    assert found == (
        "problem",
        "an earlier installation was cut off: a, b",
        "Finish it on the host with: sudo dpkg --configure -a",
    )
    held = one(host_findings.about_packages("h", facts(held=tuple("abcdefg")), "sudo"), "packages")
    assert held[:2] == ("ok", "on hold, and never upgraded or released by us: a, b, c, d, e and 2 more")


@pytest.mark.parametrize(
    ("free", "inodes", "disk", "node"),
    [
        (10**12, (1000, 900), "ok", "ok"),
        (10**8, (1000, 20), "warning", "warning"),
        (0, (1000, 0), "problem", "problem"),
        (10**12, (0, 0), "ok", "ok"),
    ],
)
def test_space_and_inodes_are_a_problem_where_nothing_is_left(free, inodes, disk, node):
    found = list(host_findings.about_places("h", facts(places={**EMPTY, "home": Place(free, "/", inodes)}), state()))
    assert (one(found, "disk")[0], one(found, "inodes")[0]) == (disk, node)


@pytest.mark.parametrize(
    ("home", "tmp", "status"),
    [
        (Place(state="writable", options=("noexec",)), "/home/dev", "ok"),
        (Place(state="missing"), "/tmp", "ok"),
        (Place(state="closed", options=("ro",)), "/tmp", "warning"),
        (Place(state="closed"), "", "problem"),
    ],
)
def test_a_home_is_a_problem_where_a_run_has_no_place_at_all(home, tmp, status):
    found = host_findings.about_places("h", facts(places={**EMPTY, "home": home}), state(tmp=tmp))
    assert one(found, "home")[0] == status


@pytest.mark.parametrize(
    ("begin", "end", "offset"), [(1000, 1003, 0), (1002, 1004, 0), (4600, 4603, 3599), (-6200, -6197, -7199)]
)
def test_the_offset_of_a_clock_is_what_no_delay_can_explain(begin, end, offset):
    assert host_findings.clock_offset(facts(begin=begin, end=end), 1000.0, 1004.0) == pytest.approx(offset, abs=1.1)


@pytest.mark.parametrize(
    ("offset", "status", "text"),
    [
        (None, "ok", "not known"),
        (-20, "ok", "agrees"),
        (90, "warning", "2 min ahead of"),
        (-7200, "problem", "2 h 0 min behind"),
        (9 * 86400, "problem", "9 days ahead of"),
    ],
)
def test_a_clock_is_judged_by_its_offset(offset, status, text):
    found = host_findings.about_clock("h", offset)
    assert (found.status, text in found.text) == (status, True)


def test_where_all_hosts_contradict_this_machines_clock_it_is_this_one():
    here = [Finding("controller: clock", "ok", "2026"), Finding("controller: user", "ok", "me")]
    alike = [Examined((), 3600.0), Examined((), 3605.0), Examined((), None)]
    (clock, user) = with_clock(here, alike)
    assert (clock.status, "1 h 0 min behind those of all 2 hosts" in clock.text) == ("problem", True)
    assert user == here[1]
    assert with_clock(here, alike[:1]) == here
    assert with_clock(here, [Examined((), 3600.0), Examined((), 0.0)]) == here


def test_a_password_that_sudo_does_not_take_is_a_problem_and_says_so():
    status, text, remedy = one(host_findings.about_system("h", state("none"), facts(), has_password=True), "privilege")
    assert (status, "did not accept the password for dev" in text, "again" in remedy) == ("problem", True, True)
    assert one(host_findings.about_system("h", state("none"), facts()), "privilege")[0] == "warning"
