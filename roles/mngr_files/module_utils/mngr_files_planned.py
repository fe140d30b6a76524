"""Read a transfer whose every path is given by a program. Runs on the controller; standard library only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING

from . import mngr_files_environment as environment
from . import mngr_files_sources as sources
from . import mngr_files_values as values
from .mngr_ansible_portable.text import printable
from .mngr_files_transfers import changed

if TYPE_CHECKING:
    from .mngr_files_protocol import Entry
    from .mngr_files_transfers import Transfers
    from .mngr_files_values import Given

_BLOCK = 1 << 20
KEYS = {"id", "id_b64", "is_due", "entries"}
"""The keys of such a transfer."""
_NAMES = {"path", "path_b64", "source", "source_b64", "target", "target_b64"}
_CONTENTS = {"content", "content_b64", "source_env", "is_base64"}
ENTRY_KEYS = _NAMES | _CONTENTS | {"kind", "size", "sha256", "is_top", "identity"} | values.OPTIONS
"""The keys of an entry of such a transfer."""


def read(transfers: Transfers, step: str, given: Given, base: str) -> None:
    """Read a transfer whose every path is given by a program."""
    values.refuse_unknown(given, KEYS)
    if not isinstance(given["entries"], list) or not all(isinstance(each, dict) for each in given["entries"]):
        raise values.ParameterError("entries is not a list of dictionaries")
    is_due = values.boolean(given, "is_due", False)
    entries = [_read_entry(transfers, step, each, base, is_due) for each in given["entries"]]
    transfers.add_step(step, entries, is_due=is_due)


def _read_entry(transfers: Transfers, step: str, given: Given, base: str, is_due: bool) -> Entry:
    values.refuse_unknown(given, ENTRY_KEYS)
    kind, path = given.get("kind"), values.name(given, "path")
    if kind not in ("file", "directory", "link", "absent"):
        raise values.ParameterError(f"kind is {values.shown(kind)}, not file, directory, link or absent")
    if not path.startswith("/"):
        raise values.ParameterError(f"path {printable(path)} is not absolute")
    mode = values.mode(given, "mode")
    if mode is None and kind not in ("link", "absent"):
        raise values.ParameterError(f"{printable(path)} has no mode")
    entry: Entry = {
        **values.write_options(given),
        "path": path,
        "kind": kind,
        "mode": mode or 0,
        "size": 0,
        "sha256": "",
        "target": values.name(given, "target") if kind == "link" else None,
        "source": "",
        "source_name": "",
        "is_top": values.boolean(given, "is_top", False),
        "identity": _identity(given),
        "is_secret": values.boolean(given, "is_secret", False),
        "packed": None,
        "content": None,
        "label": "",
    }
    if kind == "file" and "source_env" in given:
        _take_environment(transfers, step, entry, given)
    elif kind == "file" and ("content" in given or "content_b64" in given):
        entry["content"] = content = _content(given)
        entry["size"], entry["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    elif kind == "file":
        entry["source"] = os.path.join(base, values.name(given, "source"))
        if entry["is_secret"] and "size" not in given and "sha256" not in given:
            _measure_source(transfers, step, entry)
            return entry
        try:
            entry["size"], entry["sha256"] = int(given["size"]), values.plain_text(given.get("sha256"))
        except (KeyError, TypeError, ValueError):
            raise values.ParameterError(f"{printable(path)} needs a size and a sha256") from None
        if not is_due:  # else it was read a moment ago; what changed meanwhile is seen when it is sent
            _check_source(transfers, step, entry)
    return entry


def _take_environment(transfers: Transfers, step: str, entry: Entry, given: Given) -> None:
    """Set the content from the environment of the controller: a secret that a directory to run later does not hold."""
    if given.keys() & {"source", "source_b64", "content", "content_b64"}:
        raise values.ParameterError("give one of source, source_env, content and content_b64")
    variable, is_base64 = values.name(given, "source_env"), values.boolean(given, "is_base64", False)
    try:
        entry["content"] = content = environment.content(variable, is_base64)
    except environment.NotSetError as error:
        transfers.add_problem(step, f"{error}; it must contain the content of {printable(entry['path'])}")
        return
    entry["size"], entry["sha256"], entry["is_secret"] = len(content), hashlib.sha256(content).hexdigest(), True


def _content(given: Given) -> bytes:
    """What the variable itself has for a file, as text or as base64."""
    if "source" in given or "source_b64" in given or ("content" in given and "content_b64" in given):
        raise values.ParameterError("give one of source, content and content_b64")
    if "content" in given:
        try:
            return sources.text_content(given["content"])
        except sources.SourceError as error:
            raise values.ParameterError(f"content {error}") from None
    try:
        return base64.b64decode(values.plain_text(given["content_b64"]), validate=True)
    except (binascii.Error, ValueError):
        raise values.ParameterError("content_b64 is not base64") from None


def _measure_source(transfers: Transfers, step: str, entry: Entry) -> None:
    """Set the size and the hash of a secret from its source: what a directory to run later does not say."""
    sha256 = hashlib.sha256()
    try:
        # O_NONBLOCK: a fifo that took the file's place must not block.
        with open(os.open(entry["source"], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                transfers.add_problem(step, f"{printable(entry['source'])}: it is no regular file")
                return
            while True:
                block = file.read(_BLOCK)
                if not block:
                    break
                sha256.update(block)
                entry["size"] += len(block)
    except OSError as error:
        transfers.add_problem(step, f"{printable(entry['source'])}: {error.strerror}")
        return
    entry["sha256"] = sha256.hexdigest()


def _identity(given: Given) -> str:
    """The device and inode of what is to be deleted, as ``"8:1234"``; empty if they are not given."""
    value = given.get("identity")
    if value in (None, ""):
        return ""
    text = values.plain_text(value)
    if not re.fullmatch("[0-9]{1,20}:[0-9]{1,20}", text, re.ASCII):
        raise values.ParameterError(f"identity {values.shown(text)} is not a device and an inode, as in '8:1234'")
    return text


def _check_source(transfers: Transfers, step: str, entry: Entry) -> None:
    """Find out, before anything is sent, whether a planned source is still there, and no smaller than planned."""
    try:
        size = os.stat(entry["source"]).st_size
    except OSError as error:
        transfers.add_problem(step, f"{printable(entry['source'])}: {error.strerror}")
        return
    if size < entry["size"]:
        transfers.add_problem(step, changed(entry["source"]))
