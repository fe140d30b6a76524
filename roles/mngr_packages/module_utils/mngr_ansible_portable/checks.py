"""The check of requirements: what is asked of a host, and the reading of what ``check_script`` answers.

Shared with the roles (Python 3.9, standard library only). A requirement is a mapping as the role ``mngr_packages``
takes it; :func:`complete` fills what may be left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from . import versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SECONDS = 10  # that one command may take, by the script
_DATABASES = {"apt": "dpkg", "dnf": "rpm", "zypper": "rpm", "pacman": "pacman", "apk": "apk", "brew": "brew"}

KINDS = ("command", "package", "file", "python_module", "shell")

_FRAME = re.compile(
    r"mngr-check (?:(\d{1,5}) (\d{1,5}) ([@|=!]) ([ -~]*)|package ([a-z]+) (...)\|([^|]*)\|(.*)|end (\d{1,5}))"
)
_FAILED_TO_START = ("126", "127")
_KILLED = "137"


class Finding(NamedTuple):
    """What a host has of one requirement.

    Attributes:
        id: the requirement's.
        status: ``ok``, ``missing``, ``too-old``, ``too-new``, or ``unknown`` (there, but it tells no version).
        current: the upstream version that was found; None where none could be read.
        where: the path or the package that answered; empty where nothing did.
        reason: why it is not ``ok``, without a full stop; empty when it is.
        notice: where it is, if the login's own shell would not find it there, and what to do about that.
    """

    id: str
    status: str
    current: str | None
    where: str
    reason: str
    notice: str = ""


class _Answer:
    """What one check of one requirement came back with."""

    def __init__(self) -> None:
        self.where: str | None = None
        self.code: str | None = None
        self.text: list[str] = []
        self.is_hidden = False


def complete(requirement: Mapping[str, Any]) -> dict[str, Any]:
    """A requirement with everything spelt out; only ``name`` must be given.

    Without ``checks``: the command of that name with ``--version``, else the first package of each manager of a system
    in that manager's own database. Without ``packages``: the package of that name, in any database.

    Raises:
        ValueError: something has the wrong type or cannot be asked; the sentence names the requirement.
    """
    name = requirement.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a requirement has no name")
    version, packages = requirement.get("version") or "", requirement.get("packages")
    if not isinstance(version, str):
        raise ValueError(f'{name}: version is a text such as ">={version}"')  # noqa: TRY004 - one kind for all of them
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


def _complete_check(name: str, check: Any) -> dict[str, Any]:
    given = {"kind": "command", "value": check} if isinstance(check, str) else check
    if not isinstance(given, dict):
        raise ValueError(f"{name}: a check is a command's name or a mapping with kind and value")  # noqa: TRY004
    kind, value, args = given.get("kind", "command"), given.get("value"), given.get("args")
    args = ["--version"] if args is None else args
    if kind not in KINDS:
        raise ValueError(f"{name}: {kind!r} is no kind of check; there are {', '.join(KINDS)}")
    if not isinstance(value, str) or not value or not _is_texts(args) or "\0" in "".join([value, *args]):
        raise ValueError(f"{name}: a {kind} check needs a value, and its arguments must be a list of texts")
    if kind == "command" and (value[0] == "-" or ("/" in value and value[0] != "/")):
        raise ValueError(f"{name}: {value!r} is neither a command's name nor an absolute path")
    completed = {"kind": kind, "value": value, "args": list(args), "pattern": given.get("pattern")}
    if kind == "package":
        completed["database"] = given.get("database") or _DATABASES.get(str(given.get("manager")))
    return completed


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def read(lines: Iterable[str], requirements: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Judge the answer to :func:`script`: one finding for each requirement, in their order.

    The first check that tells a version decides; where none does, being there is enough for any version. What dpkg has
    half installed is not there, whatever tells a version. Lines that are not ours are passed over: a login shell may
    talk too.

    Raises:
        ValueError: the answer is cut off or is not one to this question.
    """
    answers: dict[tuple[int, int], _Answer] = {}
    packages: dict[tuple[str, str], tuple[str, str]] = {}
    is_whole = False
    for line in lines:
        if not line.startswith("mngr-check "):
            continue
        match = _FRAME.fullmatch(line.rstrip("\r\n"))
        if not match:
            raise ValueError(f"the host's answer has a line that cannot be read: {line[:80]!r}")
        number, position, mark, text, database, state, package, version, count = match.groups()
        if count:
            is_whole = int(count) == len(requirements)
        elif state:
            if (database, package) not in packages or _is_installed(state):
                packages[database, package] = (state, version)
        else:
            answer = answers.setdefault((int(number), int(position)), _Answer())
            if mark == "|":
                answer.text.append(text)
            elif mark == "@":
                answer.where = text
            elif mark == "!":
                answer.is_hidden = True
            else:
                answer.code = text
    if not is_whole:
        raise ValueError("the host's answer to the check of packages is cut off")
    findings = []
    for index, requirement in enumerate(requirements):
        own = [answers.get((index, place)) for place in range(len(requirement["checks"]))]
        findings.append(_judge(requirement, own, packages))
    return findings


