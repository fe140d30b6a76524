"""Whether a host has what is required: the complete form of a requirement, and findings from the host's answer.

Shared with the roles (Python 3.9, standard library only). ``check_script`` writes the sh script that asks the host;
this module reads what the script prints.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from . import trusted_programs, versions
from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .shapes import CompleteCheck, CompleteRequirement

SECONDS = 10
"""How long one command of a check may take. It is killed then."""

KINDS = ("command", "package", "file", "python_module", "shell")

_DATABASES = {"apt": "dpkg", "dnf": "rpm", "zypper": "rpm", "pacman": "pacman", "apk": "apk", "brew": "brew"}

_FRAME = regex(
    r"mngr-check (?:(\d{1,5}) (\d{1,5}) ([@|:=!~+-]) ([ -~]*)|package ([a-z]+) (...)\|([^|]*)\|(.*)|end (\d{1,5}))"
)
_KILLED = "137"
_OUTPUT_CLOSED = "141"
"""Exit status of a program that printed more than the script reads (SIGPIPE)."""

_LONGEST_REASON = 150
"""Characters of a program's own words in a reason."""

_VERSION_MANAGERS = {
    "/nvm/": ("nvm", "nvm alias default VERSION"),
    "/.nvm/": ("nvm", "nvm alias default VERSION"),
    **{f"/.{each}/": (each, f"{each} global VERSION") for each in ("pyenv", "rbenv", "nodenv", "goenv", "jenv")},
    "/.asdf/": ("asdf", "asdf set --home TOOL VERSION"),
    "/mise/": ("mise", "mise use --global TOOL@VERSION"),
    "/.volta/": ("volta", "volta install TOOL@VERSION"),
    "/fnm/": ("fnm", "fnm default VERSION"),
    "/.fnm/": ("fnm", "fnm default VERSION"),
    "/.sdkman/": ("sdkman", "sdk default TOOL VERSION"),
    "conda": ("conda", "conda install TOOL=VERSION"),
    "miniforge": ("conda", "conda install TOOL=VERSION"),
}
"""What is in the path of a version manager's programs → its name, and the command that chooses another version."""

_NOT_INSTALLED = ("un ", "")

_PLAIN_PATH = regex(r"[A-Za-z0-9/._@%+=, -]*")
"""Paths that mean themselves between double quotes."""


class Finding(NamedTuple):
    """What a host has of one requirement.

    Attributes:
        id: the requirement's.
        status: ``ok``, ``missing``, ``too-old``, ``too-new``, or ``unknown`` (installed, but its version is unknown).
        current: the upstream version that was found; None where none could be read.
        where: the path or the package that was found, also if it does not start; empty if nothing was.
        reason: why the status is not ``ok``, without a full stop; empty for ``ok``.
        notice: where it is and what to do, if the remote user's own shell does not find it there; else empty.
        refused: which programs root did not run, and why; else empty.
        chosen_by: the version manager that gives it to the remote user's shell, and how another version is chosen, as
            a clause; no package can help then. Empty for everything else.
    """

    id: str
    status: str
    current: str | None
    where: str
    reason: str
    notice: str = ""
    refused: str = ""
    chosen_by: str = ""


def complete(requirement: Mapping[str, Any]) -> CompleteRequirement:
    """A requirement with everything spelled out; only ``name`` must be given. Completing twice changes nothing.

    Without ``checks``: the command of that name with ``--version``, then the first package of each system manager in
    that manager's own database. Without ``packages``: the package of that name, in any database.

    Raises:
        ValueError: something has the wrong type or cannot be checked; the message names the requirement.
    """
    name = requirement.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a requirement has no name")
    version, packages = requirement.get("version") or "", requirement.get("packages")
    if not isinstance(version, str):
        raise ValueError(f'{name}: version must be a text such as ">={version}"')  # noqa: TRY004 - one error for all
    packages = {} if packages is None else packages
    if not isinstance(packages, dict) or not all(_is_texts(names) for names in packages.values()):
        raise ValueError(f"{name}: packages must give a list of names for each package manager")
    entries = [
        {"kind": "package", "value": names[0], "manager": manager}
        for manager, names in packages.items()
        if manager in _DATABASES and names
    ]
    checks = requirement.get("checks") or [name, *(entries or [{"kind": "package", "value": name}])]
    if not isinstance(checks, (list, tuple)):
        raise ValueError(f"{name}: checks must be a list")  # noqa: TRY004
    return {
        "id": requirement.get("id") or f"package:{name}",
        "name": name,
        "version": version,
        "checks": [_complete_check(name, check) for check in checks],
        "packages": packages,
        "is_required": requirement.get("is_required") is not False,
    }


