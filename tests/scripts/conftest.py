"""Fixtures for the tests of our scripts."""

from __future__ import annotations

import shutil

import pytest

from tests.support.shells import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """The words that start a shell; the test runs once in each."""
    argv = SHELLS[request.param]
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed here")
    return argv
