"""The check of requirements: its script in every shell that a host may have, and the findings from its output."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.portable import check_script, checks, versions
from mngr_ansible.portable.checks import Finding

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, first on PATH, for programs of a test's own."""
    directory = tmp_path / "bin dir"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return directory


def program(directory: Path, name: str, code: str) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


def answer(shell: list[str], requirements: list[dict[str, Any]]) -> str:
    done = subprocess.run(shell, input=check_script.script(requirements).encode(), capture_output=True, timeout=60)
    assert done.stderr == b""
    return done.stdout.decode("ascii")


def ask(shell: list[str], *requirements: dict[str, Any]) -> list[Finding]:
    complete = [checks.complete(requirement) for requirement in requirements]
    return checks.read(answer(shell, complete).split("\n"), complete)


def test_each_requirement_is_found_with_its_version_and_its_place(shell: list[str], programs: Path) -> None:
    program(programs, "new", "echo new version 2.5.1")
    program(programs, "old", "echo old 1.2 >&2")
    program(programs, "quiet", "exit 0")
    found = ask(
        shell,
        {"name": "new", "version": ">=2"},
        {"name": "new", "version": "<2"},
        {"name": "old", "version": ">=2"},
        {"name": "nowhere", "version": ">=2"},
        {"name": "quiet"},
        {"name": "quiet", "version": ">=1"},
    )
    where = str(programs)
    assert found == [
        Finding("package:new", "ok", "2.5.1", f"{where}/new", ""),
        Finding("package:new", "too-new", "2.5.1", f"{where}/new", "found 2.5.1, needed <2"),
        Finding("package:old", "too-old", "1.2", f"{where}/old", "found 1.2, needed >=2"),
        Finding("package:nowhere", "missing", None, "", ""),
        Finding("package:quiet", "ok", None, f"{where}/quiet", ""),
        Finding(
            "package:quiet", "unknown", None, f"{where}/quiet", f"{where}/quiet prints no readable version, needed >=1"
        ),
    ]


def test_the_first_check_that_gives_a_version_decides(shell: list[str], programs: Path) -> None:
    program(programs, "mute", "echo hello")
    program(programs, "one", "echo 1.0")
    program(programs, "two", "echo 2.0")
    found = ask(
        shell,
        {"name": "a", "version": ">=1", "checks": ["nowhere", "one", "two"]},
        {"name": "b", "version": ">=2", "checks": ["one", "two"]},
        {"name": "c", "version": ">=2", "checks": ["mute", "two"]},
        {"name": "d", "checks": ["mute", "two"]},
    )
    assert [(each.status, each.current) for each in found] == [
        ("ok", "1.0"),
        ("too-old", "1.0"),
        ("ok", "2.0"),
        ("ok", "2.0"),
    ]


def test_every_kind_of_check_is_run(shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "release file").write_text("PRODUCT=1\nRELEASE=3.4\n")
    (tmp_path / "m").mkdir()
    (tmp_path / "m/some_module.py").write_text("__version__ = '5.6'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "m"))

    def of(kind: str, value: str, **more: object) -> dict[str, Any]:
        return {"name": value, "version": ">=1", "checks": [{"kind": kind, "value": value, **more}]}

    found = ask(
        shell,
        of("file", "~/release file", pattern="RELEASE=(.*)"),
        of("file", "~/release file"),
        of("file", "/nowhere", pattern="."),
        of("python_module", "some_module"),
        of("python_module", "no_such_module"),
        of("shell", "[ -e / ] && echo 'it''s' v7.8"),
        of("shell", "echo 7.8; exit 1"),
        of("command", "sh", args=["-c", "echo $0 $1", "a b", "9.10 $(id)"]),
    )
    statuses = ["ok", "unknown", "missing", "ok", "missing", "ok", "missing", "ok"]
    assert [each.status for each in found] == statuses
    assert [each.current for each in found if each.status == "ok"] == ["3.4", "5.6", "7.8", "9.10"]


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="dpkg is not here")
def test_a_package_is_looked_up_in_the_package_database(shell: list[str]) -> None:
    dash, nowhere = ask(
        shell,
        {"name": "dash", "version": ">=0.1", "checks": [{"kind": "package", "value": "dash"}]},
        {"name": "*", "checks": [{"kind": "package", "value": "*"}, {"kind": "package", "value": "no-such-package"}]},
    )
    known = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "dash"], capture_output=True, text=True, check=True)
    assert dash == Finding("package:dash", "ok", versions.upstream(known.stdout), "dash", "")
    assert nowhere.status == "missing"


def test_a_program_that_cannot_run_is_missing_and_the_output_of_a_failure_gives_no_version(
    shell: list[str], programs: Path
) -> None:
    program(programs, "broken", "echo needs libfoo 2.3 >&2; exit 127")
    program(programs, "refuses", "echo unknown option, see manual 4.5; exit 2")
    broken, refuses, patterned = ask(
        shell,
        {"name": "broken"},
        {"name": "refuses", "version": ">=1"},
        {"name": "p", "version": ">=4", "checks": [{"value": "refuses", "pattern": r"manual (\S+)"}]},
    )
    why = f"{programs}/broken does not start (needs libfoo 2.3) and must be installed again"
    assert (broken.status, broken.reason) == ("missing", why)
    assert refuses.status == "unknown"
    assert "prints no version (exit status 2), needed >=1" in refuses.reason
    assert (patterned.status, patterned.current) == ("ok", "4.5")


