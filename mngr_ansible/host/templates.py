"""The ``.sh`` files of this folder as templates.

In them ``@NAME@`` stands for a value, and a line ``: @NAME@`` for lines of script, so that every template is a script
that shellcheck can read. Comments are not sent to a host.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.sh import without_comments

_PLACEHOLDER = regex(r"(?:: )?@([A-Z_]+)@")


def render(name: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled in. Values are shell text; the caller has quoted what must be quoted.

    The text is searched once, so a value may itself look like a placeholder.
    """
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text(name))


@cache
def text(name: str) -> str:
    """A template without its comments."""
    return without_comments(Path(__file__).with_name(name).read_text(encoding="utf-8"))
