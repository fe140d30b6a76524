"""The life of an agent: what it was created with, new options when it is reused or updated, and a create that ends."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.mngr import plugins
from tests.support.processes import started
from tests.support.waiting import wait_until

PRINTING = """
import subprocess

@hookimpl
def on_before_agent_provisioning():
    print("printed before")

@hookimpl
def provision_agent():
    subprocess.run(["echo", "printed by a program"], check=True)

@hookimpl
def on_after_agent_provisioning(report):
    print("printed after")
"""


def succeeded(done):
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def failed(done):
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def steps(mngr, agent="one"):
    planned = succeeded(mngr.run("ansible", "plan", agent, "--format", "json"))
    return {step["id"]: step for step in json.loads(planned.stdout)["hosts"][0]["steps"]}


def record_of(home):
    (record,) = (home / ".mngr/agents").glob("*/data.json")
    return record


def test_what_a_create_was_given_is_used_by_every_later_command_and_a_reuse_adds_to_it(remote, host, project):
    (project / "host.yml").write_text("files: [{local_path: README, remote_path: /srv/readme}]")
    succeeded(remote.create("one", "--ansible-package", "mtool>=2", "--ansible-manifest", "host.yml"))
    host.run("rm /srv/readme && apt-get purge -qq -y mtool")
    found = steps(remote)
    assert {name: step["status"] for name, step in found.items()} == {
        "file:/srv/readme": "missing",
        "package:mtool": "missing",
    }
    assert found["package:mtool"]["wanted"] == ">=2"
    succeeded(remote.run("ansible", "apply", "one"))
    assert host.run("mtool && cat /srv/readme").stdout == "mtool 2.1\na project\n"

    running = succeeded(remote.create("one", "--reuse", "--ansible-package", "other"))
    assert "Reusing existing agent: one" in running.stderr
    assert host.run("other").stdout == "other 1.0\n"
    succeeded(remote.run("stop", "one"))
    host.run("apt-get purge -qq -y other")
    stopped = failed(remote.create("one", "--reuse", "--ansible-package", "mtool>=3"))
    assert "mtool" in stopped
    assert ">=3" in stopped
    after = remote.listed()["one"]
    assert (after["state"], after["plugin"]["ansible"]["status"]) == ("STOPPED", "failed")
    succeeded(remote.create("one", "--reuse", "--ansible-package", "mtool>=2.1"))
    assert host.run("other").stdout == "other 1.0\n"
    assert {name: step["wanted"] for name, step in steps(remote).items() if step["kind"] == "package"} == {
        "package:mtool": ">=2.1",
        "package:other": "any",
    }
    assert remote.agents() == {"one": "ok"}


def test_an_update_replaces_the_options_that_it_gives_and_keeps_the_others(local, project, home):
    (project / "host.yml").write_text("packages: [{name: no-such-tool, is_required: false}]")
    words = ("--transfer", "none", "--reuse", "--update")
    succeeded(local.create("one", "--transfer", "none", "--ansible-package", "git", "--ansible-manifest", "host.yml"))
    succeeded(local.create("one", *words))
    assert set(steps(local)) == {"package:git", "package:no-such-tool"}
    assert "needed >=99" in failed(local.create("one", *words, "--ansible-package", "git>=99"))
    assert steps(local)["package:git"]["wanted"] == ">=99"
    wrong = failed(local.create("one", *words, "--ansible-package", "tar", "--extra-provision-command", "exit 3"))
    assert "Removing agent" not in wrong
    assert set(steps(local)) == {"package:tar", "package:no-such-tool"}

    (project / "host.yml").unlink()
    gone = failed(local.run("ansible", "plan", "one"))
    assert f"the manifest {project}/host.yml cannot be read: no such file" in gone
    (project / "new.yml").write_text("packages: [{name: sed}]")
    reused = succeeded(local.create("one", "--reuse", "--ansible-manifest", "new.yml"))
    assert f"The manifest {project}/host.yml is gone, so it is no longer used for this agent." in reused.stderr
    assert set(steps(local)) == {"package:sed", "package:tar"}


def test_a_record_that_a_host_changed_is_not_used_and_says_what_it_holds(local, project, home):
    succeeded(local.create("one", "--ansible-package", "git"))
    secret = project / "secret.yml"
    secret.write_text("files: [{local_path: README, remote_path: stolen}]")
    record = record_of(home)
    data = json.loads(record.read_text())
    data["plugin"]["ansible"]["created_with"]["manifests"] = [str(secret)]
    record.write_text(json.dumps(data))
    planned = succeeded(local.run("ansible", "plan", "one"))
    assert "stolen" not in planned.stdout
    options = f"not written by you on this machine, so it is not used: --package git --manifest {secret}."
    assert options in planned.stderr
    (key,) = (home / ".mngr/profiles").glob("*/mngr-ansible.key")
    assert key.stat().st_mode & 0o777 == 0o600
    data["plugin"]["ansible"]["created_with"] = {"packages": 3, "install": {}, "theirs": None}
    record.write_text(json.dumps(data))
    assert "was not written by you on this machine" in succeeded(local.run("ansible", "plan", "one")).stderr


def test_options_of_a_repositorys_settings_stay_its_own_words(local, project, tmp_path):
    (project / "theirs.yml").write_text(
        f"packages: [{{name: spy, checks: [{{kind: shell, value: 'touch {tmp_path}/ran'}}], is_required: false}}]"
    )
    local.settings()
    settings = project / ".mngr/settings.toml"
    settings.write_text(f'{settings.read_text()}\n[commands.create]\nansible_manifest = ["theirs.yml"]\n')
    succeeded(local.create("one"))
    found = steps(local)
    assert found["package:spy"]["status"] == "skipped"
    assert "not checked on this machine" in found["package:spy"]["reason"]
    assert not (tmp_path / "ran").exists()


def test_what_is_known_to_be_missing_is_told_before_anything_is_sent(remote, host, project):
    remote.settings('files = [{local_path = "nope", remote_path = "/srv/nope"}]')
    told = failed(remote.create("one"))
    assert "1 required file is missing" in told
    assert "Transferring" not in told
    remote.settings('files = [{local_path = "README", remote_path = "/srv/readme"}]')
    printed = failed(remote.create("one", "--ansible-package", "mtool", "--ansible-install", "print"))
    assert "mtool is missing (needed by command-line), and was not installed" in printed
    assert "[Run `apt-get update && apt-get install -y mtool`, then the same command again.]" in printed
    assert host.run("ls /srv").stdout == "apt\n"
    assert remote.agents() == {}


@pytest.mark.parametrize("transfer", [(), ("--transfer", "none")])
def test_an_agent_that_mngrs_own_provisioning_fails_leaves_nothing(local, project, home, transfer):
    told = failed(local.create("one", *transfer, "--extra-provision-command", "exit 3"))
    assert "mngr could not create the agent. Removing agent one." in told
    assert told.splitlines()[-2:] == ["Error: Extra provision command failed: exit 3", "stderr: "]
    assert local.agents() == {}
    assert list((home / ".mngr/agents").iterdir()) == []
    assert (project / "README").exists()
    assert subprocess.run(["git", "branch", "--list", "mngr/*"], cwd=project, capture_output=True).stdout == b""
    succeeded(local.create("one", *transfer))


def test_an_agent_that_another_plugin_fails_before_us_leaves_nothing_either(local, tmp_path):
    early = "@hookimpl(tryfirst=True)\ndef on_before_provisioning():\n    raise PluginMngrError('early')\n"
    local.plugins = [plugins.write(tmp_path / "site", early=early)]
    assert failed(local.create("one")).splitlines()[-2:] == [
        "mngr could not create the agent. Removing agent one.",
        "Error: early",
    ]
    assert local.agents() == {}


def test_a_manifest_that_does_not_stay_is_refused(local):
    assert "this is no file that stays  [Write it into a file, and give that.]" in failed(
        local.create("one", "--ansible-manifest", "-")
    )


@pytest.mark.parametrize(("provider", "number", "code"), [("remote", signal.SIGINT, 1), ("local", signal.SIGTERM, 143)])
def test_a_signal_in_mngrs_own_provisioning_leaves_nothing_either(request, tmp_path, provider, number, code):
    mngr = request.getfixturevalue(provider)
    sign = "/srv/started" if provider == "remote" else str(tmp_path / "started")
    command = [*mngr.program, *mngr.creation("one", "--extra-provision-command", f"touch {sign}; sleep 30")]
    with started(command, cwd=mngr.project, env=mngr.environment(), start_new_session=True) as process:
        if provider == "remote":
            request.getfixturevalue("host").run(f"until test -e {sign}; do sleep 0.05; done")
        else:
            wait_until(Path(sign).exists, 120)
        process.send_signal(number)
        _, output = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Stopped. Removing agent one." in output
    assert mngr.agents() == {}
    if provider == "remote":
        assert request.getfixturevalue("host").run("ls -A /tmp/mngr/projects").stdout == ""


def test_an_agent_that_runs_is_kept_although_its_first_message_was_not_sent(local, tmp_path):
    late = "@hookimpl\ndef on_agent_created():\n    raise PluginMngrError('late')\n"
    local.plugins = [plugins.write(tmp_path / "site", late=late)]
    assert "Error: late" in failed(local.create("one"))
    assert local.listed()["one"]["state"] != "STOPPED"


def test_what_plugins_print_stays_out_of_the_json_of_a_create(local, tmp_path):
    local.plugins = [plugins.write(tmp_path / "site", talker=PRINTING)]
    made = succeeded(local.create("one", "--format", "json"))
    assert json.loads(made.stdout)["agent_id"].startswith("agent-")
    for words in ("printed before", "printed by a program", "printed after"):
        assert words in made.stderr
    planned = succeeded(local.run("ansible", "plan", "one", "--format", "json"))
    assert json.loads(planned.stdout)["command"] == "plan"
    assert "printed by a program" in planned.stderr


def test_a_ctrl_c_in_an_apply_shows_what_was_reached_and_what_may_go_on(remote, host, repository):
    succeeded(remote.create("one"))
    repository.add("slow", "1", postinst="touch /srv/started; sleep 30")
    command = [*remote.program, "ansible", "apply", "one", "--package", "slow", "--format", "json"]
    with started(command, cwd=remote.project, env=remote.environment(), start_new_session=True) as process:
        host.run("until test -e /srv/started; do sleep 0.05; done")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(stdout)
    assert [step["status"] for step in document["hosts"][0]["steps"]] == ["unknown"]
    assert document["errors"][0]["problem"] == "stopped; the installation of slow on host may go on there"
    assert "stopped; the installation of slow on host may go on there" in stderr
    assert remote.agents() == {"one": "failed"}


def test_a_dead_host_of_a_pool_is_told_with_what_to_do(local):
    local.settings(
        top='[providers.pool]\nbackend = "ssh"\n[providers.pool.hosts.gone]\naddress = "127.0.0.1"\nport = 9'
    )
    for words in (("plan", "one"), ("bootstrap", "gone.pool"), ("apply", "one@gone.pool", "--format", "json")):
        done = local.run("ansible", *words)
        told = failed(done)
        assert "Offline hosts not supported for this provider" in told
        assert "take it out of [providers." in told
    assert "take it out of [providers." in json.loads(done.stdout)["errors"][0]["remedy"]
