"""Pictures of terminals: SVG for a light and a dark page, and PNG to look at.

    python -m tools.pictures draw FILE... --to DIR       what a terminal showed, colours as escape sequences
    python -m tools.pictures run --columns 80 --to FILE.svg -- COMMAND...

``draw`` writes NAME.svg, NAME-dark.svg and, where Chromium is, NAME.png with both side by side; ``--sheet`` puts all of
them into one ``sheet.png``. Escape sequences may be written as ``␛[1m`` or ``\\x1b[1m`` too. The pictures need no font
but the reader's own: every run of text says how wide it is.
"""

import argparse
import re
import shlex
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.cells import cell_len
from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tools.terminal import Screen, run_in_terminal

CHARACTER, LINE, MARGIN = 8.4, 20, 18
"""Pixels: the width of a cell, the height of a line, and what is around the text."""
FONT_SIZE = 14
SHEET = 2000
"""How high the pictures of one sheet are together."""
FONTS = "ui-monospace,SFMono-Regular,'SF Mono',Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace"
_WORDS = re.compile(r"\S+(?: \S+)*")
"""What stands together: some programs that show SVG make several blanks one."""
DIM = 0.28
"""How much of the background is in a colour that is dim."""


def _rgb(code: str) -> tuple[int, int, int]:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _theme(background: str, text: str, normal: str, bright: str) -> TerminalTheme:
    return TerminalTheme(
        _rgb(background), _rgb(text), [_rgb(each) for each in normal.split()], [_rgb(each) for each in bright.split()]
    )


THEMES = {
    "light": _theme(
        "ffffff",
        "1f2328",
        "1f2328 b3151f 116329 7d4e00 0550ae 6639ba 0b6470 59636e",
        "59636e a40e26 1a6b32 744500 0a58ca 6f42c1 0b6470 424a53",
    ),
    "dark": _theme(
        "0d1117",
        "e6edf3",
        "8b949e ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4",
        "9198a1 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd ffffff",
    ),
}
"""Black, red, green, yellow, blue, magenta, cyan, white, and their bright ones. All can be read (WCAG AA)."""
_BORDERS = {"light": "#d1d9e0", "dark": "#30363d"}


@dataclass(frozen=True)
class Picture:
    """What a terminal shows: its lines with their colours, its width, and what it is, for who cannot see it."""

    lines: Sequence[Text]
    columns: int
    title: str

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        return round(self.columns * CHARACTER + 2 * MARGIN, 1), len(self.lines) * LINE + 2 * MARGIN


def picture_of(text: str, title: str, columns: int | None = None) -> Picture:
    """The picture of a terminal to which this text was written; ``columns``: default the longest line, at least 60."""
    for written in ("␛", "\\x1b", "\\u001b", "\\033", "\\e"):
        text = text.replace(f"{written}[", "\x1b[")
    screen = Screen(columns or 500)
    screen.write(text.replace("\r\n", "\n").replace("\n", "\r\n"))
    lines = screen.lines()
    return Picture(lines, columns or max(60, *(cell_len(each.plain.rstrip()) for each in lines), 0), title)


def svg(picture: Picture, theme: str) -> str:
    """The picture as one SVG file; ``theme``: ``light`` or ``dark``."""
    colours, classes = THEMES[theme], dict[str, str]()
    backgrounds, texts = list[str](), list[str]()
    for row, line in enumerate(picture.lines):
        top, column = MARGIN + row * LINE, 0
        for text, style in _runs(line):
            width, left = cell_len(text), MARGIN + column * CHARACTER
            foreground, background = _colours(style, colours)
            if background is not None:
                backgrounds.append(
                    f'<rect x="{left:g}" y="{top}" width="{width * CHARACTER:g}" height="{LINE}" fill="{background}"/>'
                )
            for words in _WORDS.finditer(text):
                place = left + cell_len(text[: words.start()]) * CHARACTER
                name = classes.setdefault(_css(style, foreground), f"s{len(classes)}")
                length = cell_len(words[0]) * CHARACTER
                at = f'x="{place:g}" y="{top + 14.5:g}" textLength="{length:g}"'
                texts.append(f'<text class="{name}" {at}>{escape(words[0])}</text>')
            column += width
    width, height = picture.size
    styles = "".join(f".{name}{{{css}}}" for css, name in classes.items())
    box = f'x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"'
    sizes, title = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"', escape(picture.title)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {sizes} role="img" aria-label="{title}">',
            f"<title>{title}</title>",
            f"<style>text{{font:{FONT_SIZE}px {FONTS}}}{styles}</style>",
            f'<rect {box} fill="{colours.background_color.hex}" stroke="{_BORDERS[theme]}"/>',
            *backgrounds,
            *texts,
            "</svg>",
            "",
        ]
    )


_CONSOLE = Console(color_system="truecolor", width=500)


def _runs(line: Text) -> Iterator[tuple[str, Style]]:
    for segment in line.render(_CONSOLE, end=""):
        yield segment.text, segment.style or Style.null()


