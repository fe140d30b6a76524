"""Numbers of a document as they were written: ``2.10`` is no 2.1 to people, and ``440`` no ``0440`` to YAML and TOML.

Source: docs/contract.md "Data", modes; YAML 1.1 reads ``0440`` as octal and ``440`` as decimal.
"""

import re
from collections.abc import Mapping
from typing import Self

from mngr_ansible.errors import InputError
from mngr_ansible.portable.validation import LARGEST_MODE

_MODES = ("mode", "directory_mode")


class _Written:
    """A number that is shown as it was written."""

    text: str

    def __repr__(self) -> str:
        """As it was written."""
        return self.text

    __str__ = __repr__


class WrittenInteger(_Written, int):
    """A whole number of a YAML document; ``text`` is how it was written, and how it is shown."""

    def __new__(cls, value: int, text: str) -> Self:
        """``value`` is what YAML reads."""
        made = super().__new__(cls, value)
        made.text = text
        return made


class WrittenFloat(_Written, float):
    """A number with a point of a YAML document; ``text`` is how it was written, and how it is shown."""

    def __new__(cls, value: float, text: str) -> Self:
        """``value`` is what YAML reads."""
        made = super().__new__(cls, value)
        made.text = text
        return made


def check_numbers(transfer: object, origin: str) -> None:
    """Refuse a mode that was written as a number, where only YAML's ``0NNN`` means octal digits, and owners like 010.

    Raises:
        InputError: with the spelling to use; names ``origin``.
    """
    if not isinstance(transfer, Mapping):
        return
    for field in ("owner", "group"):
        value = transfer.get(field)
        if isinstance(value, WrittenInteger) and re.fullmatch("0[0-7]+", value.text):
            problem = f"{origin}: FileTransferSpec.{field}: {value} begins with a zero, so YAML reads it in base 8"
            raise InputError(problem, remedy=f"Write {int(value.text)} without the zero, or a name in quotes.")
    for field in _MODES:
        value = transfer.get(field)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if isinstance(value, WrittenInteger) and re.fullmatch("0[0-7]{3,4}", value.text):
            continue
        problem = f"{origin}: FileTransferSpec.{field}: {value} is read as a number, not as octal digits"
        spellings = _spellings(value)
        remedy = (
            f"Write it in quotes: {field}: {spellings}."
            if spellings
            else f'Write octal digits in quotes, such as {field}: "0640".'
        )
        raise InputError(problem, remedy=remedy)


def _spellings(value: int) -> str:
    """The mode in quotes; both if the number can be meant in two ways (TOML's ``0o644`` arrives as 420), or none."""
    text = str(value)
    found = []
    if re.fullmatch("0?[0-7]{3}", text):
        found.append(f'"0{text[-3:]}"')
    if not isinstance(value, WrittenInteger) and 0 <= value <= LARGEST_MODE:
        found.append(f'"{value:04o}"')
    return " or ".join(dict.fromkeys(found))
