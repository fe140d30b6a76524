"""Pictures of terminals: ``tools.pictures`` and ``tools.terminal``."""

from __future__ import annotations

import sys
from xml.etree import ElementTree as ET

import pytest
from rich.color import blend_rgb

from tests.support.pages import blocks
from tools import first_run
from tools.pictures import DIM, THEMES, picture_of, svg
from tools.terminal import Screen, run_in_terminal


def test_a_screen_shows_what_was_written_last() -> None:
    screen = Screen(20)
    screen.write("one\r\ntwo 10 %\r\n\x1b[1A\x1b[2K\r\x1b[32mtwo\x1b[0m done\r\nthree\x1b[2K\rend")
    assert screen.text() == "one\ntwo done\nend"


def test_a_screen_continues_a_long_line_in_the_next_one() -> None:
    screen = Screen(5)
    screen.write("abcdefg\r\n日本語x")
    assert screen.text() == "abcde\nfg\n日本\n語x"


def test_a_screen_erases_what_is_below() -> None:
    screen = Screen(20)
    screen.write("\x1b[?25lone\r\ntwo\r\nthree\x1b[2A\r\x1b[J")
    assert (screen.text(), screen.is_cursor_shown) == ("", False)


def test_a_command_is_run_in_a_terminal_of_the_width_that_was_given() -> None:
    program = "import os, sys; print(os.get_terminal_size().columns, sys.stdout.isatty(), sys.stderr.isatty())"
    screen, code = run_in_terminal([sys.executable, "-c", f"{program}; sys.exit(3)"], columns=72)
    assert (screen.text(), code) == ("72 True True", 3)


@pytest.mark.parametrize("theme", THEMES)
def test_a_picture_is_one_svg_without_anything_from_elsewhere(theme: str) -> None:
    drawn = svg(picture_of("\x1b[1mhost\x1b[0m <b>&\n  \x1b[31mred\x1b[0m  ␛[7mback␛[0m", "a <title>"), theme)
    root = ET.fromstring(drawn)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["host", "<b>&", "red", "back"]
    assert root[0].text == root.get("aria-label") == "a <title>"
    assert not [each for each in ("href", "url(", "@import", "<image", "<script") if each in drawn]
    assert "font-weight:bold" in drawn


@pytest.mark.parametrize("theme", THEMES)
def test_every_colour_of_a_picture_can_be_read(theme: str) -> None:
    colours = THEMES[theme]
    background, text = colours.background_color, colours.foreground_color
    ansi = [colours.ansi_colors[number] for number in range(16)]
    for each in [text, blend_rgb(text, background, DIM), *ansi]:
        assert _contrast(each, background) >= 4.5, each


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Source: WCAG 2.2, "contrast ratio"."""
    light, dark = sorted(map(_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [each / 255 for each in colour]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_picture_of_the_first_run_is_of_the_commands_of_its_page() -> None:
    pictures = [ET.parse(first_run.PICTURE), ET.parse(first_run.PICTURE.with_name("first-run-dark.svg"))]
    light, dark = ([each.text for each in one.iter("{http://www.w3.org/2000/svg}text")] for one in pictures)
    assert light == dark
    typed = [light[number + 1] for number, each in enumerate(light) if each == "$"]
    assert typed == first_run.commands(blocks(first_run.PAGE))
