"""A registry of the npm kind and an index of the Python kind on the loopback, with tiny packages of a test's own."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hosts import SshHost


class Registries:
    """Both on one port; hosts share this machine's loopback."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pages: dict[str, bytes] = {}
        self._npm: dict[str, dict[str, Any]] = {}
        self._wheels: dict[str, list[str]] = {}

    def add_npm(self, name: str, version: str, command: str) -> None:
        """Offer a package whose one command prints its name and version."""
        manifest = {"name": name, "version": version, "bin": {command: "run.js"}}
        files = {
            "package/package.json": json.dumps(manifest),
            "package/run.js": f"#!/usr/bin/env node\nconsole.log('{command} {version}')\n",
        }
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path, text in files.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text), 0o755
                tar.addfile(entry, io.BytesIO(text.encode()))
        address = f"/tarballs/{name.replace('/', '-')}-{version}.tgz"
        self.pages[address] = packed.getvalue()
        digest = base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
        known = self._npm.setdefault(name, {"name": name, "dist-tags": {}, "versions": {}})
        known["dist-tags"]["latest"] = version
        known["versions"][version] = manifest | {
            "dist": {"tarball": self.url + address, "integrity": f"sha512-{digest}"}
        }
        self.pages[f"/{name}"] = json.dumps(known).encode()

    def add_wheel(self, name: str, version: str, command: str) -> None:
        """Offer a package whose one command prints its name and version."""
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"def main():\n    print('{command} {version}')\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{command} = {name}:main\n",
        }
        record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, text in (files | {f"{info}/RECORD": record}).items():
                archive.writestr(path, text)
        file = f"{name}-{version}-py3-none-any.whl"
        self.pages[f"/wheels/{file}"] = packed.getvalue()
        digest = hashlib.sha256(packed.getvalue()).hexdigest()
        self._wheels.setdefault(name, []).append(f'<a href="/wheels/{file}#sha256={digest}">{file}</a>')
        self.pages[f"/simple/{name}/"] = ("<!DOCTYPE html>" + "\n".join(self._wheels[name])).encode()

    def tell(self, host: SshHost) -> None:
        """Make these the host's registries, for every user."""
        python = f"[global]\\nindex-url = {self.url}/simple/\\nbreak-system-packages = false\\n"
        host.run(f"printf '{python}' >/etc/pip.conf; mkdir -p /etc/uv /etc/npm")
        host.run(f"printf '[[index]]\\nurl = \"{self.url}/simple/\"\\ndefault = true\\n' >/etc/uv/uv.toml")
        host.run(f"for home in /root /home/*; do echo 'registry={self.url}/' >$home/.npmrc; done")


@contextmanager
def served() -> Iterator[Registries]:
    """The registries for the length of a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = registries.pages.get(unquote(self.path.partition("?")[0]))
            self.send_response(200 if content is not None else 404)
            kind = "text/html" if self.path.startswith("/simple/") else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content or b"{}")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content or b"{}")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registries = Registries(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registries
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
