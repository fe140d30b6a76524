"""Check mode on a host without Python: look with plain sh, change nothing, and say what a run would do.

What installs Python does so only in a run (the role ``mngr_bootstrap``, or a task of somebody's own). The script asks
facts; the rules are those of :mod:`mngr_files_compare`. Runs on the controller; standard library only.
"""

from __future__ import annotations

import hashlib
import re
import shlex
import stat
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .mngr_ansible_portable.file_diff import LARGEST
from .mngr_files_look_script import BEGIN, END, HAS_PYTHON
from .mngr_files_paths import (
    HOLDS_A_HOME,
    READ_ONLY,
    UNCHANGED,
    RefusedError,
    empty_mirror,
    failure_reason,
    plain_reason,
    printable_path,
)
from .mngr_files_permissions import Person, Place, forbidden
from .mngr_files_steps import absent, after_words, host_steps, note_failure, owner_words, without_those_that_stay
from .mngr_files_way import Way

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .mngr_files_protocol import Comparison, Difference, Step, StepOutcome
    from .mngr_files_steps import HostEntry, HostStep

MOST_SCRIPT = 24_000
"""Characters of one script: quoted twice, it must be shorter than one argument may be (128 KiB on Linux)."""
MOST_CONTENTS = 16
"""Contents that are asked for a diff."""
MOST_DELETED = 200
"""Paths that a mirror deletes and a diff describes."""

NOTICE = (
    "it has no Python 3.9, so check mode looked with sh; a run needs one there (the role mngr_bootstrap installs it)"
)
"""What a user should know of such a look."""

_BITS = re.compile(r"[-bcdlps]([r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-])[.+@]?")


_OWNERS: tuple[tuple[Literal["owner", "group"], str], ...] = (("owner", "user"), ("group", "group"))
"""The keys of an entry that name whose it is to be, and the words of a script for them."""


class BadAnswerError(Exception):
    """What the host answered cannot be understood."""


