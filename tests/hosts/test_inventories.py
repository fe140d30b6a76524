"""Hosts of an Ansible inventory: reached, planned and changed as it says. They are users of one test host."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.command_line import document, mngr_ansible
from tests.support.hosts import SshHost, User, running
from tests.support.processes import everything_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORDS = {"dev": "c4n4ry1 'q' $HOME #", "ops": "c4n4ry2'\"\\ ü"}
LONG = "c4n4ry3" * 800
"""Longer than a line that a terminal takes."""

USERS = (*(User(name, "sudo with a password", password) for name, password in PASSWORDS.items()), User("plain"))


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None) -> Iterator[SshHost]:
    """The host of all users. A test writes below a directory of its own, or to one file of ``/etc``."""
    with running(layer="tools", name="fleet", users=USERS) as made:
        yield made


@pytest.fixture
def fleet(host: SshHost, tmp_path: Path, home: Path) -> Path:
    """The directory of an inventory: its groups' variables, some of them vaulted, and what its manifests name.

    ``web-1`` and ``web-2`` become root with passwords of their own; ``db-1`` is an alias of the user's ssh
    configuration; ``jumped`` is reached through another ssh.
    """
    (home / ".ssh").mkdir(exist_ok=True)
    (home / ".ssh/config").write_text(host.as_user("plain").ssh_config_entry().replace("Host fleet", "Host db-1"))
    directory = tmp_path / "fleet"
    (directory / "group_vars").mkdir(parents=True)
    jump = f"ssh -F none -i {host.key} -o UserKnownHostsFile={host.known_hosts} -p {host.port} -W %h:%p plain@127.0.0.1"
    common = f"-F none -o UserKnownHostsFile={host.known_hosts}"
    (directory / "hosts.ini").write_text(
        f"""
[web]
web-1 ansible_user=dev
web-2 ansible_user=ops
[web:vars]
ansible_become=true
[db]
db-1
jumped ansible_user=plain ansible_ssh_common_args='{common} -o "ProxyCommand={jump}"'
[addressed:children]
web
[addressed:vars]
ansible_host={host.hostname}
ansible_ssh_common_args='{common}'
[addressed]
jumped
[all:vars]
ansible_ssh_private_key_file={host.key}
ansible_port={host.port}
ansible_python_interpreter=auto_silent
"""
    )
    lines = "".join(f"vaulted_{name}: {json.dumps(password)}\n" for name, password in PASSWORDS.items())
    secrets = [(DEFAULT_VAULT_ID_MATCH, VaultSecret(b"vault password"))]
    (directory / "group_vars/all.yml").write_bytes(VaultLib(secrets).encrypt(lines))
    (directory / "group_vars/web.yml").write_text(
        "ansible_become_password: \"{{ lookup('vars', 'vaulted_' ~ ansible_user) }}\"\n"
        "mngr_ansible_manifests: [manifests/web.yml]\n"
    )
    (directory / "manifests").mkdir()
    (directory / "manifests/web.yml").write_text("files: [{local_path: site, remote_path: /etc/site}]\n")
    (directory / "manifests/site").write_text("x")
    (directory / "password").write_text("vault password\n")
    return directory


def of(fleet: Path, *words: object) -> list[str]:
    return [*map(str, words), "--inventory", str(fleet / "hosts.ini"), "--vault-id", f"fleet@{fleet}/password"]


def test_each_host_is_reached_and_root_there_as_its_inventory_says_and_no_password_is_found_anywhere(
    host: SshHost, fleet: Path, home: Path
) -> None:
    words = of(fleet, "apply", "--json", "-v", "--file", f"{fleet}/manifests/site:ours/site")
    before = (host.directory / "log").read_text().count("Accepted publickey")
    with everything_recorded() as seen:
        done = mngr_ansible(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    # one for each host, which Ansible shares with the probe, and one of the jump
    assert (host.directory / "log").read_text().count("Accepted publickey") - before == 5
    steps = {each["host"]: [step["id"] for step in each["steps"]] for each in document(done)["hosts"]}
    assert steps == {
        "web-1": ["file:/etc/site", "file:/home/dev/ours/site"],
        "web-2": ["file:/etc/site", "file:/home/ops/ours/site"],
        "db-1": ["file:/home/plain/ours/site"],
        "jumped": ["file:/home/plain/ours/site"],
    }
    files = ["/etc/site", *(f"/home/{name}/ours/site" for name in ("dev", "ops", "plain"))]
    assert host.run(f"stat -c %U {' '.join(files)}").stdout.split() == ["root", "root", "root", "plain"]
    said = [done.stdout, done.stderr, *seen]
    said += [path.read_text(errors="replace") for path in home.rglob("*") if path.is_file()]
    assert not [each for each in said if "c4n4ry" in each]
    again = mngr_ansible(*of(fleet, "plan", "--detailed-exitcode", "--file", f"{fleet}/manifests/site:ours/site"))
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_wrong_password_of_one_host_stops_that_host_alone(host: SshHost, fleet: Path) -> None:
    text = (fleet / "hosts.ini").read_text()
    (fleet / "hosts.ini").write_text(text.replace("web-2 ", f"web-2 ansible_become_password={LONG} "))
    (fleet / "manifests/site").write_text("changed")
    done = mngr_ansible(*of(fleet, "apply", "--json", "--limit", "web"))
    assert done.returncode == 1
    (error,) = document(done)["errors"]
    assert (error["host"], "sudo did not accept the password for ops" in error["problem"]) == ("web-2", True)
    assert "Correct ansible_become_password, or check" in error["remedy"]
    assert host.run("cat /etc/site").stdout == "changed"
    assert "c4n4ry" not in done.stdout + done.stderr


def test_a_rendered_directory_has_the_inventory_s_names_and_leads_there_and_has_no_password(
    host: SshHost, fleet: Path, tmp_path: Path
) -> None:
    (fleet / "manifests/site").write_text("rendered")
    directory = tmp_path / "rendered"
    done = mngr_ansible(*of(fleet, "render", directory, "--limit", "web-1:jumped", "--file", f"{fleet}/password:~/p"))
    assert done.returncode == 0, done.stdout + done.stderr
    variables = {path.stem: path.read_text() for path in (directory / "inventory/host_vars").iterdir()}
    assert set(variables) == {"web-1", "jumped"}
    assert "ProxyCommand" in variables["jumped"]
    assert "c4n4ry" not in "".join(variables.values())
    playbook = shutil.which("ansible-playbook")
    assert playbook is not None
    words = [
        playbook,
        "-i",
        str(directory / "inventory"),
        str(directory / "project/provision.yml"),
        "--limit",
        "jumped",
    ]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=directory)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert host.run("cat /home/plain/p").stdout == "vault password\n"
