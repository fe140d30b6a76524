"""The output of real programs and the entries of real package databases, and the upstream version in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr_ansible.portable import printed_versions, versions
from mngr_ansible.portable.versions import Range

# Debian 12, Ubuntu 24.04 and upstream's own builds.
OUTPUTS = [
    ("Python 2.7.18", "2.7.18"),
    ("go version go1.22.4 linux/amd64", "1.22.4"),
    ("rustc 1.78.0 (9b00956e5 2024-04-29)", "1.78.0"),
    ("cargo 1.78.0 (54d8815d0 2024-03-26)", "1.78.0"),
    ("deno 1.44.0 (release, x86_64-unknown-linux-gnu)\nv8 12.6.228.3\ntypescript 5.4.5", "1.44.0"),
    ("10.7.0", "10.7.0"),
    ("fdfind 8.6.0", "8.6.0"),
    ("bat 0.24.0", "0.24.0"),
    ("0.44.1 (debian)", "0.44.1"),
    ("zsh 5.9 (x86_64-debian-linux-gnu)", "5.9"),
    ("fish, version 3.6.0", "3.6.0"),
    ("GNU Emacs 28.2\nCopyright (C) 2022 Free Software Foundation, Inc.", "28.2"),
    (" GNU nano, version 7.2\n (C) 2023 the Free Software Foundation and various contributors", "7.2"),
    ("tree v2.1.0 (c) 1996 - 2022 by Steve Baker, Thomas Moore", "2.1.0"),
    ("htop 3.2.2", "3.2.2"),
    (
        "lsof version information:\n    revision: 4.95.0\n    latest revision: https://github.com/lsof-org/lsof",
        "4.95.0",
    ),
    ("strace -- version 6.1\nCopyright (c) 1991-2022 The strace developers <https://strace.io>.", "6.1"),
    ("GNU gdb (Debian 13.1-3) 13.1", "13.1"),
    ("valgrind-3.19.0", "3.19.0"),
    ("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu", "14.0.6"),
    ("GNU ld (GNU Binutils for Debian) 2.40", "2.40"),
    ("tar (GNU tar) 1.34\nCopyright (C) 2021 Free Software Foundation, Inc.", "1.34"),
    ("gzip 1.12", "1.12"),
    ("xz (XZ Utils) 5.4.1\nliblzma 5.4.1", "5.4.1"),
    ("*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", "1.5.4"),
    ("Copyright (c) 1990-2008 Info-ZIP\nThis is Zip 3.0 (July 5th 2008), by Info-ZIP.", "3.0"),
    ("GNU Wget 1.21.3 built on linux-gnu.", "1.21.3"),
    ("3.40.1 2022-12-28 14:03:47 df5c253c0b3dd24916e4ec7cf77d3db5294cc9fd45ae7b9c5e82ad8197f38a24", "3.40.1"),
    ("redis-cli 7.0.15", "7.0.15"),
    ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81b8ff71cfb150e", "7.0.15"),
    ("nginx version: nginx/1.22.1", "1.22.1"),
    ("Server version: Apache/2.4.57 (Debian)\nServer built:   2023-04-13T03:26:51", "2.4.57"),
    ("mysql  Ver 8.0.36-0ubuntu0.22.04.1 for Linux on x86_64 ((Ubuntu))", "8.0.36"),
    ("PHP 8.2.18 (cli) (built: Apr 11 2024 22:07:45) (NTS)", "8.2.18"),
    ("Lua 5.4.4  Copyright (C) 1994-2022 Lua.org, PUC-Rio", "5.4.4"),
    ('R version 4.2.2 Patched (2022-11-10 r83330) -- "Innocent and Trusting"', "4.2.2"),
    ("julia version 1.10.3", "1.10.3"),
    ("The Glorious Glasgow Haskell Compilation System, version 9.0.2", "9.0.2"),
    ("Terraform v1.8.4\non linux_amd64", "1.8.4"),
    ("minikube version: v1.33.1\ncommit: 5883c09216182566a63dff4c326a6fc9ed2982ff", "1.33.1"),
    ("podman version 4.3.1", "4.3.1"),
    ("Docker Compose version v2.27.1", "2.27.1"),
    ("jq-1.7.1", "1.7.1"),
    ("Poetry (version 1.8.3)", "1.8.3"),
    ("pipenv, version 2023.12.1", "2023.12.1"),
    ("pytest 7.2.1", "7.2.1"),
    ("black, 23.1.0 (compiled: no)\nPython (CPython) 3.11.2", "23.1.0"),
    ("ruff 0.4.7", "0.4.7"),
    ("mypy 1.0.1 (compiled: yes)", "1.0.1"),
    ("Version 5.4.5", "5.4.5"),
    ("v9.4.0", "9.4.0"),
    ("codex-cli 0.5.0", "0.5.0"),
    ("svn, version 1.14.2 (r1899510)\n   compiled Jun  6 2023, 06:25:01 on x86_64-pc-linux-gnu", "1.14.2"),
    ("Mercurial Distributed SCM (version 6.3.2)", "6.3.2"),
    ("autoconf (GNU Autoconf) 2.71", "2.71"),
    ("bison (GNU Bison) 3.8.2", "3.8.2"),
    ("flex 2.6.4", "2.6.4"),
    ("m4 (GNU M4) 1.4.19", "1.4.19"),
    ("GNU Awk 5.2.1, API 3.2, PMA Avon 8-g1, (GNU MPFR 4.2.0, GNU MP 6.2.1)", "5.2.1"),
    ("sed (GNU sed) 4.9", "4.9"),
    ("grep (GNU grep) 3.8", "3.8"),
    ("find (GNU findutils) 4.9.0", "4.9.0"),
    ("bc 1.07.1", "1.07.1"),
    ("gpg (GnuPG) 2.2.40\nlibgcrypt 1.10.1", "2.2.40"),
    ("OpenSSL 3.0.11 19 Sep 2023 (Library: OpenSSL 3.0.11 19 Sep 2023)", "3.0.11"),
    ("Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3", "1.9.13p3"),
    ("ttyd version 1.7.7-40e79c7", "1.7.7"),
    ("unison version 2.53.3 (ocaml 4.14.1)", "2.53.3"),
    ("mosh 1.4.0 [build mosh 1.4.0]", "1.4.0"),
    ("systemd 252 (252.26-1~deb12u2)\n+PAM +AUDIT +SELINUX", "252.26"),
    ("ip utility, iproute2-6.1.0, libbpf 1.1.0", "6.1.0"),
    ("iptables v1.8.9 (nf_tables)", "1.8.9"),
    ("rclone v1.60.1-DEV\n- os/version: debian 12.5 (64 bit)", "1.60.1-DEV"),
    ("QEMU emulator version 7.2.11 (Debian 1:7.2+dfsg-7+deb12u6)", "7.2.11"),
    ("hugo v0.111.3+extended linux/amd64 BuildDate=unknown", "0.111.3"),
    ("pandoc 2.17.1.1\nCompiled with pandoc-types 1.22.2.1", "2.17.1.1"),
    ("Vagrant 2.3.4", "2.3.4"),
    ("ninja 1.11.1", "1.11.1"),
]

# Debian 12: dpkg-query's ${Version}.
DEBIAN = [
    ("3.11.2-1+b1", "3.11.2"),
    ("3.11.2-6+deb12u5", "3.11.2"),
    ("5.2.15-2+b7", "5.2.15"),
    ("2.36-9+deb12u8", "2.36"),
    ("8.6.0-3", "8.6.0"),
    ("1.6-2.1", "1.6"),
    ("3.3a-3", "3.3a"),
    ("7.88.1-10+deb12u8", "7.88.1"),
    ("20.10.24+dfsg1-1+b3", "20.10.24"),
    ("2:1.19~1", "1.19"),
    ("1.63.0+dfsg1-2", "1.63.0"),
    ("5:7.0.15-1~deb12u1", "7.0.15"),
    ("2.23.0+dfsg1-1", "2.23.0"),
    ("17.0.11+9-1~deb12u1", "17.0.11+9"),
    ("7:5.1.5-0+deb12u1", "5.1.5"),
    ("8:6.9.11.60+dfsg-1.6+deb12u1", "6.9.11.60"),
    ("2024a-0+deb12u1", "2024a"),
    ("252.26-1~deb12u2", "252.26"),
    ("1.9.13p3-1+deb12u1", "1.9.13p3"),
    ("1:9.18.28-1~deb12u2", "9.18.28"),
]
# Ubuntu 22.04 and 24.04, and what vendors' own repositories have there.
UBUNTU = [
    ("2:9.1.0016-1ubuntu7.3", "9.1.0016"),
    ("18.19.1+dfsg-6ubuntu5", "18.19.1"),
    ("12.22.9~dfsg-1ubuntu3.6", "12.22.9"),
    ("5:26.1.3-1~ubuntu.24.04~noble", "26.1.3"),
    ("4:13.2.0-7ubuntu1", "13.2.0"),
    ("1:9.6p1-3ubuntu13.5", "9.6p1"),
    ("2:1.22~2build1", "1.22"),
    ("1.75.0+dfsg0ubuntu1-0ubuntu7", "1.75.0"),
    ("3.12.3-0ubuntu2", "3.12.3"),
]
# Fedora 40 and openSUSE Leap 15.6: rpm's EPOCHNUM:VERSION-RELEASE.
RPM = [
    ("0:2.45.2-2.fc40", "2.45.2"),
    ("2:9.1.452-1.fc40", "9.1.452"),
    ("1:3.2.1-2.fc40", "3.2.1"),
    ("32:9.18.26-1.fc40", "9.18.26"),
    ("1:20.12.2-1.fc40", "20.12.2"),
    ("1:17.0.11.0.9-1.fc40", "17.0.11.0.9"),
    ("0:9.6p1-1.fc40.3", "9.6p1"),
    ("0:6.8.5-301.fc40", "6.8.5"),
    ("1:29.3-6.fc40", "29.3"),
    ("0:14.0.1-0.15.fc40", "14.0.1"),
    ("0:643-4.fc40", "643"),
    ("0:2024a-5.fc40", "2024a"),
    ("0:4.19.1.1-1.fc40", "4.19.1.1"),
    ("0:3.13.0~b1-1.fc41", "3.13.0~b1"),
    ("0:2.43.0-150600.3.3.1", "2.43.0"),
    ("0:20.11.1-150600.1.5", "20.11.1"),
    ("0:9.1.0330-150500.20.12.1", "9.1.0330"),
    ("0:3.11.9-150600.3.3.1", "3.11.9"),
]
# Arch Linux: pacman -Q.
ARCH = [
    ("2.45.2-1", "2.45.2"),
    ("9.1.0413-1", "9.1.0413"),
    ("9.7p1-2", "9.7p1"),
    ("2:7.0.1-1", "7.0.1"),
    ("1:26.1.4-1", "26.1.4"),
    ("2:1.22.4-1", "1.22.4"),
    ("20240203-1", "20240203"),
    ("5.2.026-2", "5.2.026"),
    ("1.9.15.p5-1", "1.9.15.p5"),
]
# Alpine 3.20: apk's database. Homebrew: the names of its directories, without its own revision (_1).
ALPINE = [
    ("2.45.2-r0", "2.45.2"),
    ("20.15.1-r0", "20.15.1"),
    ("4.14.0_rc1-r0", "4.14.0_rc1"),
    ("5.2.26-r0", "5.2.26"),
    ("9.1.0414-r0", "9.1.0414"),
    ("20240705-r0", "20240705"),
    ("643-r2", "643"),
]
PACKAGED = [*DEBIAN, *UBUNTU, *RPM, *ARCH, *ALPINE]


@pytest.mark.parametrize(("text", "version"), OUTPUTS)
def test_the_version_is_read_from_a_programs_output(text: str, version: str) -> None:
    assert printed_versions.find(text) == version


REAL = [
    line.split("\t")
    for line in Path(__file__).with_name("real_outputs.tsv").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("program", "text", "version"), REAL)
def test_a_programs_own_number_is_read_and_no_other(program: str, text: str, version: str) -> None:
    printed = text.replace("\\n", "\n").replace("\\e", "\x1b")
    assert printed_versions.find(printed, program=program) == (version or None)


@pytest.mark.parametrize(("packaged", "version"), PACKAGED)
def test_epoch_revision_and_packaging_are_not_part_of_the_upstream_version(packaged: str, version: str) -> None:
    assert versions.upstream(packaged) == version


@pytest.mark.parametrize(("packaged", "version"), PACKAGED)
def test_a_packages_version_satisfies_the_range_that_begins_with_its_upstream_version(
    packaged: str, version: str
) -> None:
    assert Range.parse(f">={version}").contains(versions.upstream(packaged))
    assert not Range.parse(f">{version}").contains(versions.upstream(packaged))


def test_no_example_is_listed_twice() -> None:
    from tests.unit.portable import test_versions

    outputs, packaged = [*OUTPUTS, *test_versions.OUTPUTS], [*PACKAGED, *test_versions.PACKAGED]
    assert len({text for text, _ in outputs}) == len(outputs)
    assert len({text for text, _ in packaged}) == len(packaged)
    assert len(outputs) + len(packaged) >= 150
