"""What ``host_facts.sh`` asks, and its answer as a value. A line that says nothing we asked for is left out."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mngr_ansible.host.connection import ShellResult
from mngr_ansible.portable.addresses import redacted, without_login
from mngr_ansible.portable.sh import without_comments
from mngr_ansible.portable.text import printable
from mngr_ansible.values import field, frozen

_SCRIPT = Path(__file__).with_name("host_facts.sh")
_LONGEST_ANSWER = 256 * 1024
"""Characters of an answer that are read; a whole one has a few thousand."""
_LONGEST_LINE = 800
_MOST = 60
"""Lines of one kind that are read."""


@frozen
class Place:
    """One directory: what its file system has free, and how it is mounted.

    ``inodes``: how many there may be, and how many are free. ``state``: ``writable``, ``closed`` or ``missing``.
    """

    free: int | None = None
    at: str = ""
    inodes: tuple[int, int] | None = None
    kind: str = ""
    options: tuple[str, ...] = ()
    state: str = ""


@frozen
class Lock:
    """A lock that is held: by whom, and which file."""

    pid: int
    path: str
    name: str


@frozen
class Reached:
    """What became of one question to a server: the program that asked, its exit code, and its words."""

    site: str
    tool: str
    code: int
    words: str


@frozen
class HostFacts:
    """What a host says of itself. ``places``: by ``home``, ``tmp``, ``system``, ``cache``."""

    begin: int | None = None
    end: int | None = None
    noise: int = 0
    shell: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    apt_proxies: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    memory: int | None = None
    """Bytes that programs may take."""
    locks: tuple[Lock, ...] = ()
    stale: tuple[str, ...] = ()
    is_booting: bool = False
    is_interrupted: bool = False
    held: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Server → the managers that have sources there; those that were asked for are of ``catalog``."""
    reached: Mapping[str, Reached] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether the script came to its end."""
        return self.begin is not None and self.end is not None


def facts_script(asked: Iterable[tuple[str, str]]) -> str:
    """The script. ``asked``: more servers to try, each with the manager that would fetch from it."""
    words = " ".join(shlex.quote(f"{manager} {site}") for manager, site in asked)
    return without_comments(_SCRIPT.read_text(encoding="utf-8")).replace("@ASKED@", words or "''")


def parse_facts(answer: ShellResult, asked: Sequence[tuple[str, str]] = ()) -> HostFacts:
    """The answer to :func:`facts_script`."""
    told: dict[str, list[str]] = {}
    for line in answer.stdout[:_LONGEST_ANSWER].splitlines():
        word, _, rest = line[:_LONGEST_LINE].partition(" ")
        kept = told.setdefault(word, []) if re.fullmatch("[a-z]{2,12}", word) else []
        if len(kept) < _MOST:
            kept.append(printable(redacted(rest.strip())))  # the host has left logins out; it may be another's host
    sites: dict[str, tuple[str, ...]] = {}
    for each in told.get("site", ()):
        manager, _, site = each.partition(" ")
        if re.fullmatch(r"[a-z]{2,10}", manager) and re.fullmatch(r"[a-z+]{2,12}:[^\s@]{1,250}", site):
            sites[site] = (*sites.get(site, ()), manager)
    for _manager, site in asked:
        sites[site] = (*sites.get(site, ()), "catalog")
    tried = [reach for line in told.get("reach", ()) if (reach := _reached(line)) is not None]
    return HostFacts(
        begin=_number(told, "begin"),
        end=_number(told, "end"),
        noise=answer.noise,
        shell=told.get("shell", [""])[0][:100],
        proxies=_proxies(told, "proxy"),
        apt_proxies=_proxies(told, "aptproxy"),
        settings=_pairs(told, "setting"),
        places={name: _place(told, name) for name in ("home", "tmp", "system", "cache")},
        memory=None if (free := _number(told, "memory")) is None else free * 1024,
        locks=tuple(lock for line in told.get("lock", ()) if (lock := _lock(line)) is not None),
        stale=tuple(each for each in told.get("stale", ()) if each.startswith("/")),
        is_booting="firstboot" in told,
        is_interrupted="interrupted" in told,
        held=_names(told, "hold"),
        unfinished=_names(told, "unfinished"),
        broken=_pairs(told, "broken"),
        sites=sites,
        reached={each.site: each for each in tried if each.site in sites},
    )


def _number(told: Mapping[str, Sequence[str]], word: str) -> int | None:
    text = told.get(word, [""])[0]
    return int(text) if re.fullmatch(r"\d{1,12}", text) else None


def _pairs(told: Mapping[str, Sequence[str]], word: str) -> Mapping[str, str]:
    split = (line.partition(" ") for line in told.get(word, ()))
    return {name: value.strip() for name, _, value in split if re.fullmatch(r"[A-Za-z_-]{2,30}", name)}


def _proxies(told: Mapping[str, Sequence[str]], word: str) -> Mapping[str, str]:
    return {name: without_login(address) for name, address in _pairs(told, word).items()}


def _names(told: Mapping[str, Sequence[str]], word: str) -> tuple[str, ...]:
    return tuple(each for each in told.get(word, ()) if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+:_-]{0,100}", each))


def _place(told: Mapping[str, Sequence[str]], name: str) -> Place:
    def first(word: str, pattern: str) -> re.Match[str] | None:
        matches = (re.fullmatch(rf"{name} {pattern}", line) for line in told.get(word, ()))
        return next(filter(None, matches), None)

    space, inodes = first("space", r"(\d{1,18}) (/.*)"), first("inodes", r"(\d{1,18}) (\d{1,18})")
    mount = first("mount", r"(\S+) (\S+)")
    states = [word for word in ("writable", "closed", "missing") if name in told.get(word, ())]
    return Place(
        free=int(space[1]) * 1024 if space else None,
        at=space[2] if space else "",
        inodes=(int(inodes[1]), int(inodes[2])) if inodes else None,
        kind=mount[1] if mount else "",
        options=tuple(mount[2].split(",")) if mount else (),
        state=states[0] if states else "",
    )


def _lock(line: str) -> Lock | None:
    found = re.fullmatch(r"(\d{1,10}) (/\S{1,200}) ?(.{0,40})", line)
    return Lock(int(found[1]), found[2], found[3]) if found else None


def _reached(line: str) -> Reached | None:
    found = re.fullmatch(r"(\S{1,260}) ([a-z]{2,10}) (\d{1,3}) ?(.*)", line)
    return Reached(found[1], found[2], int(found[3]), found[4]) if found else None
