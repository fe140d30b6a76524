"""Draw the README's badges from ``pyproject.toml``: ``python -m tools.badges``.

They are pictures of this repository: no other site says what is true of it, and none learns who reads it.
"""

import sys
import tomllib
from typing import Any

from tools.generated import ROOT, write

IMAGES = ROOT / "docs/img"
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
_WIDTH = 6.3
"""Of a character of the badges' text, about, in pixels."""


def facts(project: dict[str, Any] = _PROJECT) -> dict[str, tuple[str, str]]:
    """Badge → label and value."""
    about = project["project"]
    tested = list(project["tool"]["mngr-ansible"]["tested"]["ansible-core"])
    (mngr,) = about["optional-dependencies"]["mngr"]
    return {
        "python": ("Python", about["requires-python"].removeprefix(">=") + " or newer"),
        "ansible-core": ("roles tested with ansible-core", f"{tested[0]} to {tested[-1]}"),
        "mngr": ("mngr", mngr.removeprefix("imbue-mngr>=").partition(".0,")[0]),
        "license": ("license", "MIT; roles GPL-3.0-or-later"),
    }


def drawn(label: str, value: str) -> str:
    """A badge as SVG."""
    left, right = (round(len(text) * _WIDTH) + 16 for text in (label, value))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="22" role="img"'
        f' aria-label="{label}: {value}"><title>{label}: {value}</title>'
        f'<rect width="{left + right}" height="22" rx="4" fill="#374151"/>'
        f'<path d="M{left} 0h{right - 4}a4 4 0 0 1 4 4v14a4 4 0 0 1-4 4H{left}z" fill="#4338ca"/>'
        '<g fill="#fff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2}" y="15">{label}</text>'
        f'<text x="{left + right / 2}" y="15">{value}</text></g></svg>\n'
    )


def main() -> int:
    """Write all badges; the exit code is 1 if one of them was another one before."""
    return max(write(IMAGES / f"badge-{name}.svg", drawn(*shown)) for name, shown in facts().items())


if __name__ == "__main__":
    sys.exit(main())
