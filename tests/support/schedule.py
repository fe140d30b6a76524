"""In which order tests start, and which of them stay together on one worker of pytest-xdist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTS = Path(__file__).parents[1]
FOLDERS = {
    "unit": "needs nothing: no root, no network, no host, no Ansible",
    "ansible": "runs Ansible on this machine",
    "roles": "runs a role, on this machine or on test hosts",
    "hosts": "runs on test hosts",
    "faults": "breaks hosts, links and runs, and looks at what is left",
    "mngr": "runs the real mngr",
    "docs": "checks what the documentation shows",
}
"""The folders of tests; each is a mark too, so that ``pytest -m hosts`` selects it."""

SECONDS = {
    "faults/test_killed_runs.py": 400,
}
"""How long the longest groups (a whole file) or tests (one test of a file) take; see ``start_longest_first``."""


def add_marks(items: Sequence[pytest.Item]) -> None:
    """Mark every test with its folder, and keep together what shares something expensive.

    A fixture of scope ``module`` says so: its tests run on one worker. One of scope ``session`` is cheap, and every
    worker has its own.
    """
    for item in items:
        file = _file_of(item)
        item.add_marker(file.partition("/")[0])
        if _uses_a_fixture_of_its_module(item):
            item.add_marker(pytest.mark.xdist_group(file))


def start_longest_first(items: list[pytest.Item]) -> None:
    """Sort tests so that the longest start first: then none is left over for the end, when other workers are idle."""
    items.sort(key=lambda item: -SECONDS.get(_file_of(item), 0))


def _file_of(item: pytest.Item) -> str:
    """The file of a test, relative to ``tests``."""
    return item.path.relative_to(TESTS).as_posix()


def _uses_a_fixture_of_its_module(item: pytest.Item) -> bool:
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 - pytest has no public way
    return any(each[-1].scope == "module" for each in definitions)
