"""What is true on a host now, read strictly from the probe's answer: every line must be one that we asked for."""

import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from mngr_ansible import checks, managers, versions
from mngr_ansible.question import Question, Spot, groups, parents_of

Privilege = Literal["root", "sudo", "doas", "password", "none"]
"""How the login becomes root there: it is, or without a question, or by sudo's password that we were given."""


_HINDRANCES = {
    "tty": "its sudo wants a terminal: requiretty",
    "slow": "its sudo does not answer within 10 s",
    "rs": "its sudo is sudo-rs, whose question for a password Ansible does not understand",
}


@dataclass(frozen=True, slots=True)
class FileState:
    """What stands at a destination. ``kind``: file, directory, link, other, missing, unreadable (a file)."""

    kind: str
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    sha256: str | None = None
    """Of a file's content, where it matters; of a link, of its target and a newline."""


MISSING = FileState("missing")


@dataclass(frozen=True, slots=True)
class HostState:
    """What is true on a host now."""

    home: str
    work_dir: str
    user: str
    uid: int
    system: str = "Linux"
    os: Mapping[str, str] = field(default_factory=dict)
    privilege: Privilege = "none"
    hindrance: str = ""
    """What is against sudo there besides a password, or against its use: a key of ``_HINDRANCES``, or empty."""
    python: str | None = None
    """Where a Python is that Ansible can use."""
    python_version: str | None = None
    old_python: str | None = None
    managers: tuple[str, ...] = ()
    """The package managers that it has, by their names in ``managers``."""
    programs: tuple[str, ...] = ()
    """Of the programs that printed commands need, those that it has."""
    files: Mapping[str, FileState] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    """Of every destination's directory: ``w`` there and writable, ``r`` not writable; ``W``, ``R`` the same of the
    nearest directory above one that is missing; ``x`` something else stands in the way."""
    parents_as_root: Mapping[str, str] = field(default_factory=dict)
    """The same for root, of what needs root."""
    real: Mapping[str, str] = field(default_factory=dict)
    """Directories of destinations that are others in truth, behind links."""
    real_home: str = ""
    real_work_dir: str = ""
    """What home and work_dir are in truth; empty where they are not there."""
    listings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What a mirrored destination holds: path below it → ``directory`` or ``file`` (anything else)."""
    tmp: str = ""
    """A directory for temporary ones where the login may write; empty where there is none."""
    groups: tuple[int, ...] = ()
    """The login's groups, its own first."""
    numbers: Mapping[tuple[str, str], int | None] = field(default_factory=dict)
    """The numbers of the users and groups that were asked for (``("user", "agent")``); None where there is none."""
    findings: Mapping[str, checks.Finding] = field(default_factory=dict)

    @property
    def os_name(self) -> str:
        return self.os.get("PRETTY_NAME") or self.system

    @property
    def ids(self) -> tuple[str, ...]:
        """What its system is called: os-release's ``ID`` and ``ID_LIKE``, and ``linux`` or ``macos``."""
        kernel = self.system.partition(" ")[0]
        names = f"{self.os.get('ID', '')} {self.os.get('ID_LIKE', '')}".split()
        return (*names, {"Darwin": "macos"}.get(kernel, kernel.lower()))

    @property
    def powerless(self) -> str:
        """Why the login cannot become root there, in words."""
        why = f" ({self.against_sudo})" if self.against_sudo else ""
        return f"{self.user} is not root and has no sudo without a password{why}"

    @property
    def against_sudo(self) -> str:
        """The hindrance in words; empty where there is none."""
        return _HINDRANCES.get(self.hindrance, "")

    @property
    def release(self) -> str:
        """Its system's ``VERSION_ID``; empty where it has none."""
        return self.os.get("VERSION_ID", "")

    @property
    def arch(self) -> str:
        """Its machine, as ``uname -m`` says it."""
        return self.system.partition(" ")[2]

    @property
    def manager(self) -> str | None:
        """The manager that its system installs with."""
        return managers.of_host(self.ids, self.managers)


