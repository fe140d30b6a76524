"""Whether a program that failed when it was asked for its version can start at all, and if not, what it says.

Shared with the roles (Python 3.9, standard library only). Many programs fail because they do not know ``--version``:
those are installed and work. A program whose interpreter, library, module or platform package is missing is not.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED_TO_START = ("126", "127")
"""Exit statuses of a shell for what it cannot run. Source: POSIX, "2.8.2 Exit Status for Commands"."""

_CRASHES = ("SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGSYS")
_BY_STATUS = {str(128 + getattr(signal, name)): name for name in _CRASHES if hasattr(signal, name)}

_CANNOT_START = regex(
    r"Traceback \(most recent call last\)|cannot find module|no module named|missing optional dependency"
    r"|error while loading shared libraries|undefined symbol|symbol not found|GLIBC(?:XX)?_[0-9]|Exec format error"
    r"|bad interpreter|LoadError|cannot load such file|can't locate \S+ in @INC|library not loaded"
    r"|could not find or load main class|UnsupportedClassVersionError|NoClassDefFoundError|unable to access jarfile"
    r"|Segmentation fault|Illegal instruction|\Apanic:"
    r"|^(?:Uncaught )?(?:Type|Reference|Range|Syntax|Runtime|Attribute|Import|ModuleNotFound)Error\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What interpreters and the loader of the system say."""
_UNKNOWN_OPTION = regex(
    r"\busage\b|--help|--?version\b|'-'|-- ?-"
    r"|\b(?:unknown|unrecogni[sz]ed|invalid|illegal|unsupported|unexpected|bad|no such|not recogni[sz]ed)\b.{0,20}"
    r"\b(?:option|flag|argument|switch|parameter|operand|(?:sub)?command|action)"
    r"|\b(?:missing|required|needs?|requires?|no)\b.{0,20}\b(?:option|flag|argument|parameter|operand|(?:sub)?command)"
    r"|\b(?:option|flag|argument|switch|parameter|(?:sub)?command)\b.{0,60}"
    r"\b(?:unknown|unrecogni[sz]ed|invalid|illegal|unsupported|not (?:recogni[sz]ed|supported|defined))",
    re.IGNORECASE,
)
"""What programs say that do not know the option. Source: what some hundred programs of Debian answer."""
_FAILS = regex(
    r"\b(?:cannot|could not|can't|unable to|failed to)\s+(?:find|load|open|locate|import|exec\w*|start|run|choose)\b"
    r"|\bnot (?:be )?(?:found|installed|loaded|set|defined)\b|\bno such file\b|\bno version is set\b"
    r"|\bto be installed\b"
    r"|\bmissing (?:\w+ )?(?:module|librar|dependenc|package|component|runtime)|\bmust (?:be )?install|\breinstall\b"
    r"|\brequires?\b",
    re.IGNORECASE,
)
"""What other programs say when something that they need is missing."""
_STARTS = regex(
    r"\b(?:root|superuser|sudo|permission|privileges?|not permitted|terminal|tty|display|connect\w*|daemon|server"
    r"|config\w*|parent director\w*|repository|project|workspace|log ?in|logged in|credentials?|token)\b"
    r"|\.(?:conf|ya?ml|toml|json|ini|cfg)\b",
    re.IGNORECASE,
)
"""What a program says that runs, but not for this user, in this place, without a terminal, or without its service."""
_NO_INTERPRETER = regex(r"\Atimeout: .*No such file or directory.*")
_THERE_IS_NONE = "the interpreter that its first line names, or its loader, is missing"
_TELLS_MOST = (
    regex(r"\A(?:Uncaught )?(?:\w+\.)*\w*(?:Error|Exception|Fault)\b(?: \[\w+\])?:"),
    regex(r"\berror\b|\bnot found\b|\bmissing\b", re.IGNORECASE),
)


def why_it_does_not_start(status: str, text: Sequence[str], errors: Sequence[str]) -> str:
    """The line with which a program says why it cannot start; empty if it starts.

    Args:
        status: its exit status.
        text: the lines of its standard output.
        errors: the lines of its standard error; a traceback may end with its last one.
    """
    lines = [_NO_INTERPRETER.sub(_THERE_IS_NONE, line.strip()) for line in (*errors, *text) if line.strip()]
    printed = "\n".join(lines)
    if status in _BY_STATUS:
        return next(iter(lines), "") or f"it is ended by {_BY_STATUS[status]}"
    if status in FAILED_TO_START:
        return "" if "applet not found" in printed else _line(lines) or f"exit status {status}"
    if _CANNOT_START.search(printed):
        return _line(lines)
    if _UNKNOWN_OPTION.search(printed) or _STARTS.search(printed) or not _FAILS.search(printed):
        return ""
    return _line(lines)


def _line(lines: Sequence[str]) -> str:
    """The line that tells most: the last one of a traceback, else the first that speaks of an error, else the first."""
    if any("Traceback (most recent call last)" in line for line in lines):
        return lines[-1]
    telling = [line for pattern in _TELLS_MOST for line in lines if pattern.search(line)]
    return next(iter([*telling, *lines]), "")