def _complete_check(name: str, check: Any) -> CompleteCheck:
    given = {"kind": "command", "value": check} if isinstance(check, str) else check
    if not isinstance(given, dict):
        raise ValueError(f"{name}: a check is a command's name or a mapping with kind and value")  # noqa: TRY004
    kind, value, args = given.get("kind", "command"), given.get("value"), given.get("args")
    args = ["--version"] if args is None else args
    if kind not in KINDS:
        raise ValueError(f"{name}: {kind!r} is not a kind of check; use one of {', '.join(KINDS)}")
    if not isinstance(value, str) or not value or not _is_texts(args) or "\0" in "".join([value, *args]):
        raise ValueError(f"{name}: a {kind} check needs a value, and its arguments must be a list of texts")
    if kind == "command" and (value[0] == "-" or ("/" in value and value[0] != "/")):
        raise ValueError(f"{name}: {value!r} is neither a command's name nor an absolute path")
    completed: CompleteCheck = {"kind": kind, "value": value, "args": list(args), "pattern": given.get("pattern")}
    if kind == "package":
        completed["database"] = given.get("database") or _DATABASES.get(str(given.get("manager")))
    return completed


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def read(lines: Iterable[str], requirements: Sequence[CompleteRequirement]) -> list[Finding]:
    """The findings in what ``check_script.script`` printed: one for each requirement, in their order.

    The first check that gives a version decides. If none does, but one found the tool, its version is unknown, which
    is enough for "any version". A program that cannot start counts as missing, whatever the package database says; so
    does a package that dpkg has installed only half, even if its program runs. Lines that do not start with
    ``mngr-check`` are ignored: a login shell may print its own.

    Raises:
        ValueError: the output is cut off, or does not belong to these requirements.
    """
    answer = _Answer.parse(lines, len(requirements))
    return [
        _noting_refused(
            _decide(requirement, _evidence(index, requirement, answer), _half_installed(requirement, answer)),
            [answer.outputs.get((index, position)) for position in range(len(requirement["checks"]))],
        )
        for index, requirement in enumerate(requirements)
    ]


def _noting_refused(finding: Finding, outputs: Iterable[_Output | None]) -> Finding:
    """The same, with the programs that root did not run: as the reason why nothing was found, and for a notice."""
    refused = [
        f"root did not run {output.refused}: {trusted_programs.reason(output.why)}"
        for output in outputs
        if output is not None and output.refused
    ]
    if not refused:
        return finding
    text = "; ".join(dict.fromkeys(refused))
    reason = finding.reason or (text if finding.status == "missing" else "")
    return finding._replace(reason=reason, refused=text)


class _Output:
    """What one check of one requirement printed.

    Attributes:
        where: the path of what was run or read; empty for a shell command.
        code: the exit status; None as long as none was read.
        text: the lines of its standard output.
        errors: the lines of its standard error.
        is_hidden: whether the remote user's own shell does not find ``where``.
        is_chosen: whether a version manager gives ``where`` to that shell before anything else.
        refused: the path of a program that root does not run; empty for none.
        why: why, for :func:`trusted_programs.reason`.
    """

    def __init__(self) -> None:
        self.where = ""
        self.refused = ""
        self.why = ""
        self.code: str | None = None
        self.text: list[str] = []
        self.errors: list[str] = []
        self.is_hidden = False
        self.is_chosen = False