_LOOKS = ("kinds", "mode", "hash", "link", "parents", "real", "listing")
_FACTS = (
    "home", "user", "uid", "groups", "tmp", "owner", "system", "os", "manager", "program", "python", "oldpython",
    "privilege", "hindrance", "work_dir", "realhome", "realwork",
)  # fmt: skip
_KINDS = {"l": "link", "f": "file", "u": "unreadable", "d": "directory", "o": "other", "n": "missing"}


def read(lines: Sequence[str], question: Question, places: Sequence[Spot]) -> HostState:
    """Read the probe's answer.

    Raises:
        ValueError: a line that we did not ask for, or one too few.
    """
    body, _, said = "\n".join(lines).partition("\nchecks\n")
    facts: dict[str, list[str]] = {}
    looks: dict[str, list[str]] = {word: [] for word in _LOOKS}
    for line in body.split("\n"):
        word, _, rest = line.partition(" ")
        if word in _LOOKS:
            looks[word].append(rest)
        elif word in _FACTS:
            facts.setdefault(word, []).append(rest)
        elif line:
            raise ValueError(f"the line {line[:80]!r}")
    home, work_dir = facts["home"][0], posixpath.normpath(facts["work_dir"][0])
    if not home.startswith("/") or not work_dir.startswith("/"):
        raise ValueError("no home directory")
    base = {"H": home, "W": work_dir, "": ""}

    def absolute(place: Spot) -> str:
        return posixpath.normpath(posixpath.join(base[place.base], place.rest))

    states = _files(looks, places)
    parents = _parents(looks, places, absolute)
    privilege = facts["privilege"][0]
    if privilege not in get_args(Privilege):
        raise ValueError(f"the privilege {privilege[:20]!r}")
    findings = checks.read(said.split("\n"), question.requirements, versions) if question.requirements else []
    return HostState(
        home=home,
        work_dir=work_dir,
        user=_printable(facts["user"][0]),
        uid=int(facts["uid"][0]),
        system=_printable(facts["system"][0]),
        os=dict(_os_release(facts.get("os", []))),
        privilege=privilege,  # type: ignore[arg-type]
        hindrance=facts.get("hindrance", [""])[0],
        python=facts["python"][0].partition(" ")[2] if "python" in facts else None,
        python_version=facts["python"][0].partition(" ")[0] if "python" in facts else None,
        old_python=facts["oldpython"][0].partition(" ")[0] if "oldpython" in facts else None,
        managers=tuple(dict.fromkeys(facts.get("manager", []))),
        programs=tuple(dict.fromkeys(facts.get("program", []))),
        files={absolute(place): state for place, state in states.items()},
        parents=parents.get(False, {}),
        parents_as_root=parents.get(True, {}),
        real=_real(looks["real"], places, absolute),
        real_home=facts.get("realhome", [""])[0],
        real_work_dir=facts.get("realwork", [""])[0],
        listings=_listings(looks["listing"], question.mirrors() if places else (), absolute),
        tmp=facts["tmp"][0] if "tmp" in facts else "",
        groups=tuple(int(each) for each in facts["groups"][0].split()) if "groups" in facts else (),
        numbers=_numbers_of(facts.get("owner", []), question),
        findings={finding.id: finding for finding in findings},
    )


_LONGEST_WORDS = 500
"""Characters of a value of ``/etc/os-release``: ``shlex`` takes the square of a length."""


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:80]


