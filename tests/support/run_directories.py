"""Run directories for the tests of ``mngr_ansible.run.runner``."""

from __future__ import annotations

import json
import sys
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mngr_ansible.run.lines import StepResult

LOCAL: dict[str, object] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

SETTLE = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"steps": {"type": "list", "elements": "dict"}, "error": {}, "warning": {}})
if module.params["warning"]:
    module.warn(module.params["warning"])
if module.params["error"]:
    module.fail_json(msg=module.params["error"], mngr_steps=module.params["steps"] or [])
module.exit_json(changed=False, mngr_steps=module.params["steps"] or [], content="bytes-of-a-file")
"""
GIT: StepResult = {"id": "package:git", "status": "ok", "current": "2.39.5", "reason": ""}
NODE: StepResult = {"id": "package:node", "status": "failed", "current": None, "reason": "no such package"}


def run_directory(parent: Path, *tasks: dict[str, object], hosts: dict[str, dict[str, object]] | None = None) -> Path:
    """A run directory whose play has these tasks and the module `settle`; by default for this machine."""
    directory = parent / f"run-{uuid.uuid4().hex[:8]}"
    (directory / "inventory" / "host_vars").mkdir(parents=True)
    (directory / "project" / "library").mkdir(parents=True)
    hosts = hosts or {"host-1": LOCAL}
    (directory / "inventory" / "hosts.yml").write_text(json.dumps({"mngr_hosts": {"hosts": dict.fromkeys(hosts)}}))
    for alias, facts in hosts.items():
        data = {"ansible_remote_tmp": str(directory / "remote"), **facts}
        (directory / "inventory" / "host_vars" / f"{alias}.json").write_text(json.dumps(data))
    play = {"name": "Play", "hosts": "mngr_hosts", "gather_facts": False, "tasks": list(tasks)}
    (directory / "project" / "provision.yml").write_text(json.dumps([play]))
    (directory / "project" / "library" / "settle.py").write_text(SETTLE)
    return directory


def settle(name: str = "Settle", **arguments: object) -> dict[str, object]:
    return {"name": name, "settle": arguments}


def hang(mark: str) -> dict[str, object]:
    """A task that sleeps, and has a daemon sleep, far longer than any test; `mark` is in the arguments of both."""
    daemon = f"setsid {sys.executable} -c 'import time; time.sleep(600)' {mark} daemon </dev/null >/dev/null 2>&1 &"
    return {"name": "Hang", "shell": f"({daemon}); {sys.executable} -c 'import time; time.sleep(600)' {mark}"}
