"""Inside the real mngr: its command line, its ssh provider and its local one, and plugins beside ours."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.mngr import plugins
from tests.support.processes import run_in_terminal, started, witnessed
from tests.support.waiting import wait_until

ANSIBLE = ("mngr_ansible.run.supervisor", "launcher/ansible_playbook.py")
"""What is in the command line of every process of ours that Ansible needs."""

LOGGING = """
@hookimpl
def on_before_agent_provisioning(agent, options):
    log(f"before {agent.name} {'no options' if options is None else options.name}")

@hookimpl
def get_provision_file_transfers():
    log("transfers")
    return [{"local_path": __file__, "remote_path": "/srv/first"}]

@hookimpl
def provision_agent(host):
    log(f"packages, first is there: {host.execute_idempotent_command('test -e /srv/first').success}")
    return [{"name": "mtool", "version": ">=2"}, {"name": "old", "version": ">=2"}]

@hookimpl
def on_after_agent_provisioning(host, mngr_ctx, report):
    installed = host.execute_idempotent_command("mtool --version && old --version").success
    log(f"after {report.ok} {installed} {mngr_ctx.project_root is not None}")
"""


@pytest.fixture(scope="session")
def examples(tmp_path_factory):
    """The example plugins, built and installed into a directory of their own."""
    return plugins.install(tmp_path_factory.mktemp("examples") / "site", "mngr_webtools", "mngr_house_rules")


def error_of(done):
    """The one line that a failed command ends with; there is no traceback anywhere."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    *talk, error = done.stderr.splitlines()
    assert error.startswith("Error: "), done.stderr
    assert not any(line.startswith("Error") for line in talk), done.stderr
    return error


def succeeded(done):
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def test_files_then_packages_arrive_between_before_and_after_and_a_second_apply_starts_no_ansible(
    remote, host, repository, tmp_path
):
    repository.add("old", "1.0", commands={"old": "echo old 1.0"})
    host.run("apt-get update -qq && apt-get install -y -qq old")
    repository.add("old", "2.0", commands={"old": "echo old 2.0"}, preinst="test -e /srv/first")
    repository.add("extra", "3", commands={"extra": "echo extra 3"})
    remote.plugins = [plugins.write(tmp_path / "site", logging=LOGGING)]
    env = {"PEER_LOG": str(tmp_path / "log")}

    with witnessed(*ANSIBLE) as started:
        made = succeeded(remote.create("one", "--ansible-package", "extra", env=env))

    assert len({word for line in started() for word in re.findall(r"-i (\S+)", line)}) == 1, "one, made ready early"
    assert (tmp_path / "log").read_text().splitlines() == [
        "before one one",
        "transfers",
        "packages, first is there: False",
        "after True True True",
    ]
    assert "old is too old (found 1.0, logging needs >=2)" in made.stderr
    assert host.run("extra && old && mtool").stdout == "extra 3\nold 2.0\nmtool 2.1\n"
    assert remote.agents() == {"one": "ok"}

    with witnessed(*ANSIBLE) as seen:
        again = succeeded(remote.run("ansible", "apply", "one", env=env))
    assert seen() == []
    assert "nothing to change: 4 ok" in again.stderr
    assert (tmp_path / "log").read_text().splitlines()[4:] == [
        "before one no options",
        "transfers",
        "packages, first is there: True",
        "after True True True",
    ]


