"""The question to a host: the paths to look at, and the requirements. ``probe_script`` writes it as a shell script,
``probe_answer`` reads the answer to it."""

import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mngr_ansible.plan.transfers import Claim
from mngr_ansible.portable import managers
from mngr_ansible.portable.shapes import CompleteRequirement
from mngr_ansible.values import field, frozen


class ProbePath(NamedTuple):
    """A path on a host whose home directory is not known yet."""

    base: str
    """What ``rest`` is relative to: ``H`` the home directory, ``W`` work_dir, empty for an absolute path."""
    rest: str
    as_root: bool = False
    """Whether root must look, because the file gets an owner or group."""
    is_hashed: bool = True
    """Whether the content is compared."""

    @property
    def is_odd(self) -> bool:
        """Whether the name has a character that ``sha256sum`` escapes. Source: GNU coreutils manual, "md5sum"."""
        return "\n" in self.rest or "\\" in self.rest or "\r" in self.rest


@frozen
class ProbeRequest:
    """Everything that one probe asks."""

    claims: tuple[Claim, ...]
    """The transfers whose destinations are looked at."""
    requirements: tuple[CompleteRequirement, ...]
    """The requirements to check, in their resolved form (``Requirement.resolved``)."""
    work_dir: str = ""
    """Absolute, or relative to the home directory (``~/work`` and ``work`` are the same)."""
    become: bool = False
    """Whether root looks at all paths."""
    own_requirements: int = 0
    """So many of the first requirements are the plan's own: where the host seems to miss one of them, apt says at once
    what it offers of all. 0: it is not asked."""
    password: str | None = field(default=None, repr=False)
    """The sudo password of the remote user. Only for a connection that keeps a script out of every argv."""

    def apt_packages(self) -> list[tuple[str, ...]]:
        """What apt is asked about: for each requirement the packages that it may have."""
        asked = self.requirements if self.own_requirements else ()
        is_name = managers.TABLE["apt"].name.fullmatch
        named = [each["packages"].get("apt", ()) if each["packages"] else (each["name"],) for each in asked]
        return [tuple(filter(is_name, each)) for each in named]

    def paths(self) -> list[ProbePath]:
        """Every destination once, ordered by :func:`grouped`."""
        flags: dict[tuple[str, str], tuple[bool, bool]] = {}
        of_root = {_base_and_rest(claim.destination.text) for claim in self.claims if needs_root_probe(claim)}
        for claim in self.claims:
            base, top = _base_and_rest(claim.destination.text)
            as_root, is_hashed = (base, top) in of_root, claim.options.if_exists != "keep"
            start = f"{top}/" if top not in ("", ".") else ""
            for entry in claim.entries:
                key = (base, start + entry.relative if entry.relative else top or ".")
                before = flags.get(key, (False, False))
                flags[key] = (before[0] or as_root, before[1] or is_hashed)
        found = [ProbePath(*key, *each) for key, each in flags.items()]
        return [path for group in grouped(found) for path in group]

    def mirrors(self) -> list[ProbePath]:
        """Every destination that is mirrored: what it holds is listed."""
        found = (
            ProbePath(*_base_and_rest(claim.destination.text), needs_root_probe(claim))
            for claim in self.claims
            if claim.is_mirror
        )
        return list(dict.fromkeys(found))

    def owners(self) -> list[tuple[str, str]]:
        """The users and groups whose numbers are asked for: ``("user", "agent")``."""
        names = [("user", claim.options.owner) for claim in self.claims]
        names += [("group", claim.options.group) for claim in self.claims]
        return list(dict.fromkeys((kind, name) for kind, name in names if name is not None and not name.isdigit()))

    @property
    def needs_privilege(self) -> bool:
        """Whether the answer depends on how the remote user can become root."""
        return bool(self.requirements) or self.become or any(map(needs_root_probe, self.claims))


def needs_root_probe(claim: Claim) -> bool:
    """Whether a claim gives its files an owner or a group, so that root must look at them."""
    return claim.options.owner is not None or claim.options.group is not None


def _base_and_rest(text: str) -> tuple[str, str]:
    if text.startswith("~/"):
        return "H", text[2:] or "."
    return ("", text) if text.startswith("/") else ("W", text)


def grouped(paths: Sequence[ProbePath]) -> Iterator[list[ProbePath]]:
    """The groups that the script looks at one after the other: by who looks, odd names and hashing; none is empty."""
    found: dict[tuple[bool, bool, bool], list[ProbePath]] = {}
    for path in paths:
        found.setdefault((path.as_root, path.is_odd, path.is_hashed), []).append(path)
    for key in sorted(found):
        yield found[key]


def parents_of(paths: Sequence[ProbePath], *, as_root: bool) -> list[ProbePath]:
    """The directories of the paths that root, or the remote user, looks at; each once."""
    return list(
        dict.fromkeys(
            ProbePath(path.base, posixpath.dirname(path.rest) or ("/" if not path.base else "."))
            for path in paths
            if path.as_root is as_root
        )
    )


def nodes_on_the_way_to(paths: Sequence[ProbePath], *, as_root: bool) -> list[ProbePath]:
    """Everything on the way to the directories of these paths, from ``/`` or from the home directory or work_dir on.

    The last ones are :func:`parents_of` these paths, in its order.
    """
    found = {ProbePath("", "/"): None}
    parents = parents_of(paths, as_root=as_root)
    for path in parents:
        above = path.rest
        while above not in ("/", "", "."):
            found[ProbePath(path.base, above)] = None
            above = posixpath.dirname(above)
        if path.base:
            found[ProbePath(path.base, ".")] = None
    last = set(parents)
    return [*(each for each in found if each not in last), *parents]


def directories_above(path: str) -> list[str]:
    """Every directory above an absolute path but ``/``, the nearest first."""
    found = []
    while path := path.rpartition("/")[0]:
        found.append(path)
    return found
