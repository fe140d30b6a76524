"""Send a module to a host as one self-contained program, through the connection that is open already.

Ansible's ordinary way packs a module for every task and host anew, and starts much of Ansible's own code on the host:
it takes five times as long. The program has the same files of the role (:mod:`light_host` stands for Ansible), so what
it does is the same. It is one command whose input is the program and its data: one round trip, nothing is written to
the host's disk, and no argument is on a command line.

Where that is not possible (:func:`is_possible`), the action runs the module in the ordinary way.

Runs on the controller, inside an action plugin of a role; nothing of Ansible is imported here. Shared with the roles
(Python 3.9, standard library only).
"""
# ruff: noqa: PTH100, PTH110, PTH118, PTH119, PTH120, PTH123, SLF001

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import shlex
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

from . import answers
from .text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

SWITCH = "MNGR_ANSIBLE_LIGHT"
"""The variable of the controller's environment that turns this way off, with the value ``off``."""
_UTILS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The role's ``module_utils``, or the collection's."""
_PACKAGE = "ansible.module_utils"
_IN_A_COLLECTION = re.compile(r"ansible_collections\.\w+\.\w+\.plugins\.module_utils\b")
_DOCUMENTATION = re.compile(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?""".*?"""\n', re.MULTILINE | re.DOTALL)
_DOCSTRING = re.compile(r'^(?:(?P<inside>[ ]+)r?"""|"""(?=[A-Z`]))[^"]*(?:"(?!"")[^"]*)*"""\n', re.MULTILINE)
"""A text that is a statement of its own: at the beginning of a line, the end of another text has no word behind it."""
_FOR_TYPES_ALONE = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t].*)?\n)+", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*from (\.+|\.*[\w.]*?\w) import (\([^)]*\)|[^(\n]+)", re.MULTILINE)
_SEARCHED = ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent", "")
"""Values of ``ansible_python_interpreter`` with which Ansible looks for a Python on the host."""
_SHELLS_OF_SH = ("sh", "ash", "bash", "dash", "ksh", "ksh93", "mksh", "oksh", "lksh", "pdksh", "posh", "yash", "zsh")
"""The names of shells that read what is written for sh."""
_BOOT = (
    "import sys;"
    "sys.version_info<(3,9)and sys.exit('Python 3.9 or newer is needed; this is '+sys.version.split()[0]);"
    "import zlib;r=sys.stdin.buffer;exec(zlib.decompress(r.read(int(r.readline()))))"
)
"""What the host's Python is started with: it reads the program and runs it."""
_TOO_OLD = re.compile(r"^Python 3\.9 or newer is needed; this is ([\w.+-]{1,40})$", re.MULTILINE)
"""What that says of an older one."""
_START = (
    "for python in {candidates}; do "
    'command -v "$python" >/dev/null 2>&1 && set -- "$python" || set -- $python; '
    'command -v "$1" >/dev/null 2>&1 && {{ "$@" -I -S -c {boot}; exit $?; }}; '
    'done; cat >/dev/null; echo "{wanted}: not found" >&2; exit 127'
)
"""The command of sh that starts it: one line, since a login shell that is csh takes no other.

sh stays: ssh reports the end of a killed program as that of the connection (255), sh as 137.
"""


def is_possible(action: Any) -> bool:
    """Whether an action can send a program: what it is connected with takes an input for a command (pipelining).

    Args:
        action: Ansible's ``ActionBase``.
    """
    return (
        os.environ.get(SWITCH) != "off"
        and not action._task.async_val
        and getattr(action._connection._shell, "SHELL_FAMILY", "") == "sh"
        and bool(action._is_pipelining_enabled("new"))  # also that no file is to be kept on the host
        and all(map(_can_be_set, _environment(action).items()))
    )


def shell(action: Any) -> str | None:
    """What runs a command that is written for sh: None for the shell of the task's settings, if that is one of sh.

    ``ansible_shell_executable`` may name another, such as fish; Ansible takes it for sh all the same.
    """
    name = os.path.basename(str(action._play_context.executable or ""))
    return None if not name or name in _SHELLS_OF_SH else "/bin/sh"


def _environment(action: Any) -> dict[str, str]:
    """The variables of the task's ``environment``."""
    environment: dict[str, Any] = {}
    action._compute_environment_string(environment)
    return {str(name): str(value) for name, value in environment.items()}


def _can_be_set(variable: tuple[str, str]) -> bool:
    """Whether a program can set a variable for itself. Of the others a shell makes what it makes of them."""
    name, value = variable
    try:
        (name + value).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return bool(name) and "=" not in name and "\0" not in name + value


