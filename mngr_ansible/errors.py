"""Every error of this package: a problem and a remedy. Users are shown nothing else.

::

    MngrAnsibleError            we could not do our job
    ├── UsageError              the command line itself is wrong (exit code 64)
    ├── InputError              a manifest, the settings or an argument of the API is wrong
    ├── PluginError             a hook of a plugin is faulty, or failed
    ├── PreconditionError       a plugin stopped provisioning in ``on_before_agent_provisioning``
    ├── MissingFilesError       required local files are missing, or cannot be sent
    ├── ConflictError           the needs of two plugins contradict each other
    ├── HostError               a host does not answer, or gives an answer that cannot be used
    ├── RunError                Ansible could not be started, or broke
    └── ErrorGroup              several of them
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

RUN_AGAIN = "Run the same command again. Finished steps are skipped."
"""The remedy for every run that was cut off."""


def without_init(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An exception as ``pickle`` and ``copy`` begin it; they set its attributes afterwards."""
    return kind.__new__(kind, *args)


class MngrAnsibleError(Exception):
    """A problem and a remedy.

    Attributes:
        problem: what is wrong, in one line or with an indented list below it.
        remedy: what to do about it, in whole sentences.
        host: the host it is about, as the user typed it; None where no host is concerned.
        own: words of the problem that are this host's own, such as its user and its address.
    """

    exit_code = 1
    own: tuple[str, ...] = ()

    def __init__(self, problem: str, *, remedy: str, host: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.host = host

    @property
    def alike(self) -> str:
        """The problem without what is the host's own: the same for several hosts that have the same problem."""
        import re

        words = sorted({each for each in (self.host, *self.own) if each}, key=len, reverse=True)
        if not words:
            return self.problem
        return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", "…", self.problem)

    def __str__(self) -> str:
        """``host: problem``, then the remedy on lines of its own."""
        place = f"{self.host}: " if self.host else ""
        return f"{place}{self.problem}\n{self.remedy}"

    def __reduce__(self) -> tuple[Any, ...]:
        """For ``pickle`` and ``copy``: made without ``__init__``, which differs between the classes."""
        return without_init, (type(self), self.args), vars(self)


class UsageError(MngrAnsibleError):
    """The command line itself is wrong: an unknown option, or a value that does not parse."""

    exit_code = 64


class InputError(MngrAnsibleError):
    """A manifest, the settings or an argument of the API has a wrong key, type or value."""


class PluginError(MngrAnsibleError):
    """A hook of a plugin has a wrong argument, raises, or returns something that is not a specification."""


class PreconditionError(MngrAnsibleError):
    """One or more plugins raised in ``on_before_agent_provisioning``; the message holds all their messages."""


class MissingFilesError(MngrAnsibleError):
    """Required local files are missing, or are something that cannot be sent."""


class ConflictError(MngrAnsibleError):
    """The needs of two plugins contradict each other; the message names both plugins."""


class HostError(MngrAnsibleError):
    """A host does not answer, refuses the connection, or gives an answer that cannot be read."""


class RunError(MngrAnsibleError):
    """Ansible could not be run to its end."""


class ErrorGroup(MngrAnsibleError):
    """Several errors at once.

    Attributes:
        errors: the errors, in the order in which they were found; never empty.
    """

    def __init__(self, errors: Sequence[MngrAnsibleError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors), remedy="")
        self.exit_code = max(error.exit_code for error in errors)


class _PluginMngrError(Exception):
    """Raised by a plugin when a precondition is not met, where mngr is not installed.

    Its ``str()``, ``user_help_text`` and ``exit_code`` are those of mngr's own class.
    """

    exit_code = 1
    user_help_text: str | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


if TYPE_CHECKING:
    PluginMngrError = _PluginMngrError
else:

    def __getattr__(name: str) -> Any:
        """``PluginMngrError``: mngr's own class when mngr is installed; importing it costs 0.3 s, so only when used."""
        if name != "PluginMngrError":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        try:
            found: type[Exception] = importlib.import_module("imbue.mngr.errors").PluginMngrError
        except ImportError:
            _PluginMngrError.__name__ = _PluginMngrError.__qualname__ = "PluginMngrError"
            found = _PluginMngrError
        globals()[name] = found
        return found