class _Answer(NamedTuple):
    """What the script printed: outputs by requirement and check (their positions), and entries of package databases.

    ``packages`` has, by database and package, dpkg's three letters of state and the package's version.
    """

    outputs: dict[tuple[int, int], _Output]
    packages: dict[tuple[str, str], tuple[str, str]]

    @classmethod
    def parse(cls, lines: Iterable[str], count: int) -> _Answer:
        """Read the script's lines about so many requirements."""
        answer = cls({}, {})
        is_whole = False
        for line in lines:
            if not line.startswith("mngr-check "):
                continue
            match = _FRAME.fullmatch(line.rstrip("\r\n"))
            if not match:
                raise ValueError(f"the host's answer has a line that cannot be read: {line[:80]!r}")
            number, position, mark, text, database, state, package, version, end = match.groups()
            if end:
                is_whole = int(end) == count
            elif database:
                answer.add_package(database, package, state, version)
            else:
                answer.add_output((int(number), int(position)), mark, text)
        if not is_whole:
            raise ValueError("the host's answer to the check of packages is cut off")
        return answer

    def add_package(self, database: str, package: str, state: str, version: str) -> None:
        """Keep an entry of a database; of several for one package (architectures) an installed one wins."""
        if (database, package) not in self.packages or _is_installed(state):
            self.packages[database, package] = (state, version)

    def add_output(self, key: tuple[int, int], mark: str, text: str) -> None:
        """Keep one line about a check; ``mark`` says which kind: path, output, exit status, hidden or refused path."""
        output = self.outputs.setdefault(key, _Output())
        if mark == "|":
            output.text.append(text)
        elif mark == ":":
            output.errors.append(text)
        elif mark == "@":
            output.where = text
        elif mark == "+":
            output.is_chosen = True
        elif mark == "!":
            output.is_hidden = True
        elif mark == "~":
            output.refused = text
        elif mark == "-":
            output.why = text
        else:
            output.code = text


def _is_installed(state: str) -> bool:
    """Whether dpkg has configured it (held or not); a half-configured package (``iF``, ``iU``) is not usable."""
    return state in ("ii ", "hi ")


class _Evidence(NamedTuple):
    """What one check shows of its requirement.

    Attributes:
        where: the path or the package that was found.
        version: its upstream version; None where none can be read.
        problem: why no version can be read, or why it does not start, as a clause with ``where`` in it.
        is_usable: False for what does not start.
        is_package: whether it is an entry of a package database.
        notice, chosen_by: see :class:`Finding`.
    """

    where: str
    version: str | None
    problem: str
    is_usable: bool = True
    is_package: bool = False
    notice: str = ""
    chosen_by: str = ""


def _evidence(index: int, requirement: CompleteRequirement, answer: _Answer) -> Iterator[_Evidence]:
    """The evidence of those checks of a requirement that found something, in their order."""
    for position, check in enumerate(requirement["checks"]):
        output = answer.outputs.get((index, position))
        if check["kind"] == "package":
            evidence = _package_evidence(check, answer)
        else:
            evidence = _output_evidence(check, output, requirement["name"]) if output else None
        if evidence is not None:
            yield evidence


def _package_evidence(check: CompleteCheck, answer: _Answer) -> _Evidence | None:
    """The entry of the database of the check's manager, else of the first database that has the package installed."""
    package, database = check["value"], check.get("database")
    for each in [database] if database else dict.fromkeys(_DATABASES.values()):
        state, version = answer.packages.get((each, package), _NOT_INSTALLED)
        if _is_installed(state):
            if versions.is_snap_placeholder(version):
                return None
            problem = f"{package} has no readable version"
            return _Evidence(package, versions.upstream(version) or None, problem, is_package=True)
    return None


def _output_evidence(check: CompleteCheck, output: _Output, name: str) -> _Evidence | None:
    if output.code is None:
        return None
    where, kind = output.where or check["value"], check["kind"]
    if kind == "shell" and output.code != "0":
        return None
    if kind == "python_module" and output.code != "0":
        return _broken_module(check["value"], output)
    version, problem = _printed_version(check, output, name)
    why = "" if version is not None else _why_it_does_not_start(output)
    chosen_by = _chosen_by(where) if output.is_chosen else ""
    if why:
        problem = f"{where} does not start ({why}){'' if chosen_by else ' and must be installed again'}"
        return _Evidence(where, None, problem, is_usable=False, chosen_by=chosen_by)
    notice = _hidden_notice(check["value"] if version is not None else name, output)
    return _Evidence(where, version, f"{where} {problem}", notice=notice, chosen_by=chosen_by)


def _chosen_by(where: str) -> str:
    """Which version manager has this path, and how another version is chosen there, as a clause."""
    for place, (manager, command) in _VERSION_MANAGERS.items():
        if place in where:
            return f"{manager} gives it to the remote user's shell before any package; choose a version with: {command}"
    return ""


