"""The command line of ``mngr-ansible``: how its words are read, and its help."""

import argparse
import os
import sys
from typing import Any, NoReturn

from mngr_ansible import __version__
from mngr_ansible.cli.options import GROUPS, VERBS
from mngr_ansible.errors import UsageError

_DESCRIPTION = """\
Provision hosts for mngr's agents: copy the files and install the packages and minimum versions that plugins, manifests
and options need, with a generated Ansible playbook. On this machine files are copied and install commands are printed.
"""
_EPILOG = """\
exit codes: 0 done; 1 not done, or an error; 64 wrong usage; 129, 130, 143 stopped by a signal.
More about a command or a topic: mngr-ansible help [COMMAND|TOPIC].
"""


class _Help(argparse.HelpFormatter):
    """As argparse's, which imports ``shutil`` for the width of the terminal, at every option that is added."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, width=min(columns(), 120) - 2, **options)


class HelpShown(BaseException):
    """Help or a version was asked for: the text for stdout. argparse would not notice that it cannot be written.

    No ``Exception``: argparse takes some for a wrong value."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class CommandParser(argparse.ArgumentParser):
    """The parser of the whole command, or of one verb.

    Attributes:
        verb: its verb; empty for the whole command.
        verbs: those of the whole command, by name.
        first: the first word that was read.
    """

    def __init__(self, *, verb: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.verb = verb
        self.verbs: dict[str, CommandParser] = {}
        self.first = ""

    def _print_message(self, message: str, _file: Any = None) -> NoReturn:
        raise HelpShown(message)

    @property
    def groups(self) -> list[tuple[str, str, list[argparse.Action]]]:
        """Options and words in groups: the title, a description, and what is shown; without the verbs."""
        found = []
        for group in self._action_groups:
            if group is not self._subparsers:
                actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS]  # noqa: SLF001
                found.append((str(group.title), group.description or "", actions))
        return [each for each in found if each[2]]

    def format_help(self) -> str:
        """The help: of the whole command its verbs in groups, of a verb its options; then examples that work."""
        from mngr_ansible.cli.examples import shown_examples

        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        if self._subparsers is not None:
            self._add_verbs(formatter, self._subparsers._group_actions[0])  # noqa: SLF001 - argparse has no public name
        for title, description, actions in self.groups:
            formatter.start_section(title)
            formatter.add_text(description or None)
            formatter.add_arguments(actions)
            formatter.end_section()
        for line in (self.epilog or "").splitlines():
            formatter.add_text(line)
        return formatter.format_help() + shown_examples(self.verb)

    @staticmethod
    def _add_verbs(formatter: argparse.HelpFormatter, verbs: Any) -> None:
        by_name = {each.dest: each for each in verbs._choices_actions}  # noqa: SLF001
        for title, names in GROUPS.items():
            formatter.start_section(title)
            formatter.add_arguments([by_name[each] for each in names])
            formatter.end_section()

    def error(self, message: str) -> NoReturn:
        """What argparse found wrong, as an error of ours."""
        from mngr_ansible.cli.wrong_usage import explained

        raise explained(self, message)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in argparse, but what nothing takes is explained."""
        self.first = args[0] if args else ""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            from mngr_ansible.cli.wrong_usage import unknown_words

            raise unknown_words(self, options.command, unknown)
        if options.command == "check" and not (options.files or options.schema):
            self.verbs["check"].error("the following arguments are required: FILE")
        if options.command == "check" and options.files and options.schema:
            self.verbs["check"].error("argument --schema: not allowed with FILE")
        if options.command == "bootstrap" and not (options.hosts or options.host or options.inventory):
            raise UsageError(
                "bootstrap needs the HOST that is to be made ready",
                remedy=f"Name one: {self.prog} bootstrap [USER@]HOST[:PORT].",
            )
        return options


def columns() -> int:
    """The width of the terminal, as ``shutil.get_terminal_size`` finds it."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):  # it is closed, or no terminal
        return 80


def parser(first: str = "") -> CommandParser:
    """The whole command line. With its first word, only the options that can follow it, which is all that a call needs:
    one verb's, or none after ``--help`` and ``--version``."""
    top = CommandParser(
        prog="mngr-ansible",
        usage="%(prog)s COMMAND [OPTION]...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    verbs = top.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=top.prog)
    top.add_argument("--version", action="version", version=f"mngr-ansible {__version__}", help="print the version")
    top._optionals.title = "options"  # noqa: SLF001
    wanted = (first,) if first in (*VERBS, "-h", "--help", "--version") else tuple(VERBS)
    for name, (does, add_options) in VERBS.items():
        verb = verbs.add_parser(
            name,
            verb=name,
            help=does,
            description=does[0].upper() + does[1:] + ".",
            formatter_class=_Help,
            allow_abbrev=False,
            add_help=name in wanted,
        )
        top.verbs[name] = verb
        if name in wanted:
            add_options(verb)
            verb.usage = " ".join(["%(prog)s [OPTION]...", *positionals(verb)])
    return top


def positionals(verb: argparse.ArgumentParser) -> list[str]:
    """The words that a verb takes without an option, as its usage shows them."""
    found = []
    for action in verb._actions:  # noqa: SLF001 - as above
        if not action.option_strings:
            name = str(action.metavar or action.dest)
            shapes = {"?": f"[{name}]", "*": f"[{name}]...", "+": f"{name}..."}
            found.append(shapes.get(str(action.nargs), name))
    return found
