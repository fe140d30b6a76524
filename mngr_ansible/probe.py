"""Look at a host once: one read-only POSIX sh script, one round trip, no python; and read its answer strictly.

The answer is data from a stranger: it is bounded, framed by a nonce, and every line must be one that we asked for.
"""

import os
import posixpath
import re
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mngr_ansible import checks, versions
from mngr_ansible.connection import Connection
from mngr_ansible.errors import HostError
from mngr_ansible.transfers import Claim

Privilege = Literal["root", "sudo", "doas", "none"]

_ANSWER_LIMIT = 16 * 1024 * 1024

_FACTS = r"""
H=$HOME
[ -d "$H" ] || H=$(cd && pwd)
say home "$H"
say user "$(id -un 2>/dev/null || id -u)"
say uid "$(id -u)"
say system "$(uname -s) $(uname -m)"
if [ -r /etc/os-release ]; then
  sed -n -e 's/^ID=/os ID=/p' -e 's/^VERSION_ID=/os VERSION_ID=/p' -e 's/^PRETTY_NAME=/os PRETTY_NAME=/p' \
    -e 's/^ID_LIKE=/os ID_LIKE=/p' -e 's/^NAME=/os NAME=/p' /etc/os-release
fi
for m in apt-get dnf zypper pacman apk brew; do
  if command -v "$m" >/dev/null 2>&1; then say manager "$m"; fi
done
PY=
for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 /usr/libexec/platform-python; do
  if f=$(command -v "$p" 2>/dev/null); then
    v=$("$f" -c 'import sys; print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], sys.executable))' 2>/dev/null)
    case $v in
      3.[0-8]\ *) say oldpython "$v" ;;
      3.*) say python "$v"; PY=1; break ;;
    esac
  fi
done
PRIVILEGE=none
if [ "$(id -u)" = 0 ]; then PRIVILEGE=root
elif [ -n "$ROOT" ] || [ -z "$PY" ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then PRIVILEGE=sudo
  elif command -v doas >/dev/null 2>&1 && doas -n true >/dev/null 2>&1; then PRIVILEGE=doas
  fi
fi
say privilege "$PRIVILEGE"
"""

