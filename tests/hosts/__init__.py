"""Real hosts for tests, with sshd in half a second, and local repositories for apt, rpm and pacman. See ``running``."""

from tests.hosts.apt_repository import AptRepository
from tests.hosts.layers import LayerError, cache_directory, offered_packages
from tests.hosts.machine import why_not
from tests.hosts.pacman_repository import PacmanRepository
from tests.hosts.repositories import Repository
from tests.hosts.rpm_repository import RpmRepository
from tests.hosts.seed import Login
from tests.hosts.ssh_host import HostStartError, SshHost, running

__all__ = [
    "AptRepository",
    "HostStartError",
    "LayerError",
    "Login",
    "PacmanRepository",
    "Repository",
    "RpmRepository",
    "SshHost",
    "cache_directory",
    "offered_packages",
    "running",
    "why_not",
]
