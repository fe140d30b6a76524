"""``mngr_files_transfers`` → steps to pack. Runs on the controller; standard library only.

Everything that is wrong with the variable or with a source is collected, never only the first of it.
"""

from __future__ import annotations

import base64
import binascii
import os
import posixpath
import re

HOW = {"owner", "group", "if_exists", "directory_mode", "mode", "is_secret"}
PLAIN = {"id", "local_path", "remote_path", "is_required", "symlinks", "mirror"} | HOW
RESOLVED = {"id", "id_b64", "is_due", "entries"}
ENTRY = {"path", "path_b64", "kind", "source", "source_b64", "target", "target_b64", "size", "sha256", "is_top"} | HOW
OWNER = r"[A-Za-z_][A-Za-z0-9_.-]*\$?|[0-9]{1,10}"
TRUTH = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


class WrongError(Exception):
    """What the variable says is not allowed."""


class Wish:
    """What was read: ``steps`` to pack, ``skipped`` outcomes by id, all ids in ``order``, ``problems``, ``notices``."""

    def __init__(self):
        self.steps = []
        self.skipped = {}
        self.order = []
        self.problems = []
        self.notices = []

    def add_problem(self, step, why):
        """Note what is wrong with a step; None where it is nobody's own."""
        self.problems.append((step, why))

    def add_changed(self, source):
        """Note that a source is not what it was when it was planned or read."""
        for step in self.steps:
            if any(entry.get("source") == source for entry in step["entries"]):
                self.add_problem(step["id"], f"{shown(source)}: the source changed since it was planned; run again")


def read(transfers, base, trees):
    """Read the variable and all its sources. ``base``: the playbook's directory; ``trees``: how a source is read."""
    wish = Wish()
    if not isinstance(transfers, list):
        wish.add_problem(None, "mngr_files_transfers, which is not a list")
        return wish
    for number, transfer in enumerate(transfers, 1):
        try:
            if not isinstance(transfer, dict):
                raise WrongError("it is not a dictionary")
            step = step_id(transfer)
            if step in wish.order:
                raise WrongError(f"another transfer has the id {step!r} too; give each an id of its own")
            wish.order.append(step)
            if "entries" in transfer:
                _resolved(wish, step, transfer, base)
            else:
                _plain(wish, step, transfer, base, trees)
        except WrongError as error:
            wish.add_problem(None, f"transfer {number}: {error}")
    return wish


def step_id(transfer):
    """The transfer's id: its own, or ``file:`` and where it goes."""
    if "id_b64" in transfer or "id" in transfer:
        return shown(name(transfer, "id")) if "id_b64" in transfer else name(transfer, "id")
    return f"file:{shown(name(transfer, 'remote_path'))}"


def _plain(wish, step, transfer, base, trees):
    refuse_unknown(transfer, PLAIN)
    local, remote = name(transfer, "local_path"), destination(name(transfer, "remote_path"))
    local = os.path.join(base, os.path.expanduser("~") + local[1:] if local.startswith("~/") else local)
    mode, how = octal(transfer, "mode"), put(transfer)
    symlinks = choice(transfer, "symlinks", ("keep", "follow", "refuse"))
    is_mirror = truth(transfer, "mirror", False)
    if is_mirror and how["if_exists"] == "keep":
        raise WrongError("mirror contradicts if_exists: keep; give one of them")
    if not os.path.lexists(local):
        if truth(transfer, "is_required", True):
            wish.add_problem(step, f"{shown(local)}: it does not exist")
        else:
            reason = f"the optional source {shown(local)} does not exist"
            wish.skipped[step] = {"id": step, "status": "skipped", "files_changed": 0, "reason": reason}
        return
    if is_mirror and not os.path.isdir(local):
        wish.add_problem(step, f"{shown(local)}: it is a file, and mirror needs a directory")
        return
    secret, directory_mode = truth(transfer, "is_secret", False), how["directory_mode"]
    try:
        tree = trees.read(local, mode=mode, directory_mode=directory_mode, is_secret=secret, symlinks=symlinks)
    except trees.TreeError as error:
        for path, why in error.problems:
            wish.add_problem(step, f"{shown(path)}: it {why}")
        return
    wish.notices += tree.notices
    entries = [
        {
            **how,
            "path": f"{remote.rstrip('/')}/{entry.relative}" if entry.relative else remote,
            "kind": entry.kind,
            "mode": entry.mode,
            "size": entry.size,
            "sha256": entry.sha256,
            "source": entry.source,
            "target": entry.target,
            "is_secret": entry.is_secret,
            "is_top": not entry.relative and directory_mode is None,
        }
        for entry in tree.entries
    ]
    made = {"id": step, "mirror": remote if is_mirror else None, "if_exists": how["if_exists"], "is_due": False}
    wish.steps.append({**made, "entries": entries})


