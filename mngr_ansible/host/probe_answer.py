"""Read the answer to a probe strictly: every line must be one that we asked for, and everything asked must be there.

The answer comes from a host that we do not trust (docs/security.md). :class:`Facts` sorts its lines by their first
word; pure functions then make one part of :class:`HostState` each.
"""

import os
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from mngr_ansible.host.probe_path_nodes import asked_paths, decoded_path, read_path_nodes
from mngr_ansible.host.probe_request import ProbePath, ProbeRequest, grouped, nodes_on_the_way_to, parents_of
from mngr_ansible.host.state import FileState, HostState, Login, Paths, Privilege, System
from mngr_ansible.portable import checks, offers, trusted_programs
from mngr_ansible.portable.userland import userland_architecture
from mngr_ansible.values import frozen

WORDS: Mapping[str, str] = {
    "lacks": "a program that every system has and that is not in PATH, once for each",
    "home": "the home directory",
    "user": "the remote user's name",
    "uid": "the remote user's number",
    "groups": "the numbers of its groups, the primary group first",
    "tmp": "a directory in which it may make temporary directories",
    "system": "uname -s and -m",
    "userland": "the architecture of its packages (dpkg, apk), empty for others; a blank, getconf LONG_BIT",
    "os": "NAME=value of /etc/os-release, once for each name",
    "manager": "an installed package manager, once for each",
    "refused": "a manager or python3 that root does not run, and why (trusted_programs.reason)",
    "program": "an installed program that printed commands use, once for each",
    "python": "version and path of a Python that Ansible can use",
    "oldpython": "version and path of a Python that is too old for it",
    "pythonvariables": "variables of the login's environment with which no Python of the host starts",
    "privilege": "how the remote user can become root: a word of Privilege",
    "obstacle": "what prevents the use of sudo besides a password",
    "slowsudo": "seconds that sudo took, where they were many; and the word name, if it could not resolve the host's",
    "realhome": "the home directory with all links resolved",
    "work_dir": "the absolute path of work_dir",
    "realwork": "the same with all links resolved",
    "owner": "the number of a user or group, once for each that was asked, in that order; empty for an unknown name",
    "kinds": "one letter of _KINDS for each path of a group",
    "mode": "MODE:UID:GID:SIZE of a path that exists, in the order of the paths",
    "hash": "sha256 of a file that is hashed, in the order of the paths; - for one that can no longer be read",
    "link": "sha256 of a link's target and a newline, in the order of the paths; - for what is no longer a link",
    "parents": "one letter (Paths.parents) for each directory; a line of the remote user, then one of root",
    "real": "where a directory of the paths really is: who looked, its index, how many last names are missing, where",
    "mounted": "a file that is mounted in a directory of the paths, or anything below a mirror",
    "protected": "i or a, the attribute of chattr that protects a file of the paths, and the file",
    "readonly": "a directory of the paths, or the nearest above one, whose file system is read-only",
    "way": "who looked, and one letter of _KINDS for each path on the way to destinations",
    "node": "MODE:UID:NAME of such a path that exists, in the order of the paths",
    "to": "the target of such a link, in the order of the paths",
    "step": "who looked; what is where a link leads: d or l, its path, its target, MODE:UID:NAME",
    "listing": "index of a mirror; i, or d and f; in hexadecimal, each with NUL: the names below it, find's status",
}  # fmt: skip
"""The first word of every line that ``probe.sh`` may print, and what follows it."""

_CHECKS = "checks"
"""The line after which ``portable.checks`` reads."""

_KINDS = {"l": "link", "L": "link", "f": "file", "u": "unreadable", "d": "directory", "o": "other", "n": "missing"}

_LONGEST_VALUE = 500
"""Characters of a value of ``/etc/os-release``: the time of ``shlex`` grows with the square of the length."""


