"""``PackageRequirement`` and ``Check``: string forms, values that are refused. Source: docs/contract.md "Data"."""

import dataclasses

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.portable import requirements
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Repository, Source, When

KEYS = {
    PackageRequirement: requirements.KEYS,
    Check: requirements.CHECK_KEYS,
    Source: requirements.SOURCE_KEYS,
    Repository: requirements.REPOSITORY_KEYS,
    When: requirements.WHEN_KEYS,
}


@pytest.mark.parametrize(
    "check",
    [
        {"kind": "nose", "value": "git"},
        {"kind": "command", "value": "-rf"},
        {"kind": "command", "value": "two words"},
        {"kind": "command", "value": "bin/git"},
        {"kind": "command", "value": ""},
        {"kind": "package", "value": "git*"},
        {"kind": "package", "value": "/tmp/git.deb"},
        {"kind": "command", "value": "git", "args": "--version"},
        {"kind": "command", "value": "git", "args": ["\0"]},
        {"kind": "command", "value": "git", "args": ["\udcff"]},
        {"kind": "command", "value": "git", "pattern": "("},
        {"kind": "command", "value": "git", "pattern": 3},
        {"kind": "command"},
        {"kind": "command", "value": "git", "valeu": "x"},
        3,
    ],
)
def test_a_check_that_cannot_be_run_is_refused(check):
    with pytest.raises(InputError):
        Check.from_value(check)


def test_a_check_may_be_a_commands_name_or_its_absolute_path():
    assert Check.from_value("git") == Check("command", "git", ("--version",))
    assert Check.from_value("/opt/my/git").value == "/opt/my/git"


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("git", "git", ""),
        ("git>=2.39,<3", "git", ">=2.39,<3"),
        (" git >= 2.39 ", "git", ">= 2.39"),
        ("g++", "g++", ""),
        ("lib1.2-dev!=3", "lib1.2-dev", "!=3"),
    ],
)
def test_a_requirement_has_a_string_form(text, name, version):
    assert PackageRequirement.parse(text) == PackageRequirement(name, version)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-git",
            "git-",
            "git*",
            "git?",
            "./git",
            "/usr/bin/git",
            "git vim",
            "git,vim",
            "a\nb",
            "[git]",
            "ü",
            "x" * 251,
        ),
        *("git 2", "git=2", "git~=2", "git>=", "git>=2,", "git>=x", "git>=1:2", "git;true", "$(x)"),
    ],
)
def test_an_option_a_pattern_a_path_a_list_or_an_unreadable_version_is_refused(text):
    with pytest.raises(InputError) as refused:
        PackageRequirement.parse(text)
    assert refused.value.remedy


def test_a_version_set_that_allows_no_version_is_refused():
    with pytest.raises(InputError, match="allows no version"):
        PackageRequirement.parse("git>=3,<2")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("version", 20),
        ("checks", "git"),
        ("checks", {"kind": "command", "value": "git"}),
        ("sources", [3]),
        ("is_required", None),
        ("install", "no"),
        ("purpose", None),
        ("purpose", "\ud800"),
    ],
)
def test_a_requirement_with_a_wrong_type_or_word_is_refused(field, value):
    with pytest.raises(InputError):
        PackageRequirement.from_value({"name": "git", field: value})


def test_a_requirement_takes_its_checks_and_sources_as_mappings_too():
    requirement = PackageRequirement.from_value(
        {"name": "fd", "checks": ["fdfind", {"kind": "package", "value": "fd-find"}], "sources": [{"manager": "apt"}]}
    )

    assert requirement.checks == (Check("command", "fdfind"), Check("package", "fd-find"))
    assert requirement.sources == (Source("apt"),)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("node@20", "Write 'node>=20,<21'."),
        ("node@^20.1", "Write 'node>=20.1,<21'."),
        ("node:20.1", "Write 'node>=20.1,<20.2'."),
        ("node 20.x", "Write 'node>=20,<21'."),
        ("git 2.39", "Write 'git>=2.39' or 'git==2.39'."),
        ("git (>= 2.39)", "Write 'git>=2.39'."),
        ("python3 (>=3.9, <4)", "Write 'python3>=3.9,<4'."),
        ("node [18,21)", "Write 'node>=18,<21'."),
        ("node \u2265 20", "Write 'node>=20'."),
        ("node 20+", "Write 'node>=20'."),
        ("node@latest", "Write node for any version."),
        ("two words", "Write a name, or a name and versions: git, git>=2.39, 'git>=2.39,<3'."),
    ],
)
def test_a_requirement_in_another_tools_notation_is_refused_with_the_spelling_to_use(text, remedy):
    with pytest.raises(InputError) as refused:
        PackageRequirement.parse(text)
    assert refused.value.remedy == remedy


def test_packages_by_manager_are_short_for_sources_and_those_of_systems_come_first():
    requirement = PackageRequirement.from_value(
        {"name": "fd", "packages": {"npm": ["fd-cli"], "apt": ["fd-find"], "dnf": []}}
    )

    assert requirement.sources == (Source("apt", ("fd-find",)), Source("npm", ("fd-cli",)))


@pytest.mark.parametrize(
    ("packages", "problem", "remedy"),
    [
        (["fd-find"], "PackageRequirement.packages: ['fd-find'] is not a mapping", "packages: {apt: [fd-find]}"),
        ({"atp": ["x"]}, "PackageRequirement.packages: 'atp' is not known (did you mean apt?)", "Use one of: apt, "),
        ({"yum": ["x"]}, "'yum' is not known (did you mean dnf?)", "Use one of: apt, "),
        ({"apt": "fd-find"}, "packages.apt: 'fd-find' is not a list of strings", "packages.apt must be a list"),
        ({"apt": ["fd*"]}, "fd: 'fd*' is no name of a package: a pattern could install anything", "plain name"),
        ({"apt": [3]}, "packages.apt: [3] is not a list of strings", 'Write it in quotes: "3".'),
        ({}, "names no package", "packages: {apt: [fd-find]}"),
        ({"apt": []}, "names no package", "packages: {apt: [fd-find]}"),
        ({"archive": ["x"]}, "'archive' is no package manager", "sources: [{manager: archive, url: …, sha256: …}]"),
    ],
)
def test_wrong_packages_of_a_manager_are_refused_with_the_reason(packages, problem, remedy):
    with pytest.raises(InputError) as refused:
        PackageRequirement.from_value({"name": "fd", "packages": packages})
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(("key", "written"), [("scope", ", scope: …"), ("exact", ", version: …"), ("manager", "")])
def test_what_belongs_to_a_source_is_refused_with_the_place_for_it(key, written):
    with pytest.raises(InputError, match=f"{key} belongs to a source") as refused:
        PackageRequirement.from_value({"name": "fd", key: "x"})
    assert refused.value.remedy == f"Write it there: sources: [{{manager: …{written}}}]."


def test_packages_and_sources_together_are_refused():
    with pytest.raises(InputError, match="packages and sources are given"):
        PackageRequirement.from_value({"name": "fd", "packages": {"apt": ["a"]}, "sources": [{"manager": "apt"}]})


@pytest.mark.parametrize(("kind", "keys"), KEYS.items())
def test_the_keys_that_the_roles_know_are_the_fields(kind, keys):
    assert [field.name for field in dataclasses.fields(kind)] == [
        key for key in keys if key != "packages" or kind is Source
    ]
