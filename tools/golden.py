"""What people are shown, kept in ``tests/golden/screens``: written anew, and drawn to be looked at.

python -m tools.golden                   write all files anew; their names, where something changed
python -m tools.golden --draw DIR [NAME…] also pictures of the coloured screens, light and dark
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.golden import errors, reports
from tests.golden.screens import as_text, screens
from tools.generated import ROOT

SCREENS = ROOT / "tests" / "golden" / "screens"


def write() -> list[Path]:
    """Write the file of every page, and remove those of no page; the paths of what changed."""
    pages = {SCREENS / f"{name}.txt": as_text(page) for name, page in {**reports.PAGES, **errors.pages()}.items()}
    changed = []
    for path in sorted({*pages, *SCREENS.glob("*.txt")}):
        before = path.read_text("utf-8") if path.exists() else None
        if path not in pages:
            path.unlink()
        elif pages[path] != before:
            path.write_text(pages[path], "utf-8")
        else:
            continue
        changed.append(path)
    return changed


def draw(names: Sequence[str], directory: Path, widths: Sequence[int]) -> None:
    """A picture of every coloured screen of these pages (none: all of them), and sheets with several."""
    from tools import pictures

    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for name, page in {**reports.PAGES, **errors.pages()}.items():
        for screen, columns, text in screens(page):
            if screen.endswith("colour") and columns in widths and (not names or name in names):
                file = directory / f"{name}-{columns}.ansi"
                file.write_text(text, "utf-8")
                files.append(file)
    pictures.draw(files, directory, is_sheet=True)


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say; the value is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.golden", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="draw only these pages")
    parser.add_argument("--draw", type=Path, metavar="DIR", help="also draw the coloured screens")
    parser.add_argument("--columns", type=int, action="append", help="draw only screens of this width")
    given = parser.parse_args(words)
    for path in write():
        print(path.relative_to(ROOT))  # noqa: T201
    if given.draw is not None:
        draw(given.names, given.draw, given.columns or (60, 80, 120))
    return 0


if __name__ == "__main__":
    sys.exit(main())
