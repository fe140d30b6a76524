"""One vocabulary: what a manifest takes, the role takes, and both refuse the rest with the same words. No host."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.controller import role_module

entries = role_module("mngr_packages", "mngr_packages_entries")
queries = role_module("mngr_packages", "mngr_packages_queries")


class DebianHost:
    """All that is asked of a host where a requirement is spelled out."""

    def system_manager(self) -> str:
        return "apt"


def spelled_out(*given: Any) -> Any:
    return queries.spelled_out(given, DebianHost())


_ARCHIVE = {"manager": "archive", "url": "https://example.org/fd-{version}.tar.gz"}
_REPOSITORY = {"name": "third", "url": "https://example.org/deb", "key": "https://example.org/key"}

WRONG: list[Any] = [
    3,
    "git 2.39",
    "git=2",
    "-git",
    "git>=3,<2",
    {"version": ">=2"},
    {"name": "git>=2.39"},
    {"name": "git", "version": 2},
    {"name": "git", "version": "^2"},
    {"name": "git", "verison": ">=2"},
    {"name": "git", "chekcs": ["git"]},
    {"name": "git", "checks": "git"},
    {"name": "git", "checks": ["git --version"]},
    {"name": "git", "checks": [{"kind": "comand", "value": "git"}]},
    {"name": "git", "checks": [{"value": "git", "patern": "x"}]},
    {"name": "git", "checks": [{"value": "git", "pattern": "("}]},
    {"name": "git", "install": "no"},
    {"name": "git", "purpose": 3},
    {"name": "git", "manager": "npm"},
    {"name": "git", "when": {"os": "linux"}},
    {"name": "fd", "packages": ["fd-find"]},
    {"name": "fd", "packages": {"yum": ["fd-find"]}},
    {"name": "fd", "packages": {"apt": "fd-find"}},
    {"name": "fd", "packages": {"apt": ["fd*"]}},
    {"name": "fd", "packages": {"apt": ["a"]}, "sources": [{"manager": "apt"}]},
    {"name": "fd", "sources": "apt"},
    {"name": "fd", "sources": ["apt"]},
    {"name": "fd", "sources": [{"packages": ["fd"]}]},
    {"name": "fd", "sources": [{"manager": "yum"}]},
    {"name": "fd", "sources": [{"manager": "cargo"}]},
    {"name": "fd", "sources": [{"manager": "apt", "package": ["fd-find"]}]},
    {"name": "fd", "sources": [{"manager": "apt", "scope": "user"}]},
    {"name": "fd", "sources": [{"manager": "npm", "scope": "mine"}]},
    {"name": "fd", "sources": [{"manager": "npm", "requires": ["node^20"]}]},
    {"name": "fd", "sources": [{"manager": "apt", "when": "debian"}]},
    {"name": "fd", "sources": [{"manager": "apt", "when": {"so": ["debian"]}}]},
    {"name": "fd", "sources": [{"manager": "apt", "when": {"release": "12"}}]},
    {"name": "fd", "sources": [_ARCHIVE]},
    {"name": "fd", "sources": [_ARCHIVE | {"version": "1"}]},
    {"name": "fd", "sources": [{"manager": "apt", "repository": "ppa:x/y"}]},
    {"name": "fd", "sources": [{"manager": "apt", "repository": _REPOSITORY}]},
    {"name": "fd", "sources": [{"manager": "npm", "repository": _REPOSITORY | {"fingerprint": "0" * 40}}]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_what_a_manifest_refuses_the_role_refuses_with_the_same_words(wrong: Any) -> None:
    with pytest.raises(InputError) as manifest:
        PackageRequirement.from_value(wrong)
    with pytest.raises(ValueError, match=r"entry 2 of requirements: ") as role:
        entries.read(["git", wrong])
    problem = manifest.value.problem
    keys = manifest.value.remedy
    if "unknown key" in problem and keys.startswith("Known keys: name, "):
        keys = keys.replace(", purpose.", ", purpose, id, scope, exact, repository, url, sha256.")
    assert str(role.value) == f"entry 2 of requirements: {problem}. {keys.removesuffix('.')}"


@pytest.mark.parametrize(
    "key",
    [{"scope": "user"}, {"exact": {"npm": "1"}}, {"repository": "third"}, {"url": "https://e/x"}, {"sha256": "0"}],
)
def test_what_belongs_to_a_source_is_refused_beside_sources(key: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(key))} is given beside sources.*Write it there: sources"):
        entries.read([{"name": "fd", "sources": [{"manager": "npm"}], **key}])


@pytest.mark.parametrize(
    "given",
    [
        "git>=2.39,<3",
        {"name": "C++ compiler", "checks": ["g++"], "packages": {"apt": ["g++"], "dnf": ["gcc-c++"]}},
        {"name": "git", "version": None, "checks": None, "packages": None, "scope": None, "exact": None},
        {"name": "tmux", "checks": [{"value": "tmux", "args": ["-V"]}, {"kind": "package", "value": "tmux"}]},
        {"name": "tool", "packages": {"installer": []}, "url": "https://example.org/x", "sha256": "0" * 64},
        {"name": "tool", "packages": {"npm": ["tool"]}, "exact": {"npm": "1.2"}, "scope": "user", "id": "mine"},
        {"name": "tool", "packages": {"archive": ["tool"]}, "exact": {"archive": "2.0"}, "url": "https://e/x"},
        {"name": "fd", "install": "print", "purpose": "finds files"},
    ],
    ids=repr,
)
def test_a_complete_requirement_is_one_too_and_completing_it_again_changes_nothing(given: Any) -> None:
    complete = spelled_out(given)
    assert spelled_out(*complete) == complete


@pytest.mark.parametrize(
    ("value", "is_required"), [("no", False), (0, False), ("False", False), ("yes", True), (1, True)]
)
def test_what_ansible_takes_for_no_makes_a_requirement_optional(value: object, is_required: bool) -> None:
    assert spelled_out({"name": "git", "is_required": value})[0]["is_required"] is is_required


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("exact", "1", "'1' is not a mapping. Give it by manager: exact: {npm: \"3.3.3\"}"),
        ("exact", [1], "[1] is not a mapping"),
        ("exact", {"npm": 1.2}, "1.2 is not a string. Write it in quotes"),
        ("exact", {"yum": "1"}, "'yum' is not known (did you mean dnf?)"),
        ("exact", {"npm": ">=1"}, "'>=1' is not one version"),
        ("id", [1], "[1] is not a string"),
        ("id", 5, "5 is not a string"),
        ("repository", {"name": "x"}, "{'name': 'x'} is not a string"),
        ("url", [1], "[1] is not a string"),
        ("sha256", {"a": "b"}, "{'a': 'b'} is not a string"),
        ("scope", [1], "[1] is not known"),
    ],
    ids=repr,
)
def test_a_wrong_value_of_a_key_that_only_the_role_has_is_refused_with_a_remedy(
    key: str, value: object, problem: str
) -> None:
    with pytest.raises(ValueError, match=rf"^entry 1 of requirements: PackageRequirement\.{key}.*{re.escape(problem)}"):
        entries.read([{"name": "git", key: value}])


def test_the_address_of_a_download_without_archive_or_installer_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"url and sha256 .*Write a download in mngr_packages_downloads, with packages"
    ):
        entries.read([{"name": "ff", "url": "https://e/x", "sha256": "0"}])


def test_an_empty_entry_is_refused_with_its_number() -> None:
    with pytest.raises(ValueError, match=r"^entry 2 of requirements: None is not a package requirement"):
        entries.read(["git", None])


def test_a_name_that_is_no_package_is_accepted_as_long_as_nothing_is_installed() -> None:
    given = [{"name": "my_cfg", "checks": [{"kind": "file", "value": "/etc/hostname"}]}, {"name": "Git"}, "g"]
    assert [each["packages"] for each in spelled_out(*given)] == [{"apt": ["my_cfg"]}, {"apt": ["Git"]}, {"apt": ["g"]}]
    with pytest.raises(ValueError, match="'Git' is no name of a package: its names are lower case"):
        spelled_out({"name": "git", "packages": {"apt": ["Git"]}})


def test_the_packages_of_all_sources_are_looked_for_in_the_databases() -> None:
    sources = [{"manager": "apt", "packages": ["fd-find"]}, {"manager": "apt"}, {"manager": "dnf"}, {"manager": "npm"}]
    complete = spelled_out({"name": "fd", "sources": sources})[0]
    assert [(check["kind"], check["value"]) for check in complete["checks"]] == [
        ("command", "fd"),
        ("package", "fd-find"),
        ("package", "fd"),
    ]
