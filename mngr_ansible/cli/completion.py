"""Completion in bash, zsh and fish, through argcomplete: the shell runs the command itself to ask what can follow.

``completion SHELL`` prints what makes a shell do so. Verbs and options come from the parser; here is what their values
can be. Nothing is changed, no host is contacted, and no program is started.
"""

import argparse
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from mngr_ansible.cli.parser import CommandParser, parser
from mngr_ansible.system.homes import expanded

_LARGEST = 4 << 20
"""Bytes of a file of ssh's that are read."""

_MOST_INCLUDED = 100
"""Files of ssh's configuration that are read."""

_DESCRIBED = '        _describe "${words[1]}" completions'
"""The line of zsh's code that shows what can follow. Source: argcomplete 3, ``shell_integration``."""

_WITHOUT_EMPTY = '        completions=("${completions[@]%:}")'
"""What has no description gets no ``--`` in zsh: the colon goes that would begin one."""

type _Completer = Callable[..., Iterable[str] | Mapping[str, str]]


def shell_code(shell: str) -> str:
    """What a shell has to evaluate, so that it completes ``mngr-ansible``."""
    from argcomplete.shell_integration import shellcode

    code = shellcode(["mngr-ansible"], shell=shell).strip("\n")
    return code.replace(_DESCRIBED, f"{_WITHOUT_EMPTY}\n{_DESCRIBED}", 1)


def complete() -> NoReturn:
    """Answer the shell that asks, and end the process."""
    from argcomplete.completers import SuppressCompleter
    from argcomplete.finders import CompletionFinder

    class Finder(CompletionFinder):
        def quote_completions(
            self, completions: list[str], cword_prequote: str, last_wordbreak_pos: int | None
        ) -> list[str]:
            """As argcomplete's, but each has a description, which may be empty; and bash leaves an ``@`` at which it
            breaks words in the word that it completes. Source: readline(3), ``rl_special_prefixes``."""
            for each in completions:  # of --option=VALUE, whose description is that of VALUE
                own = self._display_completions.get(each.partition("=")[2]) or ""
                self._display_completions.setdefault(each, own)
            at = last_wordbreak_pos
            if at is not None and all(each[at : at + 1] == "@" for each in completions):
                at -= 1
            quoted: list[str] = super().quote_completions(completions, cword_prequote, at)
            return quoted

    Finder()(with_completers(), always_complete_options=False, default_completer=SuppressCompleter())
    raise SystemExit(0)


def with_completers() -> CommandParser:
    """The parser for what was typed; each of its actions with what completes its value."""
    words = os.environ.get("COMP_LINE", "").split()
    found = parser(words[1] if len(words) > 1 else "")
    for verb, each in found.verbs.items():
        for action in each._actions:  # noqa: SLF001 - argparse has no public name
            for key in completers(verb, action)[:1]:
                action.completer = _COMPLETERS[key]  # type: ignore[attr-defined]
    return found


def completers(verb: str, action: argparse.Action) -> list[str]:
    """The keys of what completes the value of an option or word: the verb's own first."""
    name = next((each for each in action.option_strings if each.startswith("--")), str(action.dest))
    return [key for key in (f"{verb} {name}", name) if key in _COMPLETERS]


def _nothing(**_: Any) -> Iterable[str]:
    return ()


def _files(prefix: str, **_: Any) -> Iterator[str]:
    """Files and directories, as the shell itself would offer them; ``~/`` stays as it was written."""
    return _paths(prefix, is_wanted=lambda _entry: True)


def _directories(prefix: str, **_: Any) -> Iterator[str]:
    return _paths(prefix, is_wanted=lambda entry: entry.is_dir())


def _paths(prefix: str, is_wanted: Callable[["os.DirEntry[str]"], bool]) -> Iterator[str]:
    above, slash, start = prefix.rpartition("/")
    directory = os.path.expanduser(f"{above}{slash}") or "."  # noqa: PTH111 - text in, text out
    try:
        with os.scandir(directory) as entries:
            found = sorted(entries, key=lambda each: each.name)
    except OSError:
        return
    for entry in found:
        is_hidden = entry.name.startswith(".") and not start.startswith(".")
        # A shell reads one name a line, as UTF-8; a name that no line can hold would become another file's.
        if entry.name.startswith(start) and entry.name.isprintable() and not is_hidden and is_wanted(entry):
            yield f"{above}{slash}{entry.name}{'/' if entry.is_dir() else ''}"


