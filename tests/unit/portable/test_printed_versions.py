"""The rule by which a version is read, sentence by sentence; real outputs are in test_versions_table."""

from __future__ import annotations

import pytest

from mngr_ansible.portable.printed_versions import find


@pytest.mark.parametrize(
    ("program", "text", "version"),
    [
        ("tool", "tool 1.5", "1.5"),
        ("/usr/bin/tool", "Copyright\nThe Tool (for X 9.9), version 1.5 with libx 3.2", "1.5"),
        ("tool", "libx 3.2\ntool 1.5", "1.5"),
        (
            "cypress",
            "Cypress package version: 13.6.2\nElectron version: 27.1.3\nBundled Node version:\n18.17.0",
            "13.6.2",
        ),
        ("chrome", "Google Chrome 10.0.648.204", "10.0.648.204"),
        ("idris2", "Idris 2, version 0.7.0", "0.7.0"),
        ("dmd", "DMD64 D Compiler v2.106.0", "2.106.0"),
        ("kotlinc", "info: kotlinc-jvm 1.9.21 (JRE 17.0.9+9)", "1.9.21"),
    ],
)
def test_the_number_after_the_programs_own_name_counts(program: str, text: str, version: str) -> None:
    assert find(text, program=program) == version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Welcome, here is some text\n1.5.2\nmore 2.0", "1.5.2"),
        ("Version: 0.48.1\nDB:\n  Version: 2", "0.48.1"),
        ("Apache Maven 3.9.6 (bc0240f3)\nJava version: 17.0.9, vendor: X\nOS version: 5.15.0", "3.9.6"),
        ("ripgrep 14.1.0 (rev e50df40a19)\n\nPCRE2 10.42 is available (JIT is available)", "14.1.0"),
        ("Some text\nClient Version: v1.29.0\nKustomize Version: v5.0.4", "1.29.0"),
        ("Some text\nthe release is 3.1", "3.1"),
    ],
)
def test_without_the_name_it_is_a_lone_version_the_first_line_or_the_only_one(text: str, version: str) -> None:
    assert find(text, program="xyz") == version


@pytest.mark.parametrize(
    "text",
    [
        "All parts:\n engine 5.1\n client 2.0",
        "1.5.2\n1.6.0",
        "Parts\nengine version 5.1\nserver version 2.0",
        "Selected Jupyter core packages...\nIPython : 8.19.0\njupyter_core : 5.6.0",
    ],
)
def test_where_numbers_disagree_none_is_certain(text: str) -> None:
    assert find(text, program="jupyter") is None


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("docker", "podman version 4.9.3"),
        ("tar", "bsdtar 3.5.3 - libarchive 3.5.3 zlib/1.2.12"),
        ("sudo", "sudo-rs 0.2.1"),
        ("awk", "mawk 1.3.4 20200120"),
        ("vim", "NVIM v0.9.4\nBuild type: Release"),
        ("sed", "This is not GNU sed version 4.0"),
        ("tmux", "tmux openbsd-7.4"),
        ("jq", "jq-master-v20230101"),
    ],
)
def test_the_version_of_another_program_or_of_a_snapshot_is_none(program: str, text: str) -> None:
    assert find(text, program=program) is None


@pytest.mark.parametrize(
    "text",
    [
        "listening on 10.203.1.2",
        "connected to 172.17.0.1:9003",
        "read /opt/tool-1.2/lib",
        "https://example.org/2.4/x",
        "License GPL version 3.0",
        "warning: plugin 3.4 is loaded",
        "[notice] A new release of x is available: 23.0 -> 24.0",
        "-Dversion=4.5",
        "started at 10:32:07.123",
        "tool needs glibc 2.34",
    ],
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert find(text, program="xyz") is None


def test_standard_output_counts_before_standard_error() -> None:
    assert find("2.4", program="tool", errors="tool plugin 9.1\ntool 9.9") == "2.4"
    assert find("", program="tool", errors="Picked up -Dhost=10.203.1.2\ntool 1.5") == "1.5"
    assert find("hello", "([0-9.]+) is it", program="tool", errors="7.1 is it") == "7.1"


@pytest.mark.parametrize(
    ("program", "text", "version"),
    [
        ("mysql", "mysql  Ver 15.1 Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)", "10.11.6"),
        ("mysql", "mysql from 11.4.3-MariaDB, client 15.2 for debian-linux-gnu (x86_64)", "11.4.3"),
        ("mysql", "mysql  Ver 8.0.35-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", "8.0.35"),
        ("bazel", "Bazelisk version: v1.19.0\nBuild label: 7.0.0\nBuild time: Tue Dec 5", "7.0.0"),
    ],
)
def test_a_program_for_which_the_rule_is_wrong_has_a_pattern_of_its_own(program: str, text: str, version: str) -> None:
    assert find(text, program=program) == version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2026.10.01-ea42d21", "2026.10.01"),
        ("2026.10.01-ea12345", "2026.10.01"),
        ("2026.10.01-a123456", "2026.10.01"),
        ("7.0.12r159484", "7.0.12"),
        ("21.0-ea", "21.0-ea"),
        ("21.0-ea2", "21.0-ea2"),
    ],
)
def test_a_commits_hash_is_no_part_of_a_version(text: str, version: str) -> None:
    assert find(text, program="x") == version