def execute(
    action: Any,
    module: str,
    arguments: Mapping[str, Any],
    task_vars: Mapping[str, Any] | None,
    constants: Any,
    warn: Callable[[str], object],
    kinds: Mapping[str, Any],
    pack: Callable[[IO[bytes]], object] | None = None,
) -> dict[str, Any]:
    """Run a module of the role on the host; of its result only what :mod:`answers` takes.

    Called where :func:`is_possible` says so. A module that gives no answer is a failed result with the keys ``msg``,
    ``module_stdout``, ``module_stderr`` and ``rc``, as Ansible has it.

    Args:
        action: Ansible's ``ActionBase``.
        module: the name of the module, with or without that of a collection.
        arguments: what it is given. They are not checked: the action has to know that they are right.
        task_vars: the variables of the task.
        constants: ``ansible.constants``.
        warn: shows a warning.
        kinds: what the module gives; see :mod:`answers`.
        pack: writes the payload, which the module reads as ``module.payload``; None if it has none.
    """
    task, variables = action._task, dict(task_vars or {})
    if task.delegate_to:
        variables = variables["ansible_delegated_vars"][task.delegate_to]
    environment = _environment(action)
    mark = f"{secrets.token_hex(16)} "
    header = {
        "arguments": arguments,
        "check_mode": bool(task.check_mode),
        "diff": bool(task.diff),
        "remote_tmp": action.get_shell_option("remote_tmp", default="~/.ansible/tmp"),
        "environment": environment,
        "has_payload": pack is not None,
        "mark": mark,
    }
    stream = BytesIO()
    for part in (program(module), json.dumps(header, default=str).encode("ascii")):
        stream.write(b"%d\n" % len(part))
        stream.write(part)
    if pack is not None:
        pack(stream)
    pythons = _interpreter(action, variables, constants)
    command = _command(pythons, environment.get("PATH"))
    data, executable = stream.getvalue(), shell(action)
    done = action._low_level_execute_command(command, in_data=data, sudoable=True, executable=executable)
    return _result(done, mark, pythons, warn, kinds)


def execute_as_module(
    action: Any,
    module: str,
    arguments: Mapping[str, Any],
    task_vars: Mapping[str, Any] | None,
    warn: Callable[[str], object],
    kinds: Mapping[str, Any],
) -> dict[str, Any]:
    """The same in Ansible's ordinary way; the arguments are those of :func:`execute`.

    The only fact in the result is the Python that Ansible itself has found on the host.
    """
    found = action._execute_module(module, dict(arguments), task_vars=task_vars)
    result = answers.taken(found, kinds, warn)
    key = getattr(action, "_discovered_interpreter_key", None)
    return {**result, "ansible_facts": {key: action._discovered_interpreter}} if key else result


@functools.cache
def program(module: str) -> bytes:
    """The program of a module of the role, compressed; put together once in a process and those that it forks.

    An action calls it when Ansible loads it: that is before a process is forked for each host.

    Raises:
        LookupError: a file of the role imports what is not in the role.
    """
    name = module.rpartition(".")[2]
    sources = _sources(name)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "light_host.py"), encoding="utf-8") as file:
        host = file.read()
    return zlib.compress(f"{host}\nstart({name!r}, {sources!r})\n".encode())


def _sources(module: str) -> dict[str, str]:
    """The text of a module and of all that it imports of the role, by the name under which it is imported."""
    name = f"{_PACKAGE}.{module}"
    sources = {name: _slim(_module_file(module)), "ansible.__init__": "", f"{_PACKAGE}.__init__": ""}
    waiting = [(_PACKAGE, sources[name])]
    while waiting:
        package, text = waiting.pop()
        for wanted in _imported(package, text):
            key, found = _file(wanted)
            if key not in sources:
                sources[key] = _slim(found)
                waiting.append((wanted if key != wanted else wanted.rpartition(".")[0], sources[key]))
    return sources


def _module_file(module: str) -> str:
    around = os.path.dirname(_UTILS)
    for folder in ("library", "modules"):  # of a role, of a collection
        path = os.path.join(around, folder, f"{module}.py")
        if os.path.exists(path):
            return path
    raise LookupError(f"{around} has no module {module}")


