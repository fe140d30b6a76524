"""Questions to hosts behind a worker, where no job can be made of them."""

import json

import pytest

from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_desk import Desk, Question, _Running, close
from mngr_ansible.run.worker_scripts import Script


def test_what_nobody_expects_is_raised_where_the_answer_is_awaited(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(Worker.parse("false"))
    question = Question("build-1", Script(b"true", 5, {"ansible_port": object()}, {}))
    with pytest.raises(TypeError, match="JSON"):
        desk.ask(question, 60)
    close([desk])


@pytest.mark.parametrize(("kinds", "culprit"), [(["begun"], "worker"), (["begun", "task"], "host")])
def test_a_worker_that_has_its_job_and_asks_nobody_is_blamed_itself(kinds, culprit):
    desk, question = Desk(Worker.parse("ssh bastion")), Question("build-1", Script(b"true", 5, {}, {}))
    job = _Running({"host-1": question})
    job.record.extend([json.dumps({"kind": kind}).encode() for kind in kinds], None)
    error = desk._no_answer(question, 5)
    worker = "the worker 'ssh bastion' gave no answer within 5 s"
    assert error.problem == {"worker": worker, "host": "no answer within 5 s through the worker 'ssh bastion'"}[culprit]
