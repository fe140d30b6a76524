"""Every error of this package. Each one is a problem and a remedy; users never see anything else.

::

    MngrAnsibleError            we could not do our job
    ├── UsageError              what the command line itself says wrongly (exit code 64)
    ├── InputError              what a manifest, the settings or a caller says wrongly
    ├── PluginError             what a plugin's hook says or does wrongly
    ├── PreconditionError       a plugin's ``on_before_agent_provisioning`` refused
    ├── MissingFilesError       required local files are not there, or cannot be sent
    ├── ConflictError           two plugins want what cannot both be had
    ├── HostError               a host does not answer, or answers nonsense
    └── RunError                Ansible could not be run, or was stopped
"""

import importlib
from collections.abc import Sequence
from typing import Any


class MngrAnsibleError(Exception):
    """A problem and a remedy.

    Attributes:
        problem: what is wrong, in one line or with an indented list below it.
        remedy: what to do about it, in whole sentences.
        host: the host it is about, as the user typed it; None where no host is concerned.
    """

    exit_code = 1

    def __init__(self, problem: str, *, remedy: str, host: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.host = host

    def __str__(self) -> str:
        """``host: problem``, then the remedy on lines of its own."""
        place = f"{self.host}: " if self.host else ""
        return f"{place}{self.problem}\n{self.remedy}"


class UsageError(MngrAnsibleError):
    """The command line itself is wrong: an unknown option, or a value that does not parse."""

    exit_code = 64


class InputError(MngrAnsibleError):
    """A manifest, the settings or a caller of the API says something that is not allowed."""


class PluginError(MngrAnsibleError):
    """A plugin's hook has a wrong argument, raises, or returns what is not a specification."""


class PreconditionError(MngrAnsibleError):
    """One or more plugins' ``on_before_agent_provisioning`` refused; all their messages together."""


class MissingFilesError(MngrAnsibleError):
    """Required local files are missing, or are something that cannot be sent."""


class ConflictError(MngrAnsibleError):
    """Two plugins want what cannot both be had; the message names both."""


class HostError(MngrAnsibleError):
    """A host does not answer, refuses us, or answers what we cannot read."""


class RunError(MngrAnsibleError):
    """Ansible could not be run to its end."""


class ErrorGroup(MngrAnsibleError):
    """Several errors at once, for the one who can show them all.

    Attributes:
        errors: the errors, in the order in which they were found; never empty.
    """

    def __init__(self, errors: Sequence[MngrAnsibleError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors), remedy="")
        self.exit_code = max(error.exit_code for error in errors)


class _PluginMngrError(Exception):
    """What a plugin raises when a precondition is not met, where mngr is not installed.

    Its ``str()``, ``user_help_text`` and ``exit_code`` are those of mngr's own class.
    """

    exit_code = 1
    user_help_text: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def __getattr__(name: str) -> Any:
    """``PluginMngrError``: mngr's own class when mngr is installed; importing it costs 0.3 s, so only when used."""
    if name != "PluginMngrError":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        found: type[Exception] = importlib.import_module("imbue.mngr.errors").PluginMngrError
    except ImportError:
        _PluginMngrError.__name__ = _PluginMngrError.__qualname__ = "PluginMngrError"
        found = _PluginMngrError
    globals()[name] = found
    return found
