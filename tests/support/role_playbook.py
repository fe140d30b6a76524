"""Run one role on one test host with the real ansible-playbook, and read the result of every task."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from tests.support.hosts import SshHost

ROLES = Path(__file__).parents[2] / "roles"

CALLBACK = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "notification", "results", True

    def _write(self, result, **more):
        with open(os.environ["RESULTS"], "a") as file:
            print(json.dumps({"task": result.task.name, **result.result}, default=str), file=file)

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_unreachable = _write
"""


class Play(NamedTuple):
    """The result of one run of a playbook."""

    code: int
    text: str
    results: list[dict[str, Any]]

    def result(self, task: str) -> dict[str, Any]:
        """The result of the task whose name ends so."""
        return next(result for result in self.results if result["task"].endswith(task))

    @property
    def apt(self) -> dict[str, Any]:
        return self.result("Install packages with the host's manager")

    @property
    def outcomes(self) -> dict[str, str]:
        """The status of each step that the last task reported."""
        return {step["id"]: step["status"] for step in self.results[-1]["mngr_steps"]}

    @property
    def changed(self) -> int:
        found = re.search(r"changed=(\d+)", self.text)
        assert found, self.text
        return int(found[1])


def play(
    tmp_path: Path, host: SshHost, role: str, *options: str, tasks_from: str = "main", **variables: object
) -> Play:
    """Run one role on one host with the real ansible-playbook."""
    directory = tmp_path / "run"
    (directory / "plugins").mkdir(parents=True, exist_ok=True)
    (directory / "plugins/results.py").write_text(CALLBACK)
    (directory / "results").write_text("")
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    inventory = {"all": {"hosts": {"host-1": host.ansible_variables() | python}}}
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    task = {"name": "Apply the role", "ansible.builtin.import_role": {"name": role, "tasks_from": tasks_from}}
    playbook = [{"name": "Test", "hosts": "all", "gather_facts": False, "tasks": [task | {"vars": variables}]}]
    (directory / "play.yml").write_text(yaml.safe_dump(playbook))
    return run_playbook(directory, directory / "play.yml", *options)


def control_sockets(directory: Path) -> Path:
    """A directory for ssh's control sockets with a short path: that of a socket has at most 107 bytes (unix(7))."""
    base = next((each for each in directory.parents if each.name.startswith(("popen-", "pytest-"))), directory)
    return base / f"cp-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:8]}"


def run_playbook(directory: Path, playbook: Path, *options: str) -> Play:
    environment = {
        "ANSIBLE_CALLBACKS_ENABLED": "results",
        "ANSIBLE_CALLBACK_PLUGINS": str(directory / "plugins"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control_sockets(directory)),
        "COLUMNS": "1000",
        "RESULTS": str(directory / "results"),
    }
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", str(directory / "hosts.yml"), *options, str(playbook)]
    done = subprocess.run(
        argv, env={**os.environ, **environment}, cwd=directory, capture_output=True, text=True, timeout=240
    )
    results = [json.loads(line) for line in (directory / "results").read_text().splitlines()]
    return Play(done.returncode, done.stdout + done.stderr, results)