def _why_it_does_not_start(output: _Output) -> str:
    """What a program that cannot start says, shortened, without a full stop; empty for one that starts."""
    if output.code in ("0", _KILLED, _OUTPUT_CLOSED, None):
        return ""
    from . import broken_programs

    why = broken_programs.why_it_does_not_start(output.code, output.text, output.errors)
    return why[:_LONGEST_REASON].rstrip(". ")


def _broken_module(module: str, output: _Output) -> _Evidence | None:
    """Evidence of a Python module that is there and cannot be imported, with the last line of the traceback."""
    last = next((line for line in reversed(output.errors) if line.strip()), "").strip()
    absent = re.fullmatch(r"ModuleNotFoundError: No module named '([^']*)'", last)
    if not last or (absent and f"{module}.".startswith(f"{absent[1]}.")):
        return None
    why = last[:_LONGEST_REASON].rstrip(". ")
    return _Evidence(module, None, f"the Python module {module} cannot be imported ({why})", is_usable=False)


def _printed_version(check: CompleteCheck, output: _Output, name: str) -> tuple[str | None, str]:
    """The version that a check printed, or None and why; what a failing command prints counts only with a pattern."""
    if output.code == _KILLED:
        return None, f"did not answer within {SECONDS} s"
    if output.code not in ("0", _OUTPUT_CLOSED) and not check["pattern"]:
        return None, f"prints no version (exit status {output.code})"
    from . import printed_versions

    program = check["value"] if check["kind"] == "command" else name
    printed = ("\n".join(output.text), "\n".join(output.errors))
    return printed_versions.find(printed[0], check["pattern"], program, errors=printed[1]), "prints no readable version"


def _hidden_notice(name: str, output: _Output) -> str:
    if not output.is_hidden or not output.where:
        return ""
    directory = output.where.rpartition("/")[0]
    line = f'export PATH="{directory}:$PATH"'
    if not _PLAIN_PATH.fullmatch(directory):  # a host's words that a shell would evaluate between double quotes
        line = f'export PATH={shlex.quote(directory)}:"$PATH"'
    return f"{name} is in {directory}, which is not in the PATH of a login shell; add to ~/.profile: {line}"


def _half_installed(requirement: CompleteRequirement, answer: _Answer) -> str:
    """Which package of a requirement dpkg has installed only half, as a clause; empty if there is none."""
    checked = [check["value"] for check in requirement["checks"] if check["kind"] == "package"]
    for name in dict.fromkeys([*checked, *requirement["packages"].get("apt", ())]):
        state, _ = answer.packages.get(("dpkg", name), _NOT_INSTALLED)
        if not _is_installed(state) and state[1] not in "nc":
            return f"the package {name} is only half installed ({state.strip()})"
    return ""


def _decide(requirement: CompleteRequirement, evidence: Iterable[_Evidence], half_installed: str) -> Finding:
    """The finding that the evidence of all checks leads to; see :func:`read` for the rules."""
    step, allowed = requirement["id"], versions.Range.parse(requirement["version"])
    without_version: _Evidence | None = None
    broken: _Evidence | None = None
    for each in evidence:
        if not each.is_usable:
            broken = broken or each
        elif broken and each.is_package:
            break  # it is installed, and does not start
        elif each.version is None:
            without_version = without_version or each
        else:
            status = allowed.judge(each.version)
            if status != "ok":
                reason = f"found {each.version}, needed {allowed}"
                return Finding(step, status, each.version, each.where, reason, each.notice, chosen_by=each.chosen_by)
            if not half_installed:
                return Finding(step, "ok", each.version, each.where, "", each.notice)
            break
    if half_installed:
        return Finding(step, "missing", None, "", half_installed)
    if without_version is None:
        if broken is not None:
            return Finding(step, "missing", None, broken.where, broken.problem, chosen_by=broken.chosen_by)
        return Finding(step, "missing", None, "", "")
    if allowed.is_any:
        return Finding(step, "ok", None, without_version.where, "", without_version.notice)
    reason = f"{without_version.problem}, needed {allowed}"
    return Finding(step, "unknown", None, without_version.where, reason)
