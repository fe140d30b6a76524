"""A line that is shown to be pasted into a shell runs what it names and nothing else, whatever its words are."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr_ansible.diff import commands
from mngr_ansible.errors import HostError, InputError
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.plan.local_files import ReadableSecret
from mngr_ansible.portable import checks, managers, sh
from mngr_ansible.report import plain, text
from mngr_ansible.report.report import HostReport, Report
from tests.support.builders import contribution, due, requirements

if TYPE_CHECKING:
    from pathlib import Path

SHELLS = {
    "sh": ["sh"],
    "dash": ["dash"],
    "bash": ["bash", "--norc", "--noprofile"],
    "zsh": ["zsh", "-f"],
    "dash in a terminal": ["dash", "-i"],
    "bash in a terminal": ["bash", "--norc", "--noprofile", "-i"],
    "zsh in a terminal": ["zsh", "-f", "-i"],
}
"""In a terminal, ``!`` is history to bash and zsh, and zsh knows no comments."""

PROGRAMS = (
    *("apt-get", "brew", "chmod", "curl", "find", "gpg", "install", "mngr-ansible", "npm", "pip3", "pipx", "record"),
    *("rm", "rpm", "sed", "sh", "sha256sum", "ssh", "ssh-add", "ssh-keygen", "ssh-keyscan", "sudo", "tar", "tee", "uv"),
    *("unzip", "export"),
)
HOSTILE = (
    *("$(pwned)", "`pwned`", ";pwned;", "&pwned&", "|pwned|", "\npwned\n", "\rpwned\r", "'pwned'", '"pwned"'),
    *("';pwned;'", '";pwned;"', "=pwned", "!pwned", "!!", "~", "*", "?", "[a]", "{a,b}", "<(pwned)", ">pwned"),
    *("$HOME", "${x:=$(pwned)}", "\x1b[2J", "\x1b]0;pwned\x07", "\x9b1A", "\x08", "\t", "#", " ", "\\", "'", '"', "%"),
    *("^a^pwned^", "(pwned)", "=(pwned)", "\u202e", "\u2028", "\x85", "é", "中", "-", "--", "||pwned", "&&pwned"),
    *("$'\\x24(pwned)'", "\udcff", "\\\n", "x"),
)
words = st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join)
printable_ascii = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
paths = st.one_of(printable_ascii, st.sampled_from([each for each in HOSTILE if each.isascii() and each.isprintable()]))
few = settings(max_examples=40)


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PATH with programs that only note how they were called; ``pwned`` is among them."""
    directory = tmp_path_factory.mktemp("pasted")
    (directory / "bin").mkdir()
    note = '#!/bin/sh\nprintf "%s\\0" "${0##*/}" "$@" "<end>" >>"$CALLS"\n'
    for name in (*PROGRAMS, "pwned", "mktemp"):
        program = directory / "bin" / name
        program.write_text(note + ('echo "$DIRECTORY"\n' if name == "mktemp" else ""))
        program.chmod(0o755)
    return directory


def paste(stubs: Path, shell: str, lines: list[str]) -> list[list[str]]:
    """Give a shell these lines; every program that it started, with its arguments."""
    calls = stubs / "calls"
    calls.write_bytes(b"")
    work = stubs / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    environment = {"PATH": str(stubs / "bin"), "CALLS": str(calls), "HOME": str(work), "DIRECTORY": str(work)}
    environment |= {"LC_ALL": "C.UTF-8", "HISTFILE": "/dev/null", "ZDOTDIR": str(work), "TERM": "dumb"}
    argv = SHELLS[shell]
    program = shutil.which(argv[0])
    if program is None:
        pytest.skip(f"needs {argv[0]}")
    given = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    subprocess.run(
        [program, *argv[1:]],
        input=given,
        capture_output=True,
        env=environment,
        cwd=work,
        timeout=60,
        start_new_session=True,  # a shell that believes itself in a terminal stops its whole process group
    )
    called = calls.read_bytes().decode("utf-8", "surrogateescape").split("<end>\0")
    made = [each for each in os.listdir(work) if "pwned" in each]
    assert made == []
    return [each.removesuffix("\0").split("\0") for each in called if each]


@pytest.mark.parametrize("shell", SHELLS)
@few
@given(given_words=st.lists(words, min_size=1, max_size=6))
def test_quoted_words_arrive_as_they_are_and_nothing_of_them_runs(
    stubs: Path, shell: str, given_words: list[str]
) -> None:
    line = sh.join(["record", *given_words])
    assert line.isprintable()
    called = paste(stubs, shell, [line, "record end"])
    assert called[-1] == ["record", "end"], line
    is_sure = "bash" in shell or "zsh" in shell or all(each.isprintable() for each in given_words)
    if is_sure:
        assert called == [["record", *given_words], ["record", "end"]], line
    assert {each[0] for each in called} == {"record"}, line


def pasted(stubs: Path, lines: list[str], programs: set[str]) -> None:
    """These lines run these programs at most, in every shell, and the next line is read as it is."""
    assert [line for line in lines if not line.isprintable()] == []
    for shell in SHELLS:
        called = paste(stubs, shell, [*lines, "record end"])
        assert called[-1] == ["record", "end"], (shell, lines)
        assert {each[0] for each in called[:-1]} <= programs, (shell, lines)


