"""What is true on a host now, read strictly from the probe's answer: every line must be one that we asked for."""

import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import get_args

from mngr_ansible.host.probe_request import ProbePath, ProbeRequest, groups, parents_of
from mngr_ansible.host.state import FileState, HostState, Login, Paths, Privilege, System
from mngr_ansible.portable import checks

_LOOKS = ("kinds", "mode", "hash", "link", "parents", "real", "listing")
_FACTS = (
    "home", "user", "uid", "groups", "tmp", "owner", "system", "os", "manager", "program", "python", "oldpython",
    "privilege", "hindrance", "work_dir", "realhome", "realwork",
)  # fmt: skip
_KINDS = {"l": "link", "f": "file", "u": "unreadable", "d": "directory", "o": "other", "n": "missing"}


def parse_answer(lines: Sequence[str], question: ProbeRequest, places: Sequence[ProbePath]) -> HostState:
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

    def absolute(place: ProbePath) -> str:
        return posixpath.normpath(posixpath.join(base[place.base], place.rest))

    states = _files(looks, places)
    parents = _parents(looks, places, absolute)
    privilege = facts["privilege"][0]
    if privilege not in get_args(Privilege):
        raise ValueError(f"the privilege {privilege[:20]!r}")
    findings = checks.read(said.split("\n"), question.requirements) if question.requirements else []
    kernel, _, arch = _printable(facts["system"][0]).partition(" ")
    login = Login(
        user=_printable(facts["user"][0]),
        uid=int(facts["uid"][0]),
        home=home,
        real_home=facts.get("realhome", [""])[0],
        groups=tuple(int(each) for each in facts["groups"][0].split()) if "groups" in facts else (),
        privilege=privilege,  # type: ignore[arg-type]
        obstacle=facts.get("hindrance", [""])[0],
    )
    system = System(
        kernel=kernel,
        arch=arch,
        os_release=dict(_os_release(facts.get("os", []))),
        managers=tuple(dict.fromkeys(facts.get("manager", []))),
        programs=tuple(dict.fromkeys(facts.get("program", []))),
        python=facts["python"][0].partition(" ")[2] if "python" in facts else None,
        python_version=facts["python"][0].partition(" ")[0] if "python" in facts else None,
        old_python=facts["oldpython"][0].partition(" ")[0] if "oldpython" in facts else None,
    )
    paths = Paths(
        work_dir=work_dir,
        real_work_dir=facts.get("realwork", [""])[0],
        files={absolute(place): state for place, state in states.items()},
        parents=parents.get(False, {}),
        parents_as_root=parents.get(True, {}),
        real=_real(looks["real"], places, absolute),
        listings=_listings(looks["listing"], question.mirrors() if places else (), absolute),
        tmp=facts["tmp"][0] if "tmp" in facts else "",
        owner_ids=_numbers_of(facts.get("owner", []), question),
    )
    return HostState(login, system, paths, {finding.id: finding for finding in findings})


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


def _files(looks: Mapping[str, Sequence[str]], places: Sequence[ProbePath]) -> dict[ProbePath, FileState]:
    grouped = list(groups(places))
    if [len(kinds) for kinds in looks["kinds"]] != [len(group) for group in grouped]:
        raise ValueError("kinds of other paths")
    modes, hashes, links = (iter(looks[word]) for word in ("mode", "hash", "link"))
    states: dict[ProbePath, FileState] = {}
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
    looks: Mapping[str, Sequence[str]], places: Sequence[ProbePath], absolute: Callable[[ProbePath], str]
) -> dict[bool, dict[str, str]]:
    asked = [as_root for as_root in (False, True) if any(place.as_root is as_root for place in places)]
    if len(looks["parents"]) != len(asked) or not all(re.fullmatch(r"[wrWRx]*", each) for each in looks["parents"]):
        raise ValueError("parents of other paths")
    return {
        as_root: {absolute(place): code for place, code in zip(parents_of(places, as_root=as_root), codes, strict=True)}
        for as_root, codes in zip(asked, looks["parents"], strict=True)
    }


def _real(lines: Sequence[str], places: Sequence[ProbePath], absolute: Callable[[ProbePath], str]) -> dict[str, str]:
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
    lines: Sequence[str], mirrors: Sequence[ProbePath], absolute: Callable[[ProbePath], str]
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


def _numbers_of(lines: Sequence[str], question: ProbeRequest) -> dict[tuple[str, str], int | None]:
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