def _resolved(wish, step, transfer, base):
    refuse_unknown(transfer, RESOLVED)
    if not isinstance(transfer["entries"], list) or not all(isinstance(each, dict) for each in transfer["entries"]):
        raise WrongError("entries is not a list of dictionaries")
    entries = [_entry(wish, step, each, base) for each in transfer["entries"]]
    made = {"id": step, "mirror": None, "if_exists": "replace", "is_due": truth(transfer, "is_due", False)}
    wish.steps.append({**made, "entries": entries})


def _entry(wish, step, given, base):
    refuse_unknown(given, ENTRY)
    kind, path = given.get("kind"), name(given, "path")
    if kind not in ("file", "directory", "link", "absent"):
        raise WrongError(f"kind is {kind!r}, not file, directory, link or absent")
    if not path.startswith("/"):
        raise WrongError(f"path {shown(path)} is not absolute")
    mode = octal(given, "mode")
    if mode is None and kind not in ("link", "absent"):
        raise WrongError(f"{shown(path)} has no mode")
    entry = {**put(given), "path": path, "kind": kind, "mode": mode or 0, "size": 0, "sha256": "", "target": None}
    entry.update(is_top=truth(given, "is_top", False), is_secret=truth(given, "is_secret", False))
    if kind == "link":
        entry["target"] = name(given, "target")
    if kind == "file":
        try:
            entry.update(size=int(given.get("size")), sha256=plain(given.get("sha256")))
        except (TypeError, ValueError):
            raise WrongError(f"{shown(path)} needs a size and a sha256") from None
        entry["source"] = os.path.join(base, name(given, "source"))
        _look(wish, step, entry)
    return entry


def _look(wish, step, entry):
    """See, before anything is sent, whether a planned source is still there and as big as it was."""
    try:
        size = os.stat(entry["source"]).st_size
    except OSError as error:
        wish.add_problem(step, f"{shown(entry['source'])}: {error.strerror}")
        return
    if size != entry["size"]:
        wish.add_problem(step, f"{shown(entry['source'])}: the source changed since it was planned; run again")


def refuse_unknown(given, known):
    """Refuse keys that mean nothing, which are misspelt ones."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise WrongError(f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def name(given, key):
    """A name, from ``key`` or, where its bytes are not UTF-8, from ``key_b64``."""
    texts = [each for each in (key, f"{key}_b64") if given.get(each) not in (None, "")]
    if len(texts) != 1:
        raise WrongError(f"{key} is missing" if not texts else f"{key} and {key}_b64 are both given")
    text = plain(given[texts[0]])
    if texts[0] != key:
        try:
            text = os.fsdecode(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise WrongError(f"{key}_b64 is not base64") from None
    if "\0" in text:
        raise WrongError(f"{key} has a null character")
    return text


def destination(path):
    """Where a transfer lands, normalised as text: absolute, or below the remote home. Only ``~/`` is not a name."""
    if path.startswith("~/"):
        below = posixpath.normpath(path[2:] or ".")
        if below == ".." or below.startswith(("../", "/")):
            raise WrongError(f"remote_path {shown(path)} leads out of the home directory")
        return "~" if below == "." else f"~/{below}"
    if not path.startswith("/"):
        raise WrongError(f"remote_path {shown(path)} is neither absolute nor begins with ~/")
    return "/" + posixpath.normpath(path).lstrip("/")


def put(given):
    """How something is put on the host, besides its content and mode."""
    how = {key: None if given.get(key) in (None, "") else plain(given[key]) for key in ("owner", "group")}
    for key, value in how.items():
        if value is not None and not re.fullmatch(OWNER, value):
            raise WrongError(f"{key} {value!r} is no name and no number")
    if_exists = choice(given, "if_exists", ("replace", "keep", "backup"))
    return {**how, "if_exists": if_exists, "directory_mode": octal(given, "directory_mode")}


def choice(given, key, words):
    """One of these words; the first of them if none is given."""
    value = given.get(key)
    if value in (None, ""):
        return words[0]
    if value not in words:
        raise WrongError(f"{key} is {value!r}, not {', '.join(words[:-1])} or {words[-1]}")
    return plain(value)


def octal(given, key):
    """Permission bits from an octal string or an int by value (``0600`` in YAML is the int 384); None if not given."""
    value = given.get(key)
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch("(0o)?[0-7]{1,5}", value):
        value = int(value.replace("o", ""), 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        raise WrongError(f"{key} {given[key]!r} is not an octal mode of at most 0777; write it in quotes, as in '0644'")
    return int(value)


def truth(given, key, default):
    """A boolean, or one of the words that YAML 1.1 takes for one."""
    value = given.get(key)
    if value is None:
        return default
    if str(value).lower() not in TRUTH:
        raise WrongError(f"{key} {value!r} is neither true nor false")
    return TRUTH[str(value).lower()]


def plain(text):
    """The text alone, without the marks that Ansible's strings carry."""
    if not isinstance(text, str):
        raise WrongError(f"{text!r} is not text; write it in quotes")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def shown(path):
    """A path for people: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
