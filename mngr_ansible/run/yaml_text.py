"""Plays and tasks → YAML text as people write it: keys in their order, lists indented, long scripts as blocks. Pure.

Text is data: where Ansible would take it for a template, it gets the tag ``!unsafe``. What is meant as a template is a
:class:`Template`. Source: Ansible's documentation, "Advanced playbook syntax"; ansible-lint, rule ``yaml``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mngr_ansible.portable.regular_expressions import regex

_MARKERS = regex(r"\{[{%#]")
"""The beginnings of what Jinja evaluates."""

_WIDTH = 110
_LONG_TEMPLATE = 80
_TEXT, _UNSAFE = "tag:yaml.org,2002:str", "!unsafe"


class Template(str):
    """Text that Ansible is to evaluate, such as ``{{ item.path }}``; never with words of a plugin or a host in it."""

    __slots__ = ()


def document(plays: Sequence[Mapping[str, Any]], *, are_tasks: bool = False) -> str:
    """The text of a playbook, or of a file of tasks.

    Args:
        plays: mappings whose values are texts, numbers, truth values, lists and mappings.
        are_tasks: they are tasks.

    Returns:
        YAML without its first line ``---``; a blank line stands before each task, to be read by people.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Indents lists below their key."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        is_data = not isinstance(value, Template) and _MARKERS.search(value) is not None
        return dumper.represent_scalar(_UNSAFE if is_data else _TEXT, str(value), style=_style(value, is_data=is_data))

    Dumper.add_representer(str, text)
    Dumper.add_representer(Template, text)
    written: str = yaml.dump(
        list(plays), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )
    if are_tasks:
        return re.sub(r"(?m)^(?=- name: )", "\n", written)
    return re.sub(r"(?m)^(?=    - name: )", "\n", written).replace("tasks:\n\n", "tasks:\n")


def _style(value: str, *, is_data: bool) -> str | None:
    """How a text is written: a script as a block, a long template folded, what needs quotes in double ones."""
    is_simple = value.isascii() and value.isprintable()
    lines = value.split("\n")
    if len(lines) > 1 and value.strip() and all(line.isascii() and line.isprintable() for line in lines):
        return '"' if any(line.endswith(" ") for line in lines) else "|"
    if not value.isprintable():
        return '"'
    if isinstance(value, Template) and is_simple and len(value) > _LONG_TEMPLATE:
        return ">"
    needs_quotes = is_data or isinstance(value, Template) or re.fullmatch(r"[0-9]+", value)
    return ('"' if is_simple and not re.search(r'["\\]', value) else "'") if needs_quotes else None
