"""A controller for tests of roles: a real ``ansible-playbook`` on this machine, with nothing of the user's own."""

import base64
import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = Path(__file__).parents[2] / "roles"

RECORDER = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "recorder"

    def v2_runner_on_ok(self, result, **_):
        with open(os.environ["RECORD"], "a") as file:
            file.write(json.dumps(getattr(result, "result", None) or result._result, default=str) + "\\n")

    v2_runner_on_failed = v2_runner_on_ok
"""

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Copy files
      ansible.builtin.import_role:
        name: mngr_files
      vars:
        mngr_files_transfers: "{{ mngr_ansible.files }}"
"""


@dataclass(frozen=True)
class Run:
    """What one run of a playbook returned: exit code, output, and the result of the task that copies."""

    code: int
    output: str
    result: dict[str, Any]

    @property
    def statuses(self) -> dict[str, str]:
        return {step["id"]: step["status"] for step in self.result["mngr_steps"]}

    def reason(self, step: str) -> str:
        return next(str(each["reason"]) for each in self.result["mngr_steps"] if each["id"] == step)


class Controller:
    """A directory with a playbook, an inventory of this machine, and nothing of the user's own Ansible."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = put(directory / "home" / ".keep").parent
        put(directory / "ansible.cfg", b"")
        put(directory / "callback_plugins" / "recorder.py", RECORDER.encode())
        put(directory / "playbook.yml", PLAYBOOK.encode())
        put(directory / "inventory", b"agents:\n  hosts:\n    host-1:\n")

    def run(self, transfers: Any, *options: str, playbook: str = "playbook.yml", **settings: str) -> Run:
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        variables = json.dumps(unsafe({**host, "mngr_ansible": {"files": transfers}}))
        put(self.directory / "host_vars" / "host-1.json", variables.encode())
        record = self.directory / "record"
        record.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "ansible", "playbook", "-i", "inventory", playbook, *options]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_ROLES_PATH": str(ROLES),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_PIPELINING": "true",
            "RECORD": str(record),
            **settings,
        }
        done = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True)
        results = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
        output = done.stdout + done.stderr
        assert results, output
        return Run(done.returncode, output, results[-1])


def unsafe(value: Any) -> Any:
    """Mark every string as data, as a generated run does."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, dict):
        return {key: unsafe(each) for key, each in value.items()}
    return [unsafe(each) for each in value] if isinstance(value, list) else value


def put(path: Path, content: bytes = b"x", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def planned(path: Path, source: Path, **more: Any) -> dict[str, Any]:
    """An entry of the resolved form, with names that are not UTF-8 as base64."""
    content = source.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    entry: dict[str, Any] = {"kind": "file", "mode": "0640", "size": len(content), "sha256": digest}
    for key, name in (("path", os.fsencode(path)), ("source", os.fsencode(source))):
        entry.update({key: name.decode()} if name.isascii() else {f"{key}_b64": base64.b64encode(name).decode()})
    return {**entry, **more}


def leftovers(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.name.startswith((".mngr-ansible-", "mngr-ansible-"))]


def snapshot(directory: Path) -> dict[Path, tuple[int, int, int]]:
    states = {path: path.lstat() for path in directory.rglob("*")}
    return {path: (state.st_ino, state.st_mtime_ns, state.st_mode) for path, state in states.items()}


def role_module(role: str, name: str) -> Any:
    """A module of a role's ``module_utils``, imported on this machine as a part of a package of its own."""
    package = f"{role}_module_utils"
    if package not in sys.modules:
        spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
        spec.submodule_search_locations = [str(ROLES / role / "module_utils")]
        sys.modules[package] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{package}.{name}")
