"""Versions: how they are read from text, their order, and ranges of them."""

from __future__ import annotations

import shutil
import subprocess
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mngr_ansible.portable import printed_versions, versions
from mngr_ansible.portable.versions import Range, compare

# The output of the programs themselves: Debian 12 and 13, Ubuntu 22.04 and 24.04, Homebrew, and upstream's own builds.
OUTPUTS = [
    ("git version 2.39.5 (Apple Git-154)", "2.39.5"),
    ("git version 2.40.0.rc1.windows.1", "2.40.0.rc1"),
    ("git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)", "3.3.0"),
    ("gh version 2.23.0 (2023-02-27 Debian 2.23.0+dfsg1-1)\nhttps://github.com/cli/cli/releases/tag/v2.23.0", "2.23.0"),
    ("v20.11.1", "20.11.1"),
    ("v21.0.0-nightly20230801d396a041f7", "21.0.0-nightly20230801d396a041f7"),
    ("OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.15 3 Sep 2024", "9.2p1"),
    ("OpenSSL 1.1.1w  11 Sep 2023", "1.1.1w"),
    ("go version go1.22rc2 linux/amd64", "1.22rc2"),
    ("tmux 3.3a", "3.3a"),
    ("tmux next-3.5", "3.5"),
    ("tmux master", None),
    ("usage: tmux [-2CDlNuvV] [-c shell-command] [-f file]", None),
    ("ripgrep 13.0.0\n-SIMD -AVX (compiled)\n+SIMD +AVX (runtime)", "13.0.0"),
    ("jq-1.6", "1.6"),
    ("Python 3.11.2", "3.11.2"),
    ("Python 3.13.0b2+", "3.13.0b2"),
    ("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)", "23.0.1"),
    ("uv 0.4.18 (7b55e9790 2024-10-01)", "0.4.18"),
    ("9.0.1378", "9.0.1378"),
    ("7", "7"),
    ("less 590 (GNU regular expressions)\nCopyright (C) 1984-2021  Mark Nudelman", "590"),
    ("GNU parallel 20221122\nCopyright (C) 2007-2022 Ole Tange", "20221122"),
    ("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", "5.2.15"),
    ("\nThis is perl 5, version 36, subversion 0 (v5.36.0) built for x86_64-linux-gnu", "5.36.0"),
    ('openjdk version "17.0.13" 2024-10-15\nOpenJDK Runtime Environment', "17.0.13"),
    ('java version "1.8.0_392"', "1.8.0_392"),
    ("openjdk 21-ea 2023-09-19", "21-ea"),
    ("ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]", "3.1.2p20"),
    ("rustc 1.78.0-nightly (82a2562cf 2024-02-24)", "1.78.0-nightly"),
    ("gcc (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc.", "12.2.0"),
    ("GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu", "4.3"),
    ("cmake version 3.25.1\n\nCMake suite maintained and supported by Kitware", "3.25.1"),
    ("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13", "7.88.1"),
    ("rsync  version 3.2.7  protocol version 31\nWeb site: https://rsync.samba.org/", "3.2.7"),
    ("Docker version 24.0.7, build afdd53b", "24.0.7"),
    ("Client Version: v1.28.2\nKustomize Version: v5.0.4", "1.28.2"),
    ('version.BuildInfo{Version:"v3.12.0", GitCommit:"c9f554d75773799f72ceef38c51210f1842a1dea"}', "3.12.0"),
    ("aws-cli/2.13.0 Python/3.11.4 Linux/5.15 exe/x86_64", "2.13.0"),
    ("yq (https://github.com/mikefarah/yq/) version v4.40.5", "4.40.5"),
    ("ffmpeg version 5.1.6-0+deb12u1 Copyright (c) 2000-2024 the FFmpeg developers", "5.1.6"),
    ("psql (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)", "15.10"),
    ("VIM - Vi IMproved 9.0 (2022 Jun 28, compiled May 04 2023 10:24:44)", "9.0"),
    ("NVIM v0.7.2\nBuild type: Release", "0.7.2"),
    ("Screen version 4.09.00 (GNU) 30-Jan-22", "4.09.00"),
    ("UnZip 6.00 of 20 April 2009, by Debian.", "6.00"),
    ("eza - A modern, maintained replacement for ls\nv0.17.0 [+git]", "0.17.0"),
    ("ShellCheck - shell script analysis tool\nversion: 0.9.0\nlicense: GNU", "0.9.0"),
    ("BusyBox v1.35.0 (Debian 1:1.35.0-4+b3) multi-call binary.", "1.35.0"),
    ("ansible [core 2.21.5]", "2.21.5"),
    ("claude: 1.0.0-beta.3 (Claude Code)", "1.0.0-beta.3"),
    ("  File /usr/lib/python3.11/runpy.py, line 196", None),
    ("error while loading shared libraries: libssl.so.1.1: cannot open shared object file", None),
    ("see https://example.org/v1.2/", None),
    ("", None),
]

