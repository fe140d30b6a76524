"""Regular expressions that are compiled when they are first used, not while a module is imported.

There are ninety of them, a tenth to half of a millisecond each, and a command or a task uses a few.
Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    def regex(text: str, flags: int = 0) -> re.Pattern[str]:
        """As ``re.compile``."""

else:

    class regex:  # noqa: N801 - stands for re.compile
        """As ``re.compile``: an object with the methods of the compiled expression."""

        _given = ("", 0)

        def __init__(self, text: str, flags: int = 0) -> None:
            self._given = (text, flags)

        def __getattr__(self, name: str) -> Any:
            """Called for what is not there yet only: what the compiled expression has is kept for the next call."""
            value = getattr(re.compile(*self._given), name)
            setattr(self, name, value)
            return value