@frozen
class Facts:
    """The lines of an answer, sorted by their first word (:data:`WORDS`)."""

    values: Mapping[str, Sequence[str]]
    """Word → the rest of each of its lines, in their order."""
    check_lines: Sequence[str] = ()
    """The lines about requirements."""

    @classmethod
    def parse(cls, lines: Sequence[str]) -> "Facts":
        """Sort the lines of an answer.

        Raises:
            ValueError: a line does not start with a word that we know.
        """
        end = lines.index(_CHECKS) if _CHECKS in lines else len(lines)
        values: dict[str, list[str]] = {word: [] for word in WORDS}
        for line in lines[:end]:
            word, _, rest = line.partition(" ")
            if word in values:
                values[word].append(rest)
            elif line:
                raise ValueError(f"the line {line[:80]!r}")
        return cls(values, lines[end + 1 :])

    def all(self, word: str) -> Sequence[str]:
        """What follows a word, line by line."""
        return self.values[word]

    def one(self, word: str) -> str:
        """What follows a word that must be there.

        Raises:
            ValueError: it is not there.
        """
        values = self.values[word]
        if not values:
            raise ValueError(f"no {word}")
        return values[0]

    def optional(self, word: str) -> str:
        """What follows a word that may be missing; then it is empty."""
        return next(iter(self.values[word]), "")


def parse_answer(lines: Sequence[str], request: ProbeRequest, paths: Sequence[ProbePath]) -> HostState:
    """What is true on the host that gave this answer.

    Args:
        lines: the answer, without its frame.
        request: the question.
        paths: those of the request's paths that this answer is about.

    Raises:
        ValueError: a line that we did not ask for, or one too few.
    """
    facts = Facts.parse(lines)
    findings = checks.read(facts.check_lines, request.requirements) if request.requirements else []
    return HostState(
        _login(facts),
        _system(facts),
        _paths(facts, request, paths),
        {each.id: each for each in findings},
        _offers(facts.check_lines, request),
    )


def _offers(lines: Sequence[str], request: ProbeRequest) -> dict[str, offers.ManagerOffers]:
    """What apt has offered already; nothing where it was not asked."""
    names = list(dict.fromkeys(name for each in request.apt_packages() for name in each))
    if not names or not any(line.startswith("mngr-offer ") for line in lines):
        return {}
    return offers.read(lines, {"apt": names})


def _login(facts: Facts) -> Login:
    privilege = facts.one("privilege")
    slow, _, why_slow = facts.optional("slowsudo").partition(" ")
    if privilege not in get_args(Privilege):
        raise ValueError(f"the privilege {privilege[:20]!r}")
    uid = facts.one("uid")
    if not re.fullmatch(r"\d{1,20}", uid):
        raise ValueError("the program id says no number of the remote user")
    return Login(
        user=_printable(facts.one("user")),
        uid=int(uid),
        home=_absolute(facts.one("home")),
        real_home=facts.optional("realhome"),
        groups=tuple(int(each) for each in facts.optional("groups").split()),
        privilege=privilege,  # type: ignore[arg-type]
        obstacle=facts.optional("obstacle"),
        sudo_seconds=int(slow) if re.fullmatch(r"\d{1,4}", slow) else 0,
        is_name_unknown=why_slow == "name",
    )


def _system(facts: Facts) -> System:
    kernel, _, arch = _printable(facts.one("system")).partition(" ")
    packages, _, bits = facts.optional("userland").partition(" ")
    version, _, python = facts.optional("python").partition(" ")
    return System(
        kernel=kernel,
        arch=userland_architecture(arch, packages, bits),
        os_release=dict(_os_release(facts.all("os"))),
        managers=tuple(dict.fromkeys(facts.all("manager"))),
        programs=tuple(dict.fromkeys(facts.all("program"))),
        refused={name: trusted_programs.reason(why) for name, why in map(_name_and_rest, facts.all("refused"))},
        python=python or None,
        python_version=version or None,
        old_python=facts.optional("oldpython").partition(" ")[0] or None,
        python_variables=tuple(
            each for each in facts.optional("pythonvariables").split() if each in ("PYTHONHOME", "PYTHONPATH")
        ),
    )


