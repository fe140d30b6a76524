"""The child process of a run: the only file that imports ansible-runner, and the parent of everything Ansible starts.

:mod:`mngr_ansible.run.runner` starts it with ``-P -E -m mngr_ansible.run.supervisor``, in a session of its own.

* stdin: one line of JSON (:class:`mngr_ansible.run.lines.Order`). Where Ansible is to wait for its playbook, the line
  ``go`` follows when that is written. stdin stays open while the run may continue. Its end means stop: the parent
  closed it, or died.
* stdout: one line of JSON for everything that happens (:data:`mngr_ansible.run.lines.Line`). The first is ``ready``,
  the last ``end``. Without ``end`` the run was cut off. Text that is not JSON (a traceback: stderr goes to stdout too)
  is for an error message.

Ansible's workers have sessions of their own and outlive ansible-runner's ``killpg`` (docs/decisions.md "Ansible and
ansible-runner"). On Linux this process is a sub-reaper (prctl(2), PR_SET_CHILD_SUBREAPER): a process whose parent dies
becomes its child, so all descendants can always be found.
"""

import errno
import fcntl
import gc
import importlib.util
import json
import os
import re
import resource
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mngr_ansible.content.location import content_directory
from mngr_ansible.run.lines import ENDS_OF_A_PLAYBOOK, Line, Order, OwnOrder, Reducer
from mngr_ansible.run.own_playbook_events import OwnReducer

GRACE = 0.5
"""Seconds between TERM and KILL."""
GIVE_UP = 2.5
"""Seconds after which this process ends although a descendant cannot be killed (it hangs in the kernel)."""
WORKER_SECONDS = 8.0
"""By how much both are longer where a worker on this machine removes the job's directory meanwhile."""
MOST_MEMORY = 4 << 30
"""Bytes of memory for any process of the run: Ansible reads a module's answer from a host without a limit."""
_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_GO_SECONDS = 0.005
"""Seconds between two looks whether Ansible has reached its playbook."""
_ending = threading.Lock()


class _Held:
    """The Ansible that waits for its playbook.

    Attributes:
        starting: whoever has it may start Ansible, or keep it from being started.
        group: the process group of Ansible, when it is started.
        has_begun: whether it got the playbook, or was not to wait.
    """

    def __init__(self) -> None:
        self.starting = threading.Lock()
        self.group: int | None = None
        self.has_begun = False


_held = _Held()


def write(line: Line) -> None:
    """Send one line to the parent. If the parent is dead, nobody needs it; the end of stdin will stop this process."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Carry out the order on stdin. It never returns."""
    gc.set_threshold(100_000)  # it imports much, and makes little garbage
    order, rest = _read_order()
    _held.has_begun = order["next_playbook"] is None
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    threading.Thread(target=_listen, args=(order,), kwargs={"is_to_go": bool(rest)}, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: threading.Thread(target=_finish, args=(order,)).start())
    if order["worker"] is not None:
        from mngr_ansible.run.worker_stream import WorkerStream

        write({"kind": "ready", "missing": []})
        write(WorkerStream(order["worker"], write, os.environ["ANSIBLE_HOME"]).run())
        _finish(order)
    missing = [name for name in ("ansible", "ansible_runner") if importlib.util.find_spec(name) is None]
    write({"kind": "ready", "missing": missing})
    _finish(order, is_over=not missing and _run(order))


def _read_order() -> tuple[Order, bytes]:
    """The order, and what came after its line: that is not left in a buffer."""
    line = b""
    while b"\n" not in line:
        line += os.read(0, 1 << 16) or sys.exit("there is no order on stdin")
    line, _, rest = line.partition(b"\n")
    return json.loads(line), rest


def _run(order: Order) -> bool:
    """Let ansible-runner run the playbook, then write ``end``. Returns whether the whole playbook was run."""
    own = order["own"]
    reducer = Reducer(write) if own is None else OwnReducer(write)
    code = None
    try:
        from ansible_runner.interface import init_runner

        _adapt_pexpect()
        words, passwords = _words(order), order["passwords"]
        runner = init_runner(
            private_data_dir=order["private"],
            project_dir=str(Path(order["directory"], "project")) if own is None else own["project"],
            inventory=str(Path(order["directory"], "inventory")) if own is None else own["inventory"],
            # Not `playbook=`: ansible-runner would take the `ansible-playbook` of PATH, if there is one at all.
            binary=sys.executable,
            cmdline=shlex.join(["-P", "-E", *words]),
            settings={"suppress_ansible_output": True, "suppress_output_file": True},
            fact_cache_type="none",
            event_handler=reducer.handle,
            cancel_callback=lambda: False,
        )
        if passwords:  # not `passwords=` of ansible-runner, which would write them to disk
            question = re.compile(r"BECOME password.*:\s*$", re.MULTILINE)
            runner.config.expect_passwords = {question: json.dumps(passwords), **runner.config.expect_passwords}
        if own is not None:
            threading.Thread(target=_feed, args=(own,), daemon=True).start()
        _, code = runner.run()
    except Exception as error:  # noqa: BLE001 - the parent reports every exception
        reducer.error = reducer.error or f"{type(error).__name__}: {error}"
    write({"kind": "end", "code": code, "error": reducer.error, "output": list(reducer.output)})
    return code in ENDS_OF_A_PLAYBOOK


def _words(order: Order) -> list[str]:
    """The launcher and its arguments."""
    if (own := order["own"]) is not None:
        words = own["arguments"]
    else:
        words = [str(content_directory() / "launcher" / "ansible_playbook.py"), "provision.yml"]
    return [*words, *(["--ask-become-pass"] if order["passwords"] else [])]


