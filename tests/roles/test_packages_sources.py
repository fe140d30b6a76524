"""The vocabulary of ``mngr_packages``: entries as in a manifest, and the choice of a source on real hosts."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hosts import AptRepository, SshHost, User
from tests.support.https_server import https_server
from tests.support.registries import served
from tests.support.role_playbook import Play, play
from tests.support.signing import gpg, sign

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("mtool", "1:2.40.1-1+deb12u1", commands={"mtool": "echo mtool version 2.40.1"})
    return made


def packages(tmp_path: Path, host: SshHost, *requirements: object, options: tuple[str, ...] = (), **more: Any) -> Play:
    return play(tmp_path, host, "mngr_packages", *options, mngr_packages_requirements=list(requirements), **more)


@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg, which signs the repository")
def test_entries_as_in_a_manifest_are_installed_from_the_first_source_that_fits_and_check_mode_foretells_it(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    repository.add("tool", "1.0", commands={"tool": "echo tool 1.0"})
    third = AptRepository(repository.path / "third")
    third.add("ttool", "3.1-1", commands={"ttool": "echo ttool 3.1"})
    host = ssh_host(layer="languages", users=(User("dev"),), repository=repository, lists="fresh")
    (tmp_path / "https").mkdir()
    with gpg() as maker, https_server(tmp_path / "https") as server, served() as registries:
        key = maker.key("third", "rsa2048", subkey="rsa2048")
        sign(third, key, maker)
        server.trusted_by(host)
        registries.add_npm("ntool", "2.0.0", "ntool")
        registries.tell(host)
        offer = server.offer("/tool-2.0", b"#!/bin/sh\necho tool 2.0\n")
        offer["url"] = offer["url"].replace("2.0", "{version}")
        of_third = {"name": "third", "url": "copy:/srv/apt/third", "suite": "stable", "component": "main"}
        of_third |= {"key": key.text, "fingerprint": key.fingerprint}
        requirements = [
            "mtool>=2.39,<3",
            {"name": "fd", "version": ">=8", "checks": ["fd", "fdfind"], "packages": {"apt": ["fd-find"]}},
            {"name": "ntool", "version": ">=2", "sources": [{"manager": "apt"}, {"manager": "npm", "scope": "user"}]},
            {
                "name": "tool",
                "version": ">=2",
                "sources": [
                    {"manager": "dnf"},
                    {"manager": "apt"},
                    {"manager": "archive", "packages": ["tool"], "version": "2.0", **offer},
                ],
            },
            {
                "name": "ttool",
                "purpose": "is only in the third party's repository",
                "sources": [
                    {"manager": "apt", "when": {"os": ["fedora"]}},
                    {"manager": "apt", "repository": of_third},
                ],
            },
            {"name": "nowhere", "is_required": False, "sources": [{"manager": "brew"}, {"manager": "zypper"}]},
            "python3",
        ]
        foretold = packages(tmp_path, host, *requirements, options=("--check",))
        assert not host.run("command -v mtool ttool ntool; ls /etc/apt/sources.list.d/third*", check=False).stdout
        ran = packages(tmp_path, host, *requirements)
        again = packages(tmp_path, host, *requirements)

    names = ("mtool", "fd", "ntool", "tool", "ttool")
    expected = {f"package:{name}": "changed" for name in names} | {"package:nowhere": "failed", "package:python3": "ok"}
    assert (ran.code, ran.outcomes) == (0, expected), ran.text
    assert (foretold.code, foretold.outcomes) == (0, expected), foretold.text
    assert (again.code, again.changed, set(again.outcomes.values())) == (0, 0, {"ok", "failed"}), again.text
    assert "nowhere: not found, wanted any version; the host has no brew" in ran.text
    assert ran.apt["chosen"] == {
        "package:ntool": {"manager": "npm", "source": 2},
        "package:tool": {"manager": "archive", "source": 3},
        "package:ttool": {"manager": "apt", "source": 2},
    }
