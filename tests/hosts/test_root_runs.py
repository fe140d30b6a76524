"""Acting as root, a host is asked by programs that root alone can change, and by no others."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mngr_ansible import provision
from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, User

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

PROGRAM = "#!/bin/sh\necho $0 >>/tmp/ran-as-$(/usr/bin/id -u)\necho tool 9.9.9\n"


def plant(host: SshHost, path: str, owner: str = "dev", text: str = PROGRAM) -> None:
    """A program of a user at this path; it writes down who runs it."""
    host.run(
        f"install -d -o {owner} -g {owner} $(dirname {path}) && cat >{path} && chmod 755 {path} && "
        f"chown {owner}:{owner} {path}",
        stdin=text,
    )


def ran(host: SshHost, uid: int = 0) -> str:
    """Which of the planted programs this user ran."""
    return host.run(f"cat /tmp/ran-as-{uid} 2>/dev/null || :").stdout


PLACES = {
    "a shared directory": ("/home/linuxbrew/.linuxbrew/bin/mytool", "true"),
    "a shared directory on root's PATH": (
        "/home/linuxbrew/.linuxbrew/bin/mytool",
        "echo 'PATH=/home/linuxbrew/.linuxbrew/bin:$PATH' >/root/.bashrc",
    ),
    "a link of root's": ("/home/dev/mytool", "ln -s /home/dev/mytool /usr/local/bin/mytool"),
    "a link to a link": (
        "/home/dev/bin/mytool",
        "ln -s /home/dev/x /usr/local/bin/mytool; ln -s /home/dev/bin/mytool /home/dev/x",
    ),
    "a directory that a group may write": (
        "/opt/homebrew/bin/mytool",
        "usermod -aG staff dev; chown -R root:staff /opt/homebrew; chmod 2775 /opt/homebrew/bin",
    ),
    "a directory above that everybody may write": (
        "/opt/homebrew/bin/mytool",
        "chown -R root:root /opt/homebrew; chmod 777 /opt/homebrew",
    ),
    "a script of root's with an interpreter of another user": (
        "/home/dev/sh",
        "printf '#!/home/dev/sh\\necho 1.0\\n' >/usr/local/bin/mytool; chmod 755 /usr/local/bin/mytool",
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_plan_as_root_runs_no_program_that_another_user_can_change(ssh_host: StartHost, case: str) -> None:
    path, before = PLACES[case]
    host = ssh_host(layer="python", users=(User("dev"),))
    plant(host, path)
    host.run(before)

    done = mngr_ansible("plan", "--json", "--package", "mytool>=1", *on(host))

    assert ran(host) == ""
    notices = [each["text"] for each in document(done)["notices"] if "root did not run" in each["text"]]
    assert len(notices) == 1, done.stdout
    assert "can change /" in notices[0]
    assert "export PATH" not in done.stdout + done.stderr
    assert statuses(done)["package:mytool"] in ("missing", "blocked")


def test_programs_of_root_are_found_where_they_were(ssh_host: StartHost) -> None:
    host = ssh_host(layer="python", users=(User("dev"),))
    plant(host, "/root/.local/bin/one", owner="root")
    plant(host, "/opt/homebrew/bin/two", owner="root")
    plant(host, "/opt/three/three", owner="root")
    host.run(
        "ln -s /opt/three/three /usr/local/bin/three; chown root:staff /usr/local/bin; chmod 2775 /usr/local/bin;"
        "printf '#!/usr/bin/env sh\\necho 4.4\\n' >/usr/local/bin/four; chmod 755 /usr/local/bin/four"
    )
    wanted = [word for name in ("one", "two", "three", "four") for word in ("--package", f"{name}>=1")]

    done = mngr_ansible("plan", "--json", *wanted, *on(host))

    assert statuses(done) == {f"package:{name}": "ok" for name in ("one", "two", "three", "four")}, done.stdout


@pytest.mark.parametrize("name", ["python3", "npm"])
def test_as_root_neither_a_python_nor_a_manager_of_another_user_is_run(ssh_host: StartHost, name: str) -> None:
    host = ssh_host(layer="python", users=(User("dev"),))
    plant(
        host,
        f"/home/linuxbrew/.linuxbrew/bin/{name}",
        text=PROGRAM.replace("tool 9.9.9", "mngr-python 3.13 /usr/bin/python3"),
    )
    host.run("echo 'PATH=/home/linuxbrew/.linuxbrew/bin:$PATH' >/root/.bashrc")

    done = mngr_ansible("plan", "--json", "--package", "claude-code", *on(host))

    assert ran(host) == ""
    assert done.returncode == 0, done.stdout


def test_the_basic_programs_of_a_plan_are_the_systems(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"), User("other")))
    for name in ("id", "ls", "sed", "stat", "sha256sum", "find", "env", "sh", "readlink", "timeout", "od", "cat"):
        plant(host, f"/srv/other/bin/{name}", owner="other")
    host.run("echo 'PATH=/srv/other/bin:$PATH' >/root/.bashrc; echo x >/srv/x")
    host.run("echo 'Defaults !secure_path' >/etc/sudoers.d/path; echo 'PATH=$PATH:/srv/other/bin' >/home/dev/.bashrc")
    (tmp_path / "x").write_text("x\n")
    words = ["plan", "--json", "--file", f"{tmp_path}/x:/srv/x", "--package", "sh"]

    as_root = mngr_ansible(*words, *on(host))
    by_sudo = mngr_ansible(*words, "--become", *on(host.as_user("dev")))

    assert statuses(as_root) == statuses(by_sudo)
    assert ran(host) == ""


def test_no_program_imports_or_reads_what_lies_where_a_plan_is_made(tmp_path: Path) -> None:
    for name in ("json.py", "importlib/__init__.py", "csv.py", "email.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    manifest = tmp_path / "m.yml"
    manifest.write_text("packages: [{name: pip, checks: [{kind: python_module, value: pip}]}]\n")

    argv = [sys.executable, "-P", "-m", "mngr_ansible", "plan", "--json", "--manifest", manifest]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "ran").exists()


def test_ansible_may_run_the_systems_python_as_root_rather_than_one_of_a_user(
    ssh_host: StartHost, tmp_path: Path
) -> None:
    host = ssh_host(layer="tools", users=(User("ops", root_by="sudo"), User("other")))
    plant(
        host,
        "/srv/other/bin/python3",
        owner="other",
        text='#!/bin/sh\necho $0 >>/tmp/ran-as-$(/usr/bin/id -u)\nexec /usr/bin/python3 "$@"\n',
    )
    host.run("echo 'PATH=/srv/other/bin:$PATH' >/home/ops/.bashrc")
    (tmp_path / "x").write_text("x\n")

    done = mngr_ansible("apply", "--become", "--file", f"{tmp_path}/x:/srv/x", *on(host.as_user("ops")))

    assert done.returncode == 0, done.stderr
    assert ran(host) == ""


OTHERS = (
    "apt-get",
    "apt-cache",
    "dpkg-query",
    "env",
    "setsid",
    "timeout",
    "sh",
    "python3",
    "rm",
    "other",
    "id",
    "find",
)


def test_an_apply_as_root_runs_no_program_of_a_directory_that_another_user_can_change(
    ssh_host: StartHost, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.add("other", "1.0", commands={"other": "echo other 1.0"})
    host = ssh_host(layer="python", users=(User("dev"),), repository=repository, lists="empty")
    for name in OTHERS:
        plant(host, f"/home/linuxbrew/.linuxbrew/bin/{name}")
    host.run("echo 'PATH=/home/linuxbrew/.linuxbrew/bin:$PATH' >/root/.bashrc")
    (tmp_path / "x").write_text("x\n")

    report = provision(
        [host.address],
        packages=["other>=1"],
        files=[f"{tmp_path}/x:/srv/x"],
        key=host.key,
        known_hosts=host.known_hosts,
    )

    assert [(each.name, str(each.status)) for each in report.hosts[0].outcomes if each.name == "other"] == [
        ("other", "changed")
    ]
    assert ran(host) == ""
