"""What is taken of a host's answer: the keys that a module of ours gives, each of its kind, and nothing else.

Ansible acts on many keys of a result: ``ansible_facts`` replaces variables, ``add_host`` adds to the inventory,
``unreachable`` ends a host. A host that lies must reach none of them.

A *kind* is what a value may be:

* ``bool``, ``int``, ``str`` (taken as it is); :data:`SHOWN`, a text for people, which cannot control a terminal;
* a text or None: that value alone; a tuple: one of these kinds;
* ``[kind]``: a list; ``{str: kind}``: a mapping with any texts as keys;
* ``{"name": kind, "name?": kind}``: a mapping with these keys, of which the second may be missing. Others are dropped.

Runs on the controller, inside an action of a role. Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOWN = "a text for people"
"""The kind of a text that is shown."""
MOST_SHOWN = 200_000
"""Characters of such a text."""
MOST_WARNINGS = 50
"""Warnings of one answer that are shown."""
MOST_WARNED = 2_000
"""Characters of one warning."""
_ALWAYS: dict[str, Any] = {
    "changed?": bool,
    "msg?": SHOWN,
    "rc?": int,
    "module_stdout?": SHOWN,
    "module_stderr?": SHOWN,
}
"""What every answer may have; the last three are of one that was none."""


class OddAnswerError(Exception):
    """A value is of another kind than a module gives; the text is the name of its key."""


def taken(
    answer: Mapping[str, Any],
    kinds: Mapping[str, Any],
    warn: Callable[[str], object],
    *,
    has_failed: bool = False,
) -> dict[str, Any]:
    """What an answer has of these keys; a failed result where one of them is missing or of another kind.

    Args:
        answer: the result of a module, as it came.
        kinds: by key, what the module gives when it succeeds; see the head of this file.
        warn: shows a warning; it is called for those of the answer.
        has_failed: the module is known to have failed, whatever its answer says.
    """
    warn_of(answer.get("warnings"), warn)
    if not (has_failed or answer.get("failed")):
        try:
            found: dict[str, Any] = _taken(answer, {**_ALWAYS, **kinds}, "it")
        except OddAnswerError as odd:
            return refused(str(odd))
        return {"changed": False, **found}
    found = {}
    for name, kind in {**_ALWAYS, **kinds}.items():
        key = name.rstrip("?")
        with suppress(OddAnswerError):  # it has failed in any case
            found.update(_taken(answer, {f"{key}?": kind}, "it"))
    message = found.get("msg") or "The module failed on the host, and gave no reason."
    return {"changed": False, **found, "failed": True, "msg": message}


def refused(what: str) -> dict[str, Any]:
    """The result where an answer is not what the module gives. ``what``: what is wrong, such as the name of a key."""
    message = (
        f"The host gave an answer that no module of this role gives: {what} is missing, or is not what it has to be. "
        "What was done there is not known. Check the host's python3 and run again."
    )
    return {"failed": True, "changed": False, "msg": message}


def _taken(value: Any, kind: Any, name: str) -> Any:
    """A value of this kind.

    Raises:
        OddAnswerError: it is of another kind.
    """
    if isinstance(kind, tuple):
        for each in kind:
            with suppress(OddAnswerError):
                return _taken(value, each, name)
    elif kind is SHOWN:
        if isinstance(value, str):
            return shown(value)
    elif kind is None or isinstance(kind, str):
        if value == kind and isinstance(value, (str, type(None))):
            return kind
    elif isinstance(kind, type):
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
    elif isinstance(kind, list):
        if isinstance(value, (list, tuple)):
            return [_taken(each, kind[0], name) for each in value]
    elif isinstance(value, dict):
        if str in kind:
            return {_taken(key, str, name): _taken(each, kind[str], name) for key, each in value.items()}
        keys = {each.rstrip("?"): each for each in kind}
        for key, each in keys.items():
            if key == each and key not in value:
                raise OddAnswerError(key)
        return {key: _taken(value[key], kind[each], key) for key, each in keys.items() if key in value}
    raise OddAnswerError(name)


def shown(text: str, most: int = MOST_SHOWN) -> str:
    """A host's text for people: no character of it controls a terminal, and it is not longer than ``most``."""
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]} … {text[-half:]}"
    return re.sub(r"[^\n\t]+", lambda found: printable(found[0]), text)


def warn_of(warnings: Any, warn: Callable[[str], object]) -> None:
    """Show the warnings of an answer; what is no text there is none."""
    texts = list(filter(None, map(_text, warnings))) if isinstance(warnings, (list, tuple)) else []
    for text in texts[:MOST_WARNINGS]:
        warn(shown(text, MOST_WARNED))
    if len(texts) > MOST_WARNINGS:
        warn(f"The host gave {len(texts) - MOST_WARNINGS} more warnings, which are not shown.")


def _text(warning: Any) -> str:
    """The text of one; from ansible-core 2.19 on it may be a ``WarningSummary``, which has it inside."""
    for _ in range(3):
        if isinstance(warning, str):
            return warning
        inner = getattr(warning, "event", None) or getattr(warning, "details", None)
        warning = getattr(warning, "msg", None) or (inner[0] if isinstance(inner, (list, tuple)) and inner else inner)
    return warning if isinstance(warning, str) else ""
