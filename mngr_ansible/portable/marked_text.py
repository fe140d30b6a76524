"""A list as one text, which Ansible stores and hands on as it is, however many entries it has.

Shared with the roles (Python 3.9, standard library only). Ansible marks and copies every string of its variables:
10,000 entries cost it seconds and 150 MiB, one text next to nothing. The text has a canary, a string that would change
if Ansible took the text for a template: the mark ``__ansible_unsafe`` says that it is none. So an action that reads the
list fails before it changes anything, should a version of Ansible ever stop honouring the mark.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "mngr-json: "
"""What the text begins with; no requirement, path or address of a person does."""

CANARY = "{{ 7*7 }}"
"""A string that would change if it were evaluated as a template."""


def dump(entries: Sequence[Any]) -> str:
    """The list as one text, in ASCII; whoever writes it into a file marks it as ``__ansible_unsafe``."""
    return PREFIX + json.dumps({"canary": CANARY, "list": entries}, ensure_ascii=True, separators=(",", ":"))


def is_marked(value: object) -> bool:
    """Whether this is a text of :func:`dump`, also one that has changed since."""
    return isinstance(value, str) and value.startswith(PREFIX)


def load(value: Any) -> Any:
    """The list that a value stands for; an action calls it with what it takes, before anything else.

    A text of :func:`dump` becomes its list. In a list, texts of :func:`dump` and the lists beside them are joined, as
    ``[x] | flatten`` makes it. Any other value is returned as it is.

    Raises:
        ValueError: the text is not as :func:`dump` made it; what happened and what to do, to be put into a sentence.
    """
    if is_marked(value):
        return _read(value)
    if not isinstance(value, list) or not any(is_marked(each) for each in value):
        return value
    joined: list[Any] = []
    for each in value:
        if is_marked(each):
            joined += _read(each)
        elif isinstance(each, list):
            joined += each
        else:
            joined.append(each)
    return joined


def _read(text: str) -> list[Any]:
    try:
        read = json.loads(text[len(PREFIX) :])
    except ValueError:
        read = None
    if not isinstance(read, dict) or read.get("canary") != CANARY or not isinstance(read.get("list"), list):
        raise ValueError(
            "the data of this run did not arrive as it was sent, since something evaluated or changed it; use a "
            "version of ansible-core that is tested, and nothing that changes variables"
        )
    entries: list[Any] = read["list"]
    return entries
