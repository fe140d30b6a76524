"""The programs of ours that hook into Ansible, with the oldest ansible-core that the package takes.

All other tests have the newest one.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.cores import ROOT, NotHere, make_core
from tests.support.processes import run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

LAUNCHERS = ROOT / "launcher"
PASSWORD = "typed password"
PLAYS = """\
- hosts: a:b
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - ansible.builtin.debug: {msg: "{{ inventory_hostname }} {{ secret }} {{ plain }} {{ raw }} {{ by_group }}"}
    - ansible.builtin.fail: {msg: "no"}
      when: inventory_hostname == 'a'
- hosts: c
  gather_facts: false
  tasks: [ansible.builtin.debug: ]
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with that ansible-core, and nothing of ours."""
    wanted = " ".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    oldest = re.search(r"ansible-core>=(\d+\.\d+)", wanted)
    assert oldest is not None
    try:
        return make_core(oldest[1], "3.12", tmp_path_factory.mktemp("core") / "venv").program("python")
    except NotHere as error:
        pytest.skip(str(error))


def encrypted(text: str) -> str:
    """The text as a value of YAML that ``PASSWORD`` decrypts."""
    vault = VaultLib([(DEFAULT_VAULT_ID_MATCH, VaultSecret(PASSWORD.encode()))])
    return "!vault |\n          " + vault.encrypt(text).decode().replace("\n", "\n          ")


def test_it_reads_inventories(python: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(f"""\
web:
  vars:
    mngr_ansible_manifests: [web.yml]
    ansible_port: "{{{{ 2200 + 22 }}}}"
  hosts:
    a:
      ansible_become_password: {encrypted("of a")}
      ansible_user: "{{{{ hostvars.b.name }}}}"
      os: "{{{{ ansible_facts.os }}}}"
    b: {{name: dev, ansible_host: "{{{{ nowhere }}}}"}}
    c:
db: {{vars: {{mngr_ansible_manifests: [db.yml]}}, hosts: {{a: }}}}
""")
    (tmp_path / "broken.yml").write_text("web: [\n")
    order = {"limit": "a:b", "vault_ids": [], "vault_passwords": {"default": PASSWORD}, "renders_all": True}
    order["sources"] = [str(tmp_path / "hosts.yml"), str(tmp_path / "broken.yml")]
    answer = launched(python, "ansible_inventory.py", stdin=json.dumps(order), cwd=tmp_path)
    a, b = answer["hosts"]
    assert (answer["total"], [each["name"] for each in answer["beyond"]]) == (3, ["c"])
    assert (a["groups"], a["manifests"], a["hidden"]) == (["db", "web"], ["web.yml"], ["the group web", "the group db"])
    assert (a["ssh"]["port"], a["ssh"]["remote_user"], a["become_password"]) == (2222, "dev", "of a")
    templates = {name: a["templates"][name] for name in ("ansible_port", "ansible_user", "os")}
    assert templates == {
        "ansible_port": "{{ 2200 + 22 }}",
        "ansible_user": "{{ hostvars.b.name }}",
        "os": "{{ ansible_facts.os }}",
    }
    assert (a["templates"], a["failed"], answer["groups"]["web"]) == (templates, {}, ["a", "b", "c"])
    assert (list(b["failed"]), "nowhere" in b["failed"]["ansible_host"]["text"]) == (["ansible_host"], True)
    ((failed, why),) = answer["failed"]
    assert failed == str(tmp_path / "broken.yml")
    assert "YAML" in why, why


def own_playbook(python: str, directory: Path, text: str, *, is_check: bool) -> subprocess.CompletedProcess[str]:
    (directory / "site.yml").write_text(text)
    (directory / "hosts").touch()
    (directory / "vaulted.yml").write_text(f"secret: {encrypted('vaulted')}\n")
    (directory / "group_vars").mkdir(exist_ok=True)
    (directory / "group_vars" / "web.yml").write_text("by_group: beside\n")
    variables = {"ansible_connection": "local", "plain": "{{ no template }}", "by_group": "inventory"}
    hosts = [
        {
            "name": name,
            "groups": ["web"],
            "variables": variables,
            "templates": {"raw": "{{ inventory_hostname | upper }}"},
            "levels": dict.fromkeys(variables, "group"),
        }
        for name in "abc"
    ]
    job = {
        "environment": {"OF_THE_USER": "1"},
        "hosts": hosts,
        "groups": {"all": ["c", "b", "a"], "empty": []},
        "directory": str(directory),
        "become_password": None,
        "vault_passwords": [["default", PASSWORD]],
        "is_check": is_check,
        "is_sent": is_check,
    }
    words = ["-", "-i", "hosts", "site.yml"]
    environment = {
        "ANSIBLE_INVENTORY_PLUGINS": str(LAUNCHERS / "inventory_plugins"),
        "ANSIBLE_INVENTORY_ENABLED": "mngr_ansible_memory",
        "PATH": "/usr/bin:/bin",
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        [python, "-P", "-E", LAUNCHERS / "own_playbook.py", *words],
        input=json.dumps(job),
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_it_runs_playbooks_of_the_users_own(python: str, tmp_path: Path) -> None:
    done = own_playbook(
        python, tmp_path, PLAYS.replace("gather", "vars_files: [vaulted.yml]\n  gather", 1), is_check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    said = re.findall(r'"msg": "([ab] .*)"', done.stdout)
    assert sorted(said) == [f"{name} vaulted {{{{ no template }}}} {name.upper()} beside" for name in "ab"]
    counted = re.findall(r"(?m)^(\w) .*failed=(\d)", done.stdout)
    assert counted == [("a", "1"), ("b", "1"), ("c", "1")], "Ansible counts a task, we a playbook that was left out"


def test_it_checks_playbooks_of_the_users_own(python: str, tmp_path: Path) -> None:
    good = json.loads(own_playbook(python, tmp_path, PLAYS, is_check=True).stdout)
    bad = json.loads(own_playbook(python, tmp_path, "- hosts: a\n  tasks:\n    - no.such.one:\n", is_check=True).stdout)
    plays = [("a:b", ["a", "b"]), ("c", ["c"])]
    assert (good["problem"], [(each["pattern"], each["hosts"]) for each in good["plays"]]) == (None, plays)
    beside = [f"{tmp_path}/group_vars/web.yml", f"{tmp_path}/site.yml"]
    assert (good["vault_passwords"], good["files"]) == ([["default", PASSWORD]], beside)
    assert "couldn't resolve module/action" in bad["problem"]
    assert f"(line 3 of {tmp_path}/site.yml)" in bad["problem"]


def test_it_takes_each_hosts_password_from_one_line(python: str, tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text(
        "- {hosts: all, gather_facts: false, connection: local, tasks: [{ansible.builtin.debug: "
        "{msg: '{{ inventory_hostname }} has {{ ansible_become_password }}.'}}]}\n"
    )
    words = [python, "-P", "-E", LAUNCHERS / "ansible_playbook.py", "site.yml", "-i", "a,b", "--ask-become-pass"]
    passwords = {"a": "first", "b": "second"}
    code, said = run_in_terminal(words, b"BECOME password: ", json.dumps(passwords), cwd=tmp_path)
    assert code == 0, said
    assert "a has first." in said
    assert "b has second." in said


def launched(python: str, name: str, *, stdin: str, cwd: Path) -> dict[str, Any]:
    """The answer of a program."""
    done = subprocess.run([python, "-P", "-E", LAUNCHERS / name], input=stdin, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
