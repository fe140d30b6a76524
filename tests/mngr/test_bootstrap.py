"""A bare host inside the real mngr: ready before the first file is copied, or refused in one line."""

import json

import pytest

from tests.mngr.test_plugin import ANSIBLE, error_of, succeeded
from tests.support.hosts import User
from tests.support.mngr import Mngr
from tests.support.processes import witnessed

ESSENTIAL = "tmux is missing (needed by mngr), and was not installed; rsync is missing"


@pytest.fixture
def bare(ssh_host):
    return ssh_host(layer="bare", users=(User("dev"),), has_mirror=True)


def test_create_makes_a_bare_host_ready_and_a_ready_one_starts_no_ansible(bare, tmp_path):
    mngr = Mngr(tmp_path / "project", host=bare)
    planned = succeeded(mngr.run("ansible", "bootstrap", bare.name, "--dry-run"))
    assert "missing  git " in planned.stdout
    assert bare.run("command -v git", check=False).stdout == ""

    made = succeeded(mngr.create("one", timeout=600))

    missing = (
        "host is missing python3, ca-certificates, tmux, curl, rsync, git, jq, xxd. mngr needs them; installing now"
    )
    assert made.stderr.index(missing) < made.stderr.index("Transferring git repository")
    assert "git is missing" not in made.stderr  # it was named already
    assert mngr.agents() == {"one": "ok"}
    assert bare.run("tmux list-sessions -F x").stdout == "x\n"

    with witnessed(*ANSIBLE) as seen:
        succeeded(mngr.create("two"))
        again = succeeded(mngr.run("ansible", "bootstrap", f"{bare.name}.pool", "--format", "json"))
    assert seen() == []
    document = json.loads(again.stdout)
    assert (document["command"], document["ok"]) == ("bootstrap", True)
    assert {step["status"] for step in document["hosts"][0]["steps"]} == {"ok"}
    assert "Could not find host" in error_of(mngr.run("ansible", "bootstrap", "nowhere"))


def test_what_switches_it_off_leaves_the_host_as_it_was(bare, tmp_path):
    mngr = Mngr(tmp_path / "project", host=bare)
    remedy = (
        "[Run `apt-get update && apt-get install -y python3 ca-certificates tmux curl rsync git jq xxd`, "
        "then the same command again.]"
    )
    before = bare.run("dpkg-query -W").stdout
    mngr.settings('install = "print"')
    assert error_of(mngr.create("one")).endswith(remedy)
    mngr.settings(top="is_remote_agent_installation_allowed = false")
    refused = error_of(mngr.create("one"))
    assert ESSENTIAL in refused
    assert refused.endswith(remedy)
    assert error_of(mngr.run("ansible", "bootstrap", bare.name)).endswith(remedy)
    mngr.settings("bootstrap = false")
    assert "mngr needs them" not in mngr.create("one").stderr
    mngr.settings()
    assert "mngr needs them" not in mngr.create("one", "--no-ansible").stderr
    assert bare.run("dpkg-query -W").stdout == before
    assert mngr.agents() == {}


def test_a_user_who_cannot_become_root_sees_what_an_administrator_must_run(bare, tmp_path):
    bare.run("apt-get update -qq")
    mngr = Mngr(tmp_path / "project", host=bare.as_user("dev"))
    refused = error_of(mngr.create("one"))
    assert "git is missing" in refused or "blocked" in refused
    assert refused.count("an administrator must run: sudo apt-get install -y ca-certificates tmux curl rsync git") == 1
    assert refused.endswith(
        "[Run `sudo apt-get install -y python3 ca-certificates tmux curl rsync git jq xxd`, "
        "then the same command again.]"
    )
    assert mngr.agents() == {}


@pytest.mark.parametrize("words", [("bootstrap", "{host}"), ("apply", "one", "--file", "README:/srv/readme")])
def test_mngrs_lock_of_the_host_is_waited_for(ssh_host, tmp_path, words):
    host = ssh_host(layer="tools")
    mngr = Mngr(tmp_path / "project", host=host)
    succeeded(mngr.create("one"))
    host.run("(flock /tmp/mngr/host_lock sh -c 'touch /tmp/held; sleep 8; touch /tmp/released' >/dev/null 2>&1 &)")
    host.run("until test -e /tmp/held; do sleep 0.05; done")
    succeeded(mngr.run("ansible", *(word.format(host=host.name) for word in words)))
    assert host.run("test -e /tmp/released", check=False).returncode == 0
