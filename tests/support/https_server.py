"""An https server on the loopback with a certificate authority of its own, which test hosts can trust."""

from __future__ import annotations

import hashlib
import http.server
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosts import SshHost


@dataclass
class HttpsServer:
    """A running server.

    Attributes:
        port: where it listens, on 127.0.0.1.
        authority: the certificate that a client has to trust, as a file.
        contents: what it serves, by path.
        redirects: where it sends a client, by path.
        endless: paths whose content never ends.
        silent: paths that are never answered.
        requests: the paths that were asked for, in their order.
        logins: the ``Authorization`` headers that came.
    """

    port: int
    authority: Path
    contents: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        """The address of a path such as ``/tool.tar.gz``."""
        return f"https://127.0.0.1:{self.port}{path}"

    def offer(self, path: str, content: bytes) -> dict[str, str]:
        """Serve this; returns its ``url`` and ``sha256``."""
        self.contents[path] = content
        return {"url": self.url(path), "sha256": hashlib.sha256(content).hexdigest()}

    def trusted_by(self, host: SshHost) -> None:
        """Let Python on a host trust the authority; no other program of the host uses it."""
        say = "import ssl; print(ssl.get_default_verify_paths().openssl_cafile)"
        place = host.run(f"python3 -c '{say}'").stdout.strip()
        host.run(f"mkdir -p $(dirname {place}); cat >{place}", stdin=self.authority.read_text())


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that goes away, or does not trust the server."""


def _handler(server: HttpsServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(self.path)
            server.logins.append(self.headers["Authorization"])
            if self.path in server.silent:
                server.is_over.wait()
            elif self.path in server.redirects:
                self.send_response(302)
                self.send_header("Location", server.redirects[self.path])
                self.end_headers()
            elif self.path in server.endless:
                self.send_response(200)
                self.end_headers()
                while not server.is_over.wait(0.01):
                    self.wfile.write(bytes(4096))
            elif self.path in server.contents:
                self.send_response(200)
                self.send_header("Content-Length", str(len(server.contents[self.path])))
                self.end_headers()
                self.wfile.write(server.contents[self.path])
            else:
                self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def https_server(directory: Path) -> Iterator[HttpsServer]:
    """A server for the length of a ``with`` block; its keys are made in ``directory``."""
    authority, key, chain = _certificates(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    with _Server(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as listener:
        server = HttpsServer(listener.server_address[1], authority)
        listener.RequestHandlerClass = _handler(server)
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            listener.shutdown()
            thread.join(5)


@contextmanager
def http_server(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server without TLS that serves one content under every path: its address, and the paths of the requests."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with _Server(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}", asked
        finally:
            listener.shutdown()
            thread.join(5)


def _certificates(directory: Path) -> tuple[Path, Path, Path]:
    """An authority's certificate, and the key and the certificate of 127.0.0.1 that it has signed."""
    authority, key, chain = (directory / name for name in ("authority.pem", "server.key", "server.pem"))
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    new += ["-days", "30"]
    of_authority = ["-keyout", str(directory / "authority.key"), "-out", str(authority), "-subj", "/CN=Tests"]
    extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    signed = ["-CA", str(authority), "-CAkey", str(directory / "authority.key")]
    of_server = ["-keyout", str(key), "-out", str(chain), "-subj", "/CN=127.0.0.1", *extensions, *signed]
    for argv in ([*new, *of_authority], [*new, *of_server]):
        subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return authority, key, chain