def test_examples_bring_directories_modes_and_secrets_and_the_later_plugin_wins(remote, host, examples, home, project):
    remote.plugins = [examples]
    refused = error_of(remote.create("tmp"))
    assert "2 plugins stopped provisioning: house_rules: agents of this house" in refused
    assert "; webtools: there is no token for webtools" in refused
    assert refused.endswith("[Write your token into ~/.config/webtools/token. Nothing was changed.]")
    assert not host.run("ls /var/lib/house", check=False).stdout

    token = home / ".config/webtools/token"
    token.parent.mkdir(parents=True)
    token.write_text("s3cret")
    succeeded(remote.create("pages"))

    work_dir = remote.listed()["pages"]["work_dir"]
    look = (
        f"cd {work_dir} && stat -c '%n %a' .webtools/bin/webtools-check ~/.config/webtools/token /var/lib/house/notice"
    )
    assert [line.split()[-1] for line in host.run(look).stdout.splitlines()] == ["755", "600", "644"]
    assert host.run(f"cat {work_dir}/.webtools/settings.toml").stdout == "indent = 2\n"
    remote.settings('precedence = ["house_rules", "webtools"]')
    planned = succeeded(remote.run("ansible", "plan", "pages", "--format", "json"))
    steps = {step["id"]: step for step in json.loads(planned.stdout)["hosts"][0]["steps"]}
    assert {name: step["status"] for name, step in steps.items()} == {
        f"file:{work_dir}/.webtools": "differs",
        "file:/root/.config/webtools/token": "ok",
        "file:/var/lib/house/notice": "ok",
        "file:/root/.webtools.toml": "skipped",
        "package:git": "ok",
        "package:jq": "ok",
    }
    assert steps["package:git"]["plugins"] == ["house_rules", "webtools"]
    assert steps["package:git"]["wanted"] == ">=2.30,<3"
    assert steps[f"file:{work_dir}/.webtools"]["files"] == {"total": 2, "due": 1}

    succeeded(remote.run("stop", "pages"))
    assert remote.listed()["pages"]["plugin"]["ansible"] == {"status": "due"}
    table = succeeded(remote.run("ansible", "plan", "pages"))
    assert "differs" in table.stdout
    assert "To make these changes: mngr ansible apply pages" in table.stdout
    succeeded(remote.run("ansible", "apply", "pages"))
    assert host.run(f"cat {work_dir}/.webtools/settings.toml").stdout == "indent = 4\n"
    after = remote.listed()["pages"]
    assert (after["plugin"]["ansible"], after["state"]) == ({"status": "ok"}, "STOPPED")

    listed = json.loads(succeeded(remote.run("ansible", "plugins", "--format", "json")).stdout)["plugins"]
    assert [row["name"] for row in listed] == ["house_rules", "webtools"]
    directory = project / "rendered"
    succeeded(remote.run("ansible", "render", "pages", directory, "--package", "mtool"))
    succeeded(remote.run("ansible", "render", "as-stand-alone", "pages", "--package", "mtool"))
    assert (project / "as-stand-alone/project/provision.yml").is_file()
    assert (directory / "project" / "provision.yml").is_file()
    nothing_due = succeeded(remote.run("ansible", "render", "pages", project / "again"))
    assert "  ok " in nothing_due.stdout
    assert nothing_due.stdout.endswith(f"\n{project / 'again'}\n")


def test_a_failed_create_leaves_no_agent_and_the_same_create_works_after_a_fix(remote, host, repository, tmp_path):
    words = ("one", "--ansible-package", "mtool>=3")
    failed = error_of(remote.create(*words))
    assert "mtool" in failed
    assert ">=3" in failed
    assert "2.1" in failed
    assert remote.agents() == {}
    assert host.run("ls -A /tmp/mngr/projects /tmp/mngr/agents").stdout.split() == [
        "/tmp/mngr/agents:",
        "/tmp/mngr/projects:",
    ]
    assert "agent-" not in host.run("cat /tmp/mngr/*.json").stdout
    assert "Agent not found" in remote.run("start", "one").stderr
    assert error_of(remote.create(*words, "--reuse")) == failed
    assert remote.agents() == {}

    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool 3.0"})
    host.run("apt-get update -qq")  # where only commands are printed, nobody else does that
    remote.settings(top="is_remote_agent_installation_allowed = false")
    refused = error_of(remote.create(*words))
    assert "mtool is missing (command-line needs >=3)" in refused
    assert "[Run `apt-get install -y mtool`, then the same command again.]" in refused
    assert not host.run("command -v mtool", check=False).stdout

    remote.settings()
    site = tmp_path / "site"
    remote.plugins = [plugins.write(site, strict="@hookimpl\ndef on_after_agent_provisioning():\n    1 / 0\n")]
    late = error_of(remote.create(*words))
    assert "strict: on_after_agent_provisioning failed: ZeroDivisionError" in late
    assert host.run("mtool").stdout == "mtool 3.0\n"

    succeeded(remote.create(*words, "--disable-plugin", "strict"))

    failed = error_of(remote.run("ansible", "apply", "one", "--format", "json"))
    assert "ZeroDivisionError" in failed
    assert remote.agents() == {"one": "failed"}


def test_thousands_of_files_with_any_names_are_looked_at_over_mngrs_connection(remote, host, tmp_path):
    (tmp_path / "tree").mkdir()
    for name in (*(f"{'n' * 40}{number}" for number in range(2500)), "$HOME", "a b'\"", "ü", "bad\udcff"):
        (tmp_path / "tree" / name).write_text(name, errors="surrogateescape")
    remote.settings(f'files = [{{local_path = "{tmp_path}/tree", remote_path = "/srv/tree"}}]')
    succeeded(remote.create("one"))
    assert host.run("ls /srv/tree | wc -l").stdout.strip() == "2504"
    planned = succeeded(remote.run("ansible", "plan", "one", "--format", "json"))
    (step,) = json.loads(planned.stdout)["hosts"][0]["steps"]
    assert (step["status"], step["files"]) == ("ok", {"total": 2504, "due": 0})


