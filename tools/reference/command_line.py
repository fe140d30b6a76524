"""The page of the command line, from its parser."""

import argparse
import re
from collections.abc import Iterator

from mngr_ansible.cli.parser import parser
from tools.reference.markdown import block, code, head, table

_COLUMNS = 100


def page() -> str:
    """Every verb with its usage and its options."""
    top = parser()
    lines = head(
        "Command line",
        "`mngr_ansible/cli/`",
        _sentence(top.description or ""),
        "`mngr-ansible VERB --help` says the same, `mngr-ansible help` more. Inside mngr most verbs are "
        "`mngr ansible VERB AGENT`: `mngr ansible VERB --help`.",
    )
    verbs = _verbs(top)
    lines += table(("verb", "what it does"), ((f"[{code(name)}](#{name})", _help(top, name)) for name in verbs))
    for name, verb in verbs.items():
        lines += [f"## {name}", "", _sentence(verb.description or ""), "", *block(_usage(verb))]
        for group in verb._action_groups:  # noqa: SLF001 - argparse has no other way
            lines += _group(group)
    return "\n".join([*lines, "## Exit codes", "", *_exit_codes(top)])


def _verbs(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return dict(_choices(top).choices)


def _choices(top: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return next(each for each in top._actions if isinstance(each, argparse._SubParsersAction))  # noqa: SLF001


def _help(top: argparse.ArgumentParser, name: str) -> str:
    found = next((each.help for each in _choices(top)._choices_actions if each.dest == name), "")  # noqa: SLF001
    return _text(found or "")


def _usage(verb: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(verb.prog, width=_COLUMNS)
    formatter.add_usage(verb.usage, verb._actions, verb._mutually_exclusive_groups, prefix="")  # noqa: SLF001
    return formatter.format_help()


def _group(group: argparse._ArgumentGroup) -> list[str]:
    rows = list(_rows(group))
    if not rows:
        return []
    is_plain = group.title in ("options", "positional arguments")
    title = [] if is_plain else [f"**{(group.title or '').capitalize()}**", ""]
    return [*title, *table(("option", "what it does"), rows)]


def _rows(group: argparse._ArgumentGroup) -> Iterator[tuple[str, str]]:
    for action in group._group_actions:  # noqa: SLF001
        if action.help == argparse.SUPPRESS or action.dest == "help":
            continue
        names = ", ".join(code(each) for each in action.option_strings)
        value = _value(action)
        yield " ".join(filter(None, (names, code(value) if value else ""))), _text((action.help or "") % vars(action))


def _value(action: argparse.Action) -> str:
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return ""
    if action.metavar:
        return str(action.metavar)
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _exit_codes(top: argparse.ArgumentParser) -> list[str]:
    """The rows of the epilog's list: ``exit codes: 0 done; 1 not done; …``."""
    found = re.search(r"exit codes: (.*?)\.\n", top.epilog or "", re.DOTALL)
    rows = (re.match(r"([\d, ]+) (.*)", each.strip(), re.DOTALL) for each in (found[1] if found else "").split(";"))
    return table(("code", "means"), [(row[1].strip(), row[2]) for row in rows if row])


def _sentence(text: str) -> str:
    return _text(" ".join(text.split()))


def _text(text: str) -> str:
    """Help as Markdown: what Markdown would take for markup is code."""
    return re.sub(r"(?<![\w`])(--?[a-zA-Z][\w-]*|[\w./]*\*[\w./]*)", r"`\1`", text)