def _is_installed(state: str) -> bool:
    """Whether dpkg has configured it (held or not); a half-configured package (``iF``, ``iU``) is not usable."""
    return state in ("ii ", "hi ")


def _judge(
    requirement: Mapping[str, Any],
    answers: Sequence[_Answer | None],
    packages: Mapping[tuple[str, str], tuple[str, str]],
) -> Finding:
    wanted = versions.Range.parse(requirement["version"])
    silent: tuple[str, str] | None = None
    broken, half = "", _half_installed(requirement, packages)
    for position, check in enumerate(requirement["checks"]):
        answer = answers[position]
        current: str | None
        if check["kind"] == "package":
            state, version = _entry(check, packages)
            where, current, why = check["value"], versions.upstream(version) or None, "has no readable version"
            if not _is_installed(state):
                continue
        else:
            if answer is None or answer.code is None:
                continue
            where, current, why = answer.where or check["value"], *_told(check, answer)
            if answer.code in _FAILED_TO_START or (check["kind"] in ("python_module", "shell") and answer.code != "0"):
                broken = f"{where} cannot be run" if answer.code in _FAILED_TO_START else broken
                continue
        status = wanted.judge(current)
        if current is None:
            silent = silent or (where, f"{where} {why}")
            continue
        if status == "ok" and half:
            break
        reason = "" if status == "ok" else f"found {current}, wanted {wanted}"
        return Finding(requirement["id"], status, current, where, reason, _hidden(check, answer))
    if half:
        return Finding(requirement["id"], "missing", None, "", half)
    if silent and wanted.is_any:
        hidden = next(
            (each for each in answers if each is not None and each.is_hidden and each.where == silent[0]), None
        )
        return Finding(requirement["id"], "ok", None, silent[0], "", _hidden({"value": requirement["name"]}, hidden))
    if silent:
        return Finding(requirement["id"], "unknown", None, silent[0], f"{silent[1]}, wanted {wanted}")
    return Finding(requirement["id"], "missing", None, "", broken)


def _half_installed(requirement: Mapping[str, Any], packages: Mapping[tuple[str, str], tuple[str, str]]) -> str:
    """Why a requirement is not there although a program of it may run; empty where dpkg has set up all or nothing."""
    checked = [check["value"] for check in requirement["checks"] if check["kind"] == "package"]
    for name in dict.fromkeys([*checked, *requirement["packages"].get("apt", ())]):
        state, _ = packages.get(("dpkg", name), ("un ", ""))
        if not _is_installed(state) and state[1] not in "nc":
            return f"the package {name} is only half installed ({state.strip()})"
    return ""


def _entry(check: Mapping[str, Any], packages: Mapping[tuple[str, str], tuple[str, str]]) -> tuple[str, str]:
    """What a database says of a package: the one of the check's manager, else the first that has it."""
    wanted = [check["database"]] if check["database"] else dict.fromkeys(_DATABASES.values())
    found = [packages[each, check["value"]] for each in wanted if (each, check["value"]) in packages]
    return next((each for each in found if _is_installed(each[0])), (*found, ("un ", ""))[0])


def _hidden(check: Mapping[str, Any], answer: _Answer | None) -> str:
    if answer is None or not answer.is_hidden or not answer.where:
        return ""
    directory = answer.where.rpartition("/")[0]
    line = f'export PATH="{directory}:$PATH"'
    return f"{check['value']} is in {directory}, which is not on the PATH of a login there; add to ~/.profile: {line}"


def _told(check: Mapping[str, Any], answer: _Answer) -> tuple[str | None, str]:
    """The version that an answer tells, or None and why not. Words of a failing command count only for a pattern."""
    if answer.code == _KILLED:
        return None, f"did not answer within {_SECONDS} s"
    if answer.code not in ("0", "141") and not check["pattern"]:
        return None, f"tells no version (exit status {answer.code})"
    return versions.find("\n".join(answer.text), check["pattern"]), "tells no readable version"
