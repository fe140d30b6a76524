"""What `mngr_ansible.runner` promises, held with the real ansible-runner, ansible-playbook and ssh."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import uuid
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import mngr_ansible
from mngr_ansible import runner
from mngr_ansible.errors import RunError
from mngr_ansible.runner import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SSHD = "/usr/sbin/sshd"
LOCAL: dict[str, object] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

SETTLE = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"steps": {"type": "list", "elements": "dict"}, "error": {}, "warning": {}})
if module.params["warning"]:
    module.warn(module.params["warning"])
if module.params["error"]:
    module.fail_json(msg=module.params["error"], mngr_steps=module.params["steps"] or [])
module.exit_json(changed=False, mngr_steps=module.params["steps"] or [], content="bytes-of-a-file")
"""
GIT = {"id": "package:git", "status": "ok", "current": "2.39.5", "reason": ""}
NODE = {"id": "package:node", "status": "failed", "current": None, "reason": "no such package"}


def run_directory(parent: Path, *tasks: dict[str, object], hosts: dict[str, dict[str, object]] | None = None) -> Path:
    """A run directory whose play has these tasks and the module `settle`; by default for this machine."""
    directory = parent / f"run-{uuid.uuid4().hex[:8]}"
    (directory / "inventory" / "host_vars").mkdir(parents=True)
    (directory / "project" / "library").mkdir(parents=True)
    hosts = hosts or {"host-1": LOCAL}
    (directory / "inventory" / "hosts.yml").write_text(json.dumps({"mngr_hosts": {"hosts": dict.fromkeys(hosts)}}))
    for alias, facts in hosts.items():
        data = {"ansible_remote_tmp": str(directory / "remote"), **facts}
        (directory / "inventory" / "host_vars" / f"{alias}.json").write_text(json.dumps(data))
    play = {"name": "Play", "hosts": "mngr_hosts", "gather_facts": False, "tasks": list(tasks)}
    (directory / "project" / "provision.yml").write_text(json.dumps([play]))
    (directory / "project" / "library" / "settle.py").write_text(SETTLE)
    return directory


def settle(name: str = "Settle", **arguments: object) -> dict[str, object]:
    return {"name": name, "settle": arguments}


def hang(mark: str) -> dict[str, object]:
    """A task that sleeps, and has a daemon sleep, far longer than any test; `mark` is in the arguments of both."""
    daemon = f"setsid {sys.executable} -c 'import time; time.sleep(600)' {mark} daemon </dev/null >/dev/null 2>&1 &"
    return {"name": "Hang", "shell": f"({daemon}); {sys.executable} -c 'import time; time.sleep(600)' {mark}"}


