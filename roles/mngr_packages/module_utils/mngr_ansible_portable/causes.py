"""Why a tool failed: its output → what happened and what to do, from one table for each tool.

Shared with the roles (Python 3.9, standard library only), and used wherever a tool of the host fails: when it is asked
what it offers, when its lists are fetched, when it installs, and when a module of Ansible breaks. (ssh runs on this
machine; its table is ``host/ssh_errors``.) Where the table knows nothing, the tool's own sentence is shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .addresses import redacted
from .cause import NETWORK, OF_SOURCE, Cause
from .language_causes import LANGUAGE_CAUSES, PYTHON_CAUSES
from .regular_expressions import regex
from .system_causes import SYSTEM_CAUSES
from .text import clause

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

TABLE: dict[str, tuple[Cause, ...]] = {**SYSTEM_CAUSES, **LANGUAGE_CAUSES, "python3": PYTHON_CAUSES}
"""By tool: a package manager, or ``python3`` for what a module of Ansible printed when it broke."""

_LONGEST_OUTPUT = 200_000
"""Characters of an output that are searched: its end."""
_LONGEST_LINE = 1000
"""Characters of a line of it that are searched: a pattern may take the square of a line's length."""
_LONGEST_WORD = 200
"""Characters of what a pattern found that are shown."""
_DRY_RUNS = {
    "apt": "apt-get -s install",
    "dnf": "dnf install --assumeno",
    "zypper": "zypper install --dry-run",
    "pacman": "pacman -Sp",
    "apk": "apk add --simulate",
    "brew": "brew install --dry-run",
    "npm": "npm install -g --dry-run",
    "pip": "pip install --dry-run",
    "uv": "uv tool install",
}
_ERROR = regex(r"(?i)(?:[EW]:|error(?=[:\s])|problem(?=[:\s])|fatal(?=[:\s])|npm err(?:or|!)):?\s*(?P<words>.*)")
"""A line in which a tool says what is wrong."""
_NO_REASON = regex(
    r"(?i)(?:code|errno|syscall|path|command|cwd|signal|dest)\b.{0,80}|.*(?:complete log|debug\.log|\.log\b).*|\W*|"
    r"Some (?:index files failed to download|of the repositories have not been refreshed).*|"
    r"Sub-process .* returned an error code.*|Fatal error from pip.*|Error installing \S+|\(?Unknown error\)?.*|"
    r"\[\|\].*|Error trying to read.*|ABORT request.*"
)
"""What stands in such lines and is no reason: npm's fields, where a log is, and that something else failed."""


_OF_LISTS = frozenset(
    ("network", "key", "checksum", "clock", "refused", "locked", "full", "read-only", "privilege", "broken")
)
"""The kinds of causes because of which lists of packages cannot be fetched or read."""


class Explanation(NamedTuple):
    """Why a tool failed.

    Attributes:
        kind: see :class:`cause.Cause`; ``other`` where the table knows nothing.
        problem: a clause for the middle of a sentence, such as "the host's disk is full".
        remedy: sentences without the last full stop.
    """

    kind: str
    problem: str
    remedy: str

    @property
    def is_of_source(self) -> bool:
        """Whether the failure belongs to this source of a package: another source may succeed on the same host."""
        return self.kind in OF_SOURCE

    @property
    def sentences(self) -> str:
        """Both, as sentences that end with one full stop each. A tool's own name keeps its small letter."""
        first = re.split(r"\W", self.problem, maxsplit=1)[0]
        problem = self.problem if first in TABLE else self.problem[:1].upper() + self.problem[1:]
        return f"{clause(problem)}. {clause(self.remedy)}."


def find(
    tool: str,
    output: str,
    packages: Sequence[str] = (),
    privilege: str = "root",
    holder: Callable[[str | None], str] = lambda _pid: "another program",
    kinds: Collection[str] | None = None,
) -> Explanation | None:
    """The cause of a failure that is in a tool's output; None if the table of that tool does not know it.

    Args:
        tool: a key of ``TABLE``; another tool has no causes.
        output: what it printed, both streams.
        packages: what was to be installed, as the tool takes it.
        privilege: how root was reached: ``root``, ``sudo`` or ``doas``.
        holder: gives the name of the program that holds the tool's lock, for its process id if that is known.
        kinds: the kinds of causes that are looked for; None: all.
    """
    output = _bounded(output)
    for cause in TABLE.get(tool, ()):
        if kinds is not None and cause.kind not in kinds:
            continue
        match = next(filter(None, (re.search(pattern, output) for pattern in cause.patterns)), None)
        if match is not None:
            words = _words(tool, packages, privilege) | {"why": _why(tool, output)} | _found(match)
            if "{holder}" in cause.problem:
                words.setdefault("holder", holder(words.get("pid")))
            return Explanation(cause.kind, _filled(_clause(cause.problem), words), _filled(cause.remedy, words))
    return None


def explain(
    tool: str,
    code: int,
    output: str,
    packages: Sequence[str] = (),
    privilege: str = "root",
    holder: Callable[[str | None], str] = lambda _pid: "another program",
) -> Explanation:
    """The same; where the table knows nothing, the tool's own sentence. ``code``: its exit status."""
    found = find(tool, output, packages, privilege, holder)
    if found is not None:
        return found
    why = said(tool, output) or "it gave no reason"
    return Explanation(
        "other",
        f"{tool} failed with exit status {code}: {why}",
        "Run it by hand on the host to see all of its output, fix the cause, and run again",
    )


