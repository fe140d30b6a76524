"""Playbooks of the user's own on hosts of an inventory: what it says reaches them, and its secrets stay in memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.command_line import argv, document, mngr_ansible, statuses
from tests.support.hosts import User
from tests.support.processes import everything_recorded, processes_with, started
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "c4n4ry-of-a-vault"
PASSWORD = "c4n4ry-of-sudo"

SITE = """\
- hosts: web
  tasks:
    - name: Say who this is
      become: true
      copy:
        dest: "/etc/of-{{ inventory_hostname }}"
        content: "{{ group_names }} {{ groups['far'] }} {{ said }} {{ who }}\\n"
      vars: {who: "{{ mngr_host_name }}", said: "{{ secret }} {{ release }} {{ level }} {{ nested }}"}
    - name: Look for the secrets on this machine's disk
      delegate_to: localhost
      become: false
      run_once: true
      shell: "grep -rlaF c4n4ry {{ lookup('env', 'XDG_STATE_HOME') }} {{ lookup('env', 'TMPDIR') }} || true"
      register: found
      changed_when: false
      failed_when: found.stdout != ''
- hosts: localhost
  tasks: [{copy: {dest: "{{ playbook_dir }}/here", content: here}}]
- hosts: db
  tasks: [{fail: {msg: no}}]
"""


def vaulted(text: str, password: Path) -> str:
    """The text as ansible-vault has it in a YAML file."""
    words = [sys.executable, "-m", "ansible", "vault", "encrypt_string", "--vault-id", f"prod@{password}"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_inventory_reaches_the_playbook_and_its_secrets_are_on_no_disk_and_in_no_command(
    ssh_host, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    host = ssh_host(layer="tools", users=(User("dev", "sudo with a password", PASSWORD),))
    own, inventory = tmp_path / "own", tmp_path / "inventory"
    (own / "group_vars").mkdir(parents=True)
    (own / "site.yml").write_text(SITE)
    for group, text in {"all": "level: playbook", "web": "nested: parent", "app": "nested: child"}.items():
        (own / "group_vars" / f"{group}.yml").write_text(f"{text}\n")
    password = tmp_path / "vault-password"
    password.write_text("open sesame\n")
    (inventory / "group_vars").mkdir(parents=True)
    (inventory / "group_vars/all.yml").write_text("level: inventory\n")
    (inventory / "group_vars/web.yml").write_text(
        f"secret: {vaulted(SECRET, password)}\nrelease: \"{{{{ ansible_facts['distribution'] }}}}\"\n"
    )
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars/web-2.yml").write_text(f"ansible_become_password: {vaulted(PASSWORD, password)}\n")
    common = {
        "ansible_host": host.hostname,
        "ansible_port": host.port,
        "ansible_ssh_private_key_file": str(host.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={host.known_hosts}",
    }
    groups = {
        "web": {"children": {"app": {"hosts": {"web-1": {"ansible_user": "root"}, "web-2": {"ansible_user": "dev"}}}}},
        "db": {"hosts": {"db-1": {"ansible_user": "root"}}},
        "far": {"hosts": {"far-1": {"ansible_host": "192.0.2.1"}}},
    }
    (inventory / "hosts.yml").write_text(json.dumps({"all": {"vars": common, "children": groups}}))
    words = ["--inventory", inventory, "--limit", "!far", "--vault-id", f"prod@{password}"]
    with everything_recorded() as seen:
        done = mngr_ansible("apply", *words, "--playbook", own / "site.yml", "--json", cwd=tmp_path)
    step = f"playbook:{own}/site.yml"
    names = [each["host"] for each in document(done)["hosts"]]
    found = {name: statuses(done, number)[step] for number, name in enumerate(names)}
    assert found == {"web-1": "changed", "web-2": "changed", "db-1": "failed"}, done.stderr
    of_all = host.run("cat /etc/of-web-1 /etc/of-web-2").stdout
    assert of_all == "".join(
        f"['app', 'web'] ['far-1'] {SECRET} Debian playbook child {name}\n" for name in ("web-1", "web-2")
    )
    assert (own / "here").read_text() == "here"
    assert len(seen) > 20
    assert not [each for each in seen if "c4n4ry" in each]
    kept = [each for each in (tmp_path / "state").rglob("*") if each.is_file()]
    assert not [each for each in kept if b"c4n4ry" in each.read_bytes()]
    assert kept  # of the host that failed
    assert "c4n4ry" not in done.stdout + done.stderr
    accepted = (host.directory / "log").read_text().count("Accepted publickey")
    assert accepted <= 3  # one connection for each host, the probe's


def test_what_it_runs_on_a_host_ends_with_the_run(ssh_host, tmp_path):
    host = ssh_host(layer="python")
    command = f"sleep 32{os.getpid()}"  # the host's processes are seen here
    (tmp_path / "wait.yml").write_text(f"- {{hosts: all, gather_facts: false, tasks: [{{command: {command}}}]}}\n")
    reached = f"ansible_host={host.hostname} ansible_port={host.port} ansible_user=root"
    options = (
        f"ansible_ssh_private_key_file={host.key} ansible_ssh_common_args='-o UserKnownHostsFile={host.known_hosts}'"
    )
    (tmp_path / "hosts").write_text(f"web {reached} {options}\n")
    words = argv("apply", "--inventory", "hosts", "--playbook", "wait.yml")
    with started(words, cwd=tmp_path, start_new_session=True) as run:
        wait_until(lambda: processes_with(command), 60)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(60) == 130
    wait_until(lambda: not processes_with(command))