def test_on_this_machine_packages_are_only_advised_and_what_will_fail_copies_nothing(local, project, tmp_path):
    (project / "deploy.env").write_text("A=1\n")
    target = tmp_path / "elsewhere" / "deploy.env"
    local.settings(f'files = [{{local_path = "deploy.env", remote_path = "{target}", mode = "0640"}}]')
    failed = error_of(local.create("one", "--ansible-package", "no-such-tool>=2"))
    assert "localhost: no-such-tool is missing (command-line needs >=2), and was not installed" in failed
    assert "apt-get install -y no-such-tool" in failed
    assert not target.parent.exists()
    assert local.agents() == {}
    assert subprocess.run(["git", "branch", "--list", "mngr/*"], cwd=project, capture_output=True).stdout == b""

    (project / "agent-host.yml").write_text("packages: [{name: no-such-tool, is_required: false}]")
    made = succeeded(local.create("one", "--ansible-manifest", "agent-host.yml"))
    assert "Run this on localhost yourself: " in made.stderr
    assert target.stat().st_mode & 0o777 == 0o640
    assert local.agents() == {"one": "due"}


def test_nothing_asked_is_nothing_done_and_without_ansible_is_never(local, project):
    with witnessed(*ANSIBLE) as seen:
        made = succeeded(local.create("plain"))
    assert seen() == []
    assert "ansible" not in made.stderr
    local.settings('packages = ["no-such-tool"]')
    bare = succeeded(local.create("bare", "--no-ansible", "--ansible-package", "mtool"))
    assert "With --no-ansible nothing is provisioned: --ansible-package has no effect." in bare.stderr
    assert local.agents() == {"plain": "ok", "bare": "never"}
    failed = error_of(local.run("ansible", "apply", "bare"))
    assert "no-such-tool is missing" in failed
    assert local.agents() == {"plain": "ok", "bare": "failed"}


def test_content_is_copied_and_built_where_the_user_says(local, tmp_path):
    copied = succeeded(local.run("ansible", "content", "--copy", str(tmp_path / "own")))
    assert copied.stdout.strip() == str(tmp_path / "own")
    assert (tmp_path / "own/roles/mngr_files/tasks/main.yml").is_file()
    built = succeeded(local.run("ansible", "content", "--collection", str(tmp_path), "--format", "json"))
    assert os.path.isfile(json.loads(built.stdout)["path"])
    assert "nothing there is replaced" in error_of(local.run("ansible", "content", "--copy", str(tmp_path / "own")))
    both = local.run("ansible", "content", "--copy", "a", "--collection", "b")
    assert "two results of one command" in both.stderr


def test_a_failed_update_destroys_nothing(local, project):
    succeeded(local.create("one", "--transfer", "none"))
    local.settings('packages = ["no-such-tool"]')
    failed = error_of(local.create("one", "--transfer", "none", "--reuse", "--update"))
    assert "no-such-tool is missing" in failed
    assert local.agents() == {"one": "failed"}


def test_what_is_wrong_before_anything_is_created_is_one_line_and_creates_nothing(local, tmp_path):
    local.plugins = [
        plugins.write(tmp_path / "site", faulty="@hookimpl\ndef provision_agent(hots):\n    return []\n"),
    ]
    succeeded(local.run("--version"))
    assert "faulty: its provision_agent has the unknown argument 'hots' (did you mean host?)" in error_of(
        local.create("a")
    )
    local.plugins = []
    local.settings('install = "maybe"')
    assert '[plugins.ansible] install = \'maybe\' is not "auto" or "print"' in error_of(local.create("a"))
    local.settings('instal = "auto"')
    assert "Unknown fields in plugins.ansible: ['instal']" in error_of(local.create("a"))
    local.settings()
    assert "does not parse" in error_of(local.create("a", "--ansible-package", "a b"))
    assert "cannot be read" in error_of(local.create("a", "--ansible-manifest", "none.yml"))
    assert local.agents() == {}


def test_names_that_nothing_has_are_noticed_and_a_plugins_mistake_has_its_line_and_its_traceback(local, tmp_path):
    peers = plugins.write(
        tmp_path / "site",
        slip="@hookimpl\ndef provision_agents(): ...\n@hookimpl\ndef on_after_provisioning(agent): ...\n",
        strict="@hookimpl\ndef on_after_agent_provisioning():\n    1 / 0\n",
    )
    local.plugins = [peers]
    local.settings('precedence = ["slipp"]\n[plugins.ansible.plugins.command]\nfiles = false')

    failed = local.create("one", "-v")

    place = f"{peers}/peer_strict.py:{(peers / 'peer_strict.py').read_text().splitlines().index('    1 / 0') + 1}"
    assert f"ZeroDivisionError: division by zero ({place})" in error_of_verbose(failed)
    assert "    1 / 0" in failed.stderr
    assert (
        "slip: 'provision_agents' is not a hook of mngr or mngr-ansible (did you mean provision_agent?)"
        in failed.stderr
    )
    assert "settings: precedence names 'slipp', but no plugin has that name (did you mean slip?)" in failed.stderr
    assert "on_after_provisioning' is not" not in failed.stderr
    assert "plugins.command" not in failed.stderr


