"""The output of package managers about what they offer: real examples, and how they are read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.portable import managers
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.portable.offers import Offer

APT = """\
git:
  Installed: (none)
  Candidate: 1:2.39.5-0+deb12u2
  Version table:
     1:2.39.5-0+deb12u2 500
        500 http://deb.example.org bookworm/main amd64 Packages
awk:
  Installed: (none)
  Candidate: (none)
  Version table:
N: Unable to locate package nowhere
"""
DNF = "git|0:2.45.2-2.fc40\n\nvim-enhanced|2:9.1.452-1.fc40\n"
DNF_WITHOUT_LISTS = "Error: Cache-only enabled but no cache for 'fedora'\n"
ZYPPER = """\
<?xml version='1.0'?>
<stream>
<search-result version="0.0">
<solvable-list>
<solvable status="installed" name="git" kind="package" edition="2.35-1" arch="x86_64" repository="(System Packages)"/>
<solvable status="other-version" name="git" kind="package" edition="2.43.0-150600.3.3.1" arch="x86_64" repository="u"/>
<solvable status="other-version" name="git" kind="package" edition="2.42.0-150600.1.1" arch="x86_64" repository="oss"/>
</solvable-list>
</search-result>
</stream>
"""
PACMAN = """\
Repository      : extra
Name            : git
Version         : 2.45.2-1
Description     : the fast distributed version control system

Repository      : core
Name            : openssh
Version         : 9.7p1-2

error: package 'nowhere' was not found
"""
APK = """\
git policy:
  2.45.2-r0:
    lib/apk/db/installed
    https://dl-cdn.example.org/alpine/v3.20/main
gone policy:
  1.0-r0:
    lib/apk/db/installed