class _Found(NamedTuple):
    """What is at a path: ``kind`` as the script has it; the other fields only for a file, directory or link.

    ``blocked`` is the length of the path above it that is no directory.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    digest: str
    blocked: int


class Look:
    """One look: the scripts to run, in turn, and what their answers mean.

    Give every script's output to :meth:`add_answer`, then the outcomes are in :meth:`outcomes`. All that a host
    answers is checked: it decides nothing but what is said of that host.
    """

    def __init__(self, steps: Sequence[Step], *, shows_diff: bool) -> None:
        self._given = steps
        self._shows_diff = shows_diff
        self._home: bytes | None = None
        self._person = Person(0, ())
        self._found: dict[int, _Found] = {}
        self._ids: dict[tuple[str, str], int | None] = {}
        self._targets: dict[int, bytes] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._owners: dict[int, tuple[str, str]] = {}
        self._below: dict[int, list[bytes]] = {}
        self._within: dict[int, set[bytes]] = {}
        self._homes: set[bytes] = set()
        self._ways: dict[int, Way] = {}
        self._ways_to: dict[bytes, Way] = {}
        self._paths: dict[int, bytes] = {}
        self._gone: dict[int, tuple[Difference, HostEntry]] = {}
        self._places: dict[int, tuple[Place, int]] = {}
        self._adjusted: set[bytes] = set()
        self._steps: list[HostStep] = []
        self.comparison: Comparison = {"content_needed": [], "previous_contents": {}, "differences": []}

    @property
    def first_script(self) -> str:
        """Whether there is a Python after all; the home, for paths that begin with it."""
        return BEGIN + HAS_PYTHON + END

    def scripts(self) -> Iterator[str]:
        """The scripts that look, after the answer to the first one."""
        if self._home is None:
            raise BadAnswerError
        received: list[Any] = [
            {**step, "entries": [{**each, "offset": 0} for each in step["entries"]]} for step in self._given
        ]
        for index, entry in enumerate(entry for step in received for entry in step["entries"]):
            entry["index"] = index
        self._steps = host_steps(received, self._home)
        self._paths = {entry["index"]: entry["path"] for entry in self._entries()}
        yield from _chunks(self._questions())

    def scripts_for_diff(self) -> Iterator[str]:
        """The scripts that read what a diff shows, after :meth:`outcomes`."""
        entries = {entry["index"]: entry for entry in self._entries()}
        shown = [
            f"text {index} {_quoted(entries[index]['path'])}\n"
            for index in self.comparison["content_needed"]
            if self._is_shown(entries[index], self._found[index])
        ]
        gone = [_look_line(number, entry) for number, (_, entry) in self._gone.items()]
        yield from _chunks(shown[:MOST_CONTENTS] + gone)

    def describe_deletions(self) -> None:
        """Say in the comparison what a mirror deletes, after the answers to :meth:`scripts_for_diff`."""
        for number, (difference, entry) in self._gone.items():
            if number in self._found:
                difference["before"] = self._words(number, entry)

    def _is_shown(self, entry: HostEntry, found: _Found) -> bool:
        is_public = found.kind == "f" and bool(found.mode & stat.S_IROTH) and found.size <= LARGEST
        return self._shows_diff and is_public and not entry["is_secret"]

    def add_answer(self, output: str) -> None:
        """Take what a script printed.

        Raises:
            BadAnswerError: it is not what the script prints.
        """
        for line in output.split("\n"):
            words = line.rstrip("\r").split(" ")
            try:
                self._take(words)
            except (ValueError, IndexError):
                raise BadAnswerError from None

    def _take(self, words: list[str]) -> None:
        word = words[0]
        if word == "home":
            self._home = _bytes(" ".join(words[1:])) or b"/"
        elif word == "person":
            self._person = Person(int(words[1]), {int(each) for each in words[2:]})
        elif word in ("user", "group"):
            self._ids[word, words[1]] = None if words[2] == "-" else int(words[2])
            self._names[word, words[1]] = words[3] or words[1]
        elif word == "names":
            self._owners[int(words[1])] = (words[2], words[3])
        elif word in ("link", "real"):
            way = self._ways.setdefault(int(words[1]), Way())
            way.add(word, words[2:])
        elif word == "home_of":
            if int(words[1]) == 0 or 1000 <= int(words[1]) < 65534:
                self._homes.add(_bytes(" ".join(words[2:])))
        elif word == "within":
            name = _bytes(" ".join(words[2:]).replace("\0", "\n"))
            self._within.setdefault(int(words[1]), set()).add(name[2:])
        elif word == "text":
            if words[2]:
                self.comparison["previous_contents"][str(int(words[1]))] = words[2]
        elif word == "target":
            self._targets[int(words[1])] = _bytes(" ".join(words[2:])[:-1])
        elif word == "below":
            name = _bytes(" ".join(words[2:]).replace("\0", "\n"))
            self._below.setdefault(int(words[1]), []).append(name[2:])
        elif not word.isdigit():
            return  # what a shell says when it starts
        elif words[1] in ("w", "r"):
            bits, uid = words[3:5]
            self._places[int(word)] = (Place(words[1] == "w", _mode(bits), int(uid)), int(words[2]))
        elif words[1] in tuple("lLfdonxy"):
            bits, uid, gid, size, last = words[2:]
            if bits == "-":
                self._found[int(word)] = _Found(words[1], 0, -1, -1, 0, "", int(last) if last != "-" else 0)
            else:
                self._found[int(word)] = _Found(words[1], _mode(bits), int(uid), int(gid), _size(size), last, 0)

    def outcomes(self) -> list[StepOutcome]:
        """What a run would do with each step.

        Raises:
            BadAnswerError: something was not answered.
        """
        outcomes: list[StepOutcome] = []
        for number, way in self._ways.items():
            if number in self._places:
                self._ways_to[self._above(number)] = way
        for number, step in enumerate(self._steps):
            count = len(self.comparison["differences"])
            outcome: StepOutcome = {"id": step["id"], "status": "ok", "files_changed": 0}
            outcomes.append(outcome)
            path = b"/"
            try:
                for entry in step["entries"]:
                    path = entry["path"]
                    self._settle(entry, outcome)
                if step["mirror"] is not None:
                    path = step["mirror"]
                    self._settle_mirror(number, step, outcome)
            except RefusedError as error:
                note_failure(outcome, failure_reason(error, path))
                outcome["files_changed"] = 0
                del self.comparison["differences"][count:]
            except KeyError:
                raise BadAnswerError from None
        return outcomes

    def _settle(self, entry: HostEntry, outcome: StepOutcome) -> None:
        found = self._found[entry["index"]]
        place, _ = self._places[entry["index"]]
        way = self._ways_to.get(self._above(entry["index"]))
        if way is not None:
            way.refuse_foreign(self._person.uid, self._owner(entry)[0], place)
        action = entry["action"] = self._action(entry, found)
        if action is None:
            return
        self._refuse_forbidden(entry, found, action)
        if action == "content":
            self.comparison["content_needed"].append(entry["index"])
            if found.kind != "n" and not entry["is_secret"]:
                self.comparison["previous_contents"][str(entry["index"])] = None
        if self._shows_diff and (action != "content" or self._changes_more(entry, found)):
            before = self._words(entry["index"], entry)
            names = [self._names.get((word, entry[kind] or "")) for kind, word in _OWNERS]
            after = after_words(entry, found.kind == "d", *names)
            path = printable_path(entry["path"])
            self.comparison["differences"].append({"path": path, "before": before, "after": after})
        outcome["status"] = "changed"
        outcome["files_changed"] += entry["kind"] != "directory" and found.kind != "d"

    def _changes_more(self, entry: HostEntry, found: _Found) -> bool:
        return found.kind == "f" and not (found.mode == entry["mode"] and self._has_owner(entry, found))

    def _has_owner(self, entry: HostEntry, found: _Found) -> bool:
        uid, gid = self._owner(entry)
        return uid in (None, found.uid) and gid in (None, found.gid)

    def _words(self, number: int, entry: HostEntry) -> str:
        """What is at a path, in words, as ``mngr_files_compare`` has them."""
        found = self._found[number]
        if found.kind == "n":
            return "nothing"
        if found.kind in "lL":
            words = f"link to {printable_path(self._targets.get(number, b''))}"
        else:
            words = f"{_word(found)} {found.mode:04o}" if found.kind != "o" else _word(found)
        owner, group = self._owners.get(number, (str(found.uid), str(found.gid)))
        return words + owner_words(entry["owner"] and owner, entry["group"] and group)

    def _above(self, number: int) -> bytes:
        """The directory in which an entry is changed: the nearest one that exists."""
        return self._paths[number][: self._places[number][1]] or b"/"

    def _refuse_forbidden(self, entry: HostEntry, found: _Found, action: str) -> None:
        place, length = self._places[entry["index"]]
        above = entry["path"][:length] or b"/"
        if self._person.uid == 0 and not place.is_writable:
            raise RefusedError(above, READ_ONLY)
        place = place._replace(is_writable=place.is_writable or above in self._adjusted)
        current_uid = None if found.kind in "nx" else found.uid
        owner = tuple(UNCHANGED if each is None else each for each in self._owner(entry))
        number = forbidden(action, self._person, place, current_uid, (owner[0], owner[1]))
        if number:
            raise RefusedError(entry["path"], plain_reason(number))
        if action == "adjust":
            self._adjusted.add(entry["path"])

    def _owner(self, entry: HostEntry) -> tuple[int | None, int | None]:
        """The numbers of the user and group that an entry is to have; None for what is not given."""
        return self._number(entry, "user", entry["owner"]), self._number(entry, "group", entry["group"])

    def _action(self, entry: HostEntry, found: _Found) -> str | None:
        kind, path = entry["kind"], entry["path"]
        has_owner = self._has_owner(entry, found)
        if found.kind in "xy":
            why = "is not a directory, and one is needed there; use another destination"
            if found.kind == "y":
                why = "is a link to nothing, and a directory is needed there"
            raise RefusedError(path[: found.blocked], why)
        if kind == "absent":
            return None if found.kind == "n" else "delete"
        if kind == "file" and (path == self._home or (entry["source_name"] and found.kind in "dL")):
            what = "a link to a directory" if found.kind == "L" else "a directory"
            what = "the home directory" if path == self._home else what
            name = f"{printable_path(path)}/{entry['source_name'] or 'NAME'}"
            raise RefusedError(path, f"is {what}; give the full file name, such as {name}")
        if found.kind == "o":
            raise RefusedError(path, "is a fifo, a socket or a device; use another destination")
        if found.kind == "L" and kind == "directory" and path == self._home:
            return None
        if found.kind != "n" and (kind == "directory") != (found.kind == "d"):
            raise RefusedError(path, f"is a {_word(found)}, and a {kind} is to go there; use another destination")
        if found.kind == "n":
            return "directory" if kind == "directory" else "link" if kind == "link" else "content"
        if entry["if_exists"] == "keep":
            return None
        if kind == "directory":
            return None if has_owner and (entry["is_top"] or found.mode & 0o777 == entry["mode"]) else "adjust"
        if kind == "link":
            target = hashlib.sha256((entry["target"] or b"") + b"\n").hexdigest()
            if found.kind not in "lL" or found.digest != target:
                return "link"
            return None if has_owner else "owner"
        if found.kind != "f" or found.digest != entry["sha256"] or found.size != entry["size"]:
            return "content"
        if entry["is_secret"] and entry["owner"] is None:
            if found.uid not in (0, self._person.uid, self._places[entry["index"]][0].uid):
                return "content"  # another user can read it: it is written anew
        return None if has_owner and found.mode == entry["mode"] else "adjust"

    def _number(self, entry: HostEntry, kind: str, name: str | None) -> int | None:
        """The number of a user or group on the host; None if none is given."""
        if name is None:
            return None
        number = self._ids[kind, name]
        if number is None and not name.isdigit():
            raise RefusedError(entry["path"], f"is to belong to the {kind} {name}, and there is none on this host")
        return int(name) if number is None else number

    def _settle_mirror(self, number: int, step: HostStep, outcome: StepOutcome) -> None:
        """Count what a mirror would delete: all that is there and not sent, but for backups and temporary files."""
        from .mngr_files_mirror import BACKUP_NAME, is_own_name

        top = (step["mirror"] or b"").rstrip(b"/") + b"/"
        if any((home.rstrip(b"/") + b"/").startswith(top) for home in {self._home or b"", *self._homes}):
            raise RefusedError(top[:-1] or b"/", HOLDS_A_HOME)
        kept = {entry["path"] for entry in self._entries() if entry["kind"] != "absent"}
        holders = {path[: at.start()] for path in kept for at in re.finditer(b"/", path)}
        there = [top + name for name in self._below.get(number, []) if name]
        inner = {top + name for name in self._within.get(number, ()) if name}
        backs_up = step["if_exists"] == "backup"
        staying = {each for each in there if BACKUP_NAME.search(each) or (backs_up and each not in inner)}
        deleted = [each for each in there if each not in kept | holders and not is_own_name(each.rpartition(b"/")[2])]
        deleted = without_those_that_stay(deleted, inner, staying | kept)
        if deleted and step["is_empty_refused"]:
            raise RefusedError(top[:-1], empty_mirror(len(deleted)))
        owner = step["entries"][0]["owner"] if step["entries"] else None
        for path in deleted if self._shows_diff else ():
            if len(self._gone) >= MOST_DELETED:
                break
            entry = absent(path, step["if_exists"], owner)
            entry["action"] = "delete"
            after = after_words(entry, path in inner, None, None)
            words: Difference = {"path": printable_path(path), "before": "something", "after": after}
            self.comparison["differences"].append(words)
            self._gone[1 + max(self._paths, default=0) + len(self._gone)] = (words, entry)
        if deleted:
            outcome["status"] = "changed"
            outcome["files_changed"] += sum(1 for path in deleted if path not in inner)

    def _entries(self) -> list[HostEntry]:
        return [entry for step in self._steps for entry in step["entries"]]

    def _questions(self) -> Iterator[str]:
        names = {("user", each["owner"] or "") for each in self._entries()}
        names |= {("group", each["group"] or "") for each in self._entries()}
        for kind, name in sorted(each for each in names if each[1]):
            yield f"{kind} {shlex.quote(name)} {shlex.quote(name)}\n"
        for entry in self._entries():
            yield _look_line(entry["index"], entry)
        for number, step in enumerate(self._steps):
            if step["mirror"] is not None:
                yield f"below {number} {_quoted(step['mirror'])}\n"


def _look_line(number: int, entry: HostEntry) -> str:
    names = "y" if entry["owner"] or entry["group"] else "''"
    return f"look {number} {entry['size']} {_quoted(entry['path'])} {names}\n"


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    """Scripts of these lines, none longer than a command may be."""
    script = ""
    for line in lines:
        if script and len(script) + len(line) > MOST_SCRIPT:
            yield BEGIN + script + END
            script = ""
        script += line
    if script:
        yield BEGIN + script + END


def _mode(bits: str) -> int:
    """The mode that ``ls`` shows as ``-rwxr-xr-x``. Source: POSIX, ls."""
    found = _BITS.fullmatch(bits)
    if found is None:
        raise ValueError(bits)
    mode = 0
    for index, letter in enumerate(found[1]):
        if letter not in "-ST":
            mode |= 0o400 >> index
        if letter in "sStT":
            mode |= (0o4000, 0o2000, 0o1000)[index // 3]
    return mode


def _size(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _word(found: _Found) -> str:
    return {"d": "directory", "f": "file", "l": "link", "L": "link"}.get(found.kind, "fifo, socket or device")


def _quoted(path: bytes) -> str:
    return shlex.quote(path.decode("utf-8", "surrogateescape"))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