def error_of_verbose(done):
    """The last line of a command that failed under ``-v``, where a traceback is right."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    return done.stderr.splitlines()[-1]


@contextlib.contextmanager
def installing(remote, host):
    """A create of the agent ``one``, in a session of its own, that is just installing the package ``slow``."""
    command = [*remote.program, *remote.creation("one", "--ansible-package", "slow")]
    streams = {"stdout": subprocess.DEVNULL, "start_new_session": True}
    with started(command, cwd=remote.project, env=remote.environment(), **streams) as process:
        host.run("until test -e /srv/started; do sleep 0.05; done")
        yield process


def killed(remote, host, number):
    """A create whose processes all get this signal while it installs a package: its exit code, and its messages."""
    with installing(remote, host) as process:
        os.killpg(process.pid, number)
        _, output = process.communicate(timeout=20)
    return process.returncode, output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_agent_and_says_what_goes_on_on_the_host(remote, host, repository, number, code):
    repository.add("slow", "1", postinst="touch /srv/started; sleep 30")
    ended, output = killed(remote, host, number)
    assert ended == code
    assert "  unknown  slow  any  from apt  command-line" in output
    assert "stopped; the installation of slow on host may go on there. Run the same command again." in output
    assert "Traceback" not in output
    assert remote.agents() == {}
    again = succeeded(remote.create("one", "--reuse"))
    assert "Reusing" not in again.stderr + again.stdout
    assert list(remote.agents()) == ["one"]
    assert "Reusing" in succeeded(remote.create("one", "--reuse")).stderr


@pytest.mark.parametrize("pause", [0.1, 0.5])
def test_a_second_ctrl_c_leaves_no_agent_either(remote, host, repository, pause):
    repository.add("slow", "1", postinst="touch /srv/started; sleep 30")
    with installing(remote, host) as process:
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "Removing agent one" in line:
                break
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert remote.agents() == {}
    assert host.run("ls -A /tmp/mngr/projects").stdout == ""


@pytest.mark.parametrize(
    ("program", "said"),
    [("/usr/bin/getconf", "no answer within "), ("/usr/bin/sha256sum", "/srv/f  it cannot be read")],
)
def test_the_time_is_kept_although_a_program_of_the_host_hangs(remote, host, program, said):
    succeeded(remote.create("one"))
    host.run(f"cp /etc/hostname /srv/f; printf '#!/bin/sh\nsleep 300\n' >{program}")
    (remote.project / "same").write_bytes(Path(f"{host.root_path}/srv/f").read_bytes())
    since = time.monotonic()
    done = remote.run("ansible", "plan", "one", "--file", "same:/srv/f", "--timeout", "6")
    assert said in done.stdout + done.stderr
    assert time.monotonic() - since < 40
    wait_until(lambda: host.run("pgrep -f '^sleep 300'", check=False).stdout == "", 30)


def test_a_create_that_is_killed_leaves_an_agent_with_status_due_and_apply_finishes_it(remote, host, repository):
    repository.add("slow", "1", commands={"slow": "echo slow 1"}, postinst="touch /srv/started; sleep 10")
    assert killed(remote, host, signal.SIGKILL)[0] == -signal.SIGKILL
    assert remote.agents() == {"one": "due"}
    succeeded(remote.run("ansible", "apply", "one", "--package", "slow"))
    assert host.run("slow; dpkg --audit").stdout == "slow 1\n"
    assert remote.agents() == {"one": "ok"}


def test_a_terminal_is_asked_whether_to_install_on_this_machine(local):
    local.settings('packages = ["no-such-tool"]')
    command = [*local.program, *local.creation("one")]
    code, shown = run_in_terminal(command, b"[y/N]: ", "n", env=local.environment(), cwd=local.project)
    assert code == 1
    assert "Install no-such-tool on this machine? [y/N]: n" in shown
    assert "install -y no-such-tool`, then the same command again.]" in shown


@pytest.mark.slow
def test_it_works_when_mngr_was_installed_as_a_uv_tool(remote, host, tmp_path):
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no uv")
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    source = Path(__file__).parents[2]
    words = ["tool", "install", "--quiet", "--python", sys.executable, "imbue-mngr==0.3.0", "--with", str(source)]
    succeeded(remote.run(*words, program=[uv], env=places, timeout=600))
    path = f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    remote.program = [str(tmp_path / "bin" / "mngr")]
    succeeded(remote.create("one", "--ansible-package", "mtool>=2", env={"PATH": path}))
    assert host.run("mtool").stdout == "mtool 2.1\n"
