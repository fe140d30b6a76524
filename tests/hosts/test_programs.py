"""Programs of a host: what does not start, which version counts, and what an output says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import on, run_json
from tests.support.hosts import AptRepository, User, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosts import SshHost
