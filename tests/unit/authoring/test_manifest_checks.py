"""``check``: everything that is wrong with a manifest, at its place, without a host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.authoring.manifest_checks import check_manifests
from tests.support.builders import write

if TYPE_CHECKING:
    from mngr_ansible.report.findings import Finding


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a", "x")


def found(text: str, name: str = "m.yml") -> list[Finding]:
    write(Path(name), text)
    return list(check_manifests([name]))


def lines(text: str, name: str = "m.yml") -> list[str]:
    return [f"{each.name} {each.status}: {each.text}" for each in found(text, name)]


def test_several_problems_are_found_at_once_each_at_its_place() -> None:
    text = """\
files:
  - {local_path: gone, remote_path: x, modee: "0644", mirror: perhaps}
  - local_path: a
    remote_path: ../x
    mode: 644
packages:
  - git=>2
  - {name: node, versoin: ">=20", version: 2.10}
"""
    assert lines(text) == [
        "m.yml:2:40 problem: unknown key 'modee' (did you mean mode?)",
        "m.yml:2:55 problem: mirror: 'perhaps' is not true or false",
        "m.yml:4:5 problem: remote_path: '../x' leaves work_dir through '..'",
        "m.yml:5:5 problem: mode: 644 is read as a number, not as octal digits",
        "m.yml:7:5 problem: version: '=>2' is not supported; write '>=2'",
        "m.yml:8:18 problem: unknown key 'versoin' (did you mean version?)",
        "m.yml:8:35 problem: version: 2.10 is not a string",
    ]


def test_every_check_and_source_of_a_package_is_looked_at() -> None:
    text = """\
packages:
  - name: fd
    checks: [fd, {kind: comand, value: fdfind}]
    sources:
      - {manager: apt, packges: [x]}
      - {manager: archive, url: "http://x", when: {oss: debian}}
    purpose: 3
"""
    assert lines(text) == [
        "m.yml:3:19 problem: kind: 'comand' is not known (did you mean command?)",
        "m.yml:5:24 problem: unknown key 'packges' (did you mean packages?)",
        "m.yml:6:28 problem: url: 'http://x' is not an https address",
        "m.yml:6:52 problem: unknown key 'oss' (did you mean os?)",
        "m.yml:7:5 problem: purpose: 3 is not a string",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "files: []\nfiles: []\npackages: [git]",
            "m.yml:2:1 problem: 'files' is given twice; the first time in line 1",
        ),
        (
            "packages:\n  - name: git\n    name: hub",
            "m.yml:3:5 problem: 'name' is given twice; the first time in line 2",
        ),
        (
            "files:\n  - {local_path: a, remote_path: x/y}\n  - {local_path: a, remote_path: ./x//y}",
            "m.yml:3:21 warning: remote_path: x/y is the destination of another entry too (line 2); the last one wins",
        ),
        (
            "packages: [git>=2,\n  git<9]",
            "m.yml:2:3 warning: git is in another entry too (line 1); the versions of both have to fit",
        ),
    ],
)
def test_what_is_there_twice_is_found(text: str, expected: str) -> None:
    assert lines(text) == [expected]


def test_a_source_that_is_missing_is_a_problem_only_where_it_is_required() -> None:
    text = (
        "files:\n  - {local_path: gone, remote_path: x}\n  - {local_path: ~/gone, remote_path: y, is_required: false}\n"
    )
    (problem,) = found(text)
    assert (problem.name, problem.status) == ("m.yml:2:6", "problem")
    assert problem.text.endswith("gone does not exist")
    assert problem.remedy.endswith("is_required: false.")
    assert lines(text.replace("gone, remote_path: x", "a, remote_path: x")) == [
        "m.yml ok: 2 files (1 optional, not on this machine), 0 packages"
    ]


def test_a_file_that_looks_like_a_secret_is_marked_or_is_readable_for_its_owner_alone(tmp_path: Path) -> None:
    write(tmp_path / ".netrc", "x", 0o644)
    text = "files: [{local_path: .netrc, remote_path: x}]"
    (warning,) = found(text)
    assert (warning.name, warning.status) == ("m.yml:1:10", "warning")
    assert warning.text.endswith(".netrc looks like a secret and is not marked as one")
    assert [each.status for each in found(text.replace("x}", "x, is_secret: true}"))] == ["ok"]
    (tmp_path / ".netrc").chmod(0o600)
    assert [each.status for each in found(text)] == ["ok"]


def test_sources_start_at_the_directory_of_the_manifest(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "b", "x")
    assert lines("files: [{local_path: b, remote_path: x}]", "sub/m.yml") == ["sub/m.yml ok: 1 file, 0 packages"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("packages: [git>=2, git<2]", "no version satisfies both"),
        ("files: [{local_path: a, remote_path: x}, {local_path: a, remote_path: x/y}]", "in one place: x"),
        ("files: [{local_path: pipe, remote_path: x}]", "is a fifo"),
    ],
)
def test_what_a_plan_would_refuse_is_found_too(text: str, expected: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert any(expected in each.text and each.status == "problem" for each in found(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "files: [",
            "m.yml:1:9 problem: it does not parse: while parsing a flow node, expected the node content, but ",
        ),
        ("a: b: c", "m.yml:1:5 problem: it does not parse: mapping values are not allowed here"),
        ("files:\n\t- a", "m.yml:2:1 problem: it does not parse: while scanning for the next token, found character"),
        ("just text", "m.yml:1:1 problem: it is not a mapping"),
        ("", "m.yml warning: it asks for nothing"),
        ("files: [{local_path: a}]", "m.yml:1:9 problem: remote_path is missing"),
        ("files: 3", "m.yml:1:1 problem: files is not a list"),
        ("pakages: [git]", "m.yml:1:1 problem: unknown key 'pakages' (did you mean packages?)"),
        ("packages: [ripgrp]", "m.yml:1:12 warning: the catalog does not contain 'ripgrp' (did you mean ripgrep?)"),
        ("files: &a [*a]", "m.yml:1:8 problem: "),
        ("packages: [" + "[" * 3000, "m.yml problem: it is nested too deeply"),
    ],
)
def test_a_document_that_is_none_is_told_with_its_place(text: str, expected: str) -> None:
    assert lines(text)[0].startswith(expected)


def test_toml_says_which_entry_it_is_where_it_gives_no_place() -> None:
    assert lines("x = 1\nfiles = ]", "m.toml")[0].startswith("m.toml:2:9 problem: it does not parse: ")
    text = '[[files]]\nlocal_path = "a"\nremote_path = "x"\nmode = 420\n'
    assert lines(text, "m.toml") == ["m.toml: files 1 mode problem: mode: 420 is read as a number, not as octal digits"]


def test_every_finding_has_a_name_of_its_own_and_a_problem_its_remedy() -> None:
    write(Path("m.yml"), "packages: [3]\nx: 1\n")
    findings = check_manifests(["m.yml", "m.yml", "gone.yml"])
    assert len({each.name for each in findings}) == len(findings) == 3
    assert all(each.remedy for each in findings if each.status != "ok")
