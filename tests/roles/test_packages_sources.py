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
    assert "nowhere: not found, needed any version; the host has no brew" in ran.text
    assert ran.apt["chosen"] == {
        "package:ntool": {"manager": "npm", "source": 2},
        "package:tool": {"manager": "archive", "source": 3},
        "package:ttool": {"manager": "apt", "source": 2},
    }


_NPM = """\
case $1 in view) echo '"2.0.0"' ;; install) ;; *) echo npm 9.0; exit ;; esac
[ "$1" = view ] || { printf '#!/bin/sh\\necho ntool 2.0.0\\n' >/usr/local/bin/ntool; chmod 755 /usr/local/bin/ntool; }
"""


def test_a_source_gets_first_what_it_requires_and_the_next_one_follows_a_repository_that_cannot_be_added(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("npm", "9.0", commands={"npm": _NPM})
    repository.add("held", "1.0", commands={"held": "echo held 1.0"})
    host = ssh_host(repository=repository, lists="empty")
    broken = {"name": "third", "url": "copy:/srv/nowhere", "suite": "stable", "component": "main"}
    broken |= {"key": "https://127.0.0.1:9/key", "fingerprint": "0" * 40}
    npm = {"manager": "npm", "requires": ["npm>=8"]}
    requirements = [
        {"name": "ntool", "version": ">=2", "sources": [{"manager": "npm"}, npm]},
        {"name": "held", "sources": [{"manager": "apt", "repository": broken}, {"manager": "apt"}]},
        {"name": "mtool", "is_required": False, "install": "print", "sources": [{"manager": "apt"}]},
    ]
    foretold = packages(tmp_path, host, *requirements, options=("--check",))
    assert not host.run("command -v npm ntool held", check=False).stdout
    ran = packages(tmp_path, host, *requirements)
    again = packages(tmp_path, host, *requirements)

    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:ntool": "changed", "package:held": "changed", "package:mtool": "failed"}
    assert (foretold.code, foretold.outcomes) == (0, ran.outcomes), foretold.text
    assert "To install it, run: apt-get install -y mtool" in ran.text
    assert ran.apt["chosen"]["package:held"] == {"manager": "apt", "source": 2}
    assert "package:npm" in ran.apt["installed"]
    assert (again.code, again.changed) == (0, 0), again.text


def test_where_no_source_fits_the_role_fails_before_any_change_with_the_reason_of_each(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(repository=repository, lists="fresh")
    sources = [{"manager": "apt"}, {"manager": "npm"}, {"manager": "dnf"}, {"manager": "pip", "version": "1.0"}]
    requirements = ["mtool", {"name": "nowhere", "version": ">=2", "sources": sources}]
    for options in (("--check",), ()):
        ran = packages(tmp_path, host, *requirements, options=options)
        assert ran.code == 2, ran.text
        assert ran.outcomes == {"package:nowhere": "failed"}
        assert ran.results[-1]["msg"] == (
            "nowhere: not found, needed >=2; apt offers no package nowhere; the host has no npm; pip has 1.0. "
            "Add a source that this host can use, or relax the range. No package was changed."
        )
    assert not host.run("command -v mtool", check=False).stdout
    wrong = packages(tmp_path, host, {"name": "mtool", "sources": [{"manager": "apt", "pakages": ["mtool"]}]})
    assert "entry 1 of requirements: Source: unknown key 'pakages' (did you mean packages?)" in wrong.text
    one = packages(tmp_path, host, *requirements[:1], tasks_from="install")
    assert one.code == 0, one.text
