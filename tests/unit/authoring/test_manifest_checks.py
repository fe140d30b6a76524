"""``check``: everything that is wrong with a manifest, at its place, without a host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.authoring.manifest_checks import check_manifests
from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
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


@pytest.mark.parametrize(
    "value", ["2020-02-30", "9" * 5000, '!!int ""', '!!float "a"', '!!bool "a"', '!!timestamp "a"']
)
def test_a_value_that_yaml_cannot_read_is_a_problem_at_its_place(value: str) -> None:
    text = f"packages:\n  - {{name: git, version: {value}}}\n"
    (finding,) = found(text)
    assert (finding.name, finding.status) == ("m.yml:2:26", "problem")
    assert finding.text.startswith("it does not parse: ")
    assert "cannot be read as" in finding.text
    with pytest.raises(InputError, match=r"does not parse: .* line 2, column 26"):
        manifest.read("m.yml")


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
        ("", "m.yml warning: it has no files and no packages"),
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


def test_everything_in_one_mapping_is_found_whatever_is_wrong_before_it() -> None:
    text = """\
files:
  - local_path: 5
    remote_path: ../x
    modee: "0644"
    1: x
    mode: "0999"
    owner: a b
    is_secret: perhaps
    mirror: 3
packages:
  - version: 2
    purpose: 3
    sources:
      - {manager: archive, url: "http://x", when: {oss: debian, release: ">>1", arch: 5}}
"""
    assert [each.partition(" ")[0].split(":")[1] for each in lines(text)] == [
        *("2", "3", "4", "5", "6", "7", "8", "9"),
        *("11", "11", "12", "14", "14", "14", "14"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "files: [{local_path: a, remote_path: x, is_secret: true, mode: '0644'}]",
            "m.yml:1:58 warning: mode: it is a secret, and 0644 lets other users of the host read it",
        ),
        (
            "files: [{local_path: a, remote_path: x, directory_mode: '0644'}]",
            "m.yml:1:41 problem: directory_mode: with 0644 not even the owner could enter the directories",
        ),
        (
            "files: [{local_path: d, remote_path: ~/, mirror: true}]",
            "m.yml:1:42 problem: mirror: a mirror of the home directory would delete what else is in it",
        ),
        (
            "packages: [{name: x, version: '>=3', sources: [{manager: apt, version: '2'}]}]",
            "m.yml:1:63 problem: apt gives 2, and >=3 does not accept that",
        ),
        (
            "packages: [node, nodejs]",
            "m.yml:1:18 warning: nodejs is in another entry too as node (line 1); the versions of both have to fit",
        ),
        (
            "packages:\n  - {name: x, sources: [{manager: apt, when: {os: debain}}]}",
            "m.yml:2:47 warning: a source is for os 'debain', and no host has that name (did you mean debian?)",
        ),
        (
            "files:\n  - {local_path: a, remote_path: x}\n  - {local_path: a, remote_path: x/y}",
            "m.yml:3:21 problem: remote_path: a file and a directory are needed in one place: x (line 2 names it too)",
        ),
        ("packages: [git>=2,\n  git<2]", "m.yml:2:3 problem: git: m.yml needs >=2 and <2: no version satisfies both"),
    ],
)
def test_what_is_right_by_itself_and_cannot_work_is_found_at_its_place(text: str, expected: str) -> None:
    write(Path("d/a"), "x")
    assert expected in lines(text)


def test_a_source_that_cannot_be_copied_is_told_once_at_its_place() -> None:
    os.mkfifo("pipe")
    (problem,) = found("files:\n  - {local_path: pipe, remote_path: x}")
    assert (problem.name, problem.status) == ("m.yml:2:6", "problem")
    assert problem.text.endswith("pipe cannot be copied: is a fifo, which cannot be sent")
    assert "host" not in problem.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("packages: [no]", "m.yml:1:12 problem: no is not a package requirement"),
        ("files: [~]", "m.yml:1:9 problem: an empty entry is not a file transfer"),
        (
            "files: [{local_path: a, remote_path: x, mirror: yes, if_exists: keep}]",
            "m.yml:1:41 problem: mirror: yes cannot be combined with if_exists: keep",
        ),
        (
            "packages: [{name: x, sources: [{manager: archive, url: }]}]",
            "m.yml:1:51 problem: url is missing",
        ),
    ],
)
def test_what_is_wrong_is_told_as_it_is_written(text: str, expected: str) -> None:
    assert lines(text)[0] == expected
    assert not any("Python" in each.remedy for each in found(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('files = [{local_path = "a", remote_path = "x", mode = 644}]', 'mode = "0644"'),
        ("files = 3", 'files must be a list, such as [{local_path = "a", remote_path = "b"}].'),
        ('files = [{local_path = "a", remote_path = "x", mirror = 3}]', "Write mirror = true or mirror = false"),
    ],
)
def test_toml_is_answered_in_toml(text: str, expected: str) -> None:
    assert expected in found(text, "m.toml")[0].remedy


def test_toml_names_a_key_that_is_given_twice() -> None:
    text = '[[files]]\nlocal_path = "a"\nremote_path = "x"\nlocal_path = "b"\n'
    assert lines(text, "m.toml") == ["m.toml:4:1 problem: 'local_path' is given twice; the first time in line 2"]
