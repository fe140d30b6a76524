"""mngr's hosts as an Ansible inventory: the script, the verbs, and Ansible itself on a real ssh host of mngr."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mngr_ansible.content.collection import write_collection

BIN = Path(sys.executable).parent
SCRIPT = BIN / "mngr-ansible-inventory"


PLUGIN = """
plugin: mngr.provisioning.mngr_hosts
command: [{mngr}, ansible, inventory, --list]
compose:
  first_agent: mngr_agents[0].name
groups:
  working: mngr_agents | length > 0
keyed_groups:
  - key: mngr_agents | map(attribute='name')
    prefix: agent
"""


def run(remote, *words, **env):
    return subprocess.run(
        list(map(str, words)),
        cwd=remote.project,
        env=remote.environment() | env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def test_ansible_reaches_the_hosts_of_mngr_by_the_groups_of_the_script(remote, host, tmp_path):
    made = remote.create("one", "--label", "env=my prod", "--label", "note={{ 1 }}", "--env", "TOKEN=s3cret-of-mngr")
    assert made.returncode == 0, made.stderr
    printed = run(remote, SCRIPT, "--list")
    assert printed.returncode == 0, printed.stderr
    document = json.loads(printed.stdout)
    groups = {name: group["hosts"] for name, group in document.items() if name != "_meta"}
    expected = {"mngr", "provider_pool", "state_running", "type_command", "label_env", "label_env_my_prod"}
    assert expected <= set(groups)
    assert groups["label_env_my_prod"] == groups["mngr"] == [host.name]
    (agent,) = document["_meta"]["hostvars"][host.name]["mngr_agents"]
    assert (agent["name"], agent["type"], agent["labels"]["env"]) == ("one", "command", "my prod")
    assert "note" not in agent["labels"]
    assert "note" in printed.stderr
    assert "s3cret-of-mngr" not in printed.stdout + printed.stderr
    assert host.key not in ("", None)
    assert Path(host.key).read_text().splitlines()[1] not in printed.stdout

    one = document["_meta"]["hostvars"][host.name]
    assert json.loads(run(remote, BIN / "mngr-ansible", "inventory", "--host", host.name).stdout) == one
    refused = run(remote, BIN / "mngr-ansible", "inventory", "--host", "nope")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "error: mngr has no ssh host 'nope'\n       See the names of its hosts: mngr-ansible inventory\n" in (
        refused.stderr
    )

    pinged = run(remote, BIN / "ansible", "-i", SCRIPT, "label_env_my_prod", "-m", "ping", "-o")
    assert pinged.returncode == 0, pinged.stdout + pinged.stderr
    assert pinged.stdout.startswith(f"{host.name} | SUCCESS")

    write_collection(tmp_path / "collections")
    (tmp_path / "mngr_hosts.yml").write_text(PLUGIN.format(mngr=BIN / "mngr"))
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    listed = run(remote, BIN / "ansible-inventory", "-i", tmp_path / "mngr_hosts.yml", "--list", **collections)
    assert listed.returncode == 0, listed.stderr
    seen = json.loads(listed.stdout)
    variables = seen["_meta"]["hostvars"][host.name]
    assert set(variables) == set(one) | {"first_agent"}
    assert variables["first_agent"] == {"__ansible_unsafe": "one"}, "data, and no template"
    assert set(groups) | {"agent_one", "working"} <= set(seen)
    assert "note" in listed.stderr
    (tmp_path / "mngr_hosts.yml").write_text(PLUGIN.format(mngr="/nowhere/mngr"))
    listed = run(remote, BIN / "ansible-inventory", "-i", tmp_path / "mngr_hosts.yml", "--list", **collections)
    assert "/nowhere/mngr ansible inventory --list cannot be run" in listed.stderr


def test_a_pool_with_a_silent_host_is_listed_with_the_agents_of_the_others(remote, host):
    assert remote.create("one").returncode == 0
    settings = remote.project / ".mngr" / "settings.toml"
    dead = '[providers.pool.hosts.dead]\naddress = "127.0.0.1"\nport = 9\nuser = "root"\n'
    settings.write_text(settings.read_text().replace("[plugins.ansible]", f"{dead}[plugins.ansible]"))
    printed = run(remote, SCRIPT)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)["provider_pool"]["hosts"] == ["dead", host.name]
    assert "The agents of host dead are not in the inventory: it does not answer" in printed.stderr
    assert json.loads(printed.stdout)["type_command"]["hosts"] == [host.name]


def test_without_the_plugin_the_error_says_how_to_add_it(local):
    settings = local.project / ".mngr" / "settings.toml"
    settings.write_text("is_allowed_in_pytest = true\n[plugins.ansible]\nenabled = false\n")
    refused = run(local, SCRIPT)
    assert refused.returncode == 1
    assert "has no plugin ansible" in refused.stderr
    assert "mngr plugin add mngr-ansible" in refused.stderr