_LOOK = r"""
kinds() { for p do
  if [ -L "$p" ]; then printf l; elif [ -f "$p" ]; then if [ -r "$p" ]; then printf f; else printf u; fi
  elif [ -d "$p" ]; then printf d; elif [ -e "$p" ]; then printf o; else printf n; fi
done; echo; }
there() { for p do if [ -e "$p" ] && [ ! -L "$p" ]; then printf '%s\0' "$p"; fi; done; }
plain() { for p do if [ -f "$p" ] && [ -r "$p" ] && [ ! -L "$p" ]; then printf '%s\0' "$p"; fi; done; }
if command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum "$@"; }; SUM=sha256sum
else sum() { shasum -a 256 "$@"; }; SUM='shasum -a 256'; fi
if stat -c %a / >/dev/null 2>&1; then STAT='stat -c %a:%u:%s'; else STAT='stat -f %Lp:%u:%z'; fi
modes() { there "$@" | xargs -0 -r $STAT -- 2>/dev/null | sed 's/^/mode /'; }
hashes() { plain "$@" | xargs -0 -r $SUM -- 2>/dev/null | sed -e 's/^\\//' -e 's/^\([0-9a-f]*\).*/hash \1/'; }
one_by_one() { for p do if [ -f "$p" ] && [ -r "$p" ] && [ ! -L "$p" ]; then
  sum <"$p" 2>/dev/null | sed 's/^\([0-9a-f]*\).*/hash \1/'; fi; done; }
links() { for p do if [ -L "$p" ]; then readlink "$p" | sum | sed 's/^\([0-9a-f]*\).*/link \1/'; fi; done; }
may_write() { if [ -w "$1" ] && [ -x "$1" ]; then printf "$2"; else printf "$3"; fi; }
parents() { for p do
  if [ -d "$p" ]; then may_write "$p" w r
  else
    while [ ! -e "$p" ] && [ ! -L "$p" ]; do case $p in */*) p=${p%/*} ;; *) p=. ;; esac; [ -n "$p" ] || p=/; done
    if [ -d "$p" ]; then may_write "$p" W R; else printf x; fi
  fi
done; echo; }
"""


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


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at: every path where something is wanted, and every requirement in its resolved form."""

    claims: tuple[Claim, ...]
    requirements: tuple[dict[str, Any], ...]
    work_dir: str = ""
    become: bool = False

    def places(self) -> list[tuple[str, str]]:
        """Every destination as (base, rest): base ``H`` for home, ``W`` for work_dir, empty for an absolute path."""
        places: dict[tuple[str, str], None] = {}
        for claim in self.claims:
            text = claim.place.text
            base, rest = ("H", text[2:]) if text.startswith("~/") else ("", text) if text.startswith("/") else ("W", text)
            for entry in claim.entries:
                places[base, posixpath.normpath(posixpath.join(rest, entry.relative)) if rest or entry.relative else "."] = None
        return list(places)


def look(connection: Connection, question: Question, timeout: float) -> HostState:
    """Ask the host everything in one round trip (more only where a connection bounds a command's length).

    Raises:
        HostError: the host does not answer, or answers what we did not ask.
    """
    return _look(connection, question, question.places(), timeout)


def _look(connection: Connection, question: Question, places: Sequence[tuple[str, str]], timeout: float) -> HostState:
    nonce = secrets.token_hex(8)
    text = script(question, places, nonce)
    if connection.limit is not None and len(os.fsencode(text)) > connection.limit and len(places) > 1:
        half = len(places) // 2
        first = _look(connection, question, places[:half], timeout)
        rest = _look(connection, Question(question.claims, (), question.work_dir, question.become), places[half:], timeout)
        return _joined(first, rest)
    answer = connection.run(text, timeout)
    lines = list(_framed(answer.stdout, nonce))
    if not lines:
        said = answer.stderr.strip().splitlines()
        raise HostError(
            "its shell did not run our script" + (f": {said[-1][:200]}" if said else ""),
            remedy="See whether a login there gives a POSIX shell, and whether its start-up files print or wait.",
        )
    try:
        return read(lines, question, places)
    except (ValueError, KeyError, IndexError) as error:
        raise HostError(
            f"it answered what we did not ask ({error})",
            remedy="Run again; something on the host may have changed while we looked.",
        ) from error


def _joined(first: HostState, rest: HostState) -> HostState:
    import dataclasses

    return dataclasses.replace(
        first, files={**first.files, **rest.files}, parents={**first.parents, **rest.parents}
    )


def script(question: Question, places: Sequence[tuple[str, str]], nonce: str) -> str:
    """The probe's text for these places; every word of a plugin in it is quoted."""
    work_dir = question.work_dir
    if work_dir.startswith("~/"):
        work = f'"$H"/{shlex.quote(work_dir[2:])}'
    elif work_dir.startswith("/"):
        work = shlex.quote(work_dir)
    else:
        work = f'"$H"/{shlex.quote(work_dir)}' if work_dir else '"$H"'
    look_at = _look_text(places) if places else ""
    if look_at and question.become:
        look_at = (
            f'if [ "$PRIVILEGE" = sudo ]; then printf \'%s\\n\' {shlex.quote(look_at)} | '
            f'sudo -n env H="$H" W="$W" sh\nelse\n{look_at}\nfi\n'
        )
    wants_root = "1" if question.requirements or question.become else ""
    return (
        "say() { printf '%s %s\\n' \"$1\" \"$2\"; }\n"
        f"main() {{\nLC_ALL=C; export LC_ALL\nROOT={wants_root}\nprintf '\\n%s begin\\n' {nonce}\n{_FACTS}"
        f'W={work}\nsay work_dir "$W"\n{look_at}\n'
        + (f"echo checks\n{checks.script(question.requirements)}\n" if question.requirements else "")
        + f"printf '%s end\\n' {nonce}\n}}\nmain </dev/null 2>/dev/null\n"
    )


def _look_text(places: Sequence[tuple[str, str]]) -> str:
    odd = [place for place in places if _is_odd(place)]
    simple = [place for place in places if not _is_odd(place)]
    parts = [_LOOK]
    for group, hashing in ((simple, "hashes"), (odd, "one_by_one")):
        if group:
            parts.append(f"set -- {_words(group)}\nprintf 'kinds '; kinds \"$@\"\nmodes \"$@\"\n{hashing} \"$@\"\nlinks \"$@\"\n")
    parts.append(f"set -- {_words(_parents(places))}\nprintf 'parents '; parents \"$@\"\n")
    return "".join(parts)


def _is_odd(place: tuple[str, str]) -> bool:
    """Whether sha256sum would write the name in a way of its own."""
    return "\n" in place[1] or "\\" in place[1] or "\r" in place[1]


def _parents(places: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((base, posixpath.dirname(rest) or ".") for base, rest in places))


def _words(places: Sequence[tuple[str, str]]) -> str:
    return " ".join(f'"${base}"/{shlex.quote(rest)}' if base else shlex.quote(rest) for base, rest in places)


def _framed(text: str, nonce: str) -> Iterator[str]:
    start, end = f"\n{nonce} begin\n", f"\n{nonce} end\n"
    begin = text.find(start)
    finish = text.rfind(end)
    if begin < 0 or finish < 0 or len(text) > _ANSWER_LIMIT:
        return iter(())
    return iter(text[begin + len(start) : finish].split("\n"))


_KINDS = {"l": "link", "f": "file", "u": "unreadable", "d": "directory", "o": "other", "n": "missing"}


def read(lines: Sequence[str], question: Question, places: Sequence[tuple[str, str]]) -> HostState:
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

    def absolute(place: tuple[str, str]) -> str:
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
        parents={absolute(place): code for place, code in zip(_parents(places), parents, strict=True)},
        findings={finding.id: finding for finding in findings},
    )


def _os_release(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition("=")
        try:
            yield name, "".join(char for char in " ".join(shlex.split(value)) if char.isprintable())[:80]
        except ValueError:
            continue


def _files(
    looks: Sequence[tuple[str, str]], places: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str], FileState], str]:
    groups = [[p for p in places if not _is_odd(p)], [p for p in places if _is_odd(p)]]
    kinds = [rest for word, rest in looks if word == "kinds"]
    ordered = [place for group in groups for place in group]
    codes = "".join(kinds)
    if len(codes) != len(ordered) or len(kinds) != sum(map(bool, groups)):
        raise ValueError("kinds of other paths")
    modes = iter([rest for word, rest in looks if word == "mode"])
    hashes = iter([rest for word, rest in looks if word == "hash"])
    links = iter([rest for word, rest in looks if word == "link"])
    states: dict[tuple[str, str], FileState] = {}
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