def marked(mark: str) -> list[psutil.Process]:
    """The processes with this mark in their arguments, without this test's own."""
    found = []
    for process in psutil.process_iter():
        try:
            if mark in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark for processes that must be gone when the test is over."""
    name = f"mark{uuid.uuid4().hex}"
    yield name
    for process in marked(name):
        process.kill()


# What happened


def test_the_steps_that_a_role_settles_arrive_in_order_and_as_they_happen(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle("First", steps=[GIT]), settle("Second", steps=[NODE], warning="old"))
    seen: list[Event] = []
    result = runner.run(directory, timeout=60, on_event=seen.append)
    assert seen == [
        Event("task", task="First"),
        Event("step", "host-1", "First", step=GIT),
        Event("task", task="Second"),
        Event("step", "host-1", "Second", step=NODE),
        Event("warning", "host-1", "Second", "old"),
    ]
    assert result == runner.RunResult("finished", True, frozenset({"host-1"}), tuple(seen))


def test_of_a_result_only_steps_message_and_warnings_get_through(tmp_path: Path) -> None:
    step = {**GIT, "content": "bytes-of-a-file", "reason": "x" * 100_000}
    result = runner.run(run_directory(tmp_path, settle(steps=[step])), timeout=60)
    assert "bytes-of-a-file" not in repr(result)
    assert len(repr(result)) < 20_000


def test_a_failed_task_is_told_with_its_message_and_ends_its_host(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle(steps=[GIT, NODE], error="apt has no node."), settle("Never"))
    result = runner.run(directory, timeout=60)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT, NODE]
    assert [event for event in result.events if event.kind == "failed"] == [
        Event("failed", "host-1", "Settle", "apt has no node.")
    ]
    assert Event("task", task="Never") not in result.events
    assert (result.status, result.is_complete, result.problem) == ("finished", True, None)


def test_a_failed_loop_is_told_in_the_words_of_its_items(tmp_path: Path) -> None:
    loop = {**settle(steps=[GIT], error="{{ item }} is not to be had."), "loop": ["node", "node", "fd"]}
    result = runner.run(run_directory(tmp_path, loop), timeout=60)
    assert [event.text for event in result.events if event.kind == "failed"] == [
        "node is not to be had.\nfd is not to be had."
    ]
    assert [event.step for event in result.events if event.kind == "step"] == [GIT] * 3


def test_an_ignored_failure_is_a_warning(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, {**settle(error="It is a pity."), "ignore_errors": True})
    result = runner.run(directory, timeout=60)
    assert Event("warning", "host-1", "Settle", "It is a pity.") in result.events
    assert not any(event.kind == "failed" for event in result.events)


def test_a_module_that_breaks_is_told_with_its_exception(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle())
    (directory / "project" / "library" / "settle.py").write_text(
        "#!/usr/bin/python\nraise SystemError('a cracked gear')"
    )
    [failed] = [event for event in runner.run(directory, timeout=60).events if event.kind == "failed"]
    assert "a cracked gear" in failed.text


def test_a_host_that_cannot_be_reached_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    closed = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts: dict[str, dict[str, object]] = {"host-1": LOCAL, "host-2": {**closed, "ansible_ssh_common_args": "-F none"}}
    result = runner.run(run_directory(tmp_path, settle(steps=[GIT]), hosts=hosts), timeout=60)
    [lost] = [event for event in result.events if event.kind == "unreachable"]
    assert lost.host == "host-2"
    assert "Connection refused" in lost.text
    assert [event.host for event in result.events if event.kind == "step"] == ["host-1"]
    assert result.hosts == {"host-1", "host-2"}


def test_a_result_of_megabytes_keeps_its_steps(tmp_path: Path) -> None:
    steps = [{**GIT, "id": f"file:/srv/{number}", "reason": "r" * 1000} for number in range(2000)]
    result = runner.run(run_directory(tmp_path, settle(steps=steps)), timeout=60)
    assert [event.step["id"] for event in result.events if event.step] == [step["id"] for step in steps]


def test_a_playbook_that_ansible_refuses_is_a_problem_and_no_host_was_seen(tmp_path: Path) -> None:
    result = runner.run(run_directory(tmp_path, {"name": "No such module", "setttle": {}}), timeout=60)
    assert (result.status, result.is_complete, result.hosts) == ("finished", False, frozenset())
    assert result.problem == "Ansible broke with exit code 4 before the playbook was through."
    assert "setttle" in result.details


def test_a_play_without_hosts_is_not_taken_for_one_that_ran(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, settle())
    (directory / "inventory" / "hosts.yml").write_text('{"others": {"hosts": {"host-1": {}}}}')
    result = runner.run(directory, timeout=60)
    assert result.hosts == frozenset()
    assert any(event.kind == "warning" for event in result.events)


# The world around it


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
            if path.is_file():
                assert canary.encode() not in path.read_bytes()
                files.append(path)
        for process in psutil.Process().children(recursive=True):
            assert canary not in process.environ().values()

    result = runner.run(directory, timeout=60, on_event=look)
    assert any(path.name == "command" for path in files), "ansible-runner's own record was among them"
    assert canary not in repr(result)


def test_a_run_leaves_no_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
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


def test_the_calling_process_is_left_as_it_was(tmp_path: Path, mark: str) -> None:
    def state() -> object:
        umask = os.umask(0o22)
        os.umask(umask)
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP)],
            sum(1 for _ in Path("/proc/self/fd").iterdir()) if sys.platform == "linux" else psutil.Process().num_fds(),
            (dict(os.environ), Path.cwd(), umask, threading.active_count(), psutil.Process().children()),
        )

    def refuse(event: Event) -> None:
        raise ValueError(event.task)

    good, slow = run_directory(tmp_path, settle(steps=[GIT])), run_directory(tmp_path, hang(mark))
    before = state()
    runner.run(good, timeout=60)
    runner.run(slow, timeout=1.5)
    with pytest.raises(ValueError, match="Settle"):
        runner.run(good, timeout=60, on_event=refuse)
    assert state() == before


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
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


# Ends


def test_when_the_time_is_up_everything_is_stopped_and_what_was_settled_is_told(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, settle(steps=[GIT]), hang(mark))
    begun = time.monotonic()
    result = runner.run(directory, timeout=4)
    assert 4 <= time.monotonic() - begun < 8
    assert marked(mark) == []
    assert marked(str(directory)) == []
    assert (result.status, result.is_complete, result.hosts) == ("timeout", False, frozenset())
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert Event("task", task="Hang") in result.events, "the test's time was too short"
    assert rooms(directory) == []


def test_a_callback_that_raises_stops_the_run(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))

    def refuse(event: Event) -> None:
        wait_until(lambda: len(marked(mark)) > 1)
        raise TimeoutError("not the run's own")

    with pytest.raises(TimeoutError, match="not the run's own"):
        runner.run(directory, timeout=60, on_event=refuse)
    assert marked(mark) == []
    assert marked(str(directory)) == []


def caller(directory: Path, on_event: str = "None") -> subprocess.Popen[str]:
    """A program of its own that runs this directory and prints how that ended."""
    script = f"""
        import os, sys, time
        from pathlib import Path
        from mngr_ansible import runner
        try:
            print(runner.run(Path(sys.argv[1]), timeout=60, on_event={on_event}).status)
        except BaseException as error:
            print(type(error).__name__)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(directory)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def rooms(directory: Path) -> list[Path]:
    """The private directories of runs."""
    return list(directory.glob(".run-*"))


