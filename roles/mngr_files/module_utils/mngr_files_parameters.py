"""Read the variable ``mngr_files_transfers`` into the steps of a bundle. Runs on the controller; standard library only.

Everything that is wrong with the variable or with a source is collected, so that the user sees all of it at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import posixpath
import re
import stat
from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable import snapshots, trees, validation
from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .mngr_files_protocol import Entry, Step, StepOutcome, WriteOptions

    Given = Mapping[str, Any]
    """A transfer or an entry as the variable has it: nothing is known of its values."""

_BLOCK = 1 << 20
_OPTIONS = {"owner", "group", "if_exists", "directory_mode", "mode", "is_secret"}
TRANSFER_KEYS = {"id", "local_path", "remote_path", "is_required", "symlinks", "mirror", "may_be_empty"} | _OPTIONS
"""The keys of a transfer that names a source and a destination."""
PLANNED_KEYS = {"id", "id_b64", "is_due", "entries"}
"""The keys of a transfer whose every path is given by a program."""
_ENTRY_NAMES = {"path", "path_b64", "source", "source_b64", "target", "target_b64"}
ENTRY_KEYS = _ENTRY_NAMES | {"kind", "size", "sha256", "is_top", "identity"} | _OPTIONS
"""The keys of an entry of such a transfer."""
_BOOLEANS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


class ParameterError(Exception):
    """A transfer has a value that is not allowed; the message is a sentence without a full stop."""


class Transfers:
    """What was read from the variable.

    Attributes:
        steps: the transfers whose sources can be sent.
        skipped: by id, the outcomes of transfers that are optional and have no source.
        order: the ids of all transfers, in the order of the variable.
        problems: pairs of an id and what is wrong; the id is None for a problem with the variable itself.
        notices: what the user should know about sources that are sent.
        left: by id, why some sources of a transfer are not sent.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.skipped: dict[str, StepOutcome] = {}
        self.order: list[str] = []
        self.problems: list[tuple[str | None, str]] = []
        self.notices: list[str] = []
        self.left: dict[str, list[str]] = {}

    def add_problem(self, step: str | None, why: str) -> None:
        """Add what is wrong with a step, or with the variable (None)."""
        self.problems.append((step, why))

    def add_changed_source(self, source: str) -> None:
        """Add to all steps that send this source that it is not the same any more."""
        for step in self._steps_with(source):
            self.add_problem(step["id"], _changed(source))

    def settle(self, source: str, snapshot: str) -> bool:
        """Take a source that changed since it was planned as it is now; False if the run must stop.

        Its content is copied to the new file ``snapshot``, which is sent instead. What is one of several entries of a
        step is left out if it does not exist any more, or changes each time it is read: the host keeps what it has.
        """
        steps = self._steps_with(source)
        is_settled = all(step["is_due"] or len(step["entries"]) > 1 for step in steps)
        if not is_settled:
            return False
        try:
            with open(os.open(snapshot, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                found = snapshots.read(source, file)
        except snapshots.ChangingError:
            return self._leave_out(
                source, "it changed each time it was read, and was not sent; the host keeps what it has"
            )
        except FileNotFoundError:
            return self._leave_out(source, "it was deleted meanwhile, and was not sent")
        for step in steps:
            for entry in step["entries"]:
                if entry["source"] == source:
                    entry["source"], entry["size"], entry["sha256"] = snapshot, found.status.st_size, found.sha256
        self.notices.append(f"{printable(source)}: it changed after it was planned; it was sent as it is now")
        return True

    def _leave_out(self, source: str, why: str) -> bool:
        steps = self._steps_with(source)
        if any(len(step["entries"]) == 1 or step["mirror"] is not None for step in steps):
            return False
        for step in steps:
            step["entries"] = [entry for entry in step["entries"] if entry["source"] != source]
            self.left.setdefault(step["id"], []).append(f"{printable(source)}: {why}")
        self.notices.append(f"{printable(source)}: {why}")
        return True

    def _steps_with(self, source: str) -> list[Step]:
        return [step for step in self.steps if any(entry["source"] == source for entry in step["entries"])]


def read(variable: Any, base: str) -> Transfers:
    """Read the variable and all its sources; ``base`` is the playbook's directory."""
    transfers = Transfers()
    if not isinstance(variable, list):
        transfers.add_problem(None, "mngr_files_transfers is not a list")
        return transfers
    for number, given in enumerate(variable, 1):
        try:
            if not isinstance(given, dict):
                raise ParameterError("it is not a dictionary")
            step = _step_id(given)
            if step in transfers.order:
                raise ParameterError(f"another transfer has the id {step!r} too; give each an id of its own")
            transfers.order.append(step)
            if "entries" in given:
                _read_planned(transfers, step, given, base)
            else:
                _read_transfer(transfers, step, given, base)
        except ParameterError as error:
            transfers.add_problem(None, f"transfer {number}: {error}")
    return transfers


def _step_id(given: Given) -> str:
    """The transfer's own id, or ``file:`` and its destination."""
    if "id_b64" in given:
        return printable(_name(given, "id"))
    if "id" in given:
        return _name(given, "id")
    return f"file:{printable(_name(given, 'remote_path'))}"


def _read_transfer(transfers: Transfers, step: str, given: Given, base: str) -> None:
    """Read a transfer that names a source and a destination."""
    _refuse_unknown(given, TRANSFER_KEYS)
    local, remote = _name(given, "local_path"), _destination(_name(given, "remote_path"))
    local = os.path.join(base, os.path.expanduser("~") + local[1:] if local.startswith("~/") else local)
    mode, options = _mode(given, "mode"), _write_options(given)
    symlinks = _choice(given, "symlinks", ("keep", "follow", "refuse"))
    is_mirror = _boolean(given, "mirror", False)
    if is_mirror and options["if_exists"] == "keep":
        raise ParameterError("mirror contradicts if_exists: keep; give one of them")
    if not os.path.lexists(local):
        if _boolean(given, "is_required", True):
            hint = trees.not_expanded(local)
            transfers.add_problem(step, f"{printable(local)}: it does not exist{hint and f' ({hint})'}")
        else:
            reason = f"the optional source {printable(local)} does not exist"
            transfers.skipped[step] = {"id": step, "status": "skipped", "files_changed": 0, "reason": reason}
        return
    if is_mirror and not os.path.isdir(local):
        transfers.add_problem(step, f"{printable(local)}: it is a file, and mirror needs a directory")
        return
    is_secret, directory_mode = _boolean(given, "is_secret", False), options["directory_mode"]
    try:
        tree = trees.read(local, mode=mode, directory_mode=directory_mode, is_secret=is_secret, symlinks=symlinks)
    except trees.TreeError as error:
        for path, why in error.problems:
            transfers.add_problem(step, f"{printable(path)}: it {why}")
        return
    if is_mirror and tree.unsettled:  # a mirror would delete it on the host
        for name in sorted(tree.unsettled):
            transfers.add_problem(step, f"{printable(os.path.join(local, name))}: it changed each time it was read")
        return
    is_empty, may_be_empty = (
        all(each.kind == "directory" for each in tree.entries),
        _boolean(given, "may_be_empty", False),
    )
    transfers.notices += tree.notices
    transfers.steps.append(
        {
            "id": step,
            "mirror": remote if is_mirror else None,
            "is_empty_refused": is_empty and not may_be_empty,
            "if_exists": options["if_exists"],
            "is_due": False,
            "entries": [_tree_entry(entry, remote, options) for entry in tree.entries],
        }
    )


def _tree_entry(entry: trees.Entry, remote: str, options: WriteOptions) -> Entry:
    return {
        **options,
        "path": f"{remote.rstrip('/')}/{entry.relative}" if entry.relative else remote,
        "kind": entry.kind,
        "mode": entry.mode,
        "size": entry.size,
        "sha256": entry.sha256,
        "source": entry.source,
        "source_name": "" if entry.relative or entry.kind != "file" else printable(os.path.basename(entry.source)),
        "target": entry.target,
        "is_secret": entry.is_secret,
        "is_top": not entry.relative and options["directory_mode"] is None,
        "identity": "",
        "packed": None,
    }


def _read_planned(transfers: Transfers, step: str, given: Given, base: str) -> None:
    """Read a transfer whose every path is given by a program."""
    _refuse_unknown(given, PLANNED_KEYS)
    if not isinstance(given["entries"], list) or not all(isinstance(each, dict) for each in given["entries"]):
        raise ParameterError("entries is not a list of dictionaries")
    is_due = _boolean(given, "is_due", False)
    entries = [_read_entry(transfers, step, each, base, is_due) for each in given["entries"]]
    transfers.steps.append(
        {
            "id": step,
            "mirror": None,
            "is_empty_refused": False,
            "if_exists": "replace",
            "is_due": is_due,
            "entries": entries,
        },
    )


def _read_entry(transfers: Transfers, step: str, given: Given, base: str, is_due: bool) -> Entry:
    _refuse_unknown(given, ENTRY_KEYS)
    kind, path = given.get("kind"), _name(given, "path")
    if kind not in ("file", "directory", "link", "absent"):
        raise ParameterError(f"kind is {kind!r}, not file, directory, link or absent")
    if not path.startswith("/"):
        raise ParameterError(f"path {printable(path)} is not absolute")
    mode = _mode(given, "mode")
    if mode is None and kind not in ("link", "absent"):
        raise ParameterError(f"{printable(path)} has no mode")
    entry: Entry = {
        **_write_options(given),
        "path": path,
        "kind": kind,
        "mode": mode or 0,
        "size": 0,
        "sha256": "",
        "target": _name(given, "target") if kind == "link" else None,
        "source": "",
        "source_name": "",
        "is_top": _boolean(given, "is_top", False),
        "identity": _identity(given),
        "is_secret": _boolean(given, "is_secret", False),
        "packed": None,
    }
    if kind == "file":
        entry["source"] = os.path.join(base, _name(given, "source"))
        if entry["is_secret"] and "size" not in given and "sha256" not in given:
            _measure_source(transfers, step, entry)
            return entry
        try:
            entry["size"], entry["sha256"] = int(given["size"]), _plain_text(given.get("sha256"))
        except (KeyError, TypeError, ValueError):
            raise ParameterError(f"{printable(path)} needs a size and a sha256") from None
        if not is_due:  # else it was read a moment ago; what changed meanwhile is seen when it is sent
            _check_source(transfers, step, entry)
    return entry


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
    text = _plain_text(value)
    if not re.fullmatch("[0-9]{1,20}:[0-9]{1,20}", text, re.ASCII):
        raise ParameterError(f"identity {text!r} is not a device and an inode, as in '8:1234'")
    return text


def _check_source(transfers: Transfers, step: str, entry: Entry) -> None:
    """Find out, before anything is sent, whether a planned source is still there, and no smaller than planned."""
    try:
        size = os.stat(entry["source"]).st_size
    except OSError as error:
        transfers.add_problem(step, f"{printable(entry['source'])}: {error.strerror}")
        return
    if size < entry["size"]:
        transfers.add_problem(step, _changed(entry["source"]))


def _changed(source: str) -> str:
    if not os.path.lexists(source):
        return f"{printable(source)}: the source was deleted since it was planned"
    return f"{printable(source)}: the source changed since it was planned; run again"


def _refuse_unknown(given: Given, known: Collection[str]) -> None:
    """Refuse keys that do not exist, which are mostly misspelt ones."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise ParameterError(f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _name(given: Given, key: str) -> str:
    """A name, from ``key`` or, if its bytes are not UTF-8, from ``key_b64``."""
    present = [each for each in (key, f"{key}_b64") if given.get(each) not in (None, "")]
    if len(present) != 1:
        raise ParameterError(f"{key} is missing" if not present else f"{key} and {key}_b64 are both given")
    text = _plain_text(given[present[0]])
    if present[0] != key:
        try:
            text = os.fsdecode(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise ParameterError(f"{key}_b64 is not base64") from None
    if "\0" in text:
        raise ParameterError(f"{key} has a null character")
    return text


def _destination(path: str) -> str:
    """Where a transfer goes, normalised: absolute, or below the remote home. Only a leading ``~/`` is special."""
    if path.startswith("~/"):
        below = posixpath.normpath(path[2:] or ".")
        if below == ".." or below.startswith(("../", "/")):
            raise ParameterError(f"remote_path {printable(path)} leads out of the home directory")
        return "~" if below == "." else f"~/{below}"
    if not path.startswith("/"):
        raise ParameterError(f"remote_path {printable(path)} is neither absolute nor begins with ~/")
    return "/" + posixpath.normpath(path).lstrip("/")


def _write_options(given: Given) -> WriteOptions:
    """How something is written on the host, apart from its content and its mode."""
    return {
        "owner": _owner(given, "owner"),
        "group": _owner(given, "group"),
        "if_exists": _choice(given, "if_exists", ("replace", "keep", "backup")),
        "directory_mode": _mode(given, "directory_mode"),
    }


def _owner(given: Given, key: str) -> str | None:
    if given.get(key) in (None, ""):
        return None
    value = _plain_text(given[key])
    if not validation.is_user_or_group(value):
        raise ParameterError(f"{key} {value!r} is neither a name nor a number")
    return value


def _choice(given: Given, key: str, words: Sequence[str]) -> str:
    """One of these words; the first of them if none is given."""
    value = given.get(key)
    if value in (None, ""):
        return words[0]
    if value not in words:
        raise ParameterError(f"{key} is {value!r}, not {', '.join(words[:-1])} or {words[-1]}")
    return _plain_text(value)


def _mode(given: Given, key: str) -> int | None:
    """Permission bits from an octal string or an int by value (``0600`` in YAML is the int 384); None if not given."""
    value = given.get(key)
    if value is None or value == "":
        return None
    bits = validation.mode_bits(value)
    if bits is None or not 0 <= bits <= validation.LARGEST_MODE:
        message = f"{key} {given[key]!r} is not an octal mode of at most 0777; write it in quotes, as in '0644'"
        raise ParameterError(message)
    if isinstance(value, int) and (meant := validation.misread_mode(value)):
        message = f"{key} {value} is read as a number, which is mode {bits:04o}; write it in quotes: {key}: '{meant}'"
        raise ParameterError(message)
    return bits


def _boolean(given: Given, key: str, default: bool) -> bool:
    """A boolean, or one of the words that YAML 1.1 reads as one."""
    value = given.get(key)
    if value is None:
        return default
    if str(value).lower() not in _BOOLEANS:
        raise ParameterError(f"{key} {value!r} is neither true nor false")
    return _BOOLEANS[str(value).lower()]


def _plain_text(text: Any) -> str:
    """The text alone, without the tags that Ansible's strings carry."""
    if not isinstance(text, str):
        raise ParameterError(f"{text!r} is not text; write it in quotes")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
