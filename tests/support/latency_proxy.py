"""A TCP proxy on the loopback that adds a round-trip time, and counts what goes through it.

Each chunk is held for half the round trip and never waits for the ones before it, so throughput stays; a new connection
costs the round trip of its handshake too. Tests count connections and bytes with it, also at 0 ms.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hosts import SshHost

_CHUNK = 1 << 18
_CHUNKS = 128
"""Chunks under way in one direction; above it the sender waits, as before a full TCP window (here up to 32 MiB)."""


@dataclass
class Delays:
    """A running proxy and its counts.

    Attributes:
        port: where it listens.
        rtt: milliseconds; may be changed at any time, for the chunks that come then.
        connections: how many it has accepted.
        to_host: bytes that clients sent.
        from_host: bytes that the target sent.
    """

    target: int
    rtt: float
    port: int = 0
    connections: int = 0
    to_host: int = 0
    from_host: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def _half(self) -> float:
        return self.rtt / 2000

    def clear(self) -> None:
        """Set every count to 0."""
        self.connections = self.to_host = self.from_host = 0

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # SYN, SYN+ACK and ACK: the target sees a client one and a half round trips after its first packet.
        self._open.append(client)
        time.sleep(3 * self._half)
        try:
            target = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self._open.append(target)
        back = threading.Thread(target=self._carry, args=(target, client, "from_host"), daemon=True)
        back.start()
        self._carry(client, target, "to_host")
        back.join()
        for end in (client, target):
            end.close()
            with suppress(ValueError):
                self._open.remove(end)

    def _carry(self, source: socket.socket, sink: socket.socket, count: str) -> None:
        """Carry one direction to its end: one thread reads and dates, this one waits and writes."""
        source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chunks: queue.Queue[tuple[float, bytes]] = queue.Queue(_CHUNKS)
        threading.Thread(target=self._read, args=(source, chunks, count), daemon=True).start()
        is_open = True
        while True:
            due, chunk = chunks.get()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            if not chunk:
                break
            if is_open:
                try:
                    sink.sendall(chunk)
                except OSError:
                    is_open = False
                    with suppress(OSError):
                        source.shutdown(socket.SHUT_RD)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _read(self, source: socket.socket, chunks: queue.Queue[tuple[float, bytes]], count: str) -> None:
        chunk = b"more"
        while chunk:
            try:
                chunk = source.recv(_CHUNK)
            except OSError:
                chunk = b""
            setattr(self, count, getattr(self, count) + len(chunk))
            chunks.put((time.monotonic() + self._half, chunk))

    def _end(self) -> None:
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def delayed(port: int, rtt: float = 0) -> Iterator[Delays]:
    """A proxy to a port of this machine for the length of a ``with`` block; ``rtt`` in milliseconds."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        proxy = Delays(port, rtt, listener.getsockname()[1])
        thread = threading.Thread(target=proxy._listen, args=(listener,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            proxy._end()
            thread.join(5)


@contextmanager
def distant(host: SshHost, rtt: float = 0) -> Iterator[tuple[SshHost, Delays]]:
    """A test host as reached through a proxy, and the proxy; the host's ``known_hosts`` learns the new port."""
    with delayed(host.port, rtt) as proxy:
        key = host.known_hosts.read_text().splitlines()[0].split(" ", 1)[1]
        with host.known_hosts.open("a") as file:
            file.write(f"[127.0.0.1]:{proxy.port} {key}\n")
        yield replace(host, port=proxy.port), proxy
