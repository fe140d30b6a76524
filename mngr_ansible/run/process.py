"""The child process of one run (:mod:`mngr_ansible.run.supervisor`), its pipes and its private directories.

It is started before anything else is done, so this module imports little.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible.run.environment import configuration, environment, run_marker, ssh_arguments
from mngr_ansible.system.tempdirs import private_directory, socket_directory

if TYPE_CHECKING:
    from mngr_ansible.run.lines import Order, OwnOrder, WorkerOrder
    from mngr_ansible.run.own_playbook import OwnPlaybookRun

STOP_SECONDS = 3.0
"""How long the child may take to stop everything."""

WORKER_STOP_SECONDS = 12.0
"""The same where a worker runs it, which removes the job's directory meanwhile."""

_LOOK_SECONDS = 1.0
"""How often it is looked whether another thread has stopped the child."""


class TimeIsUpError(Exception):
    """The time for the run is up."""


class RunProcess:
    """The child process of one run.

    Attributes:
        sockets: where ssh may put the sockets of connections of this run.
        stop_seconds: how long the child may take to stop everything.
    """

    def __init__(
        self,
        directory: Path,
        *,
        hosts: int,
        remote_tmp: str,
        control_path: str | None = None,
        passwords: Mapping[str, str] | None = None,
        next_playbook: Path | None = None,
        worker: "WorkerOrder | None" = None,
        own: "OwnPlaybookRun | None" = None,
    ) -> None:
        """Start the child in a run directory.

        Args:
            directory: the run directory; it stays when the run is over.
            hosts: how many hosts there are; Ansible works on all at once, up to a limit.
            remote_tmp: where Ansible keeps its temporary files on a host, unless the inventory says otherwise.
            control_path: ssh's ``ControlPath`` of connections that are open already; None: each host gets one.
            passwords: sudo's passwords, by the hosts' names in the inventory; None: Ansible does not ask for any.
            next_playbook: what takes the place of ``project/provision.yml``, a fifo in which Ansible waits for
                :meth:`go`. Then the hosts' variables, which may be written later, have the options of ssh.
            worker: the worker that runs the playbook, and what it gets; None: this machine does.
            own: a playbook of the user's own, which is run instead.

        Raises:
            OSError: a directory could not be made, or the process could not be started.
        """
        self.stop_seconds = STOP_SECONDS if worker is None else WORKER_STOP_SECONDS
        with ExitStack() as directories:
            self._private = directories.enter_context(private_directory(directory, ".run-"))
            self.sockets = directories.enter_context(socket_directory())
            (self._private / "ansible.cfg").write_text(configuration(hosts))
            ssh_args = None if next_playbook else ssh_arguments(control_path or f"{self.sockets}/%C")
            env = environment(self._private, self.sockets, ssh_args, remote_tmp, hosts)
            own_order = None if own is None else _own_order(own, self._private, env)
            kept = () if worker is None else (worker["job"],)
            self._process = _start(directory, env if own is None else own.environment(env), kept)
            self._directories = directories.pop_all()
        assert self._process.stdin is not None  # noqa: S101 - for mypy: both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._rest = b""
        self._latest = float("inf")
        order: Order = {
            "directory": str(directory.absolute()),
            "private": str(self._private),
            "sockets": str(self.sockets),
            "passwords": dict(passwords or {}),
            "next_playbook": None if next_playbook is None else str(next_playbook),
            "parent": os.getpid(),
            "temporary": None if next_playbook is None else str(directory.absolute().parent),
            "worker": worker,
            "own": own_order,
        }
        self._send(json.dumps(order).encode() + b"\n")

    @property
    def returncode(self) -> int:
        """The exit code of the child, after :meth:`end`."""
        return self._process.returncode

    def _send(self, line: bytes) -> None:
        """A child that is dead already is noticed later, because it writes no line."""
        left = memoryview(line)
        with suppress(BrokenPipeError):
            while left:
                left = left[self._stdin.write(left) or 0 :]

    def go(self) -> None:
        """Let Ansible, which was held, read the playbook, which is complete by now."""
        self._send(b"go\n")

    def stop(self) -> None:
        """Have the child stop everything, and do not wait for that. Another thread may call it while :meth:`lines` is
        read, which ends soon then."""
        self._latest = min(self._latest, time.monotonic() + self.stop_seconds)
        self._stdin.close()

    def lines(self, deadline: float, on_wait: Callable[[], object] = lambda: None) -> Iterator[bytes]:
        """Yield the lines that the child writes, up to the end of the stream.

        ``on_wait`` is called about every second while no line comes.

        Raises:
            TimeIsUpError: the deadline (of ``time.monotonic``) came first, or the child did not end after :meth:`stop`;
            the beginning of a line is kept for later.
        """
        selector = selectors.PollSelector()
        selector.register(self._stdout, selectors.EVENT_READ)
        while (remaining := min(deadline, self._latest) - time.monotonic()) > 0:
            if not selector.select(min(remaining, _LOOK_SECONDS)):
                on_wait()
                continue
            chunk = os.read(self._stdout.fileno(), 1 << 16)
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            yield from whole
            if not chunk:
                return
        raise TimeIsUpError

    def end(self, *, is_over: bool, seconds: float | None = None) -> None:
        """Leave no process of the run behind: the child ends them, or, when it cannot, this process does. One more call
        does nothing.

        ``is_over``: nothing of the run can be left where the child ended by itself. ``seconds``: how long it may take;
        None: :attr:`stop_seconds`.
        """
        if self._stdout.closed:
            return
        with self._directories:
            try:
                self.stop()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(self.stop_seconds if seconds is None else seconds)
            finally:
                if self._process.returncode != 0 or not is_over:
                    _kill_marked(self._private)
                self._stdout.close()
                self._process.wait()


def _own_order(own: "OwnPlaybookRun", private: Path, env: Mapping[str, str]) -> "OwnOrder":
    """The order for a playbook of the user's own. What it may speak of is in no file but for the names of its hosts."""
    inventory, limit, fifo = private / "hosts", private / "limit", private / "job"
    inventory.touch()
    limit.write_text("".join(f"{name}\n" for name in own.limit))
    os.mkfifo(fifo, 0o600)
    return {
        "project": str(own.path.parent),
        "arguments": own.arguments(str(fifo), inventory, limit),
        "inventory": str(inventory),
        "fifo": str(fifo),
        "job": own.job(own.environment(env)),
    }


def _start(directory: Path, env: Mapping[str, str], kept: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the child; ``kept``: the descriptors that it gets besides its streams."""
    return subprocess.Popen(
        [sys.executable, "-P", "-E", "-m", "mngr_ansible.run.supervisor"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env=env,
        pass_fds=kept,
        start_new_session=True,
    )


def _kill_marked(private: Path) -> None:
    """Kill every process that has the run's marker in its environment: the child, and descendants that it missed."""
    import psutil

    for _ in range(5):
        is_clean = True
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get("ANSIBLE_HOME") == run_marker(private):
                    is_clean = False
                    process.kill()
        if is_clean:
            return
