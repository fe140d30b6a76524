"""``plan --for``: what a plan's packages need on a system that is only named, without connecting to one."""

import re
from collections.abc import Mapping
from typing import Any

from mngr_ansible.diff.due import compare
from mngr_ansible.diff.resolver import Resolver
from mngr_ansible.errors import HostError, UsageError
from mngr_ansible.host.connection import ShellResult
from mngr_ansible.host.state import HostState, Login, Paths, System
from mngr_ansible.inputs.hook_arguments import Agent, CommandResult, Host
from mngr_ansible.plan.plan import packages_only
from mngr_ansible.portable.checks import Finding
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Prepared, Request, Target
from mngr_ansible.report.report import Report
from mngr_ansible.spec.validation import nearest

SYSTEMS = {
    "debian": ("Debian", "", "apt"),
    "ubuntu": ("Ubuntu", "debian", "apt"),
    "fedora": ("Fedora Linux", "", "dnf"),
    "rhel": ("Red Hat Enterprise Linux", "fedora", "dnf"),
    "rocky": ("Rocky Linux", "rhel centos fedora", "dnf"),
    "almalinux": ("AlmaLinux", "rhel centos fedora", "dnf"),
    "centos": ("CentOS Stream", "rhel fedora", "dnf"),
    "opensuse": ("openSUSE", "suse opensuse", "zypper"),
    "arch": ("Arch Linux", "", "pacman"),
    "alpine": ("Alpine Linux", "", "apk"),
    "macos": ("macOS", "", "brew"),
}
"""By the name that a user types: the system's own name, the systems that it is like, and its package manager."""


class NoHost:
    """The connection of a system that is only named; every command fails."""

    patience = 0.0
    variables: Mapping[str, Any] = {}
    portable_variables: Mapping[str, Any] = {}

    def __init__(self, *, is_local: bool = False) -> None:
        self.is_local = is_local

    def holds(self, script: str) -> bool:
        del script
        return True

    def run(self, script: str, timeout: float) -> ShellResult:
        del script, timeout
        raise HostError(
            "--for plans without a host, and a plugin runs a command on the host",
            remedy="Leave that plugin out, or plan for a real host.",
        )

    def stop(self) -> None:
        pass


def fresh_host(name: str, request_ids: tuple[str, ...], *, option: str = "--for") -> HostState:
    """The state of a fresh machine of that system: it has its own package manager and none of the tools.

    Args:
        name: ``fedora``, ``ubuntu:24.04``, …
        request_ids: the ids of the requirements; all of them are missing.
        option: what the caller calls the name, for errors.

    Raises:
        UsageError: a system that is not known.
    """
    system, colon, release = name.partition(":")
    if colon and not release:
        raise UsageError(
            f"{option} {name!r} has no release after the colon",
            remedy=f"Give one, such as {system}:12, or only {system}.",
        )
    if system not in SYSTEMS or not re.fullmatch(r"[A-Za-z0-9.]*", release):
        known = ", ".join(SYSTEMS)
        raise UsageError(f"{option} {name!r} is not known{nearest(system, tuple(SYSTEMS))}", remedy=f"Known: {known}.")
    pretty, like, manager = SYSTEMS[system]
    is_mac = system == "macos"
    return HostState(
        Login(user="a user with sudo", uid=1000, home="~", privilege="sudo"),
        System(
            kernel="Darwin" if is_mac else "Linux",
            arch="arm64" if is_mac else "x86_64",
            os_release={
                "ID": system,
                "ID_LIKE": like,
                "VERSION_ID": release,
                "PRETTY_NAME": f"{pretty} {release}".strip(),
            },
            managers=(manager,),
            programs=("curl",) if is_mac else (),
            python="/usr/bin/python3",
        ),
        Paths(work_dir="~"),
        {each: Finding(each, "missing", None, "", "") for each in request_ids},
    )


def distro_report(request: Request, name: str) -> Report:
    """The plan for a machine of that system, with its commands. No host is contacted; files are left out.

    Raises:
        UsageError: a system that is not known.
        MngrAnsibleError: as in :func:`gathering.gather`.
    """
    fresh_host(name, ())
    host = Host(name, False, _unreachable)
    gathered = gather([Target(name, NoHost(), Agent("agent", "~"), host)], request)[0]
    return plan_for_distro(gathered, name)


def plan_for_distro(gathered: Prepared, name: str) -> Report:
    """The same for a plan that was gathered already."""
    plan = gathered.plan
    state = fresh_host(name, tuple(each.id for each in (*plan.requirements, *plan.implied.values())))
    plan = packages_only(plan)
    due = compare(plan, state, Resolver(state, plan.policy, plan.implied), is_local=False)
    target = Target(name, NoHost(), gathered.target.agent, gathered.target.host)
    prepared = Prepared(target, plan, gathered.contributions, state, due)
    return plan_report([prepared], is_refreshing=True)


def _unreachable(_command: str, _timeout: float) -> CommandResult:
    return CommandResult("", "--for plans without a host", False)
