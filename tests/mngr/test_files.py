"""Our files beside mngr's own, in the real mngr: its transfers come after ours. Source: docs/contract.md "Hooks"."""

import json

import pytest

from tests.support.builders import tree, write
from tests.support.mngr import Mngr, plugins
from tests.support.processes import witnessed

ANSIBLE = ("mngr_ansible.run.supervisor", "launcher/ansible_playbook.py")


@pytest.fixture
def host(ssh_host):
    return ssh_host(layer="tools")


def succeeded(done):
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def warnings_of(done):
    return [line for line in succeeded(done).stderr.splitlines() if "WARNING" in line.upper() and "mngr" in line]


def steps_of(done):
    return {step["id"]: step["status"] for step in json.loads(succeeded(done).stdout)["hosts"][0]["steps"]}


def test_a_state_that_is_sent_once_stays_as_the_agent_changed_it(remote, host, tmp_path):
    remote.plugins = [plugins.install(tmp_path / "site", "mngr_notebook")]
    succeeded(remote.create("one"))
    agent = remote.listed()["one"]
    directory = f"/tmp/mngr/agents/{agent['id']}/plugin/notebook"
    assert host.run(f"ls {directory}").stdout.split() == ["counters.json", "notes.md"]

    host.run(f"cd {directory} && echo mine > notes.md && chmod 600 notes.md && echo more > other && rm counters.json")
    assert steps_of(remote.run("ansible", "plan", "one", "--format", "json")) == {f"file:{directory}": "differs"}
    for _ in range(2):
        succeeded(remote.run("ansible", "apply", "one"))
    look = f"cd {directory} && cat notes.md counters.json && stat -c %a notes.md && ls"
    assert host.run(look).stdout.split("\n")[:3] == ["mine", '{"pages": 0}', "600"]
    assert host.run(f"ls {directory}").stdout.split() == ["counters.json", "notes.md", "other"]
    with witnessed(*ANSIBLE) as seen:
        succeeded(remote.run("ansible", "apply", "one"))
    assert seen() == []

    remote.run("destroy", "one", "--force")  # it then says that an ssh host cannot be destroyed
    assert host.run(f"test -e {directory}", check=False).returncode != 0


SENDER = """
from imbue.mngr.agents.default_plugins.command_agent import CommandAgent
from imbue.mngr.config.data_types import AgentTypeConfig
from imbue.mngr.interfaces.data_types import FileTransferSpec

class Sender(CommandAgent):
    def get_provision_file_transfers(self, host, options, mngr_ctx):
        here = Path(os.environ["SENT"])
        names = {".tool/run.sh": "tool/run.sh", ".tool/conf": "theirs", "kept": "theirs"}
        return [FileTransferSpec(local_path=here / ours, agent_path=Path(name), is_required=True)
                for name, ours in names.items()]

@hookimpl
def register_agent_type():
    return "sender", Sender, AgentTypeConfig

@hookimpl
def on_after_agent_provisioning(agent, host):
    log(host.execute_idempotent_command(f"stat -c %a {agent.work_dir} {agent.work_dir}/.tool/run.sh").stdout)
"""


def test_modes_that_mngr_changed_are_restored_and_content_that_it_replaced_is_a_warning(remote, host, tmp_path):
    write(tree(tmp_path / "tool", "conf") / "run.sh", "#!/bin/sh\n", 0o755)
    tree(tmp_path / "top", "a")
    tree(tmp_path / "up", "one", "two")
    (tmp_path / "up" / "two").chmod(0o640)
    write(tmp_path / "theirs", "theirs")
    remote.settings(
        f"""files = [
            {{local_path = "{tmp_path}/top", remote_path = "."}},
            {{local_path = "{tmp_path}/tool", remote_path = ".tool"}},
            {{local_path = "{tmp_path}/up/one", remote_path = "kept", if_exists = "keep"}},
            {{local_path = "{tmp_path}/up", remote_path = "/srv/up"}},
        ]"""
    )
    remote.plugins = [plugins.write(tmp_path / "site", sender=SENDER)]
    env = {"SENT": str(tmp_path), "PEER_LOG": str(tmp_path / "log")}
    uploads = [word for name in ("one", "two") for word in ("--upload-file", f"{tmp_path}/theirs:/srv/up/{name}")]
    uploads[-1] = f"{tmp_path}/up/two:/srv/up/two"

    made = succeeded(remote.create("one", "--type", "sender", *uploads, env=env))

    work_dir = remote.listed()["one"]["work_dir"]
    look = f"cd {work_dir} && stat -c %a . .tool .tool/run.sh /srv/up /srv/up/two && cat .tool/conf kept /srv/up/one"
    assert host.run(look).stdout.split() == ["755", "755", "755", "755", "640", "theirstheirstheirs"]
    assert (tmp_path / "log").read_text().split() == ["755", "755"]
    reported = [line.partition("WARNING: ")[2] for line in made.stderr.splitlines() if "replaced" in line]
    assert sorted(reported) == [
        f"/srv/up/one: mngr's --upload-file {tmp_path}/theirs replaced the file that settings sent",
        f"{work_dir}/.tool/conf: mngr's agent type sender replaced the file that settings sent",
    ]
    assert remote.agents() == {"one": "ok"}

    planned = steps_of(remote.run("ansible", "plan", "one", "--diff", "--format", "json", env=env))
    assert planned[f"file:{work_dir}/.tool"] == "differs"
    shown = succeeded(remote.run("ansible", "plan", "one", "--diff", env=env)).stdout
    assert "-theirs" in shown
    assert "+content" in shown


def test_mngr_takes_the_settings_of_secrets_and_of_what_stays_here(tmp_path):
    secret = write(tmp_path / "secret", "canary", 0o644)
    local = Mngr(tmp_path / "project")
    table = f"""
        files = [{{local_path = "{secret}", remote_path = "{tmp_path}/there/secret", is_secret = true}}]
        [plugins.ansible.plugins.settings]
        exclude_files = ["*.log"]
        secrets = SECRETS
    """
    try:
        local.settings("strict_secrets = true" + table.replace("SECRETS", "true"))
        refused = local.create("one")
        assert refused.returncode == 1
        assert f"chmod 600 {secret}" in refused.stderr
        local.settings("strict_secrets = true" + table.replace("SECRETS", "false"))
        succeeded(local.create("one"))
    finally:
        local.close()
    assert not (tmp_path / "there" / "secret").exists()
