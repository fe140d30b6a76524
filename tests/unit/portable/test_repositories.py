"""The files of third parties' package repositories: what the role and the printed commands write."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.diff import commands
from mngr_ansible.portable import repositories
from tests.support.builders import contribution, due

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://example.org/packages"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nbm8ga2V5\n-----END PGP PUBLIC KEY BLOCK-----\n"
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
    "install": 'for last do file=$source source=$last; done; [ "$1" = -d ] || '
    '{ mkdir -p "$ROOT${last%/*}" && exec cp "$file" "$ROOT$last"; }',
    "curl": f"printf '%s' '{KEY}' >\"$2\"",
    "gpg": f"echo fpr:::::::::{'A' * 40}:",
    **dict.fromkeys(("rpm", "apt-get", "dnf", "zypper"), "exit 0"),
}
"""Programs that a printed command calls. Those that write as root write below ``$ROOT`` instead."""


def obey(line: str, directory: Path) -> Path:
    """Run a printed command line with the programs of :data:`STUBS`; the directory that stands for the host's root."""
    for name, text in STUBS.items():
        program = directory / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    root = directory / "root"
    environment = {"PATH": f"{directory}/bin:/usr/bin:/bin", "ROOT": str(root), "TMPDIR": str(directory)}
    subprocess.run(["sh", "-e"], input=line, text=True, check=True, env=environment)
    return root


@pytest.mark.parametrize("key", [KEY, "https://example.org/key"], ids=["armored", "downloaded"])
@pytest.mark.parametrize("manager", repositories.MANAGERS)
def test_the_printed_commands_write_the_same_files_as_the_role(manager: str, key: str, tmp_path: Path) -> None:
    repository = {"name": "vendor", "url": URL, "suite": "stable", "component": "main"}
    source = {"manager": manager, "repository": {**repository, "key": key, "fingerprint": "A" * 40}}
    tool = {"name": "tool", "sources": [source]}
    made = due(contribution("codex", tool), managers=(manager,))
    (line,) = commands.render_commands(made.installs, "root")
    root = obey(line, tmp_path)
    expected = files(manager)
    assert (root / expected.path[1:]).read_text() == expected.text
    assert (root / expected.key_path[1:]).read_text() == repositories.marked(KEY)