"""
BREW = '{"formulae": [{"name": "git", "versions": {"stable": "2.45.2", "head": "HEAD"}}], "casks": []}'
NPM_SEVERAL = '[\n  "5.0.2",\n  "5.0.4"\n]\nnpm warn Unknown user config\n'
NPM_NONE = "npm error code E404\nnpm error 404 No match found for version >=95\n"
UV_NONE = "error: No solution found when resolving dependencies\n"
PIP = '{\n  "version": "1",\n  "install": [{"metadata": {"name": "x",\n "version": "2.3.0"\n}}]}'
PIP_NONE = "ERROR: No matching distribution found for nowhere\n"


def offered(manager: str, *names: str, output: str) -> dict[str, Offer]:
    """What a manager offers of these packages, read from its output."""
    lines = [f"mngr-offer {manager} 0 | {line}" for line in output.splitlines()]
    packages = {manager: list(names)}
    return manager_offers.read([*lines, "mngr-offer end"], packages)[manager].offers


@pytest.mark.parametrize(
    ("manager", "name", "output", "best"),
    [
        ("apt", "git", APT, "2.39.5"),
        ("dnf", "git", DNF, "2.45.2"),
        ("dnf", "vim-enhanced", DNF, "9.1.452"),
        ("zypper", "git", ZYPPER, "2.43.0"),
        ("pacman", "openssh", PACMAN, "9.7p1"),
        ("apk", "git", APK, "2.45.2"),
        ("brew", "git", BREW, "2.45.2"),
        ("npm", "typescript@>=5", NPM_SEVERAL, "5.0.4"),
        ("npm", "typescript", '"5.1.3"npm warn x', "5.1.3"),
        ("uv", "ruff", "ruff==0.4.7\n", "0.4.7"),
        ("pip", "x", PIP, "2.3.0"),
    ],
)
def test_the_newest_offered_version_is_read(manager: str, name: str, output: str, best: str) -> None:
    offer = offered(manager, name, output=output)[name]
    assert (manager_offers.best(offer), offer.is_known) == (best, True)


@pytest.mark.parametrize(
    ("manager", "name", "output"),
    [
        ("apt", "nowhere", APT),
        ("dnf", "nowhere", DNF),
        ("zypper", "nowhere", ZYPPER),
        ("pacman", "nowhere", PACMAN),
        ("apk", "gone", APK),
        ("brew", "nowhere", BREW),
        ("npm", "typescript@>=95", NPM_NONE),
        ("uv", "nowhere", UV_NONE),
        ("pip", "nowhere", PIP_NONE),
    ],
)
def test_a_package_that_is_not_offered_is_recognized(manager: str, name: str, output: str) -> None:
    assert offered(manager, name, output=output)[name] == Offer()


@pytest.mark.parametrize(
    ("manager", "output"),
    [
        ("dnf", DNF_WITHOUT_LISTS),
        ("dnf", "metadata already locked by 199\n  The application with PID 199 is: sleep\n"),
        ("zypper", "System management is locked by the application with pid 229 (sleep).\n"),
        ("brew", "Error: No available formula"),
        ("npm", "npm error code ENOTFOUND"),
        ("uv", "error: Failed to fetch"),
        ("pip", "WARNING: Retrying"),
        ("pipx", ""),
    ],
)
def test_a_manager_that_could_not_answer_differs_from_one_that_offers_nothing(manager: str, output: str) -> None:
    assert not offered(manager, "x", output=output)["x"].is_known


def test_json_that_is_nested_too_deeply_counts_as_unreadable() -> None:
    assert offered("brew", "git", output='{"formulae":' + "[" * 100_000)["git"].is_known is False


def test_a_virtual_package_is_named_as_the_reason() -> None:
    assert "is a virtual package" in offered("apt", "awk", output=APT)["awk"].why


def test_a_python_that_belongs_to_the_distribution_is_named_as_the_reason() -> None:
    assert "(PEP 668)" in offered("pip", "x", output="externally-managed-environment")["x"].why


@pytest.mark.parametrize("lines", [[], ["mngr-offer apt 0 | git:"], ["mngr-offer end of it"], ["mngr-offer apt x | y"]])
def test_an_answer_that_is_cut_off_or_has_unknown_lines_is_refused(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="the host's answer"):
        manager_offers.read(lines, {"apt": ["git"]})


@given(st.lists(st.text(max_size=60), max_size=8), st.sampled_from(sorted(managers.TABLE)))
def test_every_answer_of_a_host_is_read_or_refused(lines: list[str], manager: str) -> None:
    output = [f"mngr-offer {manager} 0 | {line}" for line in lines]
    with contextlib.suppress(ValueError):
        manager_offers.read([*output, "mngr-offer end"], {manager: ["x"]})


PIP_RETRIES = """WARNING: Retrying (Retry(total=0)) after connection broken by
'NewConnectionError(': Failed to establish a new connection: [Errno 111] Connection refused')': /simple/x/
"""
UV_OFFLINE = """error: No solution found when resolving dependencies
hint: Packages were unavailable because the network was disabled.
mngr-status 1"""


@pytest.mark.parametrize(
    ("manager", "output", "why"),
    [
        (
            "npm",
            "npm error code ECONNREFUSED\nnpm error connect ECONNREFUSED 192.0.2.1:443\nmngr-status 1",
            "192.0.2.1:443",
        ),
        ("npm", "mngr-status 137", "npm did not answer within 30 s"),
        ("pip", f"{PIP_RETRIES}ERROR: No matching distribution found for x\nmngr-status 1", "refuses the connection"),
        ("uv", UV_OFFLINE, "UV_OFFLINE"),
        ("npm", "sudo: npm: command not found\nmngr-status 1", "the host has no npm where root looks"),
    ],
)
def test_that_a_registry_could_not_be_asked_is_no_answer_and_has_a_reason(manager: str, output: str, why: str) -> None:
    offer = offered(manager, "x", output=output)["x"]
    assert (offer.is_known, offer.versions) == (False, ())
    assert why in offer.why


@pytest.mark.parametrize("version", ["1:1snap1-0ubuntu5", "2:1snap1-0ubuntu2"])
def test_an_empty_package_that_installs_a_snap_is_no_offer(version: str) -> None:
    output = f"firefox:\n  Installed: (none)\n  Candidate: {version}\n"
    offer = offered("apt", "firefox", output=output)["firefox"]
    assert (offer.versions, "only as a snap" in offer.why) == ((), True)


def test_what_the_refresh_of_a_managers_lists_said_is_in_the_answer() -> None:
    lines = [
        "mngr-offer apt refresh | W: Failed to fetch http://deb.example/InRelease  Could not resolve 'deb.example'",
        "mngr-offer apt refresh | mngr-proxy https_proxy",
        "mngr-offer apt refresh | mngr-status 0",
        "mngr-offer apt lists empty",
        "mngr-offer end",
    ]
    answer = manager_offers.read(lines, {"apt": ["git"]}, "sudo")["apt"]
    assert answer.lists == "empty"
    proxy = "the login has a proxy, https_proxy, and sudo does not pass it on to root"
    assert answer.problem == f"the name deb.example cannot be resolved (DNS) ({proxy})"
