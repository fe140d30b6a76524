"""Questions to hosts behind a worker, where no job can be made of them."""

import pytest

from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_desk import Desk, Question, close
from mngr_ansible.run.worker_scripts import Script


def test_what_nobody_expects_is_raised_where_the_answer_is_awaited(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(Worker.parse("false"))
    question = Question("build-1", Script(b"true", 5, {"ansible_port": object()}, {}))
    with pytest.raises(TypeError, match="JSON"):
        desk.ask(question, 60)
    close([desk])
