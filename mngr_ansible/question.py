"""What the probe asks a host: the paths where something is wanted, and the requirements. Pure."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mngr_ansible.transfers import Claim

Spot = tuple[str, str]
"""A path before the host is known: base (``H`` home, ``W`` work_dir, empty: absolute) and the rest."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at: every path where something is wanted, and every requirement in its resolved form."""

    claims: tuple[Claim, ...]
    requirements: tuple[dict[str, Any], ...]
    work_dir: str = ""
    become: bool = False

    def places(self) -> list[Spot]:
        """Every destination, once."""
        places: dict[Spot, None] = {}
        for claim in self.claims:
            text = claim.place.text
            base, rest = (
                ("H", text[2:]) if text.startswith("~/") else ("", text) if text.startswith("/") else ("W", text)
            )
            for entry in claim.entries:
                places[
                    base, posixpath.normpath(posixpath.join(rest, entry.relative)) if rest or entry.relative else "."
                ] = None
        return list(places)


def is_odd(place: Spot) -> bool:
    """Whether sha256sum would write the name in a way of its own."""
    return "\n" in place[1] or "\\" in place[1] or "\r" in place[1]


def parents_of(places: Sequence[Spot]) -> list[Spot]:
    """The directories of these destinations, each once."""
    return list(dict.fromkeys((base, posixpath.dirname(rest) or ".") for base, rest in places))
