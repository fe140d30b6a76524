import socket
import threading
import time

import pytest

from tests.support.latency_proxy import delayed, distant

pytestmark = pytest.mark.timed


@pytest.fixture
def echo():
    """The port of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            try:
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=reply, args=(client,), daemon=True).start()
            except OSError:
                return

        def reply(client: socket.socket) -> None:
            with client:
                while chunk := client.recv(1 << 16):
                    client.sendall(chunk)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def ask(client: socket.socket, words: bytes) -> float:
    """Seconds until the words are back."""
    begun = time.monotonic()
    client.sendall(words)
    got = b""
    while len(got) < len(words):
        got += client.recv(1 << 16)
    assert got == words
    return time.monotonic() - begun


def test_an_answer_takes_the_round_trip_and_a_new_connection_one_more(echo):
    with delayed(echo, 100) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        first, later = ask(client, b"hello"), min(ask(client, b"hello") for _ in range(5))

    assert 0.15 < first < 10
    assert 0.09 < later < 0.19


def test_many_chunks_are_held_together_not_one_after_the_other(echo):
    with delayed(echo, 500) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        ask(client, b"hello")
        begun = time.monotonic()
        for _ in range(50):
            client.sendall(b"x" * 1000)
            time.sleep(0.002)
        got = 0
        while got < 50_000:
            got += len(client.recv(1 << 16))

    assert time.monotonic() - begun < 8


def test_connections_and_bytes_are_counted(echo):
    with delayed(echo) as proxy:
        for size in (10, 20):
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                ask(client, b"x" * size)

        assert (proxy.connections, proxy.to_host, proxy.from_host) == (2, 30, 30)


def test_a_test_host_is_reached_through_it(shared_host):
    with distant(shared_host, 20) as (host, proxy):
        assert host.ssh("echo there").stdout == "there\n"

        assert proxy.connections == 1
