"""How a terminal shows things: its width, its signs, its colours."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mngr_ansible.report.page import Row, Tone
from mngr_ansible.values import frozen

if TYPE_CHECKING:
    from rich.console import Console

STYLES: Mapping[Tone, str] = {
    "change": "yellow",
    "done": "green",
    "fine": "green",
    "idle": "dim",
    "open": "cyan",
    "warning": "magenta",
    "problem": "bold red",
}
"""The terminal's own colours, which its user has chosen. Beside each stands a word and a sign."""

_SIGNS: Mapping[Tone, tuple[str, str]] = {
    "change": ("~", "~"),
    "done": ("✓", "+"),
    "fine": ("✓", "="),
    "idle": ("·", "-"),
    "open": ("?", "?"),
    "warning": ("!", "!"),
    "problem": ("✗", "x"),
}
"""With and without Unicode."""


@frozen
class Look:
    """What a terminal can show, and how much of it is to be shown.

    Attributes:
        columns: its width.
        is_coloured: whether it has colours, and its user wants them.
        is_styled: whether bold and dim may be used: not in a terminal that calls itself dumb.
        has_unicode: whether its encoding has the signs.
        is_full: whether what is fine is shown row by row.
    """

    columns: int = 80
    is_coloured: bool = True
    is_styled: bool = True
    has_unicode: bool = True
    is_full: bool = False

    @property
    def margin(self) -> int:
        """Where headings and sentences end: longer lines are hard to read."""
        return min(self.columns, 100)

    def sign(self, row: Row) -> str:
        """The sign of a row."""
        return "+" if row.status == "missing" else self.sign_of(row.tone)

    def sign_of(self, tone: Tone) -> str:
        """The sign of a tone."""
        return _SIGNS[tone][0 if self.has_unicode else 1]

    def console(self) -> "Console":
        """Rich's console, which writes into memory."""
        import io

        from rich.console import Console

        return Console(
            file=io.StringIO(),
            width=self.columns,
            force_terminal=self.is_styled,
            color_system="standard" if self.is_styled else None,
            no_color=not self.is_coloured,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )
