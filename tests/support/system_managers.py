"""The system's package managers of the test hosts beside apt: each one's commands for what the tests need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.hosts import PacmanRepository, RpmRepository, User

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost


@dataclass(frozen=True)
class Manager:
    """The commands and words of one manager."""

    layer: str
    install: str
    upgrade: str
    refresh: str
    hold: str
    looks_like: str
    refusal: str
    """Its message about a conflict."""


MANAGERS = [
    Manager(
        "dnf", "dnf install -y", "dnf upgrade -y", "dnf -q makecache --refresh", "dnf versionlock add {}",
        "fedora//44", "conflicts with other provided by other-1.0-3.noarch",
    ),
    Manager(
        "zypper", "zypper -n install", "zypper -n update", "zypper -n refresh", "zypper -n addlock {}",
        "opensuse-leap/suse opensuse/15.6", "conflicts with other provided by other-1.0-3.noarch",
    ),
    Manager(
        "pacman", "pacman -S --noconfirm --needed", "pacman -Su --noconfirm", "pacman -Sy",
        r"sed -i 's/^\[options\]/&\nIgnorePkg = {}/' /etc/pacman.conf", "arch//", "rival and other are in conflict",
    ),
]  # fmt: skip


def offer(manager: Manager, path: Path) -> RpmRepository | PacmanRepository:
    """A repository of that manager in a new directory, with ``mtool`` of the upstream version 2.40.1."""
    made = (PacmanRepository if manager.layer == "pacman" else RpmRepository)(path)
    made.add("mtool", "1:2.40.1-1", commands={"mtool": "echo mtool 2.40.1"})
    return made


@pytest.fixture(name="manager", params=MANAGERS, ids=lambda manager: manager.layer)
def each_manager(request: pytest.FixtureRequest) -> Manager:
    """Each of these managers, one test for each."""
    given = request.param
    assert isinstance(given, Manager)
    return given


@pytest.fixture(name="repository")
def offered_repository(manager: Manager, tmp_path: Path) -> RpmRepository | PacmanRepository:
    """What :func:`offer` makes, for one test."""
    return offer(manager, tmp_path / "repository")


def start(
    ssh_host: StartHost, manager: Manager, repository: RpmRepository | PacmanRepository, lists: str = "fresh"
) -> SshHost:
    """A host of that manager, with a user ``dev`` that becomes root by sudo and ``pete`` that cannot."""
    users = (User("dev", "sudo"), User("pete"))
    return ssh_host(layer=manager.layer, users=users, lists=lists, repository=repository)