def _name_and_rest(line: str) -> tuple[str, str]:
    name, _, rest = line.partition(" ")
    return name, rest


def _paths(facts: Facts, request: ProbeRequest, paths: Sequence[ProbePath]) -> Paths:
    work_dir = posixpath.normpath(_absolute(facts.one("work_dir")))
    bases = {"H": _absolute(facts.one("home")), "W": work_dir, "": ""}

    def absolute(path: ProbePath) -> str:
        return posixpath.normpath(posixpath.join(bases[path.base], path.rest))

    directories = {
        as_root: [absolute(each) for each in parents_of(paths, as_root=as_root)] for as_root in (False, True)
    }
    parents = _parents(facts.all("parents"), directories)
    asked = [
        (as_root, each)
        for as_root in (False, True)
        if directories[as_root]
        for each in asked_paths(
            bases["H"], facts.one("work_dir"), [absolute(each) for each in nodes_on_the_way_to(paths, as_root=as_root)]
        )
    ]
    listings = _listings(facts.all("listing"), [absolute(each) for each in request.mirrors()] if paths else [])
    nodes = read_path_nodes(facts.all("way"), facts.all("node"), facts.all("to"), facts.all("step"), asked)
    return Paths(
        work_dir=work_dir,
        real_work_dir=facts.optional("realwork"),
        files={absolute(path): state for path, state in _files(facts, paths)},
        parents=parents.get(False, {}),
        parents_as_root=parents.get(True, {}),
        real=_real(facts.all("real"), directories),
        path_nodes=nodes[False],
        path_nodes_as_root=nodes[True],
        mounted=frozenset(map(decoded_path, facts.all("mounted"))),
        protected=dict(_protected(facts.all("protected"))),
        read_only=frozenset(map(decoded_path, facts.all("readonly"))),
        listings={top: each.kinds for top, each in listings.items()},
        identities={top: each.identities for top, each in listings.items()},
        tmp=facts.optional("tmp"),
        owner_ids=_owner_ids(facts.all("owner"), request),
    )


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise ValueError(f"the path {path[:80]!r}")
    return path


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:80]


