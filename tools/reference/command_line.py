"""The page of the command line, from its parser and its examples."""

import argparse
import re
from collections.abc import Iterator

from mngr_ansible.cli.examples import examples
from mngr_ansible.cli.options import GROUPS, VERBS
from mngr_ansible.cli.parser import parser
from tools.reference.markdown import block, code, head, table


def page() -> str:
    """Every verb with its usage, its options and its examples."""
    top = parser()
    lines = head(
        "Command line",
        "`mngr_ansible/cli/`",
        _text(top.description or ""),
        "`mngr-ansible VERB --help` says the same. Topics that concern several verbs: "
        "[exit codes](../help/exit-codes.md), [environment variables](../help/environment.md), "
        "[JSON](../help/json.md). Inside mngr: [mngr ansible](mngr.md).",
    )
    for title, names in GROUPS.items():
        rows = ((f"[{code(name)}](#{name})", _text(VERBS[name][0])) for name in names)
        lines += [f"**{title.capitalize()}**", "", *table(("verb", "what it does"), rows)]
    for name in (each for names in GROUPS.values() for each in names):
        verb = top.verbs[name]
        lines += [f"## {name}", "", _text(verb.description or ""), "", *block(_usage(verb))]
        lines += block("\n".join(examples(name)), "sh") if examples(name) else []
        for group in verb._action_groups:  # noqa: SLF001 - argparse has no public name for what help is made of
            lines += _group(group)
    return "\n".join(lines).rstrip() + "\n"


def _usage(verb: argparse.ArgumentParser) -> str:
    return verb.format_usage().removeprefix("usage: ")


def _group(group: argparse._ArgumentGroup) -> list[str]:
    is_plain = group.title in ("options", "positional arguments")
    rows = table(("option" if group.title != "positional arguments" else "argument", "what it does"), _rows(group))
    return [*([] if is_plain else [f"**{(group.title or '').capitalize()}**", ""]), *rows] if rows else []


def _rows(group: argparse._ArgumentGroup) -> Iterator[tuple[str, str]]:
    for action in group._group_actions:  # noqa: SLF001
        if action.help == argparse.SUPPRESS or action.dest == "help":
            continue
        names = ", ".join(code(each) for each in action.option_strings)
        value = _value(action)
        yield f"{names} {code(value) if value else ''}".strip(), _text((action.help or "") % vars(action))


def _value(action: argparse.Action) -> str:
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return ""
    if action.metavar:
        return str(action.metavar)
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _text(text: str) -> str:
    """Help as Markdown: what Markdown would take for markup is code."""
    return re.sub(r"(?<![\w`])(--?[a-zA-Z][\w-]*|[\w./]*\*[\w./]*)", r"`\1`", " ".join(text.split()))
