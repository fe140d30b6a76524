"""Pages as a terminal shows them. Source: docs/users.md "Commands"; whole screens are in tests/golden."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mngr_ansible.report.page import Note, Problem, Row, Summary, Table
from mngr_ansible.report.terminal import words, writer
from mngr_ansible.report.terminal.look import Look
from mngr_ansible.report.writing import is_terminal, written

if TYPE_CHECKING:
    from mngr_ansible.report.page import Page, Tone

NODE = Row("too old", "change", "node", ("18.19.1", ">=20", "from apt"), "codex: runs the agent")
GIT = Row("ok", "fine", "git", ("2.39.5", ">=2.39", ""), "claude")
JQ = Row("ok", "fine", "jq", ("1.6", "any", ""), "manifest")
FAILED = Row("failed", "problem", "fd", ("", "any", "from apt"), "claude", "no space left")


def shown(*rows: Row, columns: int = 80, is_run: bool = False, is_full: bool = False) -> list[str]:
    look = Look(columns, is_coloured=False, is_styled=False, is_full=is_full)
    return writer.text((Table(rows, "build-1", is_run=is_run),), look).splitlines()[1:]


def test_what_changes_comes_first_and_what_is_fine_is_one_line_at_the_end() -> None:
    assert [line.split()[:4] for line in shown(GIT, NODE, JQ)] == [
        ["~", "too", "old", "node"],
        ["✓", "ok", "2", "steps"],
    ]
    assert shown(GIT, NODE, JQ)[-1].endswith("git, jq")


def test_one_fine_row_is_shown_whole() -> None:
    assert shown(GIT, NODE)[-1].split() == ["✓", "ok", "git", "2.39.5", ">=2.39", "claude"]


def test_full_shows_every_row_with_what_is_fine_behind_what_changes() -> None:
    assert [line.split()[-4] for line in shown(GIT, NODE, JQ, is_full=True)[1:]] == ["git", "jq"]


def test_failures_come_last_after_a_run_with_their_reason() -> None:
    done = Row("changed", "done", "node", ("", ">=20", ""), "codex")
    lines = shown(FAILED, GIT, JQ, done, is_run=True)
    assert [line.split()[0] for line in lines] == ["✓", "✓", "✗", "no"]


def test_names_are_whole_whatever_their_length() -> None:
    long = "some/" * 30 + "file"
    for columns in (60, 80, 200):
        lines = shown(Row("missing", "change", long, ("0644",), "manifest"), NODE, columns=columns)
        assert long in "".join(line.strip() for line in lines if "some/" in line or "file" in line).removeprefix(
            "+ missing"
        ).replace(" ", "")
        assert all(len(line) <= columns for line in lines)


def test_tables_with_failures_come_last_of_a_run_and_those_without_a_change_last_of_a_plan() -> None:
    def titles(*tables: Table) -> list[str]:
        lines = writer.text(tables, Look(is_coloured=False, is_styled=False)).splitlines()
        return [line for line in lines if line and not line.startswith(" ")]

    failed, done = Table((FAILED,), "a", is_run=True), Table((GIT,), "b", is_run=True)
    assert titles(failed, done) == ["b", "a"]
    assert titles(Table((GIT,), "a"), Table((NODE,), "b")) == ["b", "a"]


def test_so_many_hosts_have_their_names_in_three_lines_unless_one_fails_or_all_are_to_be_shown() -> None:
    names = tuple(f"web-{index}.example.org" for index in range(200))

    def lines(row: Row, *, is_full: bool = False) -> int:
        table = Table((row,), "200 hosts", names=names)
        return len(writer.text((table,), Look(80, is_full=is_full)).splitlines())

    assert lines(NODE) == 3
    assert min(lines(FAILED), lines(NODE, is_full=True)) > 40


REMEDY = "If it was rebuilt, remove the old key: ssh-keygen -R '[build-1]:2222' -f /h/known_hosts. Nothing was sent."
COMMAND = "ssh-keygen -R '[build-1]:2222' -f /h/known_hosts"


def test_a_command_in_a_sentence_is_a_piece_of_its_own() -> None:
    assert list(words.sentences(REMEDY)) == [
        ("If it was rebuilt, remove the old key:", False),
        (COMMAND, True),
        ("Nothing was sent.", False),
    ]
    inventory = "Correct it; to see all that Ansible says: ansible-inventory -i odd.yml --list"
    assert list(words.sentences(inventory))[-1] == ("ansible-inventory -i odd.yml --list", True)
    assert list(words.sentences("Give the right user: dev, for example.")) == [
        ("Give the right user: dev, for example.", False)
    ]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_command_to_copy_is_one_line(columns: int) -> None:
    long = f"{COMMAND} {'x' * 80}"
    page: Page = (
        Problem("build-1", "it failed", f"Remove the old key: {long}. Nothing was sent."),
        Note("Nothing was changed. To make these changes:", long),
        Table((Row("blocked", "problem", "git", reason=f"an administrator must run: {long}"),)),
    )
    lines = [line.strip() for line in writer.text(page, Look(columns, is_styled=False)).splitlines()]
    assert lines.count(long) == 3


def test_an_option_and_its_value_stay_together() -> None:
    text = "Give the right user and key: --host USER@ADDR --key FILE, or load the key. See mngr-ansible plan --help."
    for width in range(26, 100):
        lines = list(words.wrapped(text, width))
        assert " ".join(lines) == text
        assert any("mngr-ansible plan --help" in line for line in lines)
        assert any("--key FILE" in line for line in lines)


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=120), width=st.integers(12, 90))
def test_no_character_is_lost_and_no_line_is_too_long(text: str, width: int) -> None:
    text = "".join(each for each in text if each.isprintable())
    lines = list(words.wrapped(text, width))
    assert "".join("".join(lines).split(" ")) == "".join(text.split(" "))
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(words.broken(text, width)) == text


@settings(deadline=None, max_examples=40)
@given(text=st.text(min_size=1, max_size=60), columns=st.integers(60, 200), is_full=st.booleans())
def test_foreign_words_are_never_read_as_markup_or_control_sequences(text: str, columns: int, is_full: bool) -> None:
    rows = tuple(
        Row("failed", "problem", each, (each,), each, each) for each in (text, f"[bold]{text}", f"\x1b[2J{text}")
    )
    page: Page = (Table(rows, text, text, text, text, (text,)), Note(text, text), Problem(text, text, text))
    output = writer.text(page, Look(columns, is_full=is_full))
    bare = re.sub(r"\x1b\[[0-9;]*m", "", output)
    assert all(each.isprintable() or each == "\n" for each in bare)
    assert "[bold]" in bare.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize("tone", ["change", "done", "idle", "open", "warning", "problem"])
def test_colour_is_never_the_only_sign(tone: Tone) -> None:
    signs = {Look(has_unicode=each).sign_of(tone) for each in (True, False)}
    assert all(sign.strip() for sign in signs)
    assert Look(has_unicode=False).sign_of(tone).isascii()


class _Stream(io.TextIOWrapper):
    def __init__(self, *, is_terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


PAGE: Page = (Table((NODE, GIT, JQ), "build-1"), Summary("1 host", ()))
COLOURS = re.compile(r"\x1b\[(?:[0-9]+;)*3[0-7]m")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def test_a_terminal_has_colours_and_a_pipe_has_none_unless_it_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert COLOURS.search(written(PAGE, _Stream(is_terminal=True)))
    pipe = written(PAGE, _Stream(is_terminal=False))
    assert "\x1b" not in pipe
    assert [line.split()[0] for line in pipe.splitlines()] == ["build-1", "too", "ok", "ok", "1"]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert COLOURS.search(written(PAGE, _Stream(is_terminal=False)))
    assert not is_terminal(None)


def test_no_color_takes_the_colours_and_a_dumb_terminal_gets_text_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOURS.search(written(PAGE, _Stream(is_terminal=True)))
    monkeypatch.setenv("TERM", "dumb")
    dumb = written(PAGE, _Stream(is_terminal=True))
    assert "\x1b" not in dumb
    assert "2 steps" in dumb


def test_signs_are_ascii_where_the_encoding_has_no_others() -> None:
    assert "✓" in written(PAGE, _Stream(is_terminal=True))
    assert written(PAGE, _Stream(is_terminal=True, encoding="ascii")).isascii()


def test_columns_says_how_wide_the_terminal_is_and_60_is_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    for given_columns, columns in (("60", 60), ("20", 60), ("100", 100)):
        monkeypatch.setenv("COLUMNS", given_columns)
        page: Page = (Note("word " * 100),)
        longest = max(map(len, written(page, _Stream(is_terminal=True)).splitlines()))
        assert columns - 6 < longest <= columns
