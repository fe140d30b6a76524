"""Wrong usage says what was meant, where an option belongs, and gives an example that is right."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.examples import VALUES, example_of, examples
from mngr_ansible.cli.options import GROUPS, VERBS
from mngr_ansible.cli.parser import HelpShown, parser
from mngr_ansible.cli.wrong_usage import completed
from mngr_ansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def refused(*words: str) -> UsageError:
    with pytest.raises(UsageError) as raised:
        parser(words[0] if words else "").parse_args(words)
    return raised.value


def is_right(command: str) -> bool:
    """Whether the command line accepts it; comments and what a shell does with its output aside."""
    words = shlex.split(command.partition("   #")[0].partition(" > ")[0].partition(" | ")[0].strip())
    if words[0] == "source":
        words = shlex.split(command[command.index("(") + 1 : command.index(")")])
    return words[0] != "mngr-ansible" or bool(parser(words[1]).parse_args(words[1:]))


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        ("pln", "'pln' is not a command (did you mean plan?)", "Commands: plan, apply, "),
        ("catalog --yes", "catalog does not take --yes", "--yes is an option of apply, render, "),
        (
            "doctor --diff",
            "doctor does not take --diff",
            "--diff is an option of plan. See mngr-ansible doctor --help.",
        ),
        ("plan --hots a", "unrecognized arguments: --hots a (did you mean --host?)", "See mngr-ansible plan --help."),
        ("plan build-1", "unrecognized arguments: build-1", "A host is given with --host, "),
        (
            "plan --only file",
            "--only: 'file' is not one of files, packages (did you mean files?)",
            "Give one of these.",
        ),
        ("plan --host", "--host needs a value", "Give a value; one that begins with - is written --host=-VALUE."),
        ("render", "render needs DIR", "See mngr-ansible render --help."),
        ("check", "check needs FILE", "See mngr-ansible check --help."),
        ("completion", "completion needs SHELL", "See mngr-ansible completion --help."),
        ("completion ksh", "SHELL: 'ksh' is not one of bash, zsh, fish (did you mean zsh?)", "Give one of these."),
        ("PLAN", "'PLAN' is not a command (did you mean plan?)", "Commands: plan, apply, "),
        ("--hots x plan", "unrecognized option --hots (did you mean --host?)", "Options come after the command. See "),
        ("plan --json=1", "--json takes no value, and '1' is given", "Write --json alone."),
        ("plan --timeout soon", "--timeout: 'soon' is not a number of seconds", "See mngr-ansible plan --help."),
        ("content --copy a --collection b", "--collection and --copy cannot be given together", "Give one of them."),
    ],
)
def test_the_words_say_what_is_wrong_and_what_to_do(words: str, problem: str, remedy: str) -> None:
    error = refused(*words.split())
    assert error.problem.startswith(problem)
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "words",
    [
        "pln",
        "PLAN",
        "--hots x",
        "plan --host",
        "plan --only x",
        "plan build-1",
        "render",
        "check",
        "completion ksh",
        "apply --hots x",
    ],
)
def test_the_example_in_an_error_is_right(words: str) -> None:
    (example,) = re.findall(r"^Example: (.*)", refused(*words.split()).remedy, re.MULTILINE)
    assert is_right(example)


def options_with_values() -> Iterator[tuple[str, str]]:
    for verb, each in parser().verbs.items():
        for action in each._actions:
            if action.option_strings and action.nargs != 0 and action.help != argparse.SUPPRESS:
                yield verb, next(name for name in action.option_strings if name.startswith("--"))


@pytest.mark.parametrize(("verb", "option"), list(options_with_values()))
def test_every_option_with_a_value_has_an_example_that_is_right(verb: str, option: str) -> None:
    assert VALUES.get(option) or VALUES.get(f"{verb} {option}")
    example = example_of(verb, option)
    assert f" {option} " in example
    assert is_right(example)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_every_command_has_examples_that_are_right(verb: str) -> None:
    assert examples(verb)
    assert all(map(is_right, examples(verb)))


def test_an_error_from_elsewhere_gets_the_example_of_its_option_once() -> None:
    error = completed(UsageError("--host 'a b' is not an address", remedy="Give another one."), "apply")
    assert error.remedy == "Give another one.\nExample: mngr-ansible apply --host root@192.0.2.7:2222"
    assert completed(error, "apply").remedy.count("Example") == 1


def test_an_example_has_the_option_without_which_it_would_be_refused() -> None:
    assert example_of("plan", "--limit") == "mngr-ansible plan --inventory inventory.yml --limit web"
    assert " --host build-1 --worker " in example_of("apply", "--worker")


def test_an_option_without_a_value_has_no_example_that_leaves_it_out() -> None:
    error = completed(UsageError("--ask-become-pass needs a terminal", remedy="Run it in a terminal."), "doctor")
    assert error.remedy == "Run it in a terminal."


def test_what_each_command_takes_without_effect_is_documented() -> None:
    contract = " ".join((Path(__file__).parents[3] / "docs/contract.md").read_text().split())
    for verb, each in parser().verbs.items():
        hidden = {a.option_strings[0] for a in each._actions if a.option_strings and a.help == argparse.SUPPRESS}
        (shown,) = re.findall(rf"[(; ]`{verb}`: ([^;)]*)[;)]", contract) or [""]
        assert hidden == set(re.findall(r"--[\w-]+", shown)), verb


def test_help_shows_every_command_in_a_group_and_no_option_without_effect() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(VERBS)
    with pytest.raises(HelpShown) as shown:
        parser("plan").parse_args(["plan", "--help"])
    assert "usage: mngr-ansible plan [OPTION]...\n" in shown.value.text
    assert "--only {files,packages}" in shown.value.text
    assert "--yes" not in shown.value.text
    assert parser("plan").parse_args(["plan", "--yes"]).yes  # the words of apply are those of plan


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_help_is_as_wide_as_the_terminal_and_never_wider_than_is_read_easily(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    help_text = parser("apply").verbs["apply"].format_help().partition("examples:")[0]
    assert max(map(len, help_text.splitlines())) <= min(columns, 120)
    assert ":\n\n  " not in help_text