# dpkg-query's ${Version} (Debian, Ubuntu, backports, third parties), and the upstream version.
PACKAGED = [
    ("1:2.39.5-0+deb12u2", "2.39.5"),
    ("1:2.43.0-1ubuntu7.3", "2.43.0"),
    ("1:2.47.1-0ppa1~ubuntu24.04.1", "2.47.1"),
    ("2:9.0.1378-2+deb12u2", "9.0.1378"),
    ("1:9.2p1-2+deb12u5", "9.2p1"),
    ("1:1.2.13.dfsg-1", "1.2.13"),
    ("1.1.1w-0+deb11u2", "1.1.1w"),
    ("5:24.0.7-1~debian.12~bookworm", "24.0.7"),
    ("20.11.1-1nodesource1", "20.11.1"),
    ("18.19.0+dfsg-6~deb12u2", "18.19.0"),
    ("9.2.0~ds1-1", "9.2.0"),
    ("3.5.0+ds1-0+deb12u1", "3.5.0"),
    ("2.39.5~bpo12+1", "2.39.5"),
    ("13.0.0-4+b2", "13.0.0"),
    ("2.6.1+deb12u1", "2.6.1"),
    ("1.6+really1.5-2", "1.5"),
    ("1.0really0.9-1", "0.9"),
    ("1.2~rc1+dfsg-1", "1.2~rc1"),
    ("590-2.1~deb12u2", "590"),
    ("4:12.2.0-3", "12.2.0"),
    ("20230311", "20230311"),
    ("0.0~git20220604.d0d3ac4-1", "0.0~git20220604.d0d3ac4"),
]

# Each list is in order, earliest first.
ORDERED = [
    ["1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0a2", "1.0b1", "1.0rc1", "1.0", "1.0.post1", "1.0.1"],
    ["1.0-alpha", "1.0-alpha.1", "1.0-beta.2", "1.0-beta.11", "1.0-rc.1", "1.0.0"],
    ["2.39~rc1", "2.39", "2.39.1", "2.39.5", "2.39.10", "2.40.0.rc0", "2.40.0"],
    ["4.14.0_rc1", "4.14.0", "4.14.0.1"],
    ["go1.9", "go1.22"],
    ["1.1.1", "1.1.1a", "1.1.1w", "1.1.2"],
    ["9.2", "9.2p1", "9.2p2", "9.10"],
    ["3.2", "3.3", "3.3a", "3.4"],
    ["1.78.0-nightly", "1.78.0-beta.3", "1.78.0", "1.78.1"],
    ["21-ea", "21", "21.0.1"],
    ["1.8.0_9", "1.8.0_392", "1.8.1"],
    ["0~rc1", "0", "0.0.1", "0.1"],
    ["v18.19.1", "20.0.0", "v20.11.1", "100"],
    ["2.0~git2020", "2.0", "2.0+git2021", "2.0.1"],
]
SAME = [
    ("2.39", "2.39.0"),
    ("2.39.0.0", "2.39"),
    ("v20", "20.0.0"),
    ("1.0rc1", "1.0-rc.1"),
    ("1.0_rc1", "1.0~rc1"),
    ("1.0.RC1", "1.0rc1"),
    ("1.0rc", "1.0rc0"),
    ("1.0a1", "1.0.alpha1"),
    ("1.0-preview2", "1.0pre2"),
    ("1.09", "1.9"),
    ("2.0rc1", "2.0.0rc1"),
    (" 1.2 ", "1.2"),
]

NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers)))
TAILS = st.sampled_from(["", "", "", "a", "p1", "rc1", "~rc2", "-beta", "b3", ".dev1", "+git1", "_4", ".post2", "-1"])
VERSIONS = st.builds(str.__add__, NUMBERS, TAILS)
CLAUSES = st.builds(str.__add__, st.sampled_from([">=", ">", "<=", "<", "==", "!="]), VERSIONS)
RANGES = st.lists(CLAUSES, max_size=4).map(lambda clauses: Range.parse(",".join(clauses)))


@pytest.mark.parametrize(("text", "version"), OUTPUTS)
def test_the_version_is_read_from_a_programs_output(text: str, version: str | None) -> None:
    assert printed_versions.find(text) == version


