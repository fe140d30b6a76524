"""What a run uses of its surroundings, and what it does not: settings, environment, files, ssh."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from mngr_ansible.run import runner
from tests.support.processes import processes_with
from tests.support.run_directories import GIT, run_directory, settle
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mngr_ansible.run.runner import Event

SSHD = "/usr/sbin/sshd"


def test_the_callers_settings_neither_change_nor_break_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, fake, poison = tmp_path / "home", tmp_path / "fake", tmp_path / "poison"
    for folder in (home / ".ansible" / "plugins" / "modules", fake, poison / "ansible"):
        folder.mkdir(parents=True)
    (home / ".ansible" / "plugins" / "modules" / "settle.py").write_text("raise SystemExit(1)")
    (home / ".ansible.cfg").write_text("[defaults]\ncheck_mode_markers = what\nstdout_callback = nonsense\n")
    (tmp_path / "ansible.cfg").write_text("[defaults]\ninventory_enabled = ini\n")
    (poison / "ansible" / "__init__.py").write_text("raise SystemExit('poisoned')")
    for name in ("ansible", "ansible-playbook"):
        (fake / name).write_text("#!/bin/sh\nexit 0\n")
        (fake / name).chmod(0o755)
    directory = run_directory(tmp_path, settle(steps=[GIT]))
    hostile = {
        "HOME": str(home),
        "PATH": f"{fake}:.:{os.environ['PATH']}",
        "PYTHONPATH": str(poison),
        "PYTHONHOME": str(poison),
        "PYTHONWARNINGS": "error",
        "LC_ALL": "C",
        "LANG": "tlh_KX",
        "ANSIBLE_CONFIG": str(tmp_path / "no.cfg"),
        "ANSIBLE_LIBRARY": str(home / ".ansible" / "plugins" / "modules"),
        "ANSIBLE_RUN_TAGS": "nothing",
        "ANSIBLE_INVENTORY_ENABLED": "ini",
        "ANSIBLE_STDOUT_CALLBACK": "yaml",
        "ANSIBLE_TRANSPORT": "ssh",
        "ANSIBLE_EXECUTABLE": "/bin/false",
        "ANSIBLE_VAULT_PASSWORD_FILE": "/no/such/file",
        "ANSIBLE_DIFF_ALWAYS": "1",
        "ANSIBLE_LOG_PATH": str(tmp_path / "log"),
        "AWX_LIB_DIRECTORY": str(poison),
        "RUNNER_OMIT_EVENTS": "true",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    before = sorted(home.rglob("*"))
    result = runner.run(directory, timeout=60)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert (result.is_complete, result.hosts, result.problem) == (True, frozenset({"host-1"}), None)
    assert sorted(home.rglob("*")) == before
    assert not (tmp_path / "log").exists()


def test_the_callers_environment_is_in_no_file_no_process_and_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = f"sk-{uuid.uuid4().hex}"
    monkeypatch.setenv("ANTHROPIC_API_KEY", canary)
    directory = run_directory(tmp_path, {"name": "Look", "command": "env", "register": "env"}, settle(steps=[GIT]))
    files: list[Path] = []

    def look(event: Event) -> None:
        for path in directory.rglob("*"):
            with suppress(FileNotFoundError):  # Ansible, still at work, has removed it
                if path.is_file():
                    assert canary.encode() not in path.read_bytes()
                    files.append(path)
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error, OSError):  # ended meanwhile, or a zombie
                assert canary not in process.environ().values()

    result = runner.run(directory, timeout=60, on_event=look)
    assert any(path.name == "command" for path in files), "ansible-runner's own record was among them"
    assert canary not in repr(result)


def test_a_run_leaves_no_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    directory = run_directory(tmp_path, settle(steps=[GIT]), {"name": "Fail", "fail": {}})
    before = {path for path in directory.rglob("*") if "__pycache__" not in path.parts}
    runner.run(directory, timeout=60)
    assert {path for path in directory.rglob("*") if "__pycache__" not in path.parts} - {directory / "remote"} == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_run_works_from_a_directory_with_an_odd_name(tmp_path: Path) -> None:
    odd = tmp_path / 'it\'s an, "odd" näme'
    odd.mkdir()
    assert runner.run(run_directory(odd, settle(steps=[GIT])), timeout=60).hosts == {"host-1"}


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    results: dict[str, runner.RunResult] = {}

    def one(name: str) -> None:
        directory = run_directory(tmp_path, settle(steps=[{**GIT, "id": name}]))
        results[name] = runner.run(directory, timeout=60)

    threads = [threading.Thread(target=one, args=(f"package:{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, result in results.items():
        assert [event.step["id"] for event in result.events if event.step] == [name]
    assert len(results) == 2


@dataclass(frozen=True)
class Sshd:
    """A real sshd on the loopback, for the user who runs the tests."""

    facts: dict[str, object]
    options: list[str]
    log: Path


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if not Path(SSHD).exists():
        pytest.skip("there is no sshd here")
    room = tmp_path / "sshd"
    room.mkdir()
    for name in ("host", "login"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(room / name)], check=True)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with _serve(room, port) as process:
            if process.poll() is not None:  # another one took the port meanwhile
                continue
            (room / "known_hosts").write_text(f"[127.0.0.1]:{port} {(room / 'host.pub').read_text()}")
            known = ["-o", f"UserKnownHostsFile={room}/known_hosts", "-o", "IdentitiesOnly=yes"]
            options = ["-F", "none", "-i", str(room / "login"), *known]
            facts = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_python_interpreter": sys.executable}
            yield Sshd({**facts, "ansible_ssh_common_args": " ".join(options)}, options, room / "log")
            return
    pytest.fail((room / "log").read_text())


@contextmanager
def _serve(room: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An sshd that listens on this port, or has ended."""
    settings = f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {room}/host
        AuthorizedKeysFile {room}/login.pub
        StrictModes no
        UsePAM no
        PidFile none
    """
    (room / "config").write_text(textwrap.dedent(settings))
    log = room / "log"
    log.write_text("")
    with subprocess.Popen([SSHD, "-D", "-f", str(room / "config"), "-E", str(log)]) as process:
        try:
            wait_until(lambda: process.poll() is not None or "listening" in log.read_text())
            yield process
        finally:
            process.terminate()


def logins(sshd: Sshd) -> int:
    return sshd.log.read_text().count("Accepted publickey")


def test_a_run_logs_in_once_and_closes_its_connection(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    directory = run_directory(tmp_path, settle(steps=[GIT]), settle("Again"), hosts={"host-1": sshd.facts})
    sockets: set[Path] = set()

    def look(event: Event) -> None:
        for each in processes_with("[mux]"):
            with suppress(psutil.Error):
                ports = {connection.raddr.port for connection in each.net_connections() if connection.raddr}
                if sshd.facts["ansible_port"] in ports:
                    sockets.update(map(Path, re.findall(r"/\S+/mngr-ansible-\S+", " ".join(each.cmdline()))))

    result = runner.run(directory, timeout=60, on_event=look)
    assert (result.hosts, result.problem) == (frozenset({"host-1"}), None)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert logins(sshd) == 1
    [path] = sockets
    assert processes_with(str(path)) == []
    assert not path.parent.exists()


def test_a_master_that_is_open_is_used_and_left_open(tmp_path: Path, sshd: Sshd) -> None:
    with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp") as room:
        control = ["-o", f"ControlPath={room}/%C"]
        target = [*control, *sshd.options, "-p", str(sshd.facts["ansible_port"]), "127.0.0.1"]
        subprocess.run(["ssh", "-o", "ControlMaster=auto", "-o", "ControlPersist=60", *target, "true"], check=True)
        directory = run_directory(tmp_path, settle(steps=[GIT]), hosts={"host-1": sshd.facts})
        result = runner.run(directory, timeout=60, control_path=f"{room}/%C")
        assert [event.step for event in result.events if event.kind == "step"] == [GIT]
        assert logins(sshd) == 1
        assert subprocess.run(["ssh", "-O", "check", *target], stderr=subprocess.DEVNULL).returncode == 0
        subprocess.run(["ssh", "-O", "exit", *target], stderr=subprocess.DEVNULL, check=True)


def test_a_changed_host_key_stops_before_anything_is_sent(tmp_path: Path, sshd: Sshd) -> None:
    other = tmp_path / "sshd" / "login.pub"
    known = tmp_path / "sshd" / "known_hosts"
    known.write_text(f"{known.read_text().split()[0]} {other.read_text()}")
    result = runner.run(run_directory(tmp_path, settle(), hosts={"host-1": sshd.facts}), timeout=60)
    [lost] = [event for event in result.events if event.kind == "unreachable"]
    assert "Host key verification failed" in lost.text
    assert logins(sshd) == 0