def _imported(package: str, text: str) -> Iterator[str]:
    """The modules that a text imports of the role; with the packages around them."""
    for written, names in _IMPORT.findall(text):
        start = written
        level = len(written) - len(written.lstrip("."))
        if level:
            around = package.rsplit(".", level - 1)[0]
            start = f"{around}.{written[level:]}".rstrip(".")
        if start != _PACKAGE and not start.startswith(f"{_PACKAGE}.mngr_"):
            continue
        path = _path(start)
        for end in range(len(_PACKAGE) + 1, len(start) + 1):
            if start[end : end + 1] in (".", ""):
                yield start[:end]
        for each in re.findall(r"(\w+)(?: as \w+)?", re.sub(r"#.*", "", names)):
            if os.path.exists(os.path.join(path, f"{each}.py")):
                yield f"{start}.{each}"


def _path(name: str) -> str:
    """Where a module of the role is, without the end of a file's name."""
    return os.path.join(_UTILS, *name[len(_PACKAGE) + 1 :].split("."))


def _file(name: str) -> tuple[str, str]:
    """The key of a module in the program, and its file."""
    path = _path(name)
    if os.path.exists(f"{path}.py"):
        return name, f"{path}.py"
    if os.path.exists(os.path.join(path, "__init__.py")):
        return f"{name}.__init__", os.path.join(path, "__init__.py")
    raise LookupError(f"{path}.py does not exist")


def _slim(path: str) -> str:
    """The text of a file without its documentation, and without what only a type checker imports."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = _IN_A_COLLECTION.sub(_PACKAGE, _DOCUMENTATION.sub("", text))
    text = _DOCSTRING.sub(lambda found: f"{found['inside']}pass\n" if found["inside"] else "", text)
    text = _FOR_TYPES_ALONE.sub("if TYPE_CHECKING:\n    pass\n", text)
    return text.replace("\nfrom typing import TYPE_CHECKING\n", "\nTYPE_CHECKING = False\n")


def _interpreter(action: Any, variables: Mapping[str, Any], constants: Any) -> list[str]:
    """The Pythons of the host to be tried, in that order, as Ansible's own settings have it; each may have options."""
    given = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
    python = str(action._templar.template(given) or "").strip()
    if python not in _SEARCHED:
        return [python]
    known = (variables.get("ansible_facts") or {}).get("discovered_interpreter_python")
    if known:
        return [str(known)]
    return [*constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK", variables=variables), *_MORE]


_MORE = ("python3", "/usr/libexec/platform-python")
"""Where a Python may be that Ansible does not look for."""


def _wanted(pythons: list[str]) -> str:
    """What is looked for, for people and for the shell."""
    return re.sub(r"[^\w./+-]", "?", pythons[0]) if len(pythons) == 1 else "python3"


def _command(pythons: list[str], path: str | None) -> str:
    """The command that starts the first of these Pythons that the host has. ``path``: the PATH of the task."""
    candidates = " ".join(map(_word, pythons))
    text = _START.format(candidates=candidates, boot=shlex.quote(_BOOT), wanted=_wanted(pythons))
    return text if path is None else f"PATH={shlex.quote(path)}; export PATH; {text}"


def _word(python: str) -> str:
    """An interpreter as one word of the shell, in which ``~/`` and ``$`` keep their meaning, as Ansible has it."""
    return '"' + re.sub(r'([\\"`])', r"\\\1", re.sub("^~/", "$HOME/", python)) + '"'


def _result(
    done: Mapping[str, Any], mark: str, pythons: list[str], warn: Callable[[str], object], kinds: Mapping[str, Any]
) -> dict[str, Any]:
    """The result of a module from what its program printed, or why it printed none."""
    output, errors = str(done.get("stdout", "")), str(done.get("stderr", ""))
    _, found, after = output.rpartition(mark)
    try:
        result = json.loads(after.partition("\n")[0]) if found else None
    except (ValueError, RecursionError):
        result = None
    if not isinstance(result, dict):
        answer = {"failed": True, "msg": _why_none(errors, pythons), "rc": done.get("rc")}
        return answers.taken({**answer, "module_stdout": output, "module_stderr": errors}, {}, warn)
    return answers.taken(result, kinds, warn, has_failed=done.get("rc") != 0)


def _why_none(errors: str, pythons: list[str]) -> str:
    """Why a program gave no answer, from what the host wrote to its standard error."""
    name = printable(pythons[0]) if len(pythons) == 1 else "python3"
    if f"{_wanted(pythons)}: not found\n" in errors:
        return f"{name} was not found on the host. Install it, or name a Python in ansible_python_interpreter."
    old = _TOO_OLD.search(errors)
    if old is not None:
        return (
            f"{name} of the host is Python {old[1]}, and Python 3.9 or newer is needed. Install it, or name such a "
            "Python in ansible_python_interpreter."
        )
    return "MODULE FAILURE: the program on the host ended without an answer."