NODE = "echo 'internal/loader:1143'; echo '  throw err;'; echo \"Error: Cannot find module 'x'\"; exit 1"


def test_a_program_that_does_not_start_is_missing_though_any_version_would_do_and_its_package_is_there(
    shell: list[str], programs: Path
) -> None:
    program(programs, "tar", f"exec >&2; {NODE}")
    program(programs, "odd", "echo 'odd: unknown option --version' >&2; exit 1")
    traceback = "echo 'Traceback (most recent call last):'; for i in 1 2 3 4 5 6 7 8; do echo a; echo b; echo c; done"
    program(programs, "deep", f"exec >&2; {traceback}; echo 'ImportError: no numpy'; exit 1")
    listed = [{"kind": "command", "value": "tar"}, {"kind": "package", "value": "tar"}]
    broken, fallback, odd, deep = ask(
        shell,
        {"name": "tar", "version": ">=0.1", "checks": listed},
        {"name": "tar", "checks": ["tar", "sh"]},
        {"name": "odd"},
        {"name": "deep"},
    )
    why = f"{programs}/tar does not start (Error: Cannot find module 'x') and must be installed again"
    assert (broken.status, broken.reason) == ("missing", why)
    assert [each.status for each in (fallback, odd, deep)] == ["ok", "ok", "missing"]
    assert "(ImportError: no numpy)" in deep.reason


def test_what_is_printed_to_stdout_comes_before_what_is_printed_to_stderr(shell: list[str], programs: Path) -> None:
    program(programs, "chatty", "echo chatty plugin 9.1 loaded >&2; echo 2.4; echo see chatty 9.9 >&2")
    program(programs, "errs", "echo errs 3.1 >&2")
    found = ask(shell, {"name": "chatty", "version": ">=2"}, {"name": "errs", "version": ">=2"})
    assert [each.current for each in found] == ["2.4", "3.1"]


@pytest.mark.parametrize("count", [19, 21, 300, 5000])
def test_a_check_does_not_fail_because_it_prints_much(shell: list[str], count: int) -> None:
    value = f"echo 1.5; i=0; while [ $i -lt {count} ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    (found,) = ask(shell, {"name": "x", "version": ">=1", "checks": [{"kind": "shell", "value": value}]})
    assert (found.status, found.current) == ("ok", "1.5")


def test_a_python_module_that_cannot_be_imported_says_why(
    shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "half_there.py").write_text("import no_such_module_of_ours\n")
    checked = [{"kind": "python_module", "value": "half_there"}]
    (found,) = ask(shell, {"name": "half", "checks": checked})
    assert found.status == "missing"
    last = "ModuleNotFoundError: No module named 'no_such_module_of_ours'"
    assert found.reason == f"the Python module half_there cannot be imported ({last})"


def test_a_programs_output_cannot_forge_an_answer(shell: list[str], programs: Path) -> None:
    forged = "mngr-check 1 0 | v9.9\\nmngr-check 1 0 = 0\\nmngr-check end 2"
    program(
        programs,
        "hostile",
        rf"printf '\n{forged}\n\v{forged}\f\r{forged}\0\033[2J\302\205\377\n'; echo 1.0 >&3; exit 0",
    )
    program(programs, "victim", "echo nothing")
    complete = [checks.complete({"name": name, "version": ">=1"}) for name in ("hostile", "victim")]
    printed = answer(shell, complete)
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()
    assert [each.status for each in checks.read(printed.splitlines(), complete)] == ["ok", "unknown"]


def test_a_program_that_prints_for_ever_or_waits_for_input_is_stopped(shell: list[str], programs: Path) -> None:
    program(programs, "talks", "echo 1.0; while :; do echo 2.0 " + "x" * 500 + "; done")
    program(programs, "waits", "read answer; echo 3.0 $answer")
    complete = [checks.complete({"name": name, "version": ">=1"}) for name in ("talks", "waits")]
    printed = answer(shell, complete)
    assert len(printed) < 6000
    assert [each.current for each in checks.read(printed.split("\n"), complete)] == ["1.0", "3.0"]


def test_the_check_runs_inside_another_script_and_leaves_it_as_it_was(shell: list[str], programs: Path) -> None:
    program(programs, "tool", "echo 1.0")
    complete = [checks.complete({"name": "tool"})]
    around = (
        "set -eu; IFS=x; PATH=$PATH:/y; cd /\n{}\necho \"$IFS $PATH $-\" | grep -c 'x .*:/y .*u'; cd /n || exit 7\n"
    )
    done = subprocess.run(shell, input=around.format(check_script.script(complete)), capture_output=True, text=True)
    assert done.returncode == 7
    assert done.stdout.endswith("mngr-check end 1\n1\n")


