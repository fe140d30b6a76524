"""``--ask-become-pass``: asked in a terminal, used for root's tasks alone, and found nowhere afterwards."""

import time

import pytest

from tests.support.command_line import argv, mngr_ansible, on
from tests.support.hosts import AptRepository, User
from tests.support.processes import everything_recorded, run_in_terminal

PASSWORD = "c4n4ry 'pass'\"word$HOME"


@pytest.fixture
def host(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    login = User("dev", "sudo with a password", PASSWORD)
    return ssh_host(layer="tools", users=(login,), repository=repository).as_user("dev")


def in_terminal(words, answer):
    """Run the command in a terminal, and type the answer once it asks: exit code, and what it showed as one line."""
    code, shown = run_in_terminal(argv(*words), b"Password for sudo on the hosts: ", answer)
    return code, " ".join(shown.split())


def test_the_password_installs_and_writes_as_root_and_is_found_nowhere(host, tmp_path, home):
    (tmp_path / "file").write_text("x")
    task = "{become: true, copy: {dest: /etc/theirs, content: x}}"
    (tmp_path / "site.yml").write_text(f"- {{hosts: all, gather_facts: false, tasks: [{task}]}}")
    words = ["apply", "--package", "mtool", "--file", f"{tmp_path}/file:/etc/ours", "--become", "-K", *on(host)]
    words += ["--playbook", f"{tmp_path}/site.yml"]
    with everything_recorded() as seen:
        code, said = in_terminal(words, PASSWORD)
    assert code == 0, said
    assert host.run("mtool; stat -c %U /etc/ours /etc/theirs").stdout == "mtool 2.0\nroot\nroot\n"
    canary = PASSWORD[:6]
    assert len(seen) > 100
    assert not [each for each in seen if canary in each]
    assert canary not in said
    left = [path for path in home.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
    assert left == []
    assert (
        host.run(f"grep -rlaF {canary} /home /root /tmp /var/tmp /var/log /run 2>/dev/null", check=False).stdout == ""
    )

    code, said = in_terminal(["plan", *words[1:]], PASSWORD)
    assert (code, "0 of 2 to change" in said) == (0, True), said


def test_a_wrong_password_is_one_error_and_changes_nothing(host, tmp_path):
    words = ["apply", "--package", "mtool", "--file", f"{__file__}:~/x", "--ask-become-pass", *on(host)]
    code, said = in_terminal(words, "wrong")
    assert code == 1
    assert "sudo did not accept the password for dev, or sudo is not installed" in said
    assert host.run("ls /home/dev; command -v mtool", check=False).stdout == ""


@pytest.mark.timed
def test_without_a_terminal_nothing_is_asked_and_nothing_hangs(host):
    begin = time.monotonic()
    done = mngr_ansible("apply", "--package", "mtool", "--ask-become-pass", *on(host))
    assert (done.returncode, time.monotonic() - begin < 5) == (64, True)
    assert "error: --ask-become-pass needs a terminal" in done.stderr


@pytest.mark.timed
def test_without_the_option_no_password_is_asked_for_and_an_administrator_is(host):
    begin = time.monotonic()
    done = mngr_ansible("apply", "--package", "mtool", *on(host))
    assert (done.returncode, time.monotonic() - begin < 10) == (1, True)
    assert "dev is not root and has no sudo without a password; an administrator must run: sudo apt-get" in done.stdout


def test_a_bare_host_is_bootstrapped_with_the_password(ssh_host, tmp_path):
    host = ssh_host(layer="bare", users=(User("dev", password=PASSWORD),), has_mirror=True).as_user("dev")
    retried = "apt-get -qq -o Acquire::Retries=5"
    host.run(f"{retried} update && {retried} install -y --no-install-recommends sudo", timeout=300)
    host.run("echo 'dev ALL=(ALL:ALL) ALL' >/etc/sudoers.d/dev")
    code, said = in_terminal(["bootstrap", "-K", *on(host)], PASSWORD)
    assert code == 0, said
    assert host.run("python3 -V && git --version && tmux -V").stdout.count("\n") == 3


def test_with_sudo_rs_no_password_is_needed_or_the_user_is_told_that_it_cannot_be_used(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    logins = (User("dev", "sudo"), User("asked", "sudo with a password", PASSWORD))
    host = ssh_host(layer="sudo-rs", users=logins, repository=repository)
    assert "sudo-rs " in host.run("sudo --version 2>&1").stdout
    words = ["apply", "--package", "mtool", "--file", f"{__file__}:/etc/ours", "--become"]
    code, said = in_terminal([*words, "-K", *on(host.as_user("asked"))], PASSWORD)
    assert code == 1
    problem = "sudo cannot be used with a password for asked: its sudo is sudo-rs, whose password prompt"
    assert problem in said
    assert "Allow sudo without a password for this user, or log in as root. Nothing was changed." in said
    assert host.run("ls /etc/ours; command -v mtool", check=False).stdout == ""

    done = mngr_ansible(*words, *on(host.as_user("dev")))

    assert done.returncode == 0, done.stderr
    assert host.run("mtool; stat -c %U /etc/ours").stdout == "mtool 2.0\nroot\n"