def begun(mark: str) -> bool:
    """Whether the task of :func:`hang` and its daemon run."""
    return sum("daemon" in process.cmdline() for process in marked(mark)) == 1 and len(marked(mark)) > 2


def test_ctrl_c_stops_the_run_and_reaches_the_caller(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory) as process:
        wait_until(lambda: begun(mark))
        process.send_signal(signal.SIGINT)
        since = time.monotonic()
        assert process.communicate(timeout=10)[0] == "KeyboardInterrupt\n"
    assert time.monotonic() - since < 3
    assert marked(mark) == []
    assert marked(str(directory)) == []
    assert rooms(directory) == []


def test_the_death_of_the_caller_ends_everything_within_five_seconds(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory) as process:
        wait_until(lambda: begun(mark))
        process.kill()
    wait_until(lambda: marked(mark) == [] and marked(str(directory)) == [] and not rooms(directory), 5)


def test_the_death_of_the_caller_is_noticed_though_a_fork_of_it_lives_on(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))
    with caller(directory, on_event="lambda event: os.fork() or time.sleep(60)") as process:
        wait_until(lambda: begun(mark))
        [fork] = [each for each in psutil.Process(process.pid).children() if each.cmdline()[1] == "-c"]
        process.kill()
        wait_until(lambda: marked(mark) == [] and not rooms(directory), 5)
        fork.kill()


