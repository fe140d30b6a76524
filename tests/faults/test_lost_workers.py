"""Workers that are killed or stopped while ten hosts are asked or changed through two of them."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.fleet import Fleet, Session, running_fleet
from tests.support.processes import started
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNNER = Path(sys.executable).with_name("ansible-runner")
COUNT = 10
PATIENCE = 120
"""Seconds after which something that was waited for will not happen."""


@pytest.fixture(scope="module")
def fleet(_hosts_are_possible: None) -> Iterator[Fleet]:
    with running_fleet(COUNT) as made:
        yield made


def processes_of(place: Path) -> list[psutil.Process]:
    """What a worker has started, itself included: its temporary directory is in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            has_it = process.environ().get("TMPDIR") == str(place)
            if has_it and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.parametrize(("session", "fault"), [("probe", "SIGKILL"), ("task", "SIGKILL"), ("task", "SIGSTOP")])
def test_hosts_of_a_worker_that_is_lost_are_unknown_or_not_reached_and_the_others_end_well(
    fleet: Fleet, tmp_path: Path, session: Session, fault: str
) -> None:
    source = tmp_path / "file"
    source.write_text(f"{session} {fault}")
    places = [tmp_path / name for name in ("lost", "whole")]
    workers = []
    for place in places:
        place.mkdir()
        workers += ["--worker", f"env TMPDIR={place} {shlex.quote(str(RUNNER))} worker"]
    fleet.behave(dict.fromkeys(range(1, COUNT + 1), (session, "waits")))
    words = ("apply", "--json", "--file", f"{source}:file", "--timeout", 40, *workers)
    with started(fleet.words(*words)) as command:
        with fleet.closed_gate():
            wait_until(lambda: len(fleet.waiting()) == COUNT or command.poll() is not None, PATIENCE)
            assert command.poll() is None, command.communicate()
            for process in processes_of(places[0]):
                with contextlib.suppress(psutil.NoSuchProcess):  # it ended with the one before it
                    process.send_signal(getattr(signal, fault))
        stdout, stderr = command.communicate(timeout=PATIENCE)

    assert command.returncode == 1, stderr
    assert "Traceback" not in stderr
    document = json.loads(stdout)
    lost = {"probe": "not-reached", "task": "unknown"}[session]
    found = [host["steps"][0]["status"] for host in document["hosts"]]
    assert sorted(found) == sorted([lost] * (COUNT // 2) + ["changed"] * (COUNT // 2)), stderr
    told = {error["host"] for error in document["errors"]}
    assert told == {host["host"] for host in document["hosts"] if host["steps"][0]["status"] == lost}, stderr
    for process in processes_of(places[0]):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
    wait_until(lambda: not [each for place in places for each in processes_of(place)], PATIENCE)
    assert os.listdir(places[1]) == []

    if (session, fault) != ("task", "SIGKILL"):
        return
    fleet.behave()
    with started(fleet.words(*words)) as again:
        stdout, stderr = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, stderr
    assert fleet.with_file("file", source.stat().st_size) == set(range(1, COUNT + 1))
