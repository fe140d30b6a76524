"""What the probe asks a host: the paths where something is wanted, and the requirements. Pure."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mngr_ansible.plan.transfers import Claim


class ProbePath(NamedTuple):
    """A path before the host is known: base (``H`` home, ``W`` work_dir, empty: absolute) and the rest."""

    base: str
    rest: str
    as_root: bool = False
    """Whether root has to look, because an owner is wanted there."""
    is_hashed: bool = True
    """Whether the content matters."""

    @property
    def is_odd(self) -> bool:
        """Whether sha256sum would write the name in a way of its own."""
        return "\n" in self.rest or "\\" in self.rest or "\r" in self.rest


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """What to look at: every path where something is wanted, and every requirement in its resolved form."""

    claims: tuple[Claim, ...]
    requirements: tuple[dict[str, Any], ...]
    work_dir: str = ""
    become: bool = False
    password: str | None = field(default=None, repr=False)
    """What the login's sudo wants to hear there. Only for a connection that keeps a script out of every argv."""

    def places(self) -> list[ProbePath]:
        """Every destination, once, in the groups that the probe looks at one after the other."""
        looks: dict[tuple[str, str], tuple[bool, bool]] = {}
        of_root = {_based(claim.destination.text) for claim in self.claims if needs_root_probe(claim)}
        for claim in self.claims:
            base, top = _based(claim.destination.text)
            as_root, is_hashed = (base, top) in of_root, claim.options.if_exists != "keep"
            start = f"{top}/" if top not in ("", ".") else ""
            for entry in claim.entries:
                key = (base, start + entry.relative if entry.relative else top or ".")
                before = looks.get(key, (False, False))
                looks[key] = (before[0] or as_root, before[1] or is_hashed)
        spots = [ProbePath(*key, *look) for key, look in looks.items()]
        return [spot for group in groups(spots) for spot in group]

    def mirrors(self) -> list[ProbePath]:
        """Every destination that is mirrored."""
        spots = (
            ProbePath(*_based(claim.destination.text), needs_root_probe(claim))
            for claim in self.claims
            if claim.is_mirror
        )
        return list(dict.fromkeys(spots))

    def owners(self) -> list[tuple[str, str]]:
        """The users and groups that anything is to belong to, by name: ``("user", "agent")``."""
        wanted = [("user", claim.options.owner) for claim in self.claims]
        wanted += [("group", claim.options.group) for claim in self.claims]
        return list(dict.fromkeys((kind, name) for kind, name in wanted if name is not None and not name.isdigit()))


def needs_root_probe(claim: Claim) -> bool:
    """Whether a claim says whose its files are to be, which root alone can see to."""
    return claim.options.owner is not None or claim.options.group is not None


def _based(text: str) -> tuple[str, str]:
    if text.startswith("~/"):
        return "H", text[2:] or "."
    return ("", text) if text.startswith("/") else ("W", text)


def groups(spots: Sequence[ProbePath]) -> Iterator[list[ProbePath]]:
    """The spots by who looks, whether their names are odd, and whether they are hashed; no group is empty."""
    found: dict[tuple[bool, bool, bool], list[ProbePath]] = {}
    for spot in spots:
        found.setdefault((spot.as_root, spot.is_odd, spot.is_hashed), []).append(spot)
    for key in sorted(found):
        yield found[key]


def parents_of(places: Sequence[ProbePath], *, as_root: bool) -> list[ProbePath]:
    """The directories of the destinations that root, or the login, looks at, each once."""
    return list(
        dict.fromkeys(
            ProbePath(spot.base, posixpath.dirname(spot.rest) or ("/" if not spot.base else "."))
            for spot in places
            if spot.as_root is as_root
        )
    )
