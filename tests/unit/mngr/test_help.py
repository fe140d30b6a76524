"""What ``mngr help`` shows of us: plain text in a pipe and in a terminal."""

from __future__ import annotations

import re
import tomllib

from imbue.mngr.cli.help_formatter import get_help_metadata, render_markdown

from mngr_ansible.cli.options import VERBS
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.mngr.commands import ansible
from mngr_ansible.mngr.plugin import register_help_topics


def topic() -> str:
    (page,) = register_help_topics()
    return str(page.body.markdown)


def test_the_topic_reads_as_plain_text_where_mngr_prints_it_as_it_is() -> None:
    assert render_markdown(topic(), use_ansi=False, width=80) == topic()
    assert not re.search(r"`|\*\*|^#|\]\(|^[-*] ", topic(), re.MULTILINE)
    assert max(map(len, topic().splitlines())) <= 120


def test_the_settings_of_the_topic_are_right() -> None:
    lines = [line.removeprefix("    ") for line in topic().splitlines() if line.startswith("    ")]
    shown = "\n".join(lines).partition("mngr ansible plan")[0]
    assert Settings.parse(tomllib.loads(shown)["plugins"]["ansible"]).manifests == ("~/agent-host.yml",)


def test_the_help_of_the_group_says_what_each_command_does() -> None:
    metadata = get_help_metadata("ansible")
    assert metadata is not None
    ((_title, text),) = metadata.additional_sections
    for name, command in ansible.commands.items():
        assert re.search(rf"^    {name} +{re.escape(command.short_help or '')}$", text, re.MULTILINE)


def test_options_show_their_choices() -> None:
    for name in ("plan", "apply", "render"):
        options = {each: option for option in ansible.commands[name].params for each in option.opts}
        assert options["--only"].metavar == "[files|packages]"
        assert options["--install"].metavar == "[auto|print]"


def test_each_command_that_is_for_no_shell_is_in_mngr_too() -> None:
    assert set(ansible.commands) == {each for each in VERBS if each not in ("completion", "help")}
