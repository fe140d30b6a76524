"""Every command that is printed is true: run as it is by a shell on the host, it leaves nothing due."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import AptRepository, SshHost, User
from tests.support.https_server import HttpsServer, http_server, https_server
from tests.support.registries import Registries, served
from tests.support.signing import gpg, sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartHost

LOGINS = (User("dev", root_by="sudo"), User("dora", root_by="doas"))


@pytest.fixture(scope="session")
def registries() -> Iterator[Registries]:
    with served() as made:
        made.add_npm("mtool", "2.3.0", "mtool")
        made.add_npm("@vendor/ntool", "1.0.0", "ntool")
        made.add_wheel("wtool", "2.3.0", "wtool")
        made.add_wheel("xtool", "2.3.0", "xtool")
        yield made


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(tmp_path_factory.mktemp("https")) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("atool", "1:2.0-1", commands={"atool": "echo atool 2.0"})
    made.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    return made


def trusting(host: SshHost, server: HttpsServer) -> SshHost:
    server.trusted_by(host)
    host.run("cat >>/etc/ssl/certs/ca-certificates.crt", stdin=server.authority.read_text())
    return host


def printed(host: SshHost, tmp_path: Path, *packages: dict[str, Any]) -> str:
    manifest = tmp_path / "wanted.yml"
    manifest.write_text(json.dumps({"packages": list(packages)}))
    planned = mngr_ansible("plan", "--manifest", str(manifest), "--commands", *on(host))
    assert planned.returncode == 0, planned.stderr
    return planned.stdout


def obeyed(host: SshHost, tmp_path: Path, *packages: dict[str, Any]) -> list[str]:
    """Plan, run what is printed, and plan again, which finds nothing due; returns the printed lines."""
    manifest = tmp_path / "wanted.yml"
    lines = printed(host, tmp_path, *packages)
    done = host.ssh("exec sh -e", stdin=lines, check=False, timeout=240)
    assert done.returncode == 0, lines + done.stdout + done.stderr
    again = mngr_ansible("plan", "--manifest", str(manifest), "--detailed-exitcode", *on(host))
    assert again.returncode == 0, again.stdout + again.stderr
    return lines.splitlines()


ATOOL = {"name": "atool", "version": ">=2"}
FD = {"name": "fd", "checks": ["fd", "fdfind"], "sources": [{"manager": "apt", "packages": ["fd-find"]}]}


@pytest.mark.parametrize(("login", "prefix"), [("root", ""), ("dev", "sudo "), ("dora", "doas ")])
@pytest.mark.parametrize("lists", ["empty", "fresh"])
def test_one_line_installs_with_apt_after_one_that_fetches_lists_where_they_are_old(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, login: str, prefix: str, lists: str
) -> None:
    host = ssh_host(layer="tools", users=LOGINS, repository=repository, lists=lists).as_user(login)
    refresh = [f"{prefix}apt-get update"] if lists == "empty" else []
    assert obeyed(host, tmp_path, ATOOL, FD) == [*refresh, f"{prefix}apt-get install -y atool fd-find"]


def test_languages_have_a_line_each_for_every_scope_and_no_root_where_none_is_needed(
    ssh_host: StartHost, registries: Registries, tmp_path: Path
) -> None:
    import uv

    host = ssh_host(layer="languages", users=LOGINS)
    registries.tell(host)
    shutil.copy(uv.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    sources = {
        "mtool": {"manager": "npm"},
        "ntool": {"manager": "npm", "packages": ["@vendor/ntool"], "scope": "user"},
        "wtool": {"manager": "uv"},
        "xtool": {"manager": "pipx"},
    }
    wanted = [{"name": name, "version": ">=1,<9", "sources": [source]} for name, source in sources.items()]
    assert obeyed(host.as_user("dev"), tmp_path, *wanted) == [
        "sudo npm install -g 'mtool@>=1 <9'",
        "npm install -g --prefix \"$HOME\"/.local '@vendor/ntool@>=1 <9'",
        "uv tool install 'wtool>=1,<9'",
        "pipx install 'xtool>=1,<9'",
    ]


@pytest.mark.parametrize("has_distant_key", [False, True])
def test_a_vendors_repository_is_added_after_its_keys_fingerprint_was_compared(
    ssh_host: StartHost, server: HttpsServer, repository: AptRepository, tmp_path: Path, has_distant_key: bool
) -> None:
    with gpg() as program:
        key = program.key()
        sign(repository, key, program)
        host = trusting(ssh_host(layer="languages", users=LOGINS, repository=repository), server)
        host.run("rm /etc/apt/sources.list.d/*")
        text = server.offer("/key.asc", key.text.encode())["url"] if has_distant_key else key.text
        vendor = {"name": "vendor", "url": "copy:/srv/apt", "suite": "./", "key": text, "fingerprint": key.fingerprint}
        source = {"manager": "apt", "version": "2.0", "repository": vendor}
        lines = obeyed(host.as_user("dev"), tmp_path, {**ATOOL, "sources": [source]})
    assert lines[-1].endswith(" && sudo apt-get update && sudo apt-get install -y atool")
    for path in ("/etc/apt/sources.list.d/vendor.sources", "/etc/apt/keyrings/vendor.asc"):
        assert host.run(f"cat {path}").stdout.startswith("# Written by mngr-ansible\n")


def test_a_key_with_another_fingerprint_adds_nothing(
    ssh_host: StartHost, server: HttpsServer, repository: AptRepository, tmp_path: Path
) -> None:
    with gpg() as program:
        key = program.key()
    host = trusting(ssh_host(layer="languages", users=LOGINS, repository=repository), server)
    url = server.offer("/key.asc", key.text.encode())["url"]
    vendor = {"name": "vendor", "url": "copy:/srv/apt", "suite": "./", "key": url, "fingerprint": "0" * 40}
    dev = host.as_user("dev")
    lines = printed(dev, tmp_path, {**ATOOL, "sources": [{"manager": "apt", "repository": vendor}]})
    assert dev.ssh("exec sh -e", stdin=lines, check=False, timeout=240).returncode != 0
    assert host.run("command -v atool || true").stdout == ""
    assert host.run("ls /etc/apt/keyrings /etc/apt/sources.list.d | grep vendor || true").stdout == ""


@pytest.mark.parametrize("what", ["key", "download"])
def test_a_printed_command_follows_no_redirect_to_http(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path, what: str
) -> None:
    with gpg() as program, http_server(b"#!/bin/sh\necho btool 2.0\n" if what == "download" else b"") as (plain, asked):
        key = program.key()
        host = trusting(ssh_host(layer="languages", users=LOGINS), server)
        server.redirects["/away"] = f"{plain}/key"
        vendor = {"name": "vendor", "url": "copy:/srv/apt", "suite": "./", "key": server.url("/away")}
        sources = {
            "key": {"manager": "apt", "repository": {**vendor, "fingerprint": key.fingerprint}},
            "download": {"manager": "archive", "url": server.url("/away"), "sha256": "0" * 64},
        }
        lines = printed(host, tmp_path, {"name": "btool", "sources": [sources[what]]})
        done = host.ssh("exec sh -e", stdin=lines, check=False, timeout=240)
    assert done.returncode != 0
    assert asked == []
    assert host.run("ls /etc/apt/keyrings /usr/local/bin | grep -e vendor -e btool || true").stdout == ""


def archive_of(name: str) -> bytes:
    packed = io.BytesIO()
    code = f"#!/bin/sh\necho {name} 2.0\n".encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(f"{name}-2.0/bin/{name}")
        entry.size = len(code)
        tar.addfile(entry, io.BytesIO(code))
    return packed.getvalue()


@pytest.mark.parametrize("scope", ["system", "user"])
def test_a_download_is_checked_and_goes_where_its_scope_says(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path, scope: str
) -> None:
    host = trusting(ssh_host(layer="languages", users=LOGINS), server)
    place = "/usr/local/bin" if scope == "system" else '"$HOME/.local/bin"'
    script = (
        f"#!/bin/sh\nmkdir -p {place}; printf '#!/bin/sh\\necho itool 2.0\\n' >{place}/itool; chmod 755 {place}/itool\n"
    )
    offers = {
        "btool": ("archive", server.offer("/btool", b"#!/bin/sh\necho btool 2.0\n")),
        "ttool": ("archive", server.offer("/ttool.tar.gz", archive_of("ttool"))),
        "itool": ("installer", server.offer("/install.sh", script.encode())),
    }
    wanted = [
        {"name": name, "version": ">=2", "sources": [{"manager": manager, "scope": scope, **offer}]}
        for name, (manager, offer) in offers.items()
    ]
    lines = obeyed(host.as_user("dev"), tmp_path, *wanted)
    assert all(("sudo" in line) == (scope == "system") for line in lines)
    directory = "/usr/local/bin" if scope == "system" else "/home/dev/.local/bin"
    assert set(host.run(f"ls {directory}").stdout.split()) == set(offers)
