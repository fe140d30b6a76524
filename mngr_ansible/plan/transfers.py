"""What plugins want copied, laid over each other: one winner for every path. Pure."""

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mngr_ansible.errors import ConflictError
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import DestinationPatterns

IgnoreRule = Callable[[str, bool], bool]
"""Says of a name below a destination, and whether it is a directory, that it is nobody's business but the host's."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination before the host is known: below work_dir, below home (``~/x``), or absolute."""

    text: str

    @classmethod
    def of(cls, spec: FileTransferSpec) -> "Destination":
        """The destination of a spec; of the home itself a ``PurePosixPath`` keeps only ``~``."""
        text = os.fspath(spec.remote_path)
        return cls("~/" if text == "~" else text)

    def resolve(self, home: str, work_dir: str) -> str:
        """The path on a host with this home and work_dir; with ``"~"`` and ``""`` it stays text that compares."""
        base, rest = (home, self.text[2:]) if self.text.startswith("~/") else (work_dir, self.text)
        return posixpath.normpath(posixpath.join(base, rest))


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How what a spec brings is put on the host, besides its content and mode."""

    directory_mode: int | None = None
    """Of the parents that are created; the entries have the tree's own."""
    owner: str | None = None
    group: str | None = None
    if_exists: str = "replace"


@dataclass(frozen=True, slots=True)
class Claim:
    """One plugin's wish for one destination, with the source read: what stands where, mode, size and hash."""

    plugin: str
    destination: Destination
    entries: tuple[Entry, ...]
    options: WriteOptions = WriteOptions()
    is_mirror: bool = False
    mirror_ignores: IgnoreRule | None = field(default=None, compare=False)
    """What a mirror leaves alone on the host."""
    user_patterns: DestinationPatterns | None = field(default=None, compare=False)
    """What the user wants none of there (``exclude_files``)."""

    def user_excludes(self, path: str, is_directory: bool, home: str, work_dir: str) -> bool:
        """Whether the user wants none of this path, by any of the ways in which it can be written."""
        if self.user_patterns is None:
            return False
        places = [path]
        places += [f"~/{path[len(home) + 1 :]}"] if path.startswith(f"{home}/") else []
        places += [path[len(work_dir) + 1 :]] if work_dir and path.startswith(f"{work_dir}/") else []
        return any(self.user_patterns.excludes(destination, is_directory) for destination in places)

    def leaves_alone(self, top: str, relative: str, is_directory: bool, home: str, work_dir: str) -> bool:
        """Whether a mirror leaves alone what is at ``relative`` below its destination, ``top`` on such a host."""
        is_spared = self.mirror_ignores is not None and self.mirror_ignores(relative, is_directory)
        return is_spared or self.user_excludes(posixpath.join(top, relative), is_directory, home, work_dir)


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """One entry of a source and the path where it goes."""

    path: str
    entry: Entry
    options: WriteOptions = WriteOptions()

    @property
    def is_top(self) -> bool:
        """Whether this is the transfer's own directory, whose mode stays if it exists already."""
        is_own = self.entry.relative == "" and self.entry.kind == "directory"
        return is_own and self.options.directory_mode is None


@dataclass(frozen=True, slots=True)
class Transfer:
    """One step of kind ``file``: a file, or a directory with everything in it that nobody overrides."""

    destination: str
    plugins: tuple[str, ...]
    entries: tuple[PlacedEntry, ...]
    is_directory: bool
    mirrors: tuple[Claim, ...] = ()
    """Those that want the destination to hold nothing but what is wanted there."""

    @property
    def id(self) -> str:
        return f"file:{printable(self.destination)}"

    @property
    def files(self) -> tuple[PlacedEntry, ...]:
        """Everything but directories."""
        return tuple(each for each in self.entries if each.entry.kind != "directory")

    @property
    def is_secret(self) -> bool:
        return any(each.entry.is_secret for each in self.entries)


