"""What completes values: the hosts that ssh knows, paths, and names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.completion import _COMPLETERS, completers, known_hosts
from mngr_ansible.cli.parser import parser
from tests.support.builders import write

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
# comment
Host build-1 build-2 "quoted"
    HostName 192.0.2.1
host=equals
Host *.example.org !not-me web? *
Match host other
Include more/*.conf
Include ~/elsewhere
Include config
"""
KNOWN = """\
# comment
github.example,192.0.2.9 ssh-ed25519 AAAA
[ported.example]:2222,[192.0.2.8]:2222 ssh-ed25519 AAAA
|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAA
*.wild.example,!no.wild.example ssh-ed25519 AAAA
@revoked gone.example ssh-ed25519 AAAA
@cert-authority *.ca.example ssh-ed25519 AAAA
incomplete
"""


def test_the_hosts_are_those_that_ssh_knows_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / ".ssh/config", CONFIG)
    write(tmp_path / ".ssh/known_hosts", KNOWN)
    write(tmp_path / ".ssh/more/a.conf", "Host included\n")
    write(tmp_path / "elsewhere", "Host elsewhere\n")
    configured = {"build-1", "build-2", "quoted", "equals", "included", "elsewhere"}
    known = {"github.example", "192.0.2.9", "ported.example:2222", "192.0.2.8:2222"}
    assert known_hosts(tmp_path / ".ssh") == tuple(sorted(configured | known))
    assert "ops@build-1" in _COMPLETERS["--host"](prefix="ops@b")


def test_files_of_ssh_that_are_missing_or_never_end_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config")
    (tmp_path / "known_hosts").symlink_to("/dev/zero")
    assert known_hosts(tmp_path) == ()
    assert known_hosts(tmp_path / "nowhere") == ()


def test_paths_are_offered_as_they_were_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("sub/file", "some.yml", ".hidden"):
        write(tmp_path / name)
    files, directories = _COMPLETERS["--manifest"], _COMPLETERS["--work-dir"]
    assert list(files(prefix="s")) == ["some.yml", "sub/"]
    assert list(files(prefix="~/sub/")) == ["~/sub/file"]
    assert list(files(prefix=".h")) == [".hidden"]
    assert list(directories(prefix="")) == ["sub/"]
    assert list(files(prefix="nowhere/")) == []


def test_a_name_that_no_line_can_hold_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (b"bad\xff.yml", b"new\nline.yml", b"esc\x1b.yml", "gr\u00fcn 1.yml".encode()):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    assert list(_COMPLETERS["--manifest"](prefix="")) == ["gr\u00fcn 1.yml"]


def test_every_completer_belongs_to_an_option_or_a_word() -> None:
    used = set()
    for verb, each in parser().verbs.items():
        used |= {name for action in each._actions for name in completers(verb, action)}
    assert set(_COMPLETERS) - used == set()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--package ripg", "ripgrep"),
        ("catalog tmu", "tmux"),
        ("help man", "manifest"),
        ("help app", "apply"),
        ("--for deb", "debian"),
        ("--plugin al", "all"),
    ],
)
def test_names_are_offered(words: str, expected: str) -> None:
    name, start = words.split()
    completer = _COMPLETERS.get(name) or next(each for key, each in _COMPLETERS.items() if key.startswith(f"{name} "))
    assert [each for each in completer(prefix=start) if each.startswith(start)] == [expected]