def _os_release(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition("=")
        try:
            yield name, _printable(" ".join(shlex.split(value[:_LONGEST_VALUE])))
        except ValueError:
            continue


def _files(facts: Facts, paths: Sequence[ProbePath]) -> Iterator[tuple[ProbePath, FileState]]:
    groups, kinds = list(grouped(paths)), facts.all("kinds")
    if [len(codes) for codes in kinds] != [len(group) for group in groups]:
        raise ValueError("kinds of other paths")
    modes, hashes, links = iter(facts.all("mode")), iter(facts.all("hash")), iter(facts.all("link"))
    for group, codes in zip(groups, kinds, strict=True):
        for path, code in zip(group, codes, strict=True):
            if code not in _KINDS:
                raise ValueError(f"the kind {code!r}")
            mode, uid, gid, size = _mode(_next(modes)) if code != "n" else (None, None, None, None)
            digest = None
            if code in "lL":
                digest = _digest(_next(links))
            elif code == "f" and path.is_hashed:
                digest = _digest(_next(hashes))
            kind = "unreadable" if code == "f" and path.is_hashed and digest is None else _KINDS[code]
            yield path, FileState(kind, mode, uid, gid, size, digest, leads_to_directory=code == "L")
    if any(next(rest, None) is not None for rest in (modes, hashes, links)):
        raise ValueError("more files than there are")


def _protected(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        letter, _, path = line.partition(" ")
        if letter not in ("i", "a"):
            raise ValueError(f"the attribute {line[:80]!r}")
        yield decoded_path(path), letter


def _parents(lines: Sequence[str], directories: Mapping[bool, Sequence[str]]) -> dict[bool, dict[str, str]]:
    asked = [as_root for as_root in (False, True) if directories[as_root]]
    if len(lines) != len(asked) or not all(re.fullmatch(r"[wrWRx]*", line) for line in lines):
        raise ValueError("parents of other paths")
    return {
        as_root: dict(zip(directories[as_root], codes, strict=True))
        for as_root, codes in zip(asked, lines, strict=True)
    }


def _real(lines: Sequence[str], directories: Mapping[bool, Sequence[str]]) -> dict[str, str]:
    real = {}
    for line in lines:
        match = re.fullmatch(r"([01]) (\d{1,7}) (\d{1,4}) (?:=(/[!-~]*)|((?:[0-9a-f]{2})+))", line)
        if match is None:
            raise ValueError(f"the directory {line[:80]!r}")
        who, index, missing, plain, encoded = match.groups()
        asked = directories[who == "1"]
        if int(index) >= len(asked):
            raise ValueError(f"the directory {line[:80]!r}")
        path = asked[int(index)]
        where = plain or os.fsdecode(bytes.fromhex(encoded))
        if not where.startswith("/") or "\0" in where:
            raise ValueError(f"the directory {line[:80]!r}")
        names = path.split("/")
        last = names[len(names) - int(missing) :] if int(missing) else []
        found = posixpath.normpath("/".join([where, *last]))
        if found != path:
            real[path] = found
    return real


class _Listing(NamedTuple):
    """What a mirrored directory holds, by path below it: its kind, and its device and inode where they are known."""

    kinds: dict[str, str]
    identities: dict[str, str]


def _listings(lines: Sequence[str], mirrors: Sequence[str]) -> dict[str, _Listing]:
    found: dict[str, _Listing] = {}
    for line in lines:
        match = re.fullmatch(r"(\d{1,6}) ([dfi]) ((?:[0-9a-f]{2})*)", line)
        if match is None or int(match[1]) >= len(mirrors):
            raise ValueError(f"the listing {line[:80]!r}")
        listing = found.setdefault(mirrors[int(match[1])], _Listing({}, {}))
        *names, status, empty = bytes.fromhex(match[3]).split(b"\0") if match[3] else [b"", b""]
        if status not in (b"=0", b"=1") or empty:
            raise ValueError(f"the listing of {mirrors[int(match[1])]!r} is not whole: status {status[:20]!r}")
        for name in names:
            kind, identity, path = match[2], "", name
            if kind == "i":
                state = re.fullmatch(rb"(\d{1,20}:\d{1,20}):(.):(.*)", name, re.DOTALL)
                if state is None:
                    raise ValueError(f"the name {name[:80]!r}")
                identity, kind, path = state[1].decode(), state[2].decode("latin-1"), state[3]
            relative = os.fsdecode(path)[2:]
            if path == b".":
                continue
            if not path.startswith(b"./") or not {"", ".", ".."}.isdisjoint(relative.split("/")):
                raise ValueError(f"the name {name[:80]!r}")
            listing.kinds[relative] = "directory" if kind == "d" else "file"
            if identity:
                listing.identities[relative] = identity
    return found


def _owner_ids(lines: Sequence[str], request: ProbeRequest) -> dict[tuple[str, str], int | None]:
    numbers: dict[tuple[str, str], int | None] = {}
    for owner, line in zip(request.owners(), lines, strict=True):
        if not re.fullmatch(r"\d{0,10}", line):
            raise ValueError(f"the number {line[:40]!r}")
        numbers[owner] = int(line) if line else None
    return numbers


def _next(values: Iterator[str]) -> str:
    value = next(values, None)
    if value is None:
        raise ValueError("fewer files than there are")
    return value


def _mode(text: str) -> tuple[int, int, int, int]:
    """Mode, uid, gid and size."""
    match = re.fullmatch(r"([0-7]{1,5}):(\d{1,10}):(\d{1,10}):(\d{1,20})", text)
    if match is None:
        raise ValueError(f"the mode {text[:40]!r}")
    return int(match[1], 8), int(match[2]), int(match[3]), int(match[4])


def _digest(text: str) -> str | None:
    """A hash in hexadecimal; None for what could not be read any more."""
    if text == "-":
        return None
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"the hash {text[:40]!r}")
    return text
