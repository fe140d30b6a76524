"""Fixtures of the ops team: an ansible-core, and two hosts of different families."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.cores import NEWEST, OLDEST, Core, NotHere, make_core
from tests.support.hosts import LayerError
from tests.support.ops_team import Fleet, fleet

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``core`` the oldest and the newest, the other two one of these; all get ``--core`` where that is given."""
    chosen = metafunc.config.getoption("--core")
    for name, versions in (("core", (OLDEST, NEWEST)), ("oldest_core", (OLDEST,)), ("newest_core", (NEWEST,))):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [chosen] if chosen else versions, indirect=True, scope="module")


@pytest.fixture(scope="module")
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Core:
    """An ansible-core in an environment of its own."""
    python = request.config.getoption("--controller-python")
    try:
        return make_core(request.param, python, tmp_path_factory.mktemp("core") / "venv")
    except NotHere as error:
        pytest.skip(str(error))


oldest_core = newest_core = core


@pytest.fixture(scope="module")
def hosts(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A team's two hosts."""
    try:
        with fleet(tmp_path_factory.mktemp("repositories")) as started:
            yield started
    except LayerError as error:
        pytest.skip(str(error))