def test_the_death_of_the_supervisor_ends_everything_and_is_told(tmp_path: Path, mark: str) -> None:
    directory = run_directory(tmp_path, hang(mark))

    def shoot(event: Event) -> None:
        wait_until(lambda: begun(mark))
        [child] = psutil.Process().children()
        child.kill()

    result = runner.run(directory, timeout=60, on_event=shoot)
    assert (result.status, result.is_complete) == ("stopped", False)
    assert result.problem == "The process that ran Ansible was ended from outside (exit code -9)."
    assert marked(mark) == []
    assert marked(str(directory)) == []


# What it needs


@pytest.mark.parametrize("present", [(), ("ansible",)])
def test_without_ansible_the_error_says_what_to_install(tmp_path: Path, present: tuple[str, ...]) -> None:
    python = bare_python(tmp_path / "venv", "mngr_ansible", "psutil", *present)
    message = run_error(python, run_directory(tmp_path, settle()))
    missing = "ansible-runner" if present else "ansible-core and ansible-runner"
    assert message.startswith(f"{missing} cannot be imported by {python}\n")
    assert f"{python} -m pip install" in message


def test_what_only_pythonpath_offers_is_an_error_that_says_so(tmp_path: Path) -> None:
    python = bare_python(tmp_path / "venv", "psutil")
    checkout = str(Path(mngr_ansible.__file__).parents[1])
    message = run_error(python, run_directory(tmp_path, settle()), PYTHONPATH=checkout)
    assert "could not run mngr_ansible.supervisor" in message
    assert "PYTHONPATH" in message


def test_a_directory_that_is_not_there_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="Ansible could not be started"):
        runner.run(tmp_path / "nowhere", timeout=60)


def bare_python(directory: Path, *packages: str) -> str:
    """A Python that can import these packages of ours and nothing else."""
    venv.create(directory, symlinks=True)
    [site] = directory.glob("lib/python*/site-packages")
    for name in packages:
        (site / name).symlink_to(Path(str(__import__(name).__file__)).parent)
    return str(directory / "bin" / "python")


def run_error(python: str, directory: Path, **env: str) -> str:
    script = """
        import sys
        from pathlib import Path
        from mngr_ansible import errors, runner
        try:
            runner.run(Path(sys.argv[1]), timeout=60)
        except errors.RunError as error:
            print(error)
    """
    command = [python, "-c", textwrap.dedent(script), str(directory)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=30, env={**os.environ, **env}, check=True)
    return done.stdout


# ssh


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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (room / "known_hosts").write_text(f"[127.0.0.1]:{port} {(room / 'host.pub').read_text()}")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    settings = f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {room}/host
        AuthorizedKeysFile {room}/login.pub
        StrictModes no
        UsePAM no
        PidFile none
    """
    (room / "config").write_text(textwrap.dedent(settings))
    with subprocess.Popen([SSHD, "-D", "-f", str(room / "config"), "-E", str(room / "log")]) as process:
        wait_until(lambda: (room / "log").exists() and "listening" in (room / "log").read_text())
        known = ["-o", f"UserKnownHostsFile={room}/known_hosts", "-o", "IdentitiesOnly=yes"]
        options = ["-F", "none", "-i", str(room / "login"), *known]
        facts = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_python_interpreter": sys.executable}
        yield Sshd({**facts, "ansible_ssh_common_args": " ".join(options)}, options, room / "log")
        process.terminate()


def logins(sshd: Sshd) -> int:
    return sshd.log.read_text().count("Accepted publickey")


def test_a_run_logs_in_once_and_closes_its_connection(
    tmp_path: Path, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    directory = run_directory(tmp_path, settle(steps=[GIT]), settle("Again"), hosts={"host-1": sshd.facts})
    sockets: set[str] = set()

    def look(event: Event) -> None:
        sockets.update(word for each in marked("[mux]") for word in each.cmdline() if "/mngr-" in word)

    result = runner.run(directory, timeout=60, on_event=look)
    assert (result.hosts, result.problem) == (frozenset({"host-1"}), None)
    assert [event.step for event in result.events if event.kind == "step"] == [GIT]
    assert logins(sshd) == 1
    [path] = sockets
    assert marked(path) == []
    assert not Path(path).parent.exists()


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
