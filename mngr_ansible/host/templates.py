"""The ``.sh`` files of this folder as templates.

In them ``@NAME@`` stands for a value, and a line ``#@NAME@`` for lines of script, so that every template is a script
that shellcheck can read. Comments and empty lines are not sent to a host.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PLACEHOLDER = re.compile(r"#?@([A-Z_]+)@")
_COMMENT_OR_EMPTY = re.compile(r"\s*(#(?!@).*)?")


def render(name: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled in. Values are shell text: whoever gives them has quoted them.

    The text is searched once, so a value may itself look like a placeholder.
    """
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text(name))


@cache
def text(name: str) -> str:
    """A template as it is sent: without comments and empty lines."""
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not _COMMENT_OR_EMPTY.fullmatch(line.rstrip("\n")))
