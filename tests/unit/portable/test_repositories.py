"""The files of third parties' package repositories: what the role and the printed commands write."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.diff import commands
from mngr_ansible.portable import repositories
from tests.support.builders import contribution, due
from tests.support.signing import Gpg, gpg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "https://example.org/packages"
TEXTS = {
    "apt": """\
# Written by mngr-ansible
Types: deb
URIs: https://example.org/packages
Suites: stable
Components: main extra
Signed-By: /etc/apt/keyrings/vendor.asc
""",
    "dnf": """\
# Written by mngr-ansible
[vendor]
name=vendor
baseurl=https://example.org/packages
enabled=1
gpgcheck=1
repo_gpgcheck=0
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-vendor
skip_if_unavailable=1
""",
    "zypper": """\
# Written by mngr-ansible
[vendor]
name=vendor
baseurl=https://example.org/packages
enabled=1
autorefresh=1
gpgcheck=1
repo_gpgcheck=0
pkg_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-vendor
""",
}
PATHS = {
    "apt": ("/etc/apt/keyrings/vendor.asc", "/etc/apt/sources.list.d/vendor.sources"),
    "dnf": ("/etc/pki/rpm-gpg/RPM-GPG-KEY-vendor", "/etc/yum.repos.d/vendor.repo"),
    "zypper": ("/etc/pki/rpm-gpg/RPM-GPG-KEY-vendor", "/etc/zypp/repos.d/vendor.repo"),
}


def files(manager: str) -> repositories.RepositoryFiles:
    return repositories.files(manager, "vendor", URL, "stable", "main")


@pytest.mark.parametrize("manager", repositories.MANAGERS)
def test_each_manager_has_one_text_that_requires_signatures(manager: str) -> None:
    made = repositories.files(manager, "vendor", URL, "stable", "main extra")
    assert made == (*PATHS[manager], TEXTS[manager])


def test_a_flat_apt_repository_has_a_suite_that_is_a_directory_and_no_component() -> None:
    flat = repositories.files("apt", "vendor", URL)
    assert flat.text == TEXTS["apt"].replace("stable", "./").replace("Components: main extra\n", "")


STUBS = {
    "tee": 'mkdir -p "$ROOT${1%/*}" && exec cat >"$ROOT$1"',
    "install": "for last do file=$source source=$last; done; "
    'mkdir -p "$ROOT${last%/*}" && exec cp "$file" "$ROOT$last"',
    "curl": 'printf "%s\\n" "$@" >"$ROOT/curl"; cat >>"$ROOT/curl"; exec cp "$KEY" "$2"',
    **dict.fromkeys(("rpm", "apt-get", "dnf", "zypper"), "exit 0"),
}
"""Programs that a printed command calls. Those that write as root write below ``$ROOT`` instead."""


@pytest.fixture
def maker() -> Iterator[Gpg]:
    with gpg() as made:
        yield made


def obey(line: str, directory: Path, key: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a printed command line with the programs of :data:`STUBS`; ``directory/root`` stands for the host's root."""
    for name, text in STUBS.items():
        program = directory / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    root = directory / "root"
    root.mkdir()
    (directory / "key").write_bytes(key)
    environment = {"PATH": f"{directory}/bin:/usr/bin:/bin", "ROOT": str(root), "TMPDIR": str(directory)}
    environment |= {"KEY": str(directory / "key"), **variables}
    return subprocess.run(["sh", "-e"], input=line, text=True, capture_output=True, env=environment)


def printed(manager: str, key: str, fingerprint: str, url: str = URL) -> list[str]:
    repository = {"name": "vendor", "url": url, "suite": "stable", "component": "main"}
    source = {"manager": manager, "repository": {**repository, "key": key, "fingerprint": fingerprint}}
    made = due(contribution("codex", {"name": "tool", "sources": [source]}), managers=(manager,))
    return commands.render_commands(made.installs, "root")


needs_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg, which makes the keys")