def test_the_check_writes_nothing(shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    ask(shell, {"name": "sh"}, {"name": "python3", "checks": [{"kind": "python_module", "value": "json"}]})
    assert list(tmp_path.iterdir()) == []


def test_only_a_name_is_needed() -> None:
    assert checks.complete({"name": "git"}) == {
        "id": "package:git",
        "name": "git",
        "version": "",
        "checks": [
            {"kind": "command", "value": "git", "args": ["--version"], "pattern": None},
            {"kind": "package", "value": "git", "args": ["--version"], "pattern": None, "database": None},
        ],
        "packages": {},
        "is_required": True,
    }
    other = checks.complete({"name": "fd", "packages": {"apt": ["fd-find", "x"]}, "is_required": False})
    assert [check["value"] for check in other["checks"]] == ["fd", "fd-find"]
    assert other["is_required"] is False
    assert checks.complete(other) == other
    assert checks.complete({"name": "fd", "packages": {}})["packages"] == {}


@pytest.mark.parametrize(
    ("requirement", "why"),
    [
        ({}, "a requirement has no name"),
        ({"name": "a", "version": 2}, 'a: version must be a text such as ">=2"'),
        ({"name": "a", "packages": ["b"]}, "a: packages must give a list of names for each package manager"),
        ({"name": "a", "packages": {"apt": "b"}}, "a: packages must give a list"),
        ({"name": "a", "checks": "b"}, "a: checks must be a list"),
        ({"name": "a", "checks": [1]}, "a: a check is a command's name or a mapping"),
        ({"name": "a", "checks": [{"kind": "magic", "value": "b"}]}, "a: 'magic' is not a kind of check"),
        ({"name": "a", "checks": [{"value": "b", "args": "--version"}]}, "its arguments must be a list"),
        ({"name": "a", "checks": ["b\0"]}, "a: a command check needs a value"),
        ({"name": "a", "checks": ["-b"]}, "a: '-b' is neither a command's name nor an absolute path"),
        ({"name": "a", "checks": ["b/c"]}, "a: 'b/c' is neither"),
    ],
)
def test_a_requirement_that_cannot_be_checked_is_refused_with_its_name(requirement: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        checks.complete(requirement)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ("ii ", "ok", ""),
        ("hi ", "ok", ""),
        ("rc ", "missing", ""),
        ("un ", "missing", ""),
        ("iF ", "missing", "the package git is only half installed (iF)"),
        ("iU ", "missing", "the package git is only half installed (iU)"),
        ("iHR", "missing", "the package git is only half installed (iHR)"),
    ],
)
def test_only_what_dpkg_has_configured_is_installed(state: str, status: str, reason: str) -> None:
    requirements = [checks.complete({"name": "git", "version": ">=2"})]
    lines = ["motd", f"mngr-check package dpkg {state}|git|1:2.39.5-0+deb12u2", "mngr-check end 1"]
    (found,) = checks.read(lines, requirements)
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(("state", "status"), [("ii ", "ok"), ("iF ", "missing"), ("rc ", "ok"), ("un ", "ok")])
@pytest.mark.parametrize("version", ["", ">=2"])
def test_a_program_that_runs_counts_as_missing_if_dpkg_could_not_set_its_package_up(
    state: str, status: str, version: str
) -> None:
    requirements = [
        checks.complete({"name": "fd", "version": version, "checks": ["fd"], "packages": {"apt": ["fd-find"]}})
    ]
    output = ["mngr-check 0 0 @ /usr/bin/fd", "mngr-check 0 0 | fd 8.6.0", "mngr-check 0 0 = 0"]
    lines = [*output, f"mngr-check package dpkg {state}|fd-find|8.6.0-3", "mngr-check end 1"]
    (found,) = checks.read(lines, requirements)
    reason = "the package fd-find is only half installed (iF)" if status == "missing" else ""
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(
    "lines",
    [[], ["mngr-check 0 0 = 0"], ["mngr-check end 2"], ["mngr-check 0 0 ? x", "mngr-check end 1"], ["mngr-check "]],
)
def test_an_answer_that_is_cut_off_or_has_unknown_lines_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="the host's answer"):
        checks.read(lines, [checks.complete({"name": "git"})])


FRAMES = st.sampled_from(
    ["mngr-check 0 0 | ", "mngr-check 0 1 = ", "mngr-check 9 9 @ ", "mngr-check package ii |git|", ""]
)


@given(st.lists(st.tuples(FRAMES, st.text(max_size=20)).map("".join), max_size=6))
def test_every_answer_of_a_host_is_read_or_refused(lines: list[str]) -> None:
    requirements = [checks.complete({"name": "git", "version": ">=2"})]
    try:
        (found,) = checks.read([*lines, "mngr-check end 1"], requirements)
    except ValueError as error:
        assert "the host's answer" in str(error)  # noqa: PT017 - either is right
    else:
        assert found.id == "package:git"
