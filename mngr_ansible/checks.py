"""The read-only check of requirements: a POSIX sh script that asks a host, and the reading of its answer.

Shared with the roles (Python 3.9, standard library only). A requirement is a mapping as the role ``mngr_packages``
takes it; :func:`complete` fills what may be left out. The script needs no Python on the host, writes nothing and makes
no temporary file; it runs under dash, busybox and bash.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

KINDS = ("command", "package", "file", "python_module", "shell")

_LINES = 20  # that one check may print; each is cut at 200 bytes, so that an answer stays below 4 KiB
_SECONDS = 10  # that one command may take
_AT_ONCE = 8  # requirements that are checked side by side

_FUNCTIONS = f"""\
mngr_say() {{ # FRAME TEXT: one line of printable ASCII, so that no output can pass for a frame
  case $2 in *[!\\ -~]*) set -- "$1" "$(printf '%.200s' "$2" | tr -c ' -~' '?')" ;; esac
  printf 'mngr-check %s %.200s\\n' "$1" "$2"
}}
mngr_find() {{ # NAME: set mngr_path to the program of that name
  case $1 in /*) mngr_path=$1; [ -f "$1" ] && [ -x "$1" ]; return ;; esac
  for mngr_dir in $PATH; do
    mngr_path=$mngr_dir/$1
    case $mngr_dir in /*) [ -f "$mngr_path" ] && [ -x "$mngr_path" ] && return 0 ;; esac
  done
  return 1
}}
mngr_run() {{ # FRAME WHERE COMMAND…: tell what it says; true when that looks like a version
  mngr_frame=$1
  mngr_say "$1 @" "$2"
  shift 2
  {{ $mngr_bound "$@" </dev/null 2>&1 3>&-; printf 'mngr-check %s = %s\\n' "$mngr_frame" "$?" >&3; }} | {{
    mngr_left={_LINES} mngr_seen=1
    while [ "$mngr_left" -gt 0 ] && {{ IFS= read -r mngr_line || [ -n "$mngr_line" ]; }}; do
      case $mngr_line in *[0-9].[0-9]*) mngr_seen=0 ;; esac
      mngr_say "$mngr_frame |" "$mngr_line"
      mngr_left=$((mngr_left - 1))
    done
    exit "$mngr_seen"
  }}
}}
mngr_command() {{ # FRAME NAME ARGUMENT…
  mngr_find "$2" || return 1
  mngr_frame=$1
  shift 2
  mngr_run "$mngr_frame" "$mngr_path" "$mngr_path" "$@"
}}
mngr_file() {{ # FRAME PATH [read]
  case $2 in '~/'*) set -- "$1" "$HOME/${{2#??}}" "${{3:-}}" ;; esac
  [ -e "$2" ] || return 1
  if [ -n "${{3:-}}" ]; then mngr_run "$1" "$2" cat -- "$2"; else mngr_run "$1" "$2" true; fi
}}
mngr_module() {{ # FRAME NAME
  mngr_find python3 && mngr_run "$1" "$mngr_path" "$mngr_path" -c '
import importlib, sys
from importlib import metadata
module = importlib.import_module(sys.argv[1])
try:
    print(metadata.version(sys.argv[1]))
except metadata.PackageNotFoundError:
    print(getattr(module, "__version__", ""))
' "$2"
}}
set +eu -f
LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin${{HOME:+:$HOME/.local/bin}} IFS=:
export LC_ALL PATH
exec 3>&1
mngr_bound=
if timeout -s KILL {_SECONDS} true 2>/dev/null; then mngr_bound=mngr_bounded; fi
mngr_bounded() {{ timeout -s KILL {_SECONDS} "$@"; }}
"""

_FRAME = re.compile(r"mngr-check (?:(\d{1,5}) (\d{1,5}) ([@|=]) ([ -~]*)|package (...)\|([^|]*)\|(.*)|end (\d{1,5}))")
_PACKAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
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


def complete(requirement: Mapping[str, Any], manager: str = "apt") -> dict[str, Any]:
    """A requirement with everything spelt out; only ``name`` must be given.

    Without ``checks``: the command of that name with ``--version``, else the (first) package's entry in the database.
    Without ``packages``: the package of that name.

    Raises:
        ValueError: something has the wrong type or cannot be asked; the sentence names the requirement.
    """
    name = requirement.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a requirement has no name")
    version, packages = requirement.get("version") or "", requirement.get("packages")
    if not isinstance(version, str):
        raise ValueError(f'{name}: version is a text such as ">={version}"')  # noqa: TRY004 - one kind for all of them
    packages = {manager: [name]} if packages is None else packages
    if not isinstance(packages, dict) or not all(_is_texts(names) for names in packages.values()):
        raise ValueError(f"{name}: packages must give a list of names for each package manager")
    first = next(iter(packages.get(manager) or ()), name)
    checks = requirement.get("checks") or [name, {"kind": "package", "value": first}]
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
    return {"kind": kind, "value": value, "args": list(args), "pattern": given.get("pattern")}


def _is_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def script(requirements: Sequence[Mapping[str, Any]]) -> str:
    """The sh text that asks a host about completed requirements, for the stdin of ``sh`` or inside another script.

    It runs in a subshell of its own and answers on stdout in lines that start with ``mngr-check``. Requirements are
    asked side by side; of one requirement the later checks are asked where the earlier ones tell no version.
    """
    names = sorted(
        check["value"]
        for requirement in requirements
        for check in requirement["checks"]
        if check["kind"] == "package" and _PACKAGE_NAME.fullmatch(check["value"])
    )
    lines = ["(", _FUNCTIONS.rstrip("\n")]
    if names:
        form = "mngr-check package ${db:Status-Abbrev}|${Package}|${Version}\\n"
        query = ["dpkg-query", "-W", "-f", form, *dict.fromkeys(names)]
        lines.append(f"mngr_find dpkg-query && {shlex.join(query)} 2>/dev/null 3>&- &")
    for number, requirement in enumerate(requirements):
        steps = ""
        for position, check in enumerate(requirement["checks"]):
            if check["kind"] != "package":
                steps += f"{_call(f'{number} {position}', check)} {';' if check['pattern'] else '||'} "
        if steps:
            lines.append(f"{{ {steps}:; }} &")
        if number % _AT_ONCE == _AT_ONCE - 1:
            lines.append("wait")
    return "\n".join([*lines, "wait", f"echo mngr-check end {len(requirements)}", ")", ""])


def _call(frame: str, check: Mapping[str, Any]) -> str:
    kind, value = check["kind"], check["value"]
    if kind == "command":
        return shlex.join(["mngr_command", frame, value, *check["args"]])
    if kind == "file":
        return shlex.join(["mngr_file", frame, value, *(["read"] if check["pattern"] else [])])
    if kind == "python_module":
        return shlex.join(["mngr_module", frame, value])
    return shlex.join(["mngr_run", frame, "", "sh", "-c", value])


def read(lines: Iterable[str], requirements: Sequence[Mapping[str, Any]], versions: ModuleType) -> list[Finding]:
    """Judge the answer to :func:`script`: one finding for each requirement, in their order.

    The first check that tells a version decides; where none does, being there is enough for any version. Lines that
    are not ours are passed over: a login shell may talk too.

    Args:
        versions: the module of that name; shared files cannot import each other.

    Raises:
        ValueError: the answer is cut off or is not one to this question.
    """
    answers: dict[tuple[int, int], _Answer] = {}
    packages: dict[str, tuple[str, str]] = {}
    is_whole = False
    for line in lines:
        if not line.startswith("mngr-check "):
            continue
        match = _FRAME.fullmatch(line.rstrip("\r\n"))
        if not match:
            raise ValueError(f"the host's answer has a line that cannot be read: {line[:80]!r}")
        number, position, mark, text, state, package, version, count = match.groups()
        if count:
            is_whole = int(count) == len(requirements)
        elif state:
            if package not in packages or _is_installed(state):
                packages[package] = (state, version)
        else:
            answer = answers.setdefault((int(number), int(position)), _Answer())
            if mark == "|":
                answer.text.append(text)
            elif mark == "@":
                answer.where = text
            else:
                answer.code = text
    if not is_whole:
        raise ValueError("the host's answer to the check of packages is cut off")
    findings = []
    for index, requirement in enumerate(requirements):
        own = [answers.get((index, place)) for place in range(len(requirement["checks"]))]
        findings.append(_judge(requirement, own, packages, versions))
    return findings


def _is_installed(state: str) -> bool:
    """Whether dpkg has configured it (held or not); a half-configured package (``iF``, ``iU``) is not usable."""
    return state in ("ii ", "hi ")


def _judge(
    requirement: Mapping[str, Any],
    answers: Sequence[_Answer | None],
    packages: Mapping[str, tuple[str, str]],
    versions: ModuleType,
) -> Finding:
    wanted = versions.Range.parse(requirement["version"])
    silent: tuple[str, str] | None = None
    broken = ""
    for position, check in enumerate(requirement["checks"]):
        answer = answers[position]
        current: str | None
        if check["kind"] == "package":
            state, version = packages.get(check["value"], ("un ", ""))
            where, current, why = check["value"], versions.upstream(version) or None, "has no readable version"
            if not _is_installed(state):
                if state[1] not in "nc":
                    broken = f"the package {where} is only half installed ({state.strip()})"
                continue
        else:
            if answer is None or answer.code is None:
                continue
            where, current, why = answer.where or check["value"], *_told(check, answer, versions)
            if answer.code in _FAILED_TO_START or (check["kind"] in ("python_module", "shell") and answer.code != "0"):
                broken = f"{where} cannot be run" if answer.code in _FAILED_TO_START else broken
                continue
        status = wanted.judge(current)
        if current is None:
            silent = silent or (where, f"{where} {why}")
            continue
        reason = "" if status == "ok" else f"found {current}, wanted {wanted}"
        return Finding(requirement["id"], status, current, where, reason)
    if silent and wanted.is_any:
        return Finding(requirement["id"], "ok", None, silent[0], "")
    if silent:
        return Finding(requirement["id"], "unknown", None, silent[0], f"{silent[1]}, wanted {wanted}")
    return Finding(requirement["id"], "missing", None, "", broken)


def _told(check: Mapping[str, Any], answer: _Answer, versions: ModuleType) -> tuple[str | None, str]:
    """The version that an answer tells, or None and why not. Words of a failing command count only for a pattern."""
    if answer.code == _KILLED:
        return None, f"did not answer within {_SECONDS} s"
    if answer.code not in ("0", "141") and not check["pattern"]:
        return None, f"tells no version (exit status {answer.code})"
    return versions.find("\n".join(answer.text), check["pattern"]), "tells no readable version"
