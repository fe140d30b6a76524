"""Sources of packages: which values are refused, which hosts a condition matches."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import InputError
from mngr_ansible.portable import managers
from mngr_ansible.spec.sources import Manager, Repository, RepositoryFields, Source, When, WhenFields
from mngr_ansible.spec.validation import MANAGERS

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
REPOSITORY = {"name": "vendor", "url": "https://example.org/deb", "key": "https://example.org/key", "fingerprint": ""}
SHA256 = "0" * 64


@pytest.mark.parametrize(
    ("field", "given_", "why"),
    [
        ("manager", {"manager": "yum"}, "is not known"),
        ("manager", {"manager": "cargo"}, "is not supported yet"),
        ("packages", {"manager": "zypper", "packages": ["-git"]}, "a sign at its start"),
        ("packages", {"manager": "dnf", "packages": ["@development"]}, "a group is not one package"),
        ("packages", {"manager": "pacman", "packages": ["/tmp/x.pkg.tar"]}, "a path"),
        ("packages", {"manager": "pacman", "packages": ["https://example.org/x"]}, "a path or an address"),
        ("packages", {"manager": "apt", "packages": ["git*"]}, "a pattern"),
        ("packages", {"manager": "apt", "packages": ["git,tmux"]}, "without blanks or commas"),
        ("packages", {"manager": "npm", "packages": ["@openai/codex@1"]}, "does not belong|path"),
        ("packages", {"manager": "pip", "packages": ["--user"]}, "a sign at its start"),
        ("packages", {"manager": "archive", "packages": ["../x"], "url": "https://e/x", "sha256": SHA256}, "a path"),
        ("version", {"manager": "npm", "version": ">=2"}, "is not one version"),
        ("scope", {"manager": "apt", "scope": "user"}, "is not possible with apt"),
        ("scope", {"manager": "npm", "scope": "mine"}, "is not known"),
        ("requires", {"manager": "npm", "requires": ["-x"]}, "is not a requirement"),
        ("requires", {"manager": "npm", "requires": ["node^20"]}, "write '>=20,<21'"),
        ("url", {"manager": "apt", "url": "https://example.org"}, "cannot be used with apt"),
        ("sha256", {"manager": "npm", "sha256": SHA256}, "cannot be used with npm"),
        ("url", {"manager": "installer"}, "is not an https address"),
        ("url", {"manager": "installer", "url": "http://example.org/x"}, "is not an https address"),
        ("url", {"manager": "installer", "url": "https://example.org/{version}"}, "contains {version}"),
        ("sha256", {"manager": "installer", "url": "https://example.org/x", "sha256": "12"}, "64 hexadecimal"),
        ("sha256", {"manager": "archive", "url": "https://example.org/x"}, "is missing"),
        ("repository", {"manager": "apt", "repository": "ppa:x/y"}, "is not a mapping"),
        (
            "repository",
            {"manager": "npm", "repository": {**REPOSITORY, "fingerprint": FINGERPRINT}},
            "cannot be used with npm",
        ),
        ("when", {"manager": "apt", "when": "debian"}, "is not a mapping"),
    ],
)
def test_a_wrong_value_of_a_source_is_refused_with_the_reason(field: str, given_: dict[str, object], why: str) -> None:
    with pytest.raises(InputError, match=rf"Source\.{field}: .*(?:{why})") as refused:
        Source.from_value(given_)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../x"),
        ("url", "ppa:x/y"),
        ("url", "https://me:secret@example.org/"),
        ("key", "http://example.org/key"),
        ("fingerprint", "6F71F525"),
        ("suite", "stable main"),
        ("component", "main\nmore"),
    ],
)
def test_a_repository_needs_an_address_and_a_whole_fingerprint(field: str, value: str) -> None:
    with pytest.raises(InputError, match=rf"Repository\.{field}: "):
        Repository(**{**REPOSITORY, "fingerprint": FINGERPRINT, field: value})


def test_a_fingerprint_may_be_written_in_groups() -> None:
    spaced = " ".join(FINGERPRINT[start : start + 4].lower() for start in range(0, 40, 4))
    assert Repository(**{**REPOSITORY, "fingerprint": spaced}).fingerprint == FINGERPRINT


@pytest.mark.parametrize(
    ("when", "is_met"),
    [
        ({}, True),
        ({"os": ["debian"]}, True),
        ({"os": "linux"}, True),
        ({"os": ["fedora", "macos"]}, False),
        ({"release": ">=12,<13"}, True),
        ({"release": ">=13"}, False),
        ({"arch": ["x86_64"]}, True),
        ({"arch": ["amd64"]}, True),
        ({"arch": ["aarch64"]}, False),
        ({"os": ["debian"], "release": "<12"}, False),
    ],
)
def test_a_condition_is_met_by_hosts_of_its_system_release_and_machine(when: dict[str, object], is_met: bool) -> None:
    assert When(**when).matches(("debian", "linux"), "12", "x86_64") is is_met  # type: ignore[arg-type]


def test_an_unknown_release_meets_no_condition_on_it() -> None:
    assert not When(release=">=1").matches(("arch", "linux"), "", "x86_64")


def test_a_download_fills_in_its_version_and_is_labelled_with_its_vendor() -> None:
    source = Source("archive", ("tool",), "1.2.3", url="https://example.org/tool-{version}.tar.gz", sha256=SHA256)
    assert source.address == "https://example.org/tool-1.2.3.tar.gz"
    assert source.label == "archive of example.org"


@given(st.sampled_from(sorted(managers.TABLE)), st.text(max_size=12))
def test_no_valid_package_name_is_an_option_a_pattern_or_two_words(manager: str, name: str) -> None:
    if managers.name_problem(manager, name) is None:
        assert not name.startswith(("-", "+", "!"))
        assert not set(name) & set(" \t\n*?[]$^,;|&<>'\"`\\=:()")
        assert "/" not in name or (manager == "npm" and name.startswith("@"))


def test_what_a_type_checker_knows_of_managers_and_mappings_is_what_is_accepted():
    assert set(typing.get_args(Manager)) == set(MANAGERS)
    assert set(WhenFields.__annotations__) == set(When.__match_args__)
    assert set(RepositoryFields.__annotations__) == set(Repository.__match_args__)
