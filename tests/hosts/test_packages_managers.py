"""dnf, zypper and pacman, the real ones, on hosts that look like their systems: one plan for every system."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mngr_ansible import provision
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import PacmanRepository, RpmRepository, SshHost, User

if TYPE_CHECKING:
    from pathlib import Path

    from mngr_ansible import Report
    from tests.conftest import StartHost


class System(NamedTuple):
    """One kind of host: its manager, its packages, and the commands that hold or list packages."""

    manager: str
    name: str
    install: str
    refresh: str
    repository: Any
    host: SshHost


KINDS = {
    "dnf": ("Fedora", "dnf install -y --best", "dnf makecache --refresh", RpmRepository),
    "zypper": ("openSUSE", "zypper --non-interactive install", "zypper --non-interactive refresh", RpmRepository),
    "pacman": ("Arch", "pacman -S --needed --noconfirm", "pacman -Sy --noconfirm", PacmanRepository),
}


@pytest.fixture(params=KINDS)
def system(request: pytest.FixtureRequest, ssh_host: StartHost, tmp_path: Path) -> System:
    name, install, refresh, kind = KINDS[request.param]
    tmp_path.chmod(0o755)
    repository = kind(tmp_path / "packages")
    repository.add("mtool", "1:1.5-1", commands={"mtool": "echo mtool version 1.5"})
    repository.add("other", "1.0-1", commands={"other": "echo other 1.0"})
    repository.add("rival", "1.0-1", conflicts="other")
    host = ssh_host(layer=request.param, users=(User("dev", root_by="sudo"), User("pete")), repository=repository)
    return System(request.param, name, install, refresh, repository, host)


def bring(host: SshHost, *packages: object, **options: Any) -> Report:
    return provision([host.address], packages=packages, key=host.key, known_hosts=host.known_hosts, **options)


def statuses(report: Report) -> dict[str, tuple[str, str | None]]:
    return {each.name: (str(each.status), each.current) for each in report.hosts[0].outcomes}


@pytest.mark.parametrize("login", ["root", "dev"])
def test_what_is_missing_is_installed_and_what_is_too_old_is_upgraded_over_an_epoch(system: System, login: str) -> None:
    host = system.host.as_user(login)
    first = bring(host, "mtool>=1", "other")
    second = bring(host, "mtool>=1", "other")
    system.repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool version 2.1"})
    third = bring(host, "mtool>=2", "other") if system.manager != "pacman" else None
    assert statuses(first) == {"mtool": ("changed", "1.5"), "other": ("changed", "1.0")}, first.to_dict()
    assert {each.source for each in first.hosts[0].outcomes} == {system.manager}
    assert system.name in first.hosts[0].about
    assert {status for status, _ in statuses(second).values()} == {"ok"}
    if third is not None:
        assert statuses(third) == {"mtool": ("changed", "2.1"), "other": ("ok", "1.0")}, third.to_dict()


def test_pacmans_lists_are_not_fetched_again_by_us_and_the_reason_says_what_is_offered(
    system: System,
) -> None:
    if system.manager != "pacman":
        return
    bring(system.host, "mtool")
    system.repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool version 2.1"})
    report = bring(system.host, "mtool>=2")
    assert statuses(report) == {"mtool": ("blocked", "1.5")}
    assert "offers mtool 1.5, needed >=2" in report.hosts[0].outcomes[0].reason
    system.host.run("pacman -Sy")
    assert statuses(bring(system.host, "mtool>=2")) == {"mtool": ("changed", "2.1")}


def test_what_is_not_offered_is_blocked_before_anything_changes(system: System) -> None:
    report = bring(system.host, "mtool>=9", "nowhere", "other")
    assert statuses(report) == {
        "mtool": ("blocked", None),
        "nowhere": ("blocked", None),
        "other": ("not-reached", None),
    }
    reasons = {each.name: each.reason for each in report.hosts[0].outcomes}
    assert "offers mtool 1.5, needed >=9" in reasons["mtool"]
    assert "offers no package nowhere" in reasons["nowhere"]
    assert system.host.run("command -v other || true").stdout == ""


def test_nothing_is_removed_to_make_room(system: System) -> None:
    bring(system.host, "other")
    report = bring(system.host, {"name": "rival", "checks": [{"kind": "package", "value": "rival"}]})
    (outcome,) = report.hosts[0].outcomes
    assert outcome.status == "failed", report.to_dict()
    assert "Other packages on the host conflict with it, and nothing is ever removed" in outcome.reason
    assert system.host.run("other").stdout == "other 1.0\n"


def test_without_privilege_it_is_blocked_with_the_command_for_an_administrator(system: System) -> None:
    system.host.run(f"{system.refresh} || true")
    report = bring(system.host.as_user("pete"), "other")
    (outcome,) = report.hosts[0].outcomes
    assert outcome.status == "blocked"
    assert outcome.reason.endswith(f"an administrator must run: sudo {system.install} other")


def typed(system: System, names: str) -> list[str]:
    """What a person types where the lists are old. Arch has no newer lists without an upgrade of the whole system."""
    if system.manager == "pacman":
        return [f"pacman -Syu --needed --noconfirm {names}"]
    return [system.refresh, f"{system.install} {names}"]


@pytest.mark.parametrize("login", ["root", "dev"])
def test_what_is_printed_is_what_a_person_types_there_and_leaves_nothing_due(
    system: System, tmp_path: Path, login: str
) -> None:
    host = system.host.as_user(login)
    words = ("--package", "mtool>=1", "--package", "other")
    printed = mngr_ansible("plan", *words, "--commands", *on(host))
    done = host.ssh("exec sh -e", stdin=printed.stdout, check=False)
    again = mngr_ansible("plan", *words, "--detailed-exitcode", *on(host))
    prefix = "" if login == "root" else "sudo "
    assert printed.stdout.splitlines() == [f"{prefix}{each}" for each in typed(system, "mtool other")]
    assert done.returncode == 0, done.stdout + done.stderr
    assert again.returncode == 0, again.stdout + again.stderr


def test_the_commands_for_such_a_machine_that_is_not_there_are_the_same(system: System) -> None:
    named = {"dnf": "fedora:44", "zypper": "opensuse", "pacman": "arch"}[system.manager]
    said = mngr_ansible("plan", "--package", "mtool", "--for", named, "--json")
    commands = json.loads(said.stdout)["hosts"][0]["commands"]
    assert commands == [f"sudo {each}" for each in typed(system, "mtool")]


HOLDS = {
    "dnf": "echo excludepkgs=mtool >>/etc/dnf/dnf.conf",
    "zypper": "zypper addlock mtool",
    "pacman": "sed -i 's/^\\[options\\]/[options]\\nIgnorePkg = mtool/' /etc/pacman.conf",
}


def test_a_package_that_is_held_back_is_never_released(system: System) -> None:
    bring(system.host, "mtool")
    system.repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool version 2.1"})
    system.host.run(HOLDS[system.manager])
    if system.manager == "pacman":
        system.host.run("pacman -Sy")
    report = bring(system.host, "mtool>=2")
    assert not report.ok
    assert system.host.run("mtool").stdout == "mtool version 1.5\n"


LOCKS = {
    "dnf": (
        "sleep 1000 & for file in cache/dnf/metadata_lock run/dnf lib/dnf/rpmdb_lock; do echo $! >/var/$file.pid; done",
        "rm -f /var/cache/dnf/*.pid /var/run/dnf.pid /var/lib/dnf/*.pid",
        "locked by sleep (pid ",
    ),
    "zypper": ("sleep 1000 & echo $! >/run/zypp.pid", "rm -f /run/zypp.pid", "locked by sleep (pid "),
    "pacman": ("touch /var/lib/pacman/db.lck", "rm -f /var/lib/pacman/db.lck", "remove /var/lib/pacman/db.lck"),
}


def test_a_lock_is_waited_for_within_the_bound_and_its_holder_is_named(system: System) -> None:
    hold, release, words = LOCKS[system.manager]
    bring(system.host, "other")
    system.host.run(f"cd / && ({hold}) >/dev/null 2>&1")
    locked = bring(system.host, "mtool", timeout=50)
    system.host.run(release)
    free = bring(system.host, "mtool")
    assert not locked.ok
    assert words in locked.hosts[0].outcomes[0].reason, locked.to_dict()
    assert statuses(free) == {"mtool": ("changed", "1.5")}


def test_a_lock_that_is_released_in_time_does_no_harm(system: System) -> None:
    hold, release, _ = LOCKS[system.manager]
    bring(system.host, "other")
    system.host.run(f"cd / && ({hold}; setsid sh -c 'sleep 6; {release}' &) >/dev/null 2>&1")
    assert statuses(bring(system.host, "mtool")) == {"mtool": ("changed", "1.5")}
