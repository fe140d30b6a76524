"""The whole road on real hosts: a real sshd, a real ansible-playbook, real packages."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mngr_ansible import PackageRequirement, provision
from tests.support.command_line import argv, document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, User, offered_packages
from tests.support.processes import started, witnessed
from tests.support.waiting import wait_until

HOSTILE = [
    "{{ lookup('pipe','touch pwned') }}",
    "$HOME",
    "${HOME}",
    "~root",
    "-dash",
    "a b'\"\\",
    "ü",
    "bad\udcff",
    "n" * 255,
]

HANGING = """#!/bin/sh
case "$*" in *update*) exec sleep 300 ;; esac
exec /usr/bin/real "$@"
"""

ANSIBLE = ("mngr_ansible.run.supervisor", "launcher/ansible_playbook.py")
"""Words of the command lines of our supervisor and of Ansible."""


@pytest.fixture
def tree(tmp_path):
    """A directory with an executable, a link, an empty directory and hostile names."""
    top = tmp_path / "tree"
    (top / "sub").mkdir(parents=True, mode=0o755)
    (top / "empty").mkdir(mode=0o750)
    (top / "run.sh").write_text("#!/bin/sh\necho run\n")
    (top / "run.sh").chmod(0o755)
    (top / "link").symlink_to("run.sh")
    for name in [*HOSTILE, "new\nline"]:
        (top / "sub" / name).write_bytes(os.fsencode(name))
    return top


@pytest.fixture
def repository(tmp_path):
    """An apt repository with one tool, as a Debian package with an epoch."""
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool 2.1"})
    return repository


def test_files_then_packages_arrive_and_a_second_run_starts_no_ansible(ssh_host, tree, repository, tmp_path):
    host = ssh_host(layer="python", repository=repository, lists="empty")
    (tmp_path / "token").write_text("secret")
    words = ["--file", f"{tree}:work/tree", "--file", f"{tmp_path}/token:/srv/token", "--package", "mtool>=2,<3"]

    first = mngr_ansible("apply", *words, *on(host), "--json")
    with witnessed(*ANSIBLE) as seen:
        second = mngr_ansible("apply", *words, *on(host), "--json")

    assert first.returncode == 0, first.stderr
    assert set(statuses(first).values()) == {"changed"}
    assert set(statuses(second).values()) == {"ok"}
    assert "nothing to change" in second.stderr
    assert seen() == []
    names = subprocess.run(
        ["find", f"{host.root_path}/root/work/tree/sub", "-type", "f", "-print0"], capture_output=True, check=True
    ).stdout.split(b"\0")[:-1]
    assert sorted(os.path.basename(each) for each in names) == sorted(map(os.fsencode, [*HOSTILE, "new\nline"]))
    assert host.run(
        "cd /root/work/tree && stat -c '%a %n' run.sh empty && readlink link && cat /srv/token"
    ).stdout.split() == [
        *("755", "run.sh", "750", "empty", "run.sh", "secret"),
    ]
    assert host.run("mtool").stdout == "mtool 2.1\n"
    assert not list(Path.cwd().glob("pwned"))
    assert host.run("find / -xdev -name pwned").stdout == ""


def test_too_old_is_upgraded_and_too_old_everywhere_is_blocked_with_found_wanted_offered(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", "1:1.0-1", commands={"mtool": "echo mtool 1.0"})
    host = ssh_host(layer="python", repository=repository, lists="fresh")
    host.run("apt-get install -y mtool")

    blocked = mngr_ansible("apply", "--package", "mtool>=2", *on(host), "--json")
    repository.add("mtool", "1:2.1-1", commands={"mtool": "echo mtool 2.1"})
    upgraded = mngr_ansible("apply", "--package", "mtool>=2", *on(host))

    step = document(blocked)["hosts"][0]["steps"][0]
    assert (blocked.returncode, step["status"], step["current"]) == (1, "blocked", "1.0")
    assert "offers mtool 1.0, needed >=2" in step["reason"]
    assert "mtool is too old (found 1.0, command-line needs >=2)" in upgraded.stderr
    assert upgraded.returncode == 0, upgraded.stderr
    assert host.run("mtool").stdout == "mtool 2.1\n"


def test_a_dead_host_does_not_stop_the_others(ssh_host, tmp_path):
    host, other = ssh_host(layer="python"), ssh_host(layer="python")
    known = tmp_path / "known_hosts"
    known.write_text(host.known_hosts.read_text() + other.known_hosts.read_text())
    config = tmp_path / "config"
    config.write_text(host.ssh_config_entry() + "\n" + other.ssh_config_entry())
    (tmp_path / "x").write_text("x")

    done = mngr_ansible(
        *("apply", "--json", "--file", f"{tmp_path}/x:x", "--host", "127.0.0.1:1", "--host", host.address),
        *("--key", host.key, "--known-hosts", known),
    )

    assert done.returncode == 1
    dead, alive = document(done)["hosts"]
    assert (dead["host"], dead["steps"][0]["id"], dead["steps"][0]["status"]) == (
        "127.0.0.1:1",
        "file:x",
        "not-reached",
    )
    assert alive["steps"][0]["status"] == "changed"
    assert [error["host"] for error in document(done)["errors"]] == ["127.0.0.1:1"]
    told, copied = (done.stderr.index(each) for each in ("warning: no ssh server listens on this port", "copying 1 f"))
    assert told < copied


def test_an_alias_of_the_ssh_configuration_leads_to_its_host(ssh_host, home, tmp_path):
    host = ssh_host(layer="python", name="build-1")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "config").write_text(host.ssh_config_entry())
    (tmp_path / "x").write_text("x")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--host", host.name)

    assert done.returncode == 0, done.stderr
    assert host.run("cat /root/x").stdout == "x"


def test_a_host_without_python_gets_it_first(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    host = ssh_host(layer="bare", repository=repository, lists="empty")
    (tmp_path / "x").write_text("x")

    printed = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--install", "print", "--json", *on(host))
    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--json", *on(host))

    assert printed.returncode == 1
    assert statuses(printed) == {"bootstrap:python3": "advised", "file:/root/x": "not-reached"}
    assert document(printed)["hosts"][0]["commands"] == ["apt-get install -y python3"]
    assert done.returncode == 0, done.stderr
    assert statuses(done) == {"bootstrap:python3": "changed", "file:/root/x": "changed"}


def test_without_privilege_a_package_is_blocked_and_nothing_is_changed(ssh_host, repository, tmp_path):
    host = ssh_host(layer="python", users=(User("dev"),), repository=repository).as_user("dev")
    (tmp_path / "x").write_text("x")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--package", "mtool", "--json", *on(host))

    assert done.returncode == 1
    assert statuses(done) == {"file:/home/dev/x": "not-reached", "package:mtool": "blocked"}
    assert "sudo apt-get install -y mtool" in document(done)["hosts"][0]["steps"][1]["reason"]
    assert not (host.root_path / "home/dev/x").exists()


def test_a_user_with_sudo_installs_and_writes_as_root_only_with_become(ssh_host, repository, tmp_path):
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"),), repository=repository).as_user("dev")
    (tmp_path / "x").write_text("x")
    words = ["--file", f"{tmp_path}/x:/srv/x", "--file", f"{tmp_path}/x:~/x", "--package", "mtool"]

    refused = mngr_ansible("apply", *words, "--json", *on(host))
    done = mngr_ansible("apply", *words, "--become", "--json", *on(host))
    again = mngr_ansible("apply", *words, "--become", "--json", *on(host))

    assert refused.returncode == 1
    assert statuses(refused)["file:/srv/x"] == "blocked"
    assert "--become" in document(refused)["hosts"][0]["steps"][0]["reason"]
    assert done.returncode == 0, done.stderr
    assert set(statuses(again).values()) == {"ok"}
    assert host.run("stat -c %U /srv/x /home/dev/x").stdout.split() == ["root", "root"]


@pytest.mark.parametrize("root_by", ["nothing", "doas"])
def test_become_without_sudo_is_one_error_and_changes_nothing(ssh_host, tmp_path, root_by):
    host = ssh_host(layer="tools", users=(User("dev", root_by=root_by),))
    host.run("rm /usr/bin/sudo")
    (tmp_path / "x").write_text("x")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--become", *on(host.as_user("dev")))

    assert done.returncode == 1
    assert "--become needs sudo" in done.stderr
    assert not (host.root_path / "home/dev/x").exists()


def test_print_shows_the_command_and_fails_but_files_are_copied(ssh_host, repository, tmp_path):
    host = ssh_host(layer="python", repository=repository)
    (tmp_path / "x").write_text("x")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--package", "mtool", "--install", "print", *on(host))

    assert done.returncode == 1
    assert "apt-get install -y mtool" in done.stdout
    assert "mtool is missing" in done.stderr
    assert host.run("command -v mtool || echo none").stdout == "none\n"
    assert host.run("find /var/lib/apt/lists -name '*_Packages'").stdout == "", "lists were fetched"
    assert (host.root_path / "root/x").read_text() == "x"


def test_a_failing_optional_package_is_a_warning(ssh_host, repository):
    host = ssh_host(layer="python", repository=repository)
    optional = PackageRequirement("nowhere", is_required=False)

    report = provision([host.address], packages=[optional, "mtool"], key=host.key, known_hosts=host.known_hosts)

    assert report.ok
    assert {each.id: str(each.status) for each in report.hosts[0].outcomes} == {
        "package:nowhere": "blocked",
        "package:mtool": "changed",
    }


def test_a_package_that_could_not_be_set_up_is_due_until_it_is_although_its_program_runs(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("frail", "1", commands={"frail": "echo frail 1"}, postinst="test -e /srv/healed")
    host = ssh_host(layer="tools", repository=repository)
    words = ["--package", "frail", "--json", *on(host)]
    failed = mngr_ansible("apply", *words)
    assert (failed.returncode, statuses(failed)) == (1, {"package:frail": "failed"})
    assert host.run("frail").stdout == "frail 1\n"

    (step,) = document(mngr_ansible("plan", *words))["hosts"][0]["steps"]
    assert (step["status"], "only half installed (iF)" in step["reason"]) == ("missing", True), step
    assert statuses(mngr_ansible("apply", *words)) == {"package:frail": "failed"}
    host.run("touch /srv/healed")
    assert statuses(mngr_ansible("apply", *words)) == {"package:frail": "changed"}
    assert host.run("dpkg --audit").stdout == ""


def test_a_rendered_directory_run_by_hand_ends_in_the_same_state(ssh_host, tree, repository, tmp_path):
    host = ssh_host(layer="python", repository=repository, lists="empty")
    (tmp_path / "token").write_text("s3cr3t-canary")
    (tmp_path / "token").chmod(0o600)
    words = ["--file", f"{tree}:/srv/tree", "--file", f"{tmp_path}/token:/srv/token", "--package", "mtool>=2"]

    rendered = mngr_ansible("render", tmp_path / "run", *words, *on(host))
    by_hand = [sys.executable, "-m", "ansible", "playbook", "-i", "../inventory", "provision.yml"]
    env = {**os.environ, "MNGR_SECRET_1": "s3cr3t-canary"}
    runs = [
        subprocess.run(
            by_hand, cwd=tmp_path / "run/project", capture_output=True, text=True, check=True, env=env
        ).stdout
        for _ in range(2)
    ]

    assert rendered.returncode == 0, rendered.stderr
    assert "changed=2" in runs[0]
    assert "changed=0" in runs[1]
    assert set(statuses(mngr_ansible("plan", *words, *on(host), "--json")).values()) == {"ok"}
    assert not [
        each for each in (tmp_path / "run").rglob("*") if each.is_file() and b"s3cr3t-canary" in each.read_bytes()
    ]


def test_the_callers_environment_neither_changes_nor_breaks_a_run(ssh_host, home, tmp_path):
    host = ssh_host(layer="python")
    (tmp_path / "x").write_text("x")
    fake = tmp_path / "bin" / "ansible-playbook"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 0\n")
    fake.chmod(0o755)
    (tmp_path / "library").mkdir()
    for name in ("mngr_files_copy", "ping", "assert"):
        (tmp_path / "library" / f"{name}.py").write_text("raise SystemExit(1)\n")
    (home / ".ansible.cfg").write_text(f"[defaults]\nlibrary={tmp_path}/library\nstdout_callback=nonsense\n")
    hostile = {
        "PATH": f"{fake.parent}:{os.environ['PATH']}",
        "ANSIBLE_RUN_TAGS": "x",
        "ANSIBLE_LIBRARY": f"{tmp_path}/library",
        "ANSIBLE_STDOUT_CALLBACK": "nonsense",
        "ANSIBLE_INVENTORY_ENABLED": "ini",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_DIFF_ALWAYS": "1",
        "LC_ALL": "C",
        "PYTHONPATH": str(tmp_path / "library"),
    }

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", *on(host), env=hostile)

    assert done.returncode == 0, done.stderr
    assert host.run("cat /root/x").stdout == "x"


def test_a_canary_in_the_environment_or_in_a_secret_is_found_nowhere(ssh_host, tmp_path):
    host = ssh_host(layer="python")
    canaries = ("canary-of-environment", "canary-of-secret")
    secret = tmp_path / "secret"
    secret.write_text(canaries[1])
    secret.chmod(0o600)
    kept = tmp_path / "tmp"
    kept.mkdir()
    env = {"TMPDIR": str(kept), "ANTHROPIC_API_KEY": canaries[0]}

    with witnessed(*ANSIBLE, secret=canaries[0]) as seen:
        done = mngr_ansible("apply", "-v", "--file", f"{secret}:/srv/secret", *on(host), env=env)

    assert done.returncode == 0, done.stderr
    assert not [canary for canary in canaries if canary in done.stdout + done.stderr]
    assert seen() == []
    assert not list(kept.rglob("*"))
    found = host.run(f"grep -rl {shlex.quote(canaries[1])} / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; true")
    assert found.stdout.split() == ["/srv/secret"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "127.0.0.1:1"], "no ssh server listens"),
        (["--host", "no-such-host.invalid"], "cannot be resolved"),
    ],
)
def test_a_host_that_cannot_be_reached_is_one_error_with_a_remedy(words, said):
    done = mngr_ansible("apply", "--package", "git", *words)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_host_keys_are_checked(ssh_host, tmp_path):
    host, stranger = ssh_host(layer="python"), ssh_host(layer="python")
    unknown, changed = tmp_path / "unknown", tmp_path / "changed"
    unknown.write_text("")
    changed.write_text(f"[127.0.0.1]:{host.port} " + stranger.known_hosts.read_text().split(" ", 1)[1])

    for known_hosts, said in ((unknown, "is not known"), (changed, "is not the one in known_hosts")):
        words = ["--host", host.address, "--key", str(host.key), "--known-hosts", known_hosts]
        done = mngr_ansible("apply", "--package", "git", *words)
        assert done.returncode == 1
        assert said in done.stderr
    refused = mngr_ansible(
        *("apply", "--package", "git", "--host", host.address, "--key", stranger.key, "--known-hosts", host.known_hosts)
    )
    assert "does not accept this user and key" in refused.stderr


def test_a_stopped_run_leaves_no_process_and_a_timed_out_step_is_unknown(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("slow", "1", postinst="sleep 60")
    host = ssh_host(layer="python", repository=repository, lists="fresh")

    with witnessed(*ANSIBLE, "ssh:", after=True) as left:
        done = mngr_ansible("apply", "--package", "slow", "--timeout", "15", "--json", *on(host))

    assert done.returncode == 1
    assert statuses(done) == {"package:slow": "unknown"}
    assert "--timeout" in document(done)["errors"][0]["remedy"]
    assert left() == []


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_everything_of_ours_here(ssh_host, tmp_path, name, code):
    repository = AptRepository(tmp_path / "apt")
    repository.add("slow", "1", postinst="sleep 60")
    host = ssh_host(layer="python", repository=repository)
    command = argv("apply", "--package", "slow", *on(host))
    with (
        witnessed(*ANSIBLE, "ssh:", after=True) as left,
        started(command, stdout=subprocess.DEVNULL) as process,
    ):
        for line in process.stderr:
            if "installing with apt" in line:
                break
        time.sleep(1)
        since = time.monotonic()
        process.send_signal(getattr(signal, name))
        said = process.stderr.read()

    assert process.returncode == code
    assert time.monotonic() - since < 20
    assert "Traceback" not in said
    assert left() == []


def test_each_step_is_shown_while_it_runs(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("slow", "1", commands={"slow": "echo slow 1"}, postinst="until test -e /srv/go; do sleep 0.1; done")
    host = ssh_host(layer="python", repository=repository, lists="fresh")
    command = argv("apply", "--package", "slow", "--file", f"{__file__}:/srv/x", *on(host))
    with started(command, stdout=subprocess.DEVNULL) as process:
        said = [process.stderr.readline() for _ in range(3)]
        host.run("touch /srv/go")
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "slow is missing (needed by command-line); installing it from apt" in said[0]
    assert "warning" not in said[0]
    assert "copying 1 file" in said[1]
    assert "installing with apt: slow" in said[2]


def test_after_a_second_ctrl_c_the_report_still_shows_what_was_reached(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("slow", "1", postinst="touch /begun; sleep 20")
    host = ssh_host(layer="python", repository=repository, lists="fresh")
    with started(argv("apply", "--package", "slow", *on(host))) as process:
        wait_until(lambda: host.run("test -e /begun", check=False).returncode == 0, 60)
        host.signal_connections(signal.SIGSTOP)  # what is tidied up there takes as long as it may
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(4)
        table, said = process.communicate(timeout=20)

    assert process.returncode == 130, said
    assert "stopped; the step that was running may or may not have finished" in said
    assert "unknown" in table


def test_the_time_holds_for_lists_that_are_fetched_too(ssh_host, repository):
    host = ssh_host(layer="python", repository=repository)
    host.run("mv /usr/bin/apt-get /usr/bin/real; cat >/usr/bin/apt-get; chmod 755 /usr/bin/apt-get", stdin=HANGING)
    since = time.monotonic()

    done = mngr_ansible("apply", "--package", "mtool", "--timeout", "6", *on(host))

    assert done.returncode == 1
    assert time.monotonic() - since < 60, done.stderr
    wait_until(lambda: host.run("pgrep -f '^sleep 300'", check=False).returncode != 0, 60)


def test_hosts_with_different_needs_are_provisioned_in_one_run(ssh_host, home, repository, tmp_path):
    bare, ready = (ssh_host(layer="python", name=f"host-of-{name}", repository=repository) for name in ("a", "b"))
    ready.run("apt-get update && apt-get install -y mtool")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "config").write_text(f"{bare.ssh_config_entry()}\n{ready.ssh_config_entry()}\n")
    (tmp_path / "x").write_text("x")
    words = ["--file", f"{tmp_path}/x:x", "--package", "mtool", "--host", bare.name, "--host", ready.name, "--json"]

    with witnessed("launcher/ansible_playbook.py") as seen:
        done = mngr_ansible("apply", *words)

    assert done.returncode == 0, done.stderr
    assert statuses(done, 0) == {"file:/root/x": "changed", "package:mtool": "changed"}
    assert statuses(done, 1) == {"file:/root/x": "changed", "package:mtool": "ok"}
    assert len({re.findall(r"-i (\S+)", line)[0] for line in seen()}) == 1, "each run has an inventory of its own"


def test_a_jump_host_of_the_ssh_configuration_is_used(ssh_host, home, tmp_path):
    jump, behind = ssh_host(layer="python", name="jump"), ssh_host(layer="python", name="behind")
    (home / ".ssh").mkdir(mode=0o700)
    config = f"{jump.ssh_config_entry()}\n{behind.ssh_config_entry().rstrip()}\n  ProxyJump jump\n"
    (home / ".ssh" / "config").write_text(config)
    (tmp_path / "x").write_text("x")

    done = mngr_ansible("apply", "--file", f"{tmp_path}/x:x", "--host", "behind")

    assert done.returncode == 0, done.stderr
    assert (behind.root_path / "root/x").read_text() == "x"
    assert "Accepted publickey" in jump.run("cat /dev/null").stdout + (jump.directory / "log").read_text()
