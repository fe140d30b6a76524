"""Write the manual pages, ``man/*.1``, from the parser and the topics of the help: ``python -m tools.manpages``.

A wheel has them as ``share/man/man1``, where man(1) finds them. A test compares them with their sources, and has
mandoc(1) check them (``tests/docs/test_manpages.py``). Source of the macros: man(7).
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from mngr_ansible import __version__
from mngr_ansible.cli.examples import examples
from mngr_ansible.cli.options import GROUPS, VERBS
from mngr_ansible.cli.parser import CommandParser, parser, positionals
from tools.generated import ROOT, write

DIRECTORY = ROOT / "man"
_HEAD = '.\\" Written by python -m tools.manpages: edit mngr_ansible/cli/options.py, examples.py or docs/help.\n'


def pages() -> Mapping[str, str]:
    """The name of each file, and its text."""
    whole = parser()
    found = {"mngr-ansible.1": _command(whole)}
    found |= {f"mngr-ansible-{name}.1": _verb(name, verb) for name, verb in whole.verbs.items()}
    return found


def _command(whole: CommandParser) -> str:
    topic = "mngr-ansible help"
    lines = [
        *_top("mngr-ansible", "provision hosts for mngr's agents, with Ansible"),
        ".B mngr\\-ansible",
        ".I COMMAND",
        "[\\fIOPTION\\fR]...",
        ".SH DESCRIPTION",
        *_text(str(whole.description)),
        *_text("Each command has a page of its own, such as mngr-ansible-plan(1)."),
        ".SH COMMANDS",
    ]
    for title, names in GROUPS.items():
        lines.append(f".SS {_escaped(title[0].upper() + title[1:])}")
        for name in names:
            lines += [".TP", f".B {_escaped(name)}", *_text(VERBS[name][0])]
    lines += [".SH OPTIONS", *(line for _, _, actions in whole.groups for line in _options(actions))]
    lines += [".SH ENVIRONMENT", *_table("environment"), ".PP", *_text(f"More: {topic} environment.")]
    lines += _end("", [f"mngr-ansible-{name}" for name in sorted(VERBS)])
    return "\n".join(lines) + "\n"


def _verb(name: str, verb: CommandParser) -> str:
    words = [f"\\fI{_escaped(each)}\\fR" for each in positionals(verb)]
    lines = [
        *_top(f"mngr-ansible-{name}", VERBS[name][0]),
        f".B mngr\\-ansible {_escaped(name)}",
        " ".join(["[\\fIOPTION\\fR]...", *words]),
        ".SH DESCRIPTION",
        *_text(str(verb.description)),
        ".SH OPTIONS",
    ]
    for title, description, actions in verb.groups:
        if title not in ("options", "positional arguments"):
            lines.append(f".SS {_escaped(title[0].upper() + title[1:])}")
            lines += _text(f"{description[0].upper()}{description[1:]}.") if description else []
        lines += _options(actions)
    lines += _end(name, ["mngr-ansible"])
    return "\n".join(lines) + "\n"


def _top(name: str, does: str) -> list[str]:
    title = f'.TH {_escaped(name.upper())} 1 "" "mngr-ansible {__version__}" "mngr-ansible"'
    return [f"{_HEAD}{title}", ".SH NAME", f"{_escaped(name)} \\-", *_text(does), ".SH SYNOPSIS"]


def _end(verb: str, others: Iterable[str]) -> Iterator[str]:
    yield from (".SH EXIT STATUS", *_table("exit-codes"), ".SH EXAMPLES", ".EX")
    yield from (_escaped(each) for each in examples(verb))
    yield from (".EE", ".SH SEE ALSO")
    names = [*others, "ssh", "ansible-playbook"]
    for position, each in enumerate(names):
        yield f".BR {_escaped(each)} (1){',' if position + 1 < len(names) else ''}"


def _options(actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        yield ".TP"
        value = "" if action.nargs == 0 else _value(action)
        if action.option_strings:
            names = ", ".join(f"\\fB{_escaped(each)}\\fR" for each in action.option_strings)
            yield f"{names} {value}".rstrip()
        else:
            yield value
        yield from _text(str(action.help) % {"default": action.default})


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "|".join(f"\\fB{_escaped(str(each))}\\fR" for each in action.choices)
    return f"\\fI{_escaped(str(action.metavar or action.dest.upper()))}\\fR"


def _table(topic: str) -> Iterator[str]:
    """The rows of the table of a topic."""
    text = (ROOT / "docs/help" / f"{topic}.md").read_text("utf-8")
    for name, means in re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE)[1:]:
        yield from (".TP", f".B {_escaped(name.replace('`', ''))}", *_text(means.replace("`", "")))


def _text(text: str) -> list[str]:
    """Sentences on lines of their own, as man(7) wants them, and none of them long."""
    sentences = re.split(r"(?<=[.:;]) +(?=[A-Z])", " ".join(text.split()))
    return [_escaped(line) for each in sentences for line in textwrap.wrap(each, 64, break_on_hyphens=False)]


def _escaped(text: str) -> str:
    """Text as it is to be read: no macro, no escape, and hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("~", "\\(ti").replace("…", "...")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def main() -> int:
    """Write the pages that differ; the exit code is then 1, as pre-commit expects it."""
    DIRECTORY.mkdir(exist_ok=True)
    made = pages()
    stray = [each for each in DIRECTORY.glob("*.1") if each.name not in made]
    for each in stray:
        each.unlink()
    return max([len(stray) > 0, *(write(DIRECTORY / name, text) for name, text in made.items())])


if __name__ == "__main__":
    sys.exit(main())
