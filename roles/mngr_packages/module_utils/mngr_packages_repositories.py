# SPDX-License-Identifier: GPL-3.0-or-later
"""How apt, dnf and zypper list package repositories: what describes one, and who else names it."""

from __future__ import annotations

import glob
import re
import shutil
import subprocess

from ansible.module_utils import mngr_packages_download as download
from ansible.module_utils.mngr_ansible_portable import repositories

_OTHERS = {
    "apt": ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources"),
    "dnf": ("/etc/yum.repos.d/*.repo",),
    "zypper": ("/etc/zypp/repos.d/*.repo",),
}
_PROGRAMS = {"apt": "apt-get", "dnf": "dnf", "zypper": "zypper"}
_KEYS = ("manager", "name", "url", "suite", "component", "key", "fingerprint")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/~+-]*|\./?|/")


class ListError(Exception):
    """Why something is no repository, as a sentence without a full stop."""


def complete(given):
    """A repository with everything spelt out, the paths of its files on the host and the text of its own file.

    Raises:
        ListError: it is not one that this host can have.
    """
    texts = {key: given.get(key) or "" for key in _KEYS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ListError("all that describes a repository is text")
    manager = texts["manager"]
    texts["fingerprint"] = texts["fingerprint"].replace(" ", "").upper()
    is_flat = texts["suite"].endswith("/")
    for key, is_right in (
        ("manager", manager in repositories.MANAGERS),
        ("name", re.fullmatch(r"[a-z0-9][a-z0-9_-]*", texts["name"])),
        ("url", re.fullmatch(r"(?:https?://|file:/|copy:/)[!-~]+", texts["url"]) and "@" not in texts["url"]),
        ("suite", manager != "apt" or _WORD.fullmatch(texts["suite"])),
        ("component", manager != "apt" or (is_flat and not texts["component"]) or _is_words(texts["component"])),
        ("fingerprint", re.fullmatch(r"[0-9A-F]{40}", texts["fingerprint"])),
        ("key", download.is_address(texts["key"]) or "BEGIN PGP PUBLIC KEY BLOCK" in texts["key"]),
    ):
        if not is_right:
            raise ListError(f"its {key} is missing, or not what such a one looks like")
    if not shutil.which(_PROGRAMS[manager], path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
        raise ListError(f"this host has no {manager}")
    files = repositories.files(manager, texts["name"], texts["url"], texts["suite"], texts["component"])
    return {**texts, **files._asdict()}


def _is_words(text):
    return bool(text) and all(_WORD.fullmatch(word) for word in text.split(" "))


def elsewhere(repository):
    """The file, not ours, in which the host has this repository; None where there is none.

    apt fails altogether where two files name one repository with different keys.
    """
    manager = repository["manager"]
    wanted = {repository["url"].rstrip("/"), *([repository["suite"].rstrip("/")] if manager == "apt" else [])}
    for path in sorted(each for pattern in _OTHERS[manager] for each in glob.glob(pattern)):
        if path == repository["path"]:
            continue
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line for line in file.read().splitlines() if not line.lstrip().startswith("#")]
        except OSError:
            continue
        entries = lines if path.endswith(".list") else re.split(r"\n\s*\n|\n(?=\[)", "\n".join(lines))
        for entry in entries:
            words = {word.rstrip("/") for word in re.split(r"[\s=]+", entry)}
            if wanted <= words and not re.search(r"(?im)^enabled\s*[:=]\s*(?:no|0|false)\s*$", entry):
                return path
    return None


def is_imported(fingerprint):
    """Whether rpm trusts this key."""
    query = ["rpm", "-q", "gpg-pubkey", "--qf", "%{version}\\n"]
    known = subprocess.run(query, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    trusted = known.stdout.decode("ascii", "replace").upper().split()
    return any(len(each) >= 8 and fingerprint.endswith(each) for each in trusted)
