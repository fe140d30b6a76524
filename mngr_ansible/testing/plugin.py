"""The pytest plugin (entry point ``pytest11``): the functions of ``mngr_ansible.testing`` as fixtures.

pytest loads it wherever mngr-ansible is installed, so it imports nothing before a fixture is used.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mngr_ansible.diff.outcome import Status
    from mngr_ansible.plan.plan import Plan
    from mngr_ansible.report.report import Report
    from mngr_ansible.testing.hosts import FakeHost


@pytest.fixture
def plan_of() -> "Callable[..., Plan]":
    """Ask a plugin what it needs: ``plan_of(plugin, work_dir="/srv/agent")``."""
    from mngr_ansible.testing.plans import plan_of

    return plan_of


@pytest.fixture
def fake_host() -> "Callable[..., FakeHost]":
    """Describe a host: ``fake_host("debian:12", packages={"git": "2.39"}, files={"~/.npmrc": "text"})``."""
    from mngr_ansible.testing.hosts import fake_host

    return fake_host


@pytest.fixture
def plan_host() -> "Callable[[Plan, FakeHost], Report]":
    """Compare a plan with a host: ``plan_host(plan, host)``."""
    from mngr_ansible.testing.plans import plan_host

    return plan_host


@pytest.fixture
def statuses() -> "Callable[[Report], dict[str, Status]]":
    """Say the status of each step of a report: ``statuses(report)["package:git"]``."""
    from mngr_ansible.testing.plans import statuses

    return statuses


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory on this machine: what ``~/`` in a ``local_path`` means."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home
