"""What is wrong with a command line, in words: what was meant, where an option belongs, and an example that works."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mngr_ansible.cli.examples import COMMAND, example_of, has_value
from mngr_ansible.cli.options import VERBS
from mngr_ansible.errors import UsageError
from mngr_ansible.portable.sh import join
from mngr_ansible.spec.validation import most_similar, nearest

if TYPE_CHECKING:
    from mngr_ansible.cli.parser import CommandParser


def explained(parser: "CommandParser", message: str) -> UsageError:
    """The error for what argparse found wrong."""
    if not parser.verb:
        return _of_the_command(parser, message)
    named = re.fullmatch(r"argument (?:.*/)?(-?[\w.\[\]@-]+): (.*)", message, re.DOTALL)
    option, problem = (named[1], named[2]) if named else ("", message)
    see = f"See {parser.prog} --help."
    if choice := re.fullmatch(r"invalid choice: '([^']*)' \(choose from (.*)\)", problem, re.DOTALL):
        words = re.findall(r"[\w-]+", choice[2])
        said = f"{option or parser.verb}: {choice[1]!r} is not one of {', '.join(words)}{nearest(choice[1], words)}"
        return UsageError(said, remedy=with_example("Give one of these.", parser.verb, option))
    if problem.startswith("ignored explicit argument"):
        value = problem.removeprefix("ignored explicit argument ")
        return UsageError(f"{option} takes no value, and {value} is given", remedy=f"Write {option} alone. {see}")
    if problem == "expected one argument":
        remedy = f"Give a value; one that begins with - is written {option}=-VALUE."
        return UsageError(f"{option} needs a value", remedy=with_example(remedy, parser.verb, option))
    if other := re.fullmatch(r"not allowed with argument (.*)", problem):
        return UsageError(f"{option} and {other[1]} cannot be given together", remedy=f"Give one of them. {see}")
    if missing := re.fullmatch(r"the following arguments are required: (.*)", problem):
        return UsageError(f"{parser.verb} needs {missing[1]}", remedy=with_example(see, parser.verb))
    said = f"{option}: {problem}" if option else message
    return UsageError(said, remedy=with_example(see, parser.verb, option))


def _of_the_command(parser: "CommandParser", message: str) -> UsageError:
    """Before a verb was read."""
    if parser.first.startswith("-"):
        return _before_the_command(parser.first, "COMMAND")
    if not parser.first:
        return UsageError("a command is missing", remedy=with_example(f"See {COMMAND} --help."))
    if "COMMAND" not in message:
        return UsageError(message, remedy=f"See {COMMAND} --help.")
    meant = most_similar(parser.first.lower(), list(VERBS))
    hint = f" (did you mean {meant}?)" if meant else ""
    remedy = f"Commands: {', '.join(VERBS)}. See {COMMAND} --help."
    return UsageError(f"{parser.first!r} is not a command{hint}", remedy=with_example(remedy, meant))


def _before_the_command(option: str, verb: str) -> UsageError:
    from mngr_ansible.cli.parser import parser

    name = option.partition("=")[0]
    verbs = parser().verbs if verb not in VERBS else {verb: parser(verb).verbs[verb]}
    known = {each: name for name, one in reversed(verbs.items()) for each in _options(one)}
    if name not in known:
        meant = most_similar(name, list(known))
        see = f"Options come after the command. See {COMMAND} --help."
        remedy = with_example(see, known[meant] if meant else "", meant)
        return UsageError(f"unrecognized option {name}{nearest(name, list(known))}", remedy=remedy)
    remedy = f"Options come after the command: {COMMAND} {verb} {option}."
    return UsageError(f"{option} comes before the command", remedy=remedy)


def unknown_words(parser: "CommandParser", verb: str, unknown: Sequence[str]) -> UsageError:
    """The error for words that the verb does not take: with the nearest option, or the verbs that have it."""
    if parser.first.startswith("-"):
        return _before_the_command(parser.first, verb)
    known = _options(parser.verbs[verb])
    names = [each.partition("=")[0] for each in unknown if each.startswith("-") and each.strip("-")]
    hints = (nearest(each, known) for each in names if each.startswith("--"))
    problem = f"unrecognized arguments: {join(unknown)}{next(filter(None, hints), '')}"
    if remedy := next(filter(None, map(_where_it_belongs, names)), ""):
        problem = f"{verb} does not take {names[0]}" if len(names) == 1 else problem
        return UsageError(problem, remedy=f"{remedy} See {COMMAND} {verb} --help.")
    if not names and "--host" in known:
        word = join(unknown[:1])
        remedy = f"A host is given with --host, a tool with --package, a file with --file or --manifest: --host {word}."
        return UsageError(problem, remedy=with_example(remedy, verb))
    return UsageError(problem, remedy=with_example(f"See {COMMAND} {verb} --help.", verb))


def _where_it_belongs(option: str) -> str:
    """The verbs that have an option, as a sentence; empty where none has it."""
    from mngr_ansible.cli.parser import parser

    verbs = [name for name, each in parser().verbs.items() if option in _shown_options(each)]
    return f"{option} is an option of {_listed(verbs)}." if verbs else ""


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _options(parser: "CommandParser") -> list[str]:
    actions = parser._actions  # noqa: SLF001 - argparse has no public name
    return [option for action in actions for option in action.option_strings]


def _shown_options(parser: "CommandParser") -> list[str]:
    return [option for _, _, actions in parser.groups for action in actions for option in action.option_strings]


def with_example(remedy: str, verb: str = "", option: str = "") -> str:
    """A remedy with an example that works on a line of its own."""
    return f"{remedy}\nExample: {example_of(verb, option)}"


def completed(error: UsageError, verb: str) -> UsageError:
    """An error of usage, with an example if it has none."""
    if "\nExample: " in error.remedy or verb not in VERBS:
        return error
    from mngr_ansible.cli.parser import parser

    known = _options(parser(verb).verbs[verb])
    option = next((each for each in re.findall(r"--[a-z][a-z-]*", error.problem) if each in known), "")
    if not option or has_value(verb, option):  # without it, an example would not be about what is wrong
        error.remedy = with_example(error.remedy, verb, option)
    return error