@needs_gpg
@pytest.mark.parametrize("way", ["text", "address"])
@pytest.mark.parametrize("manager", repositories.MANAGERS)
def test_the_printed_commands_write_the_same_files_as_the_role(
    manager: str, way: str, maker: Gpg, tmp_path: Path
) -> None:
    key = maker.key("vendor")
    (line,) = printed(manager, key.text if way == "text" else f"{URL}/key", key.fingerprint)
    done = obey(line, tmp_path, key.content)
    assert done.returncode == 0, done.stderr
    expected, root = files(manager), tmp_path / "root"
    assert (root / expected.path[1:]).read_text() == expected.text
    written = (root / expected.key_path[1:]).read_text()
    assert written.startswith(repositories.MARK + "\n")
    assert maker.run("--dearmor", stdin=written.encode()) == key.content
    if way == "address":
        assert "--proto\n=https\n--proto-redir\n=https\n" in (root / "curl").read_text()


@needs_gpg
@pytest.mark.parametrize("way", ["another", "subkey", "expired", "revoked", "secret"])
def test_a_printed_command_adds_only_the_key_with_the_whole_fingerprint_that_can_still_be_used(
    way: str, maker: Gpg, tmp_path: Path
) -> None:
    key, other = maker.key("vendor", subkey="ed25519"), maker.key("attacker")
    content, wanted = key.content, key.fingerprint
    if way == "another":
        content = other.content
    elif way == "subkey":
        wanted = key.subkeys[0]
    elif way == "secret":
        content = key.content + maker.run("--export-secret-keys", other.fingerprint)
    else:
        unusable = maker.expired("old") if way == "expired" else maker.revoked("gone")
        content, wanted = unusable.content, unusable.fingerprint
    (line,) = printed("apt", f"{URL}/key", wanted)
    assert obey(line, tmp_path, content).returncode != 0
    assert [each.name for each in (tmp_path / "root").iterdir()] == ["curl"]


@needs_gpg
def test_a_printed_command_leaves_out_other_keys_of_the_file(maker: Gpg, tmp_path: Path) -> None:
    key, other = maker.key("vendor"), maker.key("attacker")
    (line,) = printed("apt", f"{URL}/key", key.fingerprint)
    assert obey(line, tmp_path, other.content + key.content + other.content).returncode == 0
    written = (tmp_path / "root" / files("apt").key_path[1:]).read_bytes()
    assert maker.run("--dearmor", stdin=written) == key.content


@needs_gpg
def test_a_key_that_is_given_as_text_is_compared_with_its_fingerprint_too(maker: Gpg, tmp_path: Path) -> None:
    key, other = maker.key("vendor"), maker.key("attacker")
    old, gone = maker.expired("old"), maker.revoked("gone")
    for number, (text, fingerprint) in enumerate(
        [(other.text, key.fingerprint), (old.text, old.fingerprint), (gone.text, gone.fingerprint)]
    ):
        (line,) = printed("apt", text, fingerprint)
        directory = tmp_path / str(number)
        directory.mkdir()
        done = obey(line, directory)
        assert done.returncode != 0
        assert done.stderr.startswith("the key of vendor cannot be trusted: the key ")
        assert list((directory / "root").iterdir()) == []


@needs_gpg
@pytest.mark.parametrize("what", ["key", "url"])
def test_a_login_or_query_of_an_address_is_in_no_printed_line_and_comes_from_the_environment(
    what: str, maker: Gpg, tmp_path: Path
) -> None:
    key = maker.key("vendor")
    address = "https://joe:geheim@example.org/key?sig=signatur" if what == "key" else f"{URL}?sig=signatur"
    given = {"key": address} if what == "key" else {"key": f"{URL}/key", "url": address}
    (line,) = printed("apt", given["key"], key.fingerprint, given.get("url", URL))
    assert not [each for each in ("joe", "geheim", "signatur") if each in line]
    (tmp_path / "unset").mkdir()
    unset = obey(line, tmp_path / "unset", key.content)
    assert unset.returncode != 0
    assert "is not set; the line says what to set it to" in unset.stderr
    variable = "MNGR_URL_VENDOR_KEY" if what == "key" else "MNGR_URL_VENDOR"
    (tmp_path / "set").mkdir()
    done = obey(line, tmp_path / "set", key.content, **{variable: address})
    assert done.returncode == 0, done.stderr
    root = tmp_path / "set" / "root"
    if what == "key":
        asked = (root / "curl").read_text()
        assert asked.endswith(f'--config\n-\nurl = "{address}"\n')
    else:
        assert f"URIs: {address}\n" in (root / files("apt").path[1:]).read_text()
