"""Questions to hosts behind a worker whose command names one directory for all its jobs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_desk import Desk, Question, close
from mngr_ansible.run.worker_scripts import Script
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WORKER = """\
echo begun >>"$2/jobs"
until [ -e "$2/open" ]; do sleep 0.05; done
exit 1
"""
PATIENCE = 60.0


def test_questions_that_come_while_a_job_is_in_the_directory_go_into_one_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "worker.sh").write_text(WORKER)
    jobs = tmp_path / "jobs"
    desk = Desk(Worker.parse(f"sh {tmp_path}/worker.sh --private-data-dir {tmp_path}"))
    failed: list[str] = []

    def ask(name: str) -> None:
        try:
            desk.ask(Question(name, Script(b"true", PATIENCE, {"ansible_host": name}, {})), PATIENCE)
        except MngrAnsibleError as error:
            failed.append(error.host or "")

    threads = [threading.Thread(target=ask, args=(f"host-{number}",)) for number in range(3)]
    threads[0].start()
    wait_until(jobs.exists, PATIENCE)
    for number, thread in enumerate(threads[1:], 1):
        thread.start()
        threads[number].join(0.4)  # longer than questions are gathered
    (tmp_path / "open").touch()
    for thread in threads:
        thread.join()
    close([desk])
    assert sorted(failed) == ["host-0", "host-1", "host-2"]
    assert jobs.read_text().count("begun") == 2