def overlay(
    claims: Sequence[Claim], home: str, work_dir: str, real: Mapping[str, str] | None = None
) -> tuple[tuple[Transfer, ...], tuple[str, ...], tuple[Claim, ...]]:
    """Lay the claims over each other, lowest precedence first.

    Transfers with one winner a path; notices; and the claims of which the user wants nothing on such a host.

    Destinations are compared after resolution, so ``a/../b`` and ``b`` are one; with ``real`` (a directory as planned
    → what it really is on the host, where that is another) two ways to one file are one too. Trees overlay file by
    file, whether a file came alone or in a directory. Source: docs/contract.md "Data".

    Raises:
        ConflictError: a file stands where another plugin wants a directory.
    """
    spots = [list(_resolved_entries(claim, home, work_dir, real or {})) for claim in claims]
    tops = [claim.destination.resolve(home, work_dir) for claim in claims]
    winners: dict[str, int] = {}
    lost: dict[tuple[int, int], list[str]] = {}
    for index, found in enumerate(spots):
        for spot in found:
            if spot.real in winners and spot.entry.kind != "directory" and winners[spot.real] != index:
                lost.setdefault((index, winners[spot.real]), []).append(spot.path)
            winners[spot.real] = index
    _refuse_clashes(claims, spots)
    steps: dict[str, list[int]] = {}
    for index, top in enumerate(tops):
        steps.setdefault(top, []).append(index)
    transfers = (_transfer(top, indices, claims, spots, winners) for top, indices in steps.items())
    notices = (*_repetitions(claims, tops), *_overrides(claims, tops, lost))
    left = tuple(claim for claim, found in zip(claims, spots, strict=True) if not found)
    return tuple(each for each in transfers if each is not None), tuple(dict.fromkeys(notices)), left


class _ResolvedEntry(NamedTuple):
    """Where an entry goes: as planned, and really."""

    path: str
    real: str
    entry: Entry


def _resolved_entries(claim: Claim, home: str, work_dir: str, real: Mapping[str, str]) -> Iterator[_ResolvedEntry]:
    top = claim.destination.resolve(home, work_dir)
    start = "" if top == "." else top.rstrip("/") + "/"
    is_absolute = home.startswith("/")
    for entry in claim.entries:
        path = start + entry.relative if entry.relative else top
        is_directory = entry.kind == "directory"
        if is_absolute and claim.user_excludes(path, is_directory, home, work_dir):
            continue
        actual = path
        if real:
            directory, _, name = path.rpartition("/")
            actual = f"{real.get(directory, directory)}/{name}"
        yield _ResolvedEntry(path, actual, entry)


def _repetitions(claims: Sequence[Claim], tops: Sequence[str]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for claim, top in zip(claims, tops, strict=True):
        if (claim.plugin, top) in seen:
            yield f"{claim.plugin} names {printable(top)} more than once; where both have a file, the last one is used"
        seen.add((claim.plugin, top))


def _overrides(
    claims: Sequence[Claim], tops: Sequence[str], lost: Mapping[tuple[int, int], Sequence[str]]
) -> Iterator[str]:
    for (winner, loser), paths in lost.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        if claims[winner].plugin != claims[loser].plugin:
            yield f"{printable(paths[0])}{more}: {claims[winner].plugin} overrides {claims[loser].plugin}"
        elif tops[winner] != tops[loser] or claims[winner].destination != claims[loser].destination:
            yield f"{claims[winner].plugin} names {printable(paths[0])}{more} more than once; the last one is used"


def _transfer(
    top: str,
    indices: Sequence[int],
    claims: Sequence[Claim],
    spots: Sequence[Sequence[_ResolvedEntry]],
    winners: Mapping[str, int],
) -> Transfer | None:
    placed = {
        spot.path: PlacedEntry(spot.path, spot.entry, claims[index].options)
        for index in indices
        for spot in spots[index]
        if winners[spot.real] == index
    }
    mirrors = tuple(claims[index] for index in indices if claims[index].is_mirror and spots[index])
    if not placed and not mirrors:
        return None
    is_directory = claims[indices[-1]].entries[0].kind == "directory"
    owners = dict.fromkeys(claims[index].plugin for index in (indices if is_directory else indices[-1:]))
    ordered = tuple(sorted(placed.values(), key=lambda each: each.path))
    return Transfer(top, tuple(owners), ordered, is_directory, mirrors)


def _refuse_clashes(claims: Sequence[Claim], spots: Sequence[Iterable[_ResolvedEntry]]) -> None:
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for claim, found in zip(claims, spots, strict=True):
        for spot in found:
            (directories if spot.entry.kind == "directory" else files)[spot.real] = claim.plugin
            parent = posixpath.dirname(spot.real)
            while parent not in ("", "/", "~") and parent not in directories:
                directories[parent] = claim.plugin
                parent = posixpath.dirname(parent)
    clashes = sorted(set(files) & set(directories))
    if clashes:
        lines = "\n".join(
            f"  {printable(path)}: a file for {files[path]}, a directory for {directories[path]}"
            for path in clashes[:20]
        )
        raise ConflictError(
            f"a file stands where a directory is wanted\n{lines}",
            remedy="Disable one of the plugins, or give one of them another destination. Nothing was changed.",
        )