def unfetched(tool: str, code: int, output: str, privilege: str = "root") -> Explanation | None:
    """Why a manager could not fetch or read all of its lists of packages; None if its output names no such failure.

    Managers skip a source that fails: apt and dnf end with 0 then, so the exit status alone says nothing. The problem
    is what comes after "could not be fetched: ".

    Args:
        code: the exit status of the command that fetches them; 0 for one that only reads them.
        output: what it printed.
    """
    output = re.sub(r"(?m)^(?:Ign|Hit|Get):\d+ .*\n?", "", output)  # apt: what it tries again, and what it got
    found = find(tool, output, privilege=privilege, kinds=_OF_LISTS)
    if found is None and code:
        found = explain(tool, code, output, privilege=privilege)
    if found is None:
        return None
    return found._replace(problem=found.problem.replace(f"{tool} could not fetch what it needs: ", "", 1))


def with_proxy(found: Explanation, proxy: str, privilege: str) -> Explanation:
    """The same; if the network failed, and sudo or doas keeps the login's proxy from root, it says that too.

    ``proxy``: the name of the variable of ``addresses.PROXIES`` that the login has; empty: it has none.
    """
    if found.kind != "network" or not proxy or privilege not in ("sudo", "doas"):
        return found
    problem = f"{found.problem} (the login has a proxy, {proxy}, and {privilege} does not pass it on to root)"
    return found._replace(problem=problem, remedy=f"Name the proxy in the package manager's settings. {found.remedy}")


def said(tool: str, output: str) -> str:
    """A tool's own sentence about what went wrong, without full stop; empty if it said nothing.

    That is the last line that begins like an error (npm's and zypper's first one), else the last line; never an empty
    line, never one that only names a log. Addresses lose login and query.
    """
    output = _bounded(output)
    lines = [line.strip() for line in output.splitlines()]
    errors = re.findall(r"(?m)^ - (.+)$", output.rpartition("History:\n")[2]) if tool == "zypper" else []
    errors = errors or [match["words"] for match in map(_ERROR.match, lines) if match]
    errors = [words for words in errors if not _NO_REASON.fullmatch(words)]
    if errors:
        line = errors[0 if tool in ("npm", "zypper") else -1]
    else:
        line = next((line for line in reversed(lines) if not _NO_REASON.fullmatch(line)), "")
    return clause(redacted(line))[: 2 * _LONGEST_WORD]


def network(output: str) -> str:
    """What failed on the way to a server, as a clause such as "the name x cannot be resolved (DNS)"; empty: unknown.

    For the output of any tool that downloads: package managers, curl, wget, Python.
    """
    output = _bounded(output)
    for patterns, problem in NETWORK:
        match = next(filter(None, (re.search(pattern, output) for pattern in patterns)), None)
        if match is not None and problem:
            found = _found(match)
            if "port" in found:
                found["server"] = f"{found.get('server', 'it')} port {found['port']}"
            servers = set(re.findall(r"https?://(?:[^/\s@]*@)?([^/\s\"'<>()]+)", output))
            server = servers.pop() if len(servers) == 1 else "the server"
            return _filled(problem, {"server": server, **found})
    return ""


def _bounded(output: str) -> str:
    """Its end, without empty lines and without what is beyond the bound of a line: a hostile host cannot hold us up."""
    lines = output[-_LONGEST_OUTPUT:].split("\n")
    return "\n".join(line[:_LONGEST_LINE] for line in lines if line.strip())


def _why(tool: str, output: str) -> str:
    """``: `` and what failed on the network, else the tool's own sentence; empty if there is neither."""
    why = network(output) or said(tool, output)
    return f": {why}" if why else ""


def _words(tool: str, packages: Sequence[str], privilege: str) -> dict[str, str]:
    return {
        "tool": tool,
        "names": " ".join(packages) or "it",
        "try_it": " ".join([_DRY_RUNS.get(tool, f"{tool} install"), *packages]),
        "sudo": f"{privilege} " if privilege in ("sudo", "doas") else "",
    }


def _found(match: re.Match[str]) -> dict[str, str]:
    """What a pattern's groups found, each on one line and not too long."""
    found = {name: " ".join(redacted(value).split()) for name, value in match.groupdict().items() if value}
    found = {name: re.sub(r"^/\S*/([^/_\s]+)_[^/\s]*\.deb$", r"\1", value) for name, value in found.items()}
    if "needed" in found:
        found["needed"] = re.sub(r"(?<!,) but ", ", but ", found["needed"], count=1)
    if "broken" in found and "\n" in match["broken"]:
        found["broken"] = found["broken"].replace(" ", " and ")
    return {
        name: value if len(value) <= _LONGEST_WORD else f"{value[:_LONGEST_WORD]}…" for name, value in found.items()
    }


def _clause(sentence: str) -> str:
    """A sentence of a table for the middle of another one."""
    return sentence[:1].lower() + sentence[1:]


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return _UNNAMED.get(key, "another one")


_UNNAMED = {
    "broken": "a package",
    "key": "of a source",
    "date": "a date that it sets",
    "path": "a file",
    "needed": "more",
}
"""What is said where a pattern found no such word."""


def _filled(text: str, words: Mapping[str, str]) -> str:
    return text.format_map(_Missing(words))