def _colours(style: Style, theme: TerminalTheme) -> tuple[str, str | None]:
    """The colour of the text, and that of its background where it has one of its own."""
    text = _true(style.color, theme, theme.foreground_color)
    background = _true(style.bgcolor, theme, theme.background_color)
    if style.reverse:
        text, background = background, text
    if style.dim:
        text = blend_rgb(text, background, DIM)
    return text.hex, background.hex if background != theme.background_color else None


def _true(color: Color | None, theme: TerminalTheme, otherwise: ColorTriplet) -> ColorTriplet:
    return otherwise if color is None or color.is_default else color.get_truecolor(theme)


def _css(style: Style, foreground: str) -> str:
    css = f"fill:{foreground}"
    if style.bold:
        css += ";font-weight:bold"
    if style.italic:
        css += ";font-style:italic"
    if style.underline:
        css += ";text-decoration:underline"
    return css


def write(picture: Picture, file: Path) -> list[Path]:
    """Write ``FILE.svg`` and ``FILE-dark.svg``; both paths."""
    files = [file.with_suffix(".svg"), file.with_name(f"{file.stem}-dark.svg")]
    for each, theme in zip(files, ("light", "dark"), strict=True):
        each.write_text(svg(picture, theme), "utf-8")
    return files


def photograph(groups: Sequence[Sequence[Path]], files: Sequence[Path]) -> None:
    """Write a PNG for each group of SVG files, which stand in it in two columns.

    Raises:
        RuntimeError: there is no Chromium on this machine.
    """
    from tools.browser import chromium

    css = "body{margin:0;padding:12px;background:#808080;display:inline-grid;gap:12px;grid-template-columns:auto auto}"
    with chromium() as browser:
        page = browser.new_page()
        for group, file in zip(groups, files, strict=True):
            inline = (b64encode(each.read_bytes()).decode() for each in group)
            images = "".join(f'<img src="data:image/svg+xml;base64,{each}">' for each in inline)
            page.set_content(f"<style>{css}</style>{images}")
            page.locator("body").screenshot(path=file)


def draw(files: Sequence[Path], directory: Path, columns: int | None = None, *, is_sheet: bool = False) -> list[Path]:
    """Pictures of what is in the files, in ``directory``; the paths of what was written.

    ``is_sheet``: also ``sheet-1.png`` and so on, each with as many of them as can be looked at together.
    """
    directory.mkdir(parents=True, exist_ok=True)
    pictures = [picture_of(each.read_text("utf-8"), each.stem, columns) for each in files]
    pairs = [write(each, directory / f"{each.title}.svg") for each in pictures]
    written = [path for pair in pairs for path in pair]
    from tools.browser import find

    if find() is None:
        return written
    shots = [directory / f"{each.title}.png" for each in pictures]
    groups: list[list[Path]] = list(pairs)
    if is_sheet:
        sheets = list(_sheets(pictures, pairs))
        groups += sheets
        shots += [directory / f"sheet-{number}.png" for number in range(1, len(sheets) + 1)]
    photograph(groups, shots)
    return [*written, *shots]


def _sheets(pictures: Sequence[Picture], pairs: Sequence[Sequence[Path]]) -> Iterator[list[Path]]:
    sheet, height = list[Path](), 0.0
    for picture, pair in zip(pictures, pairs, strict=True):
        if sheet and height + picture.size[1] > SHEET:
            yield sheet
            sheet, height = [], 0
        sheet += pair
        height += picture.size[1]
    if sheet:
        yield sheet


def run(command: Sequence[str], file: Path, columns: int) -> int:
    """Run a command in a terminal and write its picture, with the command above it; the command's exit code."""
    screen, code = run_in_terminal(command, columns=columns)
    shown = shlex.join(command)
    write(Picture([*typed(shown, columns), *screen.lines()], columns, shown), file)
    return code


def typed(command: str, columns: int) -> list[Text]:
    """A command as a person types it, behind a prompt."""
    return list(Text.assemble(("$ ", "dim"), (command, "bold")).wrap(_CONSOLE, columns))


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; the value is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("draw", help="draw what terminals showed")
    verb.add_argument("files", nargs="+", type=Path)
    verb.add_argument("--to", type=Path, required=True, metavar="DIR")
    verb.add_argument("--columns", type=int, help="the width (default: the longest line, at least 60)")
    verb.add_argument("--sheet", action="store_true", help="also all pictures together, as sheet-1.png, …")
    verb = verbs.add_parser("run", help="run a command in a terminal and draw it")
    verb.add_argument("--to", type=Path, required=True, metavar="FILE.svg")
    verb.add_argument("--columns", type=int, default=80)
    verb.add_argument("command", nargs="+")
    given = parser.parse_args(words)
    if given.verb == "run":
        return run(given.command, given.to, given.columns)
    for path in draw(given.files, given.to, given.columns, is_sheet=given.sheet):
        print(path)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
