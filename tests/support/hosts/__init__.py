"""Real hosts for tests, with sshd in half a second, and local repositories for apt, rpm and pacman. See ``running``."""

from tests.support.hosts.apt_repository import AptRepository
from tests.support.hosts.layers import LayerError, cache_directory, offered_packages
from tests.support.hosts.machine import why_not
from tests.support.hosts.pacman_repository import PacmanRepository
from tests.support.hosts.repository import Repository
from tests.support.hosts.rpm_repository import RpmRepository
from tests.support.hosts.seed import User
from tests.support.hosts.ssh_host import HostStartError, SshHost, running

__all__ = [
    "AptRepository",
    "HostStartError",
    "LayerError",
    "PacmanRepository",
    "Repository",
    "RpmRepository",
    "SshHost",
    "User",
    "cache_directory",
    "offered_packages",
    "running",
    "why_not",
]
