"""Several agents, or all, in one command: no agent stops another, and each has its own result and status."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.mngr import Mngr, plugins
from tests.support.processes import started
from tests.support.waiting import wait_until

REFUSING = """
import os

@hookimpl
def on_before_agent_provisioning(agent):
    if str(agent.name) in os.environ.get("REFUSED", "").split():
        raise RuntimeError(f"{agent.name} is refused")

@hookimpl
def provision_agent(agent):
    if str(agent.name) in os.environ.get("UNDOABLE", "").split():
        return ["no-such-tool"]
"""


@pytest.fixture
def hosts(ssh_host):
    return ssh_host(layer="tools", name="first"), ssh_host(layer="tools", name="second")


@pytest.fixture
def pool(project, tmp_path, hosts):
    """Two agents on the first host, and one on the second."""
    first, second = hosts
    mngr = Mngr(project, host=first, others=[second], plugins=[plugins.write(tmp_path / "site", refusing=REFUSING)])
    for name, place in (("a", first), ("b", first), ("c", second)):
        made = mngr.create(name, at=place)
        assert made.returncode == 0, made.stderr
    return mngr


def documents(done):
    found = json.loads(done.stdout)
    return found, {host["host"]: host for host in found["hosts"]}


def statuses(host):
    return [step["status"] for step in host["steps"]]


def test_hosts_go_side_by_side_and_no_agent_stops_another(pool, hosts, project):
    first, second = hosts
    pool.settings('files = [{local_path = "README", remote_path = "/srv/readme"}]')

    planned = pool.run("ansible", "plan", "--all", "--format", "json", "--detailed-exitcode")
    assert planned.returncode == 2, planned.stderr
    document, by_host = documents(planned)
    assert {name: host["agent"] for name, host in by_host.items()} == {"a@first": "a", "b@first": "b", "c@second": "c"}
    assert all(statuses(host) == ["missing"] for host in by_host.values())

    refused = pool.run("ansible", "apply", "b", "a", "c@second", env={"REFUSED": "b"})
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    (error,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert error.startswith("Error: 1 of 3 agents failed: b@first: a plugin stopped provisioning")
    assert "3 agents: 2 done (2 changed), 1 not reached" in refused.stdout
    assert [host.run("cat /srv/readme").stdout for host in hosts] == ["a project\n", "a project\n"]
    assert pool.agents() == {"a": "ok", "b": "failed", "c": "ok"}

    (project / "README").write_text("again\n")
    stopped = pool.run("ansible", "apply", "c", "a", "b", "--canary", "1", "--format", "json", env={"UNDOABLE": "c"})
    assert stopped.returncode == 1
    document, by_host = documents(stopped)
    assert list(by_host) == ["c@second", "a@first", "b@first"]
    assert statuses(by_host["c@second"]) == ["changed", "failed"]
    assert statuses(by_host["a@first"]) == statuses(by_host["b@first"]) == ["not-reached"]
    assert first.run("cat /srv/readme").stdout == "a project\n"
    assert pool.agents() == {"a": "ok", "b": "failed", "c": "failed"}

    done = pool.run("ansible", "apply", "--all", "--format", "json")
    assert done.returncode == 0, done.stderr
    document, by_host = documents(done)
    assert [statuses(host) for host in by_host.values()] == [["changed"], ["ok"], ["ok"]]

    slow = [{"hosts": "all", "gather_facts": False, "tasks": [{"raw": "touch /srv/slow; sleep 600"}]}]
    (project / "slow.yml").write_text(json.dumps(slow))
    words = [*pool.program, "ansible", "apply", "--all", "--playbook", "slow.yml", "--format", "json"]
    with started(words, cwd=project, env=pool.environment()) as process:
        wait_until(lambda: all(host.run("test -e /srv/slow", check=False).returncode == 0 for host in hosts), 180)
        process.send_signal(signal.SIGINT)
        left, talk = process.communicate(timeout=120)
    assert process.returncode == 130, talk
    by_host = {host["host"]: host for host in json.loads(left)["hosts"]}
    assert {name: statuses(host) for name, host in by_host.items()} == {
        "a@first": ["ok", "unknown"],
        "b@first": ["not-reached", "not-reached"],
        "c@second": ["ok", "unknown"],
    }
    assert pool.agents() == {"a": "failed", "b": "ok", "c": "failed"}

    second.stop()
    left = pool.run("ansible", "apply", "--all", "--format", "json")
    assert left.returncode == 1
    document, by_host = documents(left)
    assert {name: statuses(host) for name, host in by_host.items()} == {"a@first": ["ok"], "b@first": ["ok"]}
    assert document["errors"][0]["host"] == "second"
    assert "its agents are not known" in document["errors"][0]["problem"]


def test_no_agent_is_an_error_of_usage_and_a_wrong_option_one_error(local):
    refused = local.run("ansible", "plan")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Name an agent, or several, or give --all." in refused.stderr
    refused = local.run("ansible", "apply", "--all", "--canary", "500%")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--canary '500%' is not a number of hosts above 0, or a part of them up to 100%" in refused.stderr
