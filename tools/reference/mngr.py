"""The page of the commands and options in mngr, from what the plugin registers there."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from mngr_ansible.mngr.commands import ansible
from mngr_ansible.mngr.plugin import register_cli_options
from tools.reference.markdown import code, head, table

_COMMON = "Common"
"""mngr's own options, which all its commands have."""
_COLUMNS = ("option", "what it does")


def page() -> str:
    """``mngr ansible …`` and the options of ``mngr create``."""
    lines = head(
        "Inside mngr",
        "`mngr_ansible/mngr/`",
        "What mngr-ansible adds to mngr. How it is used: [For users](../users.md). mngr's common options, such as "
        "`--format json`, work with every command and are not repeated here.",
        "## mngr create",
    )
    added = [
        (code(each.param_decls[0]), _text(each.help)) for each in (register_cli_options("create") or {})["Ansible"]
    ]
    lines += table(_COLUMNS, added)
    for name, command in ansible.commands.items():
        arguments = " ".join(_placeholder(each) for each in command.params if isinstance(each, click.Argument))
        lines += [f"## mngr ansible {name}", "", " ".join((command.help or "").split()), ""]
        lines += ["```text", f"mngr ansible {name} {arguments}".rstrip() + " [OPTIONS]", "```", ""]
        lines += table(_COLUMNS, _rows(command.params))
    return "\n".join(lines).rstrip() + "\n"


def _placeholder(argument: click.Argument) -> str:
    """As mngr shows it: ``AGENT``, ``[AGENT]…``."""
    return argument.make_metavar(click.Context(click.Command("")))


def _rows(parameters: Iterable[click.Parameter]) -> Iterator[tuple[str, str]]:
    for each in parameters:
        if isinstance(each, click.Option) and each.opts and _group(each) != _COMMON and not each.hidden:
            names = ", ".join(code(name) for name in (*each.opts, *each.secondary_opts))
            yield f"{names} {_value(each)}".strip(), _text(each.help)


def _group(option: Any) -> str:
    return option.group.name if getattr(option, "group", None) is not None else ""


def _value(option: click.Option) -> str:
    if option.is_flag or option.count:
        return ""
    choices = "{" + ",".join(option.type.choices) + "}" if isinstance(option.type, click.Choice) else ""
    return code(option.metavar or choices or option.type.name.upper())


def _text(help_text: str | None) -> str:
    text = " ".join((help_text or "").split())
    return text.replace("[repeatable]", "(repeatable)")
