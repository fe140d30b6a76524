# SPDX-License-Identifier: GPL-3.0-or-later
"""Package repositories of third parties: what describes one, and whether the host has it already."""

from __future__ import annotations

import glob
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, TypedDict

from .mngr_ansible_portable import openpgp, repositories, validation
from .mngr_ansible_portable.repositories import MARK
from .mngr_ansible_portable.shapes import RepositoryRequest
from .mngr_ansible_portable.text import clause
from .mngr_packages_executor import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .mngr_packages_executor import Executor

_LISTS = {
    "apt": ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"),
    "dnf": ("/etc/yum.repos.d/*.repo",),
    "zypper": ("/etc/zypp/repos.d/*.repo",),
}
"""By package manager, the files in which a host may list repositories."""
_RPM_SECONDS = 60
_PROGRAMS = {"apt": "apt-get", "dnf": "dnf", "zypper": "zypper"}
_BLOCK = re.compile(rb"(?s)-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----\n?")
_DISABLED = re.compile(r"(?im)^enabled\s*[:=]\s*(?:no|0|false)\s*$")


class Repository(RepositoryRequest):
    """A repository with everything spelled out, as the module of this role works with it.

    ``key_path`` and ``path`` are the files on the host for the key and for the repository; ``text`` is the content of
    the latter.
    """

    key_path: str
    path: str
    text: str


class NewRepository(TypedDict):
    """A repository that was just added, and of which the host had nothing before.

    ``paths`` are its two files. ``fingerprint``: of the key that only this repository brought into rpm's database;
    empty for none.
    """

    name: str
    paths: list[str]
    fingerprint: str


class InvalidRepositoryError(Exception):
    """Why this is no repository for this host, as a sentence without a full stop."""


def complete(given: Mapping[str, Any], has: Callable[[str], bool] | None = None) -> Repository:
    """A repository with everything spelled out.

    Args:
        given: what describes it.
        has: whether the host has a program; None: this process runs on the host.

    Raises:
        InvalidRepositoryError: it is not one that this host can use.
    """
    manager, name, url = _text(given, "manager"), _text(given, "name"), _text(given, "url")
    suite, component, key = _text(given, "suite"), _text(given, "component"), _text(given, "key")
    fingerprint = validation.fingerprint(_text(given, "fingerprint")) or ""
    is_flat = suite.endswith("/")
    for field, is_valid in (
        ("manager", manager in repositories.MANAGERS),
        ("name", validation.is_repository_name(name)),
        ("url", validation.is_repository_url(url)),
        ("suite", manager != "apt" or validation.is_apt_word(suite)),
        ("component", manager != "apt" or (is_flat and not component) or _is_words(component)),
        ("fingerprint", fingerprint),
        ("key", validation.is_https(key) or openpgp.is_armored(key)),
    ):
        if not is_valid:
            raise InvalidRepositoryError(f"its {field} is missing or not valid")
    if not (has or _has)(_PROGRAMS[manager]):
        raise InvalidRepositoryError(f"this host has no {manager}")
    files = repositories.files(manager, name, url, suite, component)
    return {
        "manager": manager,
        "name": name,
        "url": url,
        "suite": suite,
        "component": component,
        "key": key,
        "fingerprint": fingerprint,
        "key_path": files.key_path,
        "path": files.path,
        "text": files.text,
    }


def _has(program: str) -> bool:
    return shutil.which(program, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") is not None


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key) or ""
    if not isinstance(value, str):
        raise InvalidRepositoryError(f"its {key} is not text")
    return value


def _is_words(text: str) -> bool:
    return bool(text) and all(validation.is_apt_word(word) for word in text.split(" "))


def elsewhere(repository: Repository) -> str | None:
    """The file of somebody else in which the host lists this repository already; None if there is none.

    apt fails altogether if two files name one repository with different keys.
    """
    manager = repository["manager"]
    searched = {repository["url"].rstrip("/")}
    if manager == "apt":
        searched.add(repository["suite"].rstrip("/"))
    for path in sorted(each for pattern in _LISTS[manager] for each in glob.glob(pattern)):
        if path == repository["path"]:
            continue
        for entry in _entries(path):
            words = {word.rstrip("/") for word in re.split(r"[\s=]+", entry)}
            if searched <= words and not _DISABLED.search(entry):
                return path
    return None


def _entries(path: str) -> Iterator[str]:
    """The repositories that a file lists, without comments: a line each, or a paragraph each."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line for line in file.read().splitlines() if not line.lstrip().startswith("#")]
    except OSError:
        return
    yield from lines if path.endswith(".list") else re.split(r"\n\s*\n|\n(?=\[)", "\n".join(lines))


def is_imported(fingerprint: str) -> bool:
    """Whether rpm trusts the key with this fingerprint.

    rpm names its keys by 32 bits of their fingerprints. So the keys themselves are read, which are in its database too.
    """
    return bool(_imported(fingerprint))


def withdraw(executor: Executor, new: NewRepository) -> str:
    """Take away what was added for a repository; why it could not be done, as a clause, empty if it was."""
    why = executor.remove_files(new["paths"], MARK)
    names = _imported(new["fingerprint"]) if new["fingerprint"] else []
    if names and executor.run(["rpm", "--erase", "--", *names], _RPM_SECONDS):
        return why or f"rpm did not remove its key: {clause(last_lines(executor.output))}"
    return why


def _imported(fingerprint: str) -> list[str]:
    """The names under which rpm has the key with this fingerprint."""
    query = ["rpm", "-q", "gpg-pubkey", "--qf", "@%{name}-%{version}-%{release}\\n%{description}\\n"]
    known = subprocess.run(  # pylint: disable=ansible-bad-function
        query, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return [
        name.decode("ascii", "replace")
        for name, text in re.findall(rb"(?ms)^@(gpg-pubkey-\S+)\n(.*?)(?=^@|\Z)", known.stdout)
        if any(fingerprint in _fingerprints(each) for each in _BLOCK.findall(text))
    ]


def _fingerprints(block: bytes) -> list[str]:
    try:
        return openpgp.fingerprints(block)
    except openpgp.KeyFileError:  # a key that somebody else imported, and that we do not know how to read
        return []
