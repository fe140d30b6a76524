"""A plugin with one file."""

import pytest

from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import WORK_DIR, contribution, write

X = f"{WORK_DIR}/x"
"""Where the file goes."""


@pytest.fixture
def file(tmp_path):
    """The plugin claude needs a file at x."""
    return contribution("claude", FileTransferSpec(write(tmp_path / "file"), "x"))
