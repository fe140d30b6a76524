"""A thousand hosts in one process: what planning and rendering them takes here. Their answers are recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HOSTS = 1000
MOST = 300 * 1024
"""KiB."""


def test_a_thousand_hosts_are_planned_and_rendered_in_one_process_within_300_mib(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.support.recorded_hosts", str(HOSTS), str(tmp_path)]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["planned"], seen["rendered"]) == (HOSTS, HOSTS)
    assert seen["due"] >= 5 * HOSTS, "every file is due on every host"
    assert seen["asked"] <= 2, "a probe, and a question about offers: the same for all"
    assert seen["KiB"] < MOST
