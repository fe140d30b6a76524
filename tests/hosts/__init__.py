"""Real hosts for tests: a Debian with sshd in half a second, and a local apt repository. See ``running``."""

from tests.hosts.apt_repository import AptRepository
from tests.hosts.layers import LayerError, cache_directory, offered_packages
from tests.hosts.machine import why_not
from tests.hosts.seed import Login
from tests.hosts.ssh_host import HostStartError, SshHost, running

__all__ = [
    "AptRepository",
    "HostStartError",
    "LayerError",
    "Login",
    "SshHost",
    "cache_directory",
    "offered_packages",
    "running",
    "why_not",
]