@few
@given(manifest=words, host=words, package=words)
def test_the_command_that_makes_the_changes_of_a_plan(stubs: Path, manifest: str, host: str, package: str) -> None:
    options = SimpleNamespace(manifest=[manifest], host=[host], package=[package], only=None, become=True)
    line = text.apply_command(("mngr-ansible", "apply"), options, ("manifest", "host", "package"), ("only",))
    pasted(stubs, [line], {"mngr-ansible"})


@few
@given(path=paths, query=paths, name=st.sampled_from(["tool", "t++"]), scope=st.sampled_from(["system", "user"]))
def test_the_commands_that_download_a_vendors_file(stubs: Path, path: str, query: str, name: str, scope: str) -> None:
    lines = []
    for url in (
        f"https://host/{path}",
        f"https://host/{path}/{path}.tar.gz",
        f"https://joe:geheim7{query}@host/x?geheim7{query}",
    ):
        for manager, more in (("archive", {"packages": ["tool"]}), ("installer", {}), ("installer", {"sha256": None})):
            source = {"manager": manager, "url": url, "sha256": "0" * 64, "scope": scope, **more}
            try:
                made = due(contribution("p", {"name": name, "sources": [source]}))
            except InputError:  # brackets that are no address
                continue
            lines += commands.render_commands(made.installs, "sudo")
            lines += [
                each.reason.partition("Run it yourself: ")[2] for each in made.outcomes if "yourself" in each.reason
            ]
    lines = [line.replace(", then sh ", "; sh ") for line in lines if line]
    for line in lines:
        if "MNGR_URL" in line:
            assert "geheim7" not in line
    programs = {"curl", "sudo", "sha256sum", "chmod", "install", "find", "tar", "unzip", "mktemp", "sh"}
    pasted(stubs, [line for line in lines if "MNGR_URL" not in line], programs)
    for line in lines:
        if "MNGR_URL" in line:
            for shell in SHELLS:
                called = paste(stubs, shell, [line])
                assert {each[0] for each in called} <= programs, (shell, line)


@few
@given(path=paths)
def test_the_command_that_adds_a_vendors_repository(stubs: Path, path: str) -> None:
    repository = {"name": "vendor", "url": f"https://host/{path.replace('@', '')}x", "key": f"https://host/{path}"}
    repository |= {"fingerprint": "A" * 40, "suite": "stable", "component": "main"}
    try:
        made = due(contribution("p", {"name": "tool", "sources": [{"manager": "apt", "repository": repository}]}))
    except InputError:
        return
    lines = commands.render_commands(made.installs, "sudo")
    for shell in SHELLS:
        called = paste(stubs, shell, lines)
        assert {each[0] for each in called} <= {"curl", "gpg", "sed", "sudo", "mktemp", "tee"}, (shell, lines)


@few
@given(name=words)
def test_the_command_of_a_package_manager_even_for_a_name_that_is_never_accepted(stubs: Path, name: str) -> None:
    lines = [
        managers.command_line(each, [name], "sudo", scope) for each in managers.TABLE for scope in ("system", "user")
    ]
    pasted(stubs, lines, {*(row.program for row in managers.TABLE.values()), "sudo"})


@few
@given(name=words)
def test_remedies_that_name_a_command(stubs: Path, name: str) -> None:
    outputs = {
        "IDENTIFICATION HAS CHANGED": "remove the old key: ",
        "Host key verification failed": "known_hosts: ",
        "UNPROTECTED PRIVATE KEY FILE": "for you only: ",
        "no idea": "Try it by hand: ",
    }
    lines = []
    for output, before in outputs.items():
        settings = SshSettings({"hostname": name})
        error: HostError = connection_error(FailedConnection(output, name, sh.quote(name), settings, name))
        assert before in error.remedy
        lines.append(error.remedy.partition(before)[2].removesuffix(" Nothing was sent.").removesuffix("."))
    lines.append(ReadableSecret(name, 0o644, "p").advice.partition("run: ")[2])
    pasted(stubs, lines, {"ssh", "ssh-keygen", "ssh-keyscan", "chmod"})


@few
@given(directory=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12))
def test_the_line_for_the_profile_of_a_login(stubs: Path, directory: str) -> None:
    for each in (directory, "$(pwned)", "`pwned`", '";pwned;"', "!pwned", "'"):
        answer = [f"mngr-check 0 0 @ /{each}/tool", "mngr-check 0 0 = 0", "mngr-check 0 0 | tool 1.0"]
        answer += [f"mngr-check 0 0 ! /{each}/tool", "mngr-check end 1"]
        (finding,) = checks.read(answer, requirements("tool"))
        line = finding.notice.partition("add to ~/.profile: ")[2]
        assert line.startswith("export PATH=")
        for shell in SHELLS:
            called = paste(stubs, shell, [line, f"PATH={stubs}/bin", "record end"])
            assert called == [["record", "end"]], (shell, line)


@few
@given(name=words)
def test_the_name_of_a_host_above_its_commands(stubs: Path, name: str) -> None:
    hosts = tuple(HostReport(each, is_local=False, commands=("record command",)) for each in (name, "other"))
    shown = plain.text(text.commands_page(Report("plan", hosts))).split("\n")
    assert len(shown) == 4
    pasted(stubs, shown, {"record", "#"})