def _feed(own: OwnOrder) -> None:
    """Give the launcher what it waits for; where it never reads, this ends with the process."""
    with suppress(OSError):
        Path(own["fifo"]).write_text(own["job"], "utf-8")


def _adapt_pexpect() -> None:
    """Keep in mind what is started, and save the 0.1 s that pexpect sleeps before it asks whether a process has ended
    that was waited for already."""
    import pexpect  # type: ignore[import-untyped]

    class Spawn(pexpect.spawn):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            with _held.starting:
                super().__init__(*arguments, **options)
                _held.group = self.pid

        def close(self, force: bool = True) -> None:
            self.ptyproc.delayafterclose = 0
            super().close(force)

    pexpect.spawn = Spawn


def _listen(order: Order, *, is_to_go: bool) -> None:
    """Give Ansible its playbook when the parent says so; stop everything when stdin or the parent ends.

    A fork of the parent may hold our stdin open, so its end alone does not tell.
    """
    while os.getppid() == order["parent"]:
        if is_to_go and not _held.has_begun:
            _give_playbook(order)
        is_waiting = is_to_go and not _held.has_begun
        if select.select([0], [], [], _GO_SECONDS if is_waiting else 1.0)[0]:
            if not os.read(0, 1 << 16):
                break
            is_to_go = True
    _finish(order)


def _give_playbook(order: Order) -> None:
    """Give Ansible the playbook, if it has come so far that it reads it.

    The file takes its place first: Ansible opens that path again when it shows a line of it in an error.
    """
    fifo, playbook = Path(order["directory"], "project", "provision.yml"), Path(order["next_playbook"] or "")
    try:
        pipe = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ENXIO:  # nobody reads it yet
            _finish(order)
        return
    text = playbook.read_bytes()
    _held.has_begun = True
    write({"kind": "begun"})
    playbook.rename(fifo)
    os.set_blocking(pipe, True)
    with suppress(BrokenPipeError), open(pipe, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(text)


def _finish(order: Order, *, is_over: bool = False) -> None:
    """Leave nothing behind and end this process. The first caller does it; any other waits here for the end.

    Args:
        order: what was run.
        is_over: Ansible ended by itself, so what it started and left running is meant to stay, such as a service.
    """
    _ending.acquire()
    try:
        if not _held.has_begun:
            _end_held()
        elif not is_over:
            _end_descendants(0 if order["worker"] is None else WORKER_SECONDS)
    finally:  # whatever fails: nothing else would end this process, since all others wait for the lock
        try:
            _close_control_sockets(Path(order["sockets"]))
            _remove(Path(order["sockets"]))
            _remove(Path(order["private"]))
            if (
                not _held.has_begun
                and order["temporary"] is not None
                and _is_abandoned(order["temporary"], order["parent"])
            ):
                _remove(Path(order["temporary"]))
        finally:
            os._exit(0)


def _is_abandoned(directory: str, parent: int) -> bool:
    """Whether the parent has ended, or is about to: its files, and so its lock on the directory, go first."""
    if os.getppid() != parent:
        return True
    try:
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(lock)
    except OSError:
        return False
    return True


def _remove(directory: Path) -> None:
    """Remove a directory, even while ansible-runner writes a last file into it in the main thread."""
    limit = time.monotonic() + 1
    shutil.rmtree(directory, ignore_errors=True)
    while directory.exists() and time.monotonic() < limit:
        time.sleep(0.01)
        shutil.rmtree(directory, ignore_errors=True)


def _end_held() -> None:
    """Kill the Ansible that waits: it has nothing to clean up, and has started nothing that outlives its group."""
    _held.starting.acquire()  # and keep it: nothing is started any more
    if _held.group is None:
        return
    limit = time.monotonic() + GIVE_UP
    with suppress(ChildProcessError, ProcessLookupError):  # it has ended already
        while os.waitpid(_held.group, os.WNOHANG)[0] == 0 and time.monotonic() < limit:
            os.killpg(_held.group, signal.SIGKILL)
            time.sleep(0.002)


def _end_descendants(more: float) -> None:
    """Send TERM to all descendants, KILL after :data:`GRACE` and so many more seconds; repeatedly, because they may
    start others meanwhile."""
    import psutil

    begin, terminated, has_killed = time.monotonic(), set[int](), False
    while time.monotonic() < begin + GIVE_UP + more or not has_killed:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        alive = []
        try:
            children = psutil.Process().children(recursive=True)
        except (psutil.Error, OSError):  # of a process that ends just now, or for want of a descriptor: look again
            if time.monotonic() > begin + GIVE_UP + more:
                return
            time.sleep(0.02)
            continue
        for process in children:
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
        if not alive:
            return
        has_killed = time.monotonic() > begin + GRACE + more
        for process in alive:
            with suppress(psutil.Error):
                if has_killed:
                    process.kill()
                elif process.pid not in terminated:
                    terminated.add(process.pid)
                    process.terminate()
        time.sleep(0.02)


def _close_control_sockets(sockets: Path) -> None:
    """End the ssh connections that this run shares through control sockets, all at once."""
    exits = [
        subprocess.Popen(
            ["ssh", "-F", "none", "-o", f'ControlPath="{socket}"', "-O", "exit", "master"],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for socket in sockets.iterdir()
        if socket.is_socket()
    ]
    for process in exits:
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)


if __name__ == "__main__":
    main()