def _os_release(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition("=")
        try:
            yield name, _printable(" ".join(shlex.split(value[:_LONGEST_WORDS])))
        except ValueError:
            continue


def _files(looks: Mapping[str, Sequence[str]], places: Sequence[Spot]) -> dict[Spot, FileState]:
    grouped = list(groups(places))
    if [len(kinds) for kinds in looks["kinds"]] != [len(group) for group in grouped]:
        raise ValueError("kinds of other paths")
    modes, hashes, links = (iter(looks[word]) for word in ("mode", "hash", "link"))
    states: dict[Spot, FileState] = {}
    for group, codes in zip(grouped, looks["kinds"], strict=True):
        for place, code in zip(group, codes, strict=True):
            mode, uid, gid, size = _numbers(_next(modes)) if code != "n" else (None,) * 4
            is_hashed = code == "l" or (code == "f" and place.is_hashed)
            digest = _digest(_next(links if code == "l" else hashes)) if is_hashed else None
            states[place] = FileState(_KINDS[code], mode, uid, gid, size, digest)
    if any(next(each, None) is not None for each in (modes, hashes, links)):
        raise ValueError("more files than there are")
    return states


def _parents(
    looks: Mapping[str, Sequence[str]], places: Sequence[Spot], absolute: Callable[[Spot], str]
) -> dict[bool, dict[str, str]]:
    asked = [as_root for as_root in (False, True) if any(place.as_root is as_root for place in places)]
    if len(looks["parents"]) != len(asked) or not all(re.fullmatch(r"[wrWRx]*", each) for each in looks["parents"]):
        raise ValueError("parents of other paths")
    return {
        as_root: {absolute(place): code for place, code in zip(parents_of(places, as_root=as_root), codes, strict=True)}
        for as_root, codes in zip(asked, looks["parents"], strict=True)
    }


def _real(lines: Sequence[str], places: Sequence[Spot], absolute: Callable[[Spot], str]) -> dict[str, str]:
    """Where directories really are; a line has who looked, which of the parents, how much of it is there, and where."""
    real = {}
    asked = {as_root: parents_of(places, as_root=as_root) for as_root in (False, True)} if lines else {}
    for line in lines:
        match = re.fullmatch(r"([01]) (\d{1,7}) (\d{1,4}) (?:=(/[!-~]*)|((?:[0-9a-f]{2})+))", line)
        if match is None:
            raise ValueError(f"the place {line[:80]!r}")
        path = absolute(asked[match[1] == "1"][int(match[2])])
        where = match[4] or os.fsdecode(bytes.fromhex(match[5]))
        missing = path.split("/")[len(path.split("/")) - int(match[3]) :] if int(match[3]) else []
        if not where.startswith("/") or "\0" in where:
            raise ValueError(f"the place {line[:80]!r}")
        if (found := posixpath.normpath("/".join([where, *missing]))) != path:
            real[path] = found
    return real


def _listings(
    lines: Sequence[str], mirrors: Sequence[Spot], absolute: Callable[[Spot], str]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        match = re.fullmatch(r"(\d{1,6}) ([df]) ((?:[0-9a-f]{2})*)", line)
        if match is None:
            raise ValueError(f"the listing {line[:80]!r}")
        kind = "directory" if match[2] == "d" else "file"
        listing = found.setdefault(absolute(mirrors[int(match[1])]), {})
        for name in bytes.fromhex(match[3]).split(b"\0"):
            relative = os.fsdecode(name)[2:]
            if name in (b"", b"."):
                continue
            if not name.startswith(b"./") or not {"", ".", ".."}.isdisjoint(relative.split("/")):
                raise ValueError(f"the name {name[:80]!r}")
            listing[relative] = kind
    return found


def _numbers_of(lines: Sequence[str], question: Question) -> dict[tuple[str, str], int | None]:
    numbers: dict[tuple[str, str], int | None] = {}
    for asked, line in zip(question.owners(), lines, strict=True):
        if not re.fullmatch(r"\d{0,10}", line):
            raise ValueError(f"the number {line[:40]!r}")
        numbers[asked] = int(line) if line else None
    return numbers


def _next(values: Iterator[str]) -> str:
    value = next(values, None)
    if value is None:
        raise ValueError("fewer files than there are")
    return value


def _numbers(text: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"([0-7]{1,5}):(\d{1,10}):(\d{1,10}):(\d{1,20})", text)
    if match is None:
        raise ValueError(f"the mode {text[:40]!r}")
    return int(match[1], 8), int(match[2]), int(match[3]), int(match[4])


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"the hash {text[:40]!r}")
    return text
