"""A program does on a host what the module of Ansible does there, whoever runs it and however its Python is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from tests.support.controller import put
from tests.support.hosts import SshHost, User
from tests.support.processes import everything_recorded
from tests.support.role_playbook import CALLBACK, Play, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PASSWORD = "the password"
SECRET = "not-for-everybody"
ENVIRONMENT = {
    "HOME": "/srv/home",
    "PROXY": f"http://user:{SECRET}@proxy",
    "PATH": "/opt/bin:/usr/bin:/bin",
    "TZ": "Asia/Tokyo",
}
ASKED = {"ansible_become": True, "ansible_become_password": PASSWORD}

TASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "again": {"vars": {"to": "plain"}},
    "diff": {"diff": True, "vars": {"content": "another"}},
    "check": {"check_mode": True},
    "root": {"become": True},
    "password": {"vars": {"ansible_user": "asked", **ASKED}},
    "wrong-password": {"vars": {"ansible_user": "asked", **ASKED, "ansible_become_password": "wrong"}},
    "third": {"become": True, "become_user": "third"},
    "delegated": {"delegate_to": "host-2"},
    "local": {"delegate_to": "localhost", "vars": {"at": "{{ playbook_dir }}/here"}},
    "environment": {"environment": ENVIRONMENT, "vars": {"at": "~"}},
    "loop": {"loop": ["one", "two"], "vars": {"to": "{{ item }}"}},
    "templated-python": {"vars": {"ansible_python_interpreter": "{{ '/usr/bin/' ~ 'python3' }}"}},
    "any-python": {"vars": {"ansible_python_interpreter": "auto_silent"}},
    "no-python": {"vars": {"ansible_python_interpreter": "/opt/nowhere/python3"}},
}
"""What is said of each task, which copies a file to where its name says."""


def played(tmp_path: Path, host: SshHost) -> Play:
    """All tasks in one run; each may fail."""
    put(tmp_path / "plugins/results.py", CALLBACK.encode())
    put(tmp_path / "results", b"")
    connection = host.ansible_variables()
    hosts = {"host-1": connection | {"ansible_user": "dev"}, "host-2": connection}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    tasks = []
    for name, said in TASKS.items():
        own = {"to": name, "at": "/var/tmp/out", "content": "content", **said.get("vars", {})}
        transfer = {"remote_path": "{{ at }}/{{ to }}", "content": "{{ content }}", "id": "it"}
        secret = {"remote_path": "{{ at }}/{{ to }}.secret", "content": SECRET, "is_secret": True, "id": "secret"}
        arguments = {"transfers": [transfer, secret]}
        tasks.append({"mngr_files_copy": arguments, "ignore_errors": True, **said, "name": name, "vars": own})
    play = {"name": "Test", "hosts": "host-1", "gather_facts": False, "roles": ["mngr_files"], "tasks": tasks}
    play |= {"vars": {"mngr_files_transfers": []}}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    return run_playbook(tmp_path, tmp_path / "play.yml")


def test_both_ways_do_the_same_and_a_program_shows_nobody_what_it_is_given(
    ssh_host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = (User("dev", root_by="sudo"), User("asked", "sudo with a password", PASSWORD), User("third"))
    host = ssh_host(layer="tools", users=users)
    host.run("mkdir -m 1777 /srv/home")
    look = "cd /; find var/tmp/out* srv/home home root/.ansible tmp -type f -printf '%p %u %m %s\\n' 2>/dev/null | sort"
    ways = {}
    for way in ("on", "off"):
        monkeypatch.setenv("MNGR_ANSIBLE_LIGHT", way)
        host.run("rm -rf /var/tmp/out /srv/home/*; mkdir -m 1777 /var/tmp/out")
        directory = put(tmp_path / way / "x").parent
        with everything_recorded() as seen:
            ran = played(directory, host)
        results = [
            {key: each.get(key) for key in ("task", "changed", "failed", "mngr_steps", "diff")} for each in ran.results
        ]
        ways[way] = results, host.run(look, check=False).stdout, [each for each in seen if SECRET in each], ran

    program, module = ways["on"], ways["off"]
    assert program[:2] == module[:2], program[3].text + module[3].text
    assert program[2] == []
    answers = [each for each in program[3].results if each["task"] in TASKS and each["task"] != "loop"]
    failed = {each["task"]: str(each["msg"]) for each in answers if "mngr_steps" not in each}
    assert set(failed) == {"wrong-password", "no-python"}
    assert "Incorrect sudo password" in failed["wrong-password"]
    assert failed["no-python"].startswith("/opt/nowhere/python3 was not found on the host.")
