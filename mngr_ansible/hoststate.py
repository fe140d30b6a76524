"""What is true on a host now, read strictly from the probe's answer: every line must be one that we asked for."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mngr_ansible import checks, versions
from mngr_ansible.question import Question, Spot, is_odd, parents_of

Privilege = Literal["root", "sudo", "doas", "none"]


@dataclass(frozen=True, slots=True)
class FileState:
    """What stands at a destination. ``kind``: file, directory, link, other, missing, unreadable (a file)."""

    kind: str
    mode: int | None = None
    uid: int | None = None
    size: int | None = None
    sha256: str | None = None
    """Of a file's content; of a link, of its target and a newline."""


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
    python: str | None = None
    old_python: str | None = None
    managers: tuple[str, ...] = ()
    files: Mapping[str, FileState] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    """Of every destination's directory: ``w`` there and writable, ``r`` not writable; ``W``, ``R`` the same of the
    nearest directory above one that is missing; ``x`` something else stands in the way."""
    findings: Mapping[str, checks.Finding] = field(default_factory=dict)

    @property
    def os_name(self) -> str:
        return self.os.get("PRETTY_NAME") or self.system


_KINDS = {"l": "link", "f": "file", "u": "unreadable", "d": "directory", "o": "other", "n": "missing"}


def read(lines: Sequence[str], question: Question, places: Sequence[Spot]) -> HostState:
    """Read the probe's answer.

    Raises:
        ValueError: a line that we did not ask for, or one too few.
    """
    body, _, said = "\n".join(lines).partition("\nchecks\n")
    facts: dict[str, list[str]] = {}
    looks: list[tuple[str, str]] = []
    for line in body.split("\n"):
        word, _, rest = line.partition(" ")
        if word in ("kinds", "mode", "hash", "link", "parents"):
            looks.append((word, rest))
        elif word in ("home", "user", "uid", "system", "os", "manager", "python", "oldpython", "privilege", "work_dir"):
            facts.setdefault(word, []).append(rest)
        elif line:
            raise ValueError(f"the line {line[:80]!r}")
    home, work_dir = facts["home"][0], posixpath.normpath(facts["work_dir"][0])
    if not home.startswith("/") or not work_dir.startswith("/"):
        raise ValueError("no home directory")
    base = {"H": home, "W": work_dir, "": ""}

    def absolute(place: Spot) -> str:
        return posixpath.normpath(posixpath.join(base[place[0]], place[1]))

    states, parents = _files(looks, places) if places else ({}, "")
    privilege = facts["privilege"][0]
    if privilege not in ("root", "sudo", "doas", "none"):
        raise ValueError(f"the privilege {privilege[:20]!r}")
    findings = checks.read(said.split("\n"), question.requirements, versions) if question.requirements else []
    return HostState(
        home=home,
        work_dir=work_dir,
        user=facts["user"][0],
        uid=int(facts["uid"][0]),
        system=facts["system"][0][:80],
        os=dict(_os_release(facts.get("os", []))),
        privilege=privilege,  # type: ignore[arg-type]
        python=facts["python"][0].partition(" ")[2] if "python" in facts else None,
        old_python=facts["oldpython"][0].partition(" ")[0] if "oldpython" in facts else None,
        managers=tuple(dict.fromkeys(facts.get("manager", []))),
        files={absolute(place): state for place, state in states.items()},
        parents={absolute(place): code for place, code in zip(parents_of(places), parents, strict=True)},
        findings={finding.id: finding for finding in findings},
    )


def _os_release(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition("=")
        try:
            yield name, "".join(char for char in " ".join(shlex.split(value)) if char.isprintable())[:80]
        except ValueError:
            continue


def _files(looks: Sequence[tuple[str, str]], places: Sequence[Spot]) -> tuple[dict[Spot, FileState], str]:
    groups = [[p for p in places if not is_odd(p)], [p for p in places if is_odd(p)]]
    kinds = [rest for word, rest in looks if word == "kinds"]
    ordered = [place for group in groups for place in group]
    codes = "".join(kinds)
    if len(codes) != len(ordered) or len(kinds) != sum(map(bool, groups)):
        raise ValueError("kinds of other paths")
    modes = iter([rest for word, rest in looks if word == "mode"])
    hashes = iter([rest for word, rest in looks if word == "hash"])
    links = iter([rest for word, rest in looks if word == "link"])
    states: dict[Spot, FileState] = {}
    for place, code in zip(ordered, codes, strict=True):
        kind = _KINDS[code]
        mode, uid, size = _numbers(_next(modes)) if code in "fudo" else (None, None, None)
        digest = _digest(_next(hashes)) if code == "f" else _digest(_next(links)) if code == "l" else None
        states[place] = FileState(kind, mode, uid, size, digest)
    if any(next(each, None) is not None for each in (modes, hashes, links)):
        raise ValueError("more files than there are")
    parents = [rest for word, rest in looks if word == "parents"]
    if len(parents) != 1 or not re.fullmatch(r"[wrWRx]*", parents[0]):
        raise ValueError("parents of other paths")
    return states, parents[0]


def _next(values: Iterator[str]) -> str:
    value = next(values, None)
    if value is None:
        raise ValueError("fewer files than there are")
    return value


def _numbers(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([0-7]{1,5}):(\d{1,10}):(\d{1,20})", text)
    if match is None:
        raise ValueError(f"the mode {text[:40]!r}")
    return int(match[1], 8), int(match[2]), int(match[3])


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"the hash {text[:40]!r}")
    return text
