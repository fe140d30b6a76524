"""mngr in a project of its own: with its local provider, and with one host of its ssh provider."""

import pytest

from tests.support.hosts import AptRepository
from tests.support.mngr import Mngr


@pytest.fixture
def project(tmp_path):
    """The directory of the project's repository."""
    return tmp_path / "project"


@pytest.fixture
def local(project):
    """mngr with its local provider."""
    mngr = Mngr(project)
    yield mngr
    mngr.close()


@pytest.fixture
def repository(tmp_path):
    """An apt repository with two tools."""
    made = AptRepository(tmp_path / "apt")
    made.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool 2.1"})
    made.add("other", "1.0", commands={"other": "echo other 1.0"})
    return made


@pytest.fixture
def host(ssh_host, repository):
    """A host that has what mngr itself needs."""
    return ssh_host(layer="tools", repository=repository)


@pytest.fixture
def remote(project, host):
    """mngr with a host of its ssh provider."""
    return Mngr(project, host=host)
