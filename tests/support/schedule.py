"""Which tests stay together on one worker of pytest-xdist, and in which order tests start."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTS = Path(__file__).parents[1]
FOLDERS = {
    "unit": "needs nothing: no root, no network, no host, no Ansible",
    "golden": "compares what people are shown with files to read",
    "scripts": "runs our sh scripts in real shells, on this machine",
    "command": "runs the whole command; needs no root, no network, no host, no Ansible",
    "ansible": "runs Ansible on this machine",
    "roles": "runs a role, on this machine or on test hosts",
    "ops": "plays an ops team with ansible-core alone, on test hosts",
    "hosts": "runs on test hosts",
    "attacks": "lets unprivileged users of test hosts attack what root does there",
    "faults": "breaks hosts, links and runs, and inspects what is left",
    "mngr": "runs the real mngr",
    "docs": "checks what the documentation shows",
}
"""The folders of tests; each is a mark too, so that ``pytest -m hosts`` selects it."""

TOGETHER = {
    "faults/test_killed_runs.py": 300,
    "faults/test_odd_hosts.py": 215,
    "faults/test_lost_links.py": 180,
    "faults/test_odd_logins.py": 150,
    "roles/test_collection.py": 110,
    "hosts/test_next_sources.py": 80,
    "ops/test_versions.py": 60,
    "ops/test_ops_team.py": 50,
    "ops/test_manners.py": 40,
    "ops/test_fleets_page.py": 40,
    "hosts/test_costs.py": 60,
    "hosts/test_workers.py": 90,
    "hosts/test_many_hosts.py": 70,
    "faults/test_lost_workers.py": 45,
    "hosts/test_inventories.py": 20,
    "ansible/test_oldest_ansible.py": 10,
    "hosts/test_costs_packages.py": 60,
    "hosts/test_programs.py": 40,
    "hosts/test_destinations.py": 40,
    "hosts/test_plain_tasks.py": 45,
    "hosts/test_remedies.py": 30,
    "hosts/test_doctor.py": 20,
    "hosts/test_rendered.py": 30,
    "roles/test_molecule.py": 50,
    "roles/test_files_versions.py": 40,
    "roles/test_files.py": 30,
    "roles/test_files_sources.py": 20,
    "roles/test_files_obstacles.py": 30,
    "roles/test_files_protected.py": 10,
    "roles/test_packages_foretold.py": 60,
    "docs/test_site.py": 30,
    "command/test_report_in_a_browser.py": 15,
}
"""The files whose tests share something that takes long to make (a fixture of scope ``module``), and their seconds.

A file runs on one worker. The longest starts first, before all other tests.
"""

SECONDS = {
    "attacks": 20,
    "faults": 20,
    "mngr": 15,
    "hosts": 6,
    "ops": 6,
    "roles": 6,
    "ansible": 4,
    "docs": 1,
    "command": 1,
    "scripts": 1,
    "golden": 0,
    "unit": 0,
}
"""About how long one test of a folder takes."""


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each worker one test after the other, or one file of ``TOGETHER``.

    pytest-xdist's own ``--dist=loadgroup`` does the same by a suffix of the test's id, which pytest 9.2 ignores.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].removeprefix("tests/")
        return file if file in TOGETHER else nodeid


def mark_by_folder(items: Sequence[pytest.Item]) -> None:
    """Mark every test with its folder.

    Raises:
        pytest.UsageError: a test uses a fixture of scope ``module``, and its file is not in ``TOGETHER``.
    """
    for item in items:
        file = _file_of(item)
        item.add_marker(file.partition("/")[0])
        if file not in TOGETHER and _uses_a_fixture_of_its_module(item):
            raise pytest.UsageError(f"{item.nodeid}: a fixture of scope module; add its file to TOGETHER in {__file__}")


def start_longest_first(items: list[pytest.Item]) -> None:
    """Sort tests so that the longest start first, and none of them is left for the end, when other workers are idle."""
    items.sort(key=_expected_seconds, reverse=True)


def _expected_seconds(item: pytest.Item) -> float:
    file = _file_of(item)
    return TOGETHER.get(file) or SECONDS[file.partition("/")[0]]


def _file_of(item: pytest.Item) -> str:
    """The file of a test, relative to ``tests``."""
    return _relative(item.path)


@cache
def _relative(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def _uses_a_fixture_of_its_module(item: pytest.Item) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
    return any(each[-1].scope == "module" for each in definitions)
