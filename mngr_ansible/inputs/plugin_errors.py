"""How an exception of a plugin is shown to people, and what they can do about it."""

from collections.abc import Callable
from typing import Any

from mngr_ansible.portable.text import printable
from mngr_ansible.system.signals import Terminated

TRACEBACK = "-v shows the traceback."
"""For the remedy of an error of which a plugin's exception is the cause (``__cause__``)."""

_LONGEST = 2000
"""Characters of an exception that are shown; ``-v`` shows all."""


def is_of_plugin(error: BaseException) -> bool:
    """Whether what came out of a plugin's code is an exception of the plugin, and not a signal that came meanwhile."""
    return not isinstance(error, (KeyboardInterrupt, Terminated))


def exception_message(error: BaseException) -> str:
    """An exception in one line; the class is shown only for those that were not written for people."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - it is the plugin's own code, too
        text = ""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return text if text and is_meant_for_people(error) else f"{type(error).__name__}: {text}".rstrip(": ")


def exception_remedy(error: BaseException) -> str:
    """The help text that mngr's errors carry (``user_help_text``); empty for other exceptions."""
    return str(getattr(error, "user_help_text", None) or "")


def located(error: BaseException, module: str) -> str:
    """:func:`exception_message`, and in which file and line of the plugin it was raised, if it is a mistake there.

    ``module``: the name of the plugin's module.
    """
    message = exception_message(error)
    if is_meant_for_people(error):
        return message
    place = raised_at(error, module)
    is_in_message = isinstance(error, SyntaxError) and error.filename is not None
    return f"{message} ({place})" if place and not is_in_message else message


def raised_at(error: BaseException, module: str) -> str:
    """``FILE:LINE`` of the deepest call in the package of ``module``, else of the deepest call that has a file."""
    package, dot, _ = module.rpartition(".")
    import traceback

    frames = list(traceback.walk_tb(error.__traceback__))
    names = [str(frame.f_globals.get("__name__", "")) for frame, _ in frames]
    own = [
        each
        for each, name in zip(frames, names, strict=True)
        if name == module or (dot and (name == package or name.startswith(f"{package}.")))
    ]
    ours = __name__.partition(".")[0]
    others = [
        each
        for each, name in zip(frames, names, strict=True)
        if name.partition(".")[0] not in (ours, "importlib") and each[0].f_code.co_filename.startswith("/")
    ]
    for frame, line in reversed(own or others):
        return f"{printable(frame.f_code.co_filename)}:{line}"
    return ""


def module_of(function: Callable[..., Any]) -> str:
    """The name of the module in which a function was written."""
    return str(getattr(function, "__module__", None) or "")


def fix_or_disable(plugin: str, *, is_in_mngr: bool) -> str:
    """The remedy for a plugin with a mistake. ``is_in_mngr``: mngr chose the plugins, so mngr can disable it."""
    if is_in_mngr:
        return f"Fix the plugin '{plugin}' or disable it: mngr plugin disable {plugin}."
    return f"Fix the plugin '{plugin}', or leave it out."


def is_meant_for_people(error: BaseException) -> bool:
    """Whether an exception's text was written for users: it is mngr's, click's or ours."""
    names = {base.__name__ for base in type(error).__mro__}
    return hasattr(error, "user_help_text") or bool(names & {"ClickException", "MngrAnsibleError"})
