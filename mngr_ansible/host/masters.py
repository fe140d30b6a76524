"""The masters of a command: the ssh processes that keep its connections open, and how all of them end.

A master is not our child process, and lives as long as a command runs on the host. Source: ssh_config(5),
"ControlPersist".
"""

import selectors
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import batched
from pathlib import Path

from mngr_ansible.host import templates
from mngr_ansible.system.descriptors import room
from mngr_ansible.system.signals import signals_held
from mngr_ansible.system.tempdirs import socket_directory

_AT_ONCE = 100
"""Masters that are told at once to exit: each takes a file descriptor until it has."""

_SECONDS = 2.0
"""How long all of them may take to exit."""

_LAST_SECONDS = 0.001
"""What a master needs between the end of its connections and that of its socket."""

_TO_EXIT = struct.pack(">6I", 8, 0x00000001, 4, 8, 0x10000005, 0)
"""Two messages to a master, each with its length in front: a greeting (version 4), and "exit" (request 0).
Source: OpenSSH, PROTOCOL.mux, MUX_MSG_HELLO and MUX_C_TERMINATE."""


@contextmanager
def control_sockets() -> Iterator[Path]:
    """A private directory for the sockets of masters, which end when the block or this process ends, however it does.

    While the block runs, a shell (``end_masters.sh``) waits for the end of this process, to let the masters exit then.

    Raises:
        OSError: the directory could not be made.
    """
    with socket_directory() as directory:
        command = ["/bin/sh", "-c", templates.text("end_masters.sh"), "sh", str(directory)]
        watcher = None
        try:
            with signals_held():
                watcher = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",  # PATH may have a directory that is not absolute
                    start_new_session=True,
                )
            yield directory
        finally:
            if watcher is not None:
                try:
                    if not end_masters(directory):  # an ssh with another version of the protocol: ssh itself is used
                        with suppress(subprocess.TimeoutExpired):
                            watcher.communicate(timeout=_SECONDS)
                finally:
                    watcher.kill()
                    watcher.communicate()


def end_masters(directory: Path, seconds: float = _SECONDS) -> bool:
    """Let every master whose socket is in the directory exit, all at once; whether all of them did in this time.

    ``ssh -O exit`` would say the same, with a process of 20 ms for each host.
    """
    deadline = time.monotonic() + seconds
    for sockets in batched((each for each in list(directory.iterdir()) if each.is_socket()), room(1, _AT_ONCE)):
        _end(sockets, deadline)
    while any(each.is_socket() for each in directory.iterdir()):  # a master removes its socket last
        if time.monotonic() > deadline:
            return False
        time.sleep(_LAST_SECONDS)
    return True


def _end(sockets: Sequence[Path], deadline: float) -> None:
    """Tell these masters to exit, then wait until each has closed its connection by that."""
    with ExitStack() as connections, selectors.PollSelector() as selector:
        for path in sockets:
            connection = connections.enter_context(socket.socket(socket.AF_UNIX))
            connection.setblocking(False)
            try:
                connection.connect(str(path))
                connection.send(_TO_EXIT)
            except ConnectionRefusedError:  # it was killed
                path.unlink(missing_ok=True)
            except OSError:  # it has exited by now, or it hangs
                continue
            else:
                selector.register(connection, selectors.EVENT_READ, connection)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                try:
                    has_ended = not key.data.recv(1024)
                except BlockingIOError:
                    continue
                except OSError:
                    has_ended = True
                if has_ended:
                    selector.unregister(key.fileobj)