@pytest.mark.parametrize(
    ("text", "pattern", "version"),
    [
        ("mysql  Ver 15.1 Distrib 10.11.6-MariaDB", r"Distrib (\S+?)-", "10.11.6"),
        ("perl 5, version 36", r"\d+$", "36"),
        ("build 7\nrelease: 1.2", r"^release: (.*)$", "1.2"),
        ("version none", r"version (\w+)", None),
        ("nothing", r"version (\d+)", None),
    ],
)
def test_a_pattern_finds_the_version(text: str, pattern: str, version: str | None) -> None:
    assert printed_versions.find(text, pattern) == version


def test_a_pattern_that_is_not_a_regular_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="'\\(' is not a regular expression"):
        printed_versions.find("1.2", "(")


@pytest.mark.parametrize(("package_version", "version"), PACKAGED)
def test_epoch_revision_and_packaging_are_not_part_of_the_upstream_version(package_version: str, version: str) -> None:
    assert versions.upstream(package_version) == version


@pytest.mark.parametrize("ordered", ORDERED, ids=lambda ordered: ordered[-1])
def test_versions_are_ordered(ordered: list[str]) -> None:
    for place, earlier in enumerate(ordered):
        for later in ordered[place + 1 :]:
            assert (compare(earlier, later), compare(later, earlier)) == (-1, 1), (earlier, later)


@pytest.mark.parametrize(("a", "b"), SAME)
def test_two_spellings_of_a_version_are_equal(a: str, b: str) -> None:
    assert compare(a, b) == compare(b, a) == 0


@given(st.lists(st.one_of(VERSIONS, st.text(max_size=12)), min_size=3, max_size=3))
def test_the_order_is_total(three: list[str]) -> None:
    a, b, c = three
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0
    if compare(a, b) == 0:
        assert compare(a, c) == compare(b, c)