def _tools(**_: Any) -> Mapping[str, str]:
    """The catalog's tools, each with what it is."""
    from mngr_ansible.catalog.lookup import find_tool, tool_names

    found = {name: find_tool(name) for name in tool_names()}
    return {name: tool.summary for name, tool in found.items() if tool is not None}


def _topics(**_: Any) -> Mapping[str, str]:
    from mngr_ansible.cli.options import VERBS
    from mngr_ansible.cli.topics import title, topics

    return {
        **{name: title(page) for name, page in topics().items()},
        **{name: does for name, (does, _) in VERBS.items()},
    }


def _plugins(**_: Any) -> Iterable[str]:
    from importlib.metadata import entry_points

    return sorted(entry.name for entry in entry_points(group="mngr") if entry.name != "ansible")


def _plugins_or_all(**_: Any) -> Iterable[str]:
    return [*_plugins(), "all"]


def _systems(**_: Any) -> Iterable[str]:
    from mngr_ansible.provisioning.for_distro import SYSTEMS

    return SYSTEMS


def _hosts(prefix: str, **_: Any) -> Iterable[str]:
    """The hosts that ssh knows by name, after the user that was written before them."""
    user, at, _start = prefix.rpartition("@")
    return [f"{user}{at}{each}" for each in known_hosts(expanded("~/.ssh"))]


_COMPLETERS: Mapping[str, _Completer] = {
    "--manifest": _files,
    "--file": _files,
    "--package": _tools,
    "--plugin": _plugins_or_all,
    "init --plugin": _nothing,
    "inventory --host": _nothing,
    "--playbook": _files,
    "--host": _hosts,
    "bootstrap hosts": _hosts,
    "--key": _files,
    "--known-hosts": _files,
    "--work-dir": _directories,
    "--inventory": _files,
    "--for": _systems,
    "--report": _files,
    "--junit": _files,
    "render directory": _directories,
    "catalog tool": _tools,
    "--copy": _directories,
    "--collection": _directories,
    "init file": _files,
    "check files": _files,
    "check-plugin plugin": _plugins,
    "help topic": _topics,
}
"""Option, or verb and option or word → what completes its value. What is not here has no value that could be known."""


def known_hosts(directory: Path) -> tuple[str, ...]:
    """The hosts of ``config`` and ``known_hosts`` in a user's ``.ssh``, as ``--host`` takes them.

    Patterns, hashed names and revoked keys are left out. What cannot be read is left out too: nobody wants an error
    while typing. Source: ssh_config(5), "Host" and "Include"; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
    """
    found = [*_of_config(directory / "config", directory, set()), *_of_known_hosts(_lines(directory / "known_hosts"))]
    return tuple(sorted(set(found)))


def _of_config(file: Path, directory: Path, read: set[Path]) -> Iterator[str]:
    if file in read or len(read) >= _MOST_INCLUDED:
        return
    read.add(file)
    for line in _lines(file):
        key, _, value = re.sub(r"\s*=\s*|\s+", " ", line.strip(), count=1).partition(" ")
        words = value.replace('"', " ").split()
        if key.lower() == "host":
            yield from (each for each in words if not re.search(r"[*?!]", each))
        elif key.lower() == "include":
            for word in words:
                pattern = os.path.expanduser(word)  # noqa: PTH111 - a pattern
                yield from _of_included(pattern, directory, read)


def _of_included(pattern: str, directory: Path, read: set[Path]) -> Iterator[str]:
    import glob

    for each in sorted(glob.glob(os.path.join(directory, pattern)))[:_MOST_INCLUDED]:  # noqa: PTH118, PTH207 - or absolute
        yield from _of_config(Path(each), directory, read)


def _of_known_hosts(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        words = line.split()
        if len(words) < 3 or words[0].startswith(("#", "@", "|")):
            continue
        for each in words[0].split(","):
            if not re.search(r"[*?!]", each):
                port = re.fullmatch(r"\[([^\]:]+)\]:(\d+)", each)
                yield f"{port[1]}:{port[2]}" if port else each


def _lines(file: Path) -> list[str]:
    """The lines of a regular file; none of what is something else, such as a fifo, which could be silent for ever."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return []
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_LARGEST).splitlines()
    except OSError:
        return []