PLAIN = st.from_regex(r"[1-9][0-9]?(\.[1-9][0-9]?){0,3}([~+][c-z]{1,3}[0-9]{0,2}|[c-z][1-9]?)?", fullmatch=True)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg, whose order this is compared with, is not here")
@settings(max_examples=100, deadline=None)
@given(PLAIN, PLAIN)
def test_the_order_is_that_of_dpkg_except_for_our_additions(a: str, b: str) -> None:
    assume(not any(word in a + b for word in ("rc", "dev", "pre")))
    relation = {-1: "lt", 0: "eq", 1: "gt"}[compare(a, b)]
    assert subprocess.run(["dpkg", "--compare-versions", a, relation, b], check=False).returncode == 0, (a, relation, b)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        (" ", ""),
        ("<3, >=2.39", ">=2.39,<3"),
        (">=2,>=2.39,>1", ">=2.39"),
        ("<3,<=3,<4", "<3"),
        (">=2.39.0,>=2.39", ">=2.39"),
        ("==1.4,>=1", "==1.4"),
        (">=1,<=1.0", "==1"),
        ("!=1.5,>=1,!=0.5,!=1.2", ">=1,!=1.2,!=1.5"),
        (">=1,!=1.0", ">1"),
        (">=v20", ">=20"),
        (">=3,<2", ">0,<0"),
    ],
)
def test_a_range_has_one_normal_form(text: str, normal: str) -> None:
    assert str(Range.parse(text)) == normal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2.39", "'2.39' has no operator; write '>=2.39' or '==2.39'"),
        (">=", "'>=' has no version; write a number after >="),
        (">=20.x", "'>=20.x' is not supported; write '>=20'"),
        ("20.x", "write '>=20,<21'"),
        ("==3.9.*", "write '>=3.9,<3.10'"),
        ("v18.x.x", "write '>=18,<19'"),
        ("<20.x", "write '<20'"),
        ("<=20.*", "write '<21'"),
        (">20.x", "write '>=21'"),
        ("!=3.9.*", "cannot be left out of a range"),
        (">=20 <22", "'>=20 <22' is not supported; write '>=20,<22'"),
        (">=3.9,<4 !=3.10.2", "write '>=3.9,<4,!=3.10.2'"),
        ("^18 >=18.4", "write '>=18,<19,>=18.4'"),
        ("20 - 22", "write '>=20,<=22'"),
        ("^18 || ^20", "it has alternatives"),
        ("[1.0,2.0)", "write '>=1.0,<2.0'"),
        ("(,2.0]", "write '<=2.0'"),
        (">>1.2", "write '>1.2'"),
        ("=20", "write '==20'"),
        ("===20", "write '==20'"),
        ("20+", "write '>=20'"),
        ("*", "leave the version out"),
        ("latest", "leave the version out"),
        ("^20", "'^20' is not supported; write '>=20,<21'"),
        ("^0.3.1", "write '>=0.3.1,<0.4'"),
        ("~1.2.3", "write '>=1.2.3,<1.3'"),
        ("~2", "write '>=2,<3'"),
        ("~=2.39", "'~=2.39' is not supported; write '>=2.39,<3'"),
        ("~>2.39.1", "write '>=2.39.1,<2.40'"),
        ("=2", "'=2' is not supported; write '==2'"),
        (">=1,", "has an empty part"),
        ("==2.*", "write '>=2,<3'"),
        (">=1:2.39", "'1:2.39' is not a version; leave out the epoch, upstream versions are compared"),
        ("==1!2.0", "'==1!2.0' is not supported; leave out the epoch, upstream versions are compared: '==2.0'"),
        (">=latest", "'latest' is not a version"),
        (">=1 2", "'>=1 2' is not supported"),
        ("=>20", "write '>=20'"),
        ("\u226520", "write '>=20'"),
        ("<>20", "write '!=20'"),
        (">=20 and <22", "write '>=20,<22'"),
        (">=20 && <22", "write '>=20,<22'"),
        (">20<22", "write '>20,<22'"),
        ("^20.x", "write '>=20,<21'"),
        ("^1.2.3-beta.1", "write '>=1.2.3-beta.1,<2'"),
        ("[1.0]", "write '==1.0'"),
        ("1.+", "write '>=1,<2'"),
        ("18 - 20.x", "write '>=18,<21'"),
        (">=20.0.0-0", "write '>=20.0.0'"),
        ("lts", "leave the version out"),
        (">=20 - 22", "'>=20 - 22' is not supported; use one of"),
        (">=20 ; foo", "'>=20 ; foo' is not supported; use one of"),
    ],
)
def test_a_text_that_is_not_a_range_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        Range.parse(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("allowed", "version", "status"),
    [
        ("", None, "ok"),
        ("", "nonsense", "ok"),
        (">=1", None, "unknown"),
        (">=1", "nonsense", "unknown"),
        (">=2.39,<3", "2.38.9", "too-old"),
        (">=2.39,<3", "2.39.5", "ok"),
        (">=2.39,<3", "3.0", "too-new"),
        (">2", "2.0", "too-old"),
        ("<=2", "2.0", "ok"),
        ("<3", "3.0rc1", "ok"),
        (">=3", "3.0rc1", "too-old"),
        ("==1.4", "1.3", "too-old"),
        ("==1.4", "1.5", "too-new"),
        ("!=1.5", "1.5.0", "too-old"),
        (">=1,!=1.5", "1.6", "ok"),
    ],
)
def test_a_version_outside_a_range_is_too_old_or_too_new(allowed: str, version: str | None, status: str) -> None:
    assert Range.parse(allowed).judge(version) == status


@given(RANGES)
def test_the_normal_form_parses_to_the_same_range(some: Range) -> None:
    again = Range.parse(str(some))
    assert again == some
    assert hash(again) == hash(some)
    assert str(again) == str(some)


@given(RANGES, RANGES, RANGES)
def test_intersection_does_not_depend_on_the_order(a: Range, b: Range, c: Range) -> None:
    assert a.intersect(b) == b.intersect(a)
    assert a.intersect(b).intersect(c) == a.intersect(b.intersect(c))
    assert a.intersect(a) == a
    assert a.intersect(Range()) == a


@given(RANGES, RANGES, VERSIONS)
def test_the_intersection_has_the_versions_that_are_in_both(a: Range, b: Range, version: str) -> None:
    both = a.intersect(b)
    assert both.contains(version) == (a.contains(version) and b.contains(version))
    assert not (both.is_empty and both.contains(version))


@given(RANGES)
def test_an_empty_range_is_recognized(some: Range) -> None:
    bounds = [bound[0] for bound in (some.lower, some.upper) if bound and bound[1]]
    assert some.is_empty is (str(some) == ">0,<0")
    assert all(some.contains(bound) for bound in bounds)


def test_a_range_is_immutable() -> None:
    with pytest.raises(AttributeError, match="is immutable"):
        Range.parse(">=1").lower = None


@pytest.mark.parametrize(
    "text",
    ["1.5" * 500_000, "1+really" * 200_000, "a_-" * 500_000, "a-" * 500_000 + "1"],
    ids=["dots", "really", "marks", "name"],
)
def test_a_text_of_any_length_is_read_in_seconds(text):
    since = time.monotonic()
    versions.upstream(text)
    printed_versions.find(text)
    assert time.monotonic() - since < 5
