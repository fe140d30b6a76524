"""All plugins' files laid over each other: one winner for every path. Works on values alone, without files or hosts."""

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mngr_ansible.errors import ConflictError
from mngr_ansible.inputs.contribution import conflict_remedy
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import DestinationPatterns
from mngr_ansible.values import field, frozen

IgnoreRule = Callable[[str, bool], bool]
"""``(path below a destination, whether it is a directory)`` → whether the path is excluded from the transfer.

A mirror leaves what is excluded as it is on the host.
"""


@frozen
class Destination:
    """A destination before the host is known: below work_dir, below home (``~/x``), or absolute."""

    text: str

    @classmethod
    def of(cls, spec: FileTransferSpec) -> "Destination":
        """The destination of a spec. ``~`` is the home itself: a ``PurePosixPath`` drops the slash of ``~/``."""
        text = os.fspath(spec.remote_path)
        return cls("~/" if text == "~" else text)

    def resolve(self, home: str, work_dir: str) -> str:
        """The path on a host with this home and work_dir; before they are known, give ``"~"`` and ``""``."""
        base, rest = (home, self.text[2:]) if self.text.startswith("~/") else (work_dir, self.text)
        return posixpath.normpath(posixpath.join(base, rest))


@frozen
class WriteOptions:
    """How a spec's entries are written on the host, besides their content and mode.

    The fields are those of ``FileTransferSpec``. ``directory_mode`` is for parents that are created; the entries of a
    tree carry their own modes.
    """

    directory_mode: int | None = None
    owner: str | None = None
    group: str | None = None
    if_exists: str = "replace"


@frozen
class Claim:
    """One plugin's request for one destination, with the source read: every entry with its mode, size and hash.

    ``mirror_ignore`` and ``user_exclude`` say what a mirror leaves alone on the host: names that the plugin or the
    user excluded from the source, and destinations that the user excluded (``exclude_files``).
    """

    plugin: str
    destination: Destination
    entries: tuple[Entry, ...]
    options: WriteOptions = WriteOptions()
    is_mirror: bool = False
    mirror_ignore: IgnoreRule | None = field(default=None, compare=False)
    user_exclude: DestinationPatterns | None = field(default=None, compare=False)

    def user_excludes(self, path: str, is_directory: bool, home: str, work_dir: str) -> bool:
        """Whether ``exclude_files`` matches this absolute path, written as ``/x``, as ``~/x`` or below work_dir."""
        if self.user_exclude is None:
            return False
        spellings = [path]
        if path.startswith(f"{home}/"):
            spellings.append(f"~/{path[len(home) + 1 :]}")
        if work_dir and path.startswith(f"{work_dir}/"):
            spellings.append(path[len(work_dir) + 1 :])
        return any(self.user_exclude.excludes(each, is_directory) for each in spellings)

    def mirror_ignores(self, top: str, relative: str, is_directory: bool, home: str, work_dir: str) -> bool:
        """Whether a mirror keeps what the host has at ``relative`` below ``top``, the resolved destination."""
        if self.mirror_ignore is not None and self.mirror_ignore(relative, is_directory):
            return True
        return self.user_excludes(posixpath.join(top, relative), is_directory, home, work_dir)


@frozen
class PlacedEntry:
    """One entry of a source and the path where it goes."""

    path: str
    entry: Entry
    options: WriteOptions = WriteOptions()
    identity: str = ""
    """Of what is deleted: the device and inode that were seen, as ``8:1234``; empty where they are not known."""

    @property
    def is_top(self) -> bool:
        """Whether this is the destination directory, without ``directory_mode``: if it exists, its mode is kept."""
        is_destination = self.entry.relative == "" and self.entry.kind == "directory"
        return is_destination and self.options.directory_mode is None


@frozen
class Transfer:
    """One step of kind ``file``: a file, or a directory with all its entries that no other claim overrides.

    ``mirrors``: the claims with ``mirror=True``; other files below the destination are deleted.
    """

    destination: str
    plugins: tuple[str, ...]
    entries: tuple[PlacedEntry, ...]
    is_directory: bool
    mirrors: tuple[Claim, ...] = ()

    @property
    def id(self) -> str:
        """The id of the step; bytes that are not UTF-8 are shown as ``\\xff``."""
        return f"file:{printable(self.destination)}"

    @property
    def files(self) -> tuple[PlacedEntry, ...]:
        """The entries that are not directories."""
        return tuple(each for each in self.entries if each.entry.kind != "directory")

    @property
    def is_secret(self) -> bool:
        """Whether any of its entries is a secret."""
        return any(each.entry.is_secret for each in self.entries)


class Overlay(NamedTuple):
    """What :func:`overlay` returns."""

    transfers: tuple[Transfer, ...]
    notices: tuple[str, ...]
    """Overrides, and destinations that one plugin names more than once."""
    excluded: tuple[Claim, ...]
    """The claims of which ``exclude_files`` leaves nothing on this host."""


class _ResolvedEntry(NamedTuple):
    """Where an entry goes: ``path`` as planned, ``real`` with the host's links in its directory followed."""

    path: str
    real: str
    entry: Entry


@frozen
class _ResolvedClaim:
    """A claim on a host whose directories are known; ``entries`` without what the user excluded."""

    claim: Claim
    destination: str
    entries: tuple[_ResolvedEntry, ...]

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def plugin(self) -> str:
        return self.claim.plugin


def overlay(
    claims: Sequence[Claim], home: str, work_dir: str, real_directories: Mapping[str, str] | None = None
) -> Overlay:
    """Lay the claims over each other, lowest precedence first: the last claim of a path wins.

    Destinations are compared after resolution, so ``a/../b`` and ``b`` are one. ``real_directories`` maps a planned
    directory to its real path on the host, where a link leads elsewhere; two paths to one file are then one too. Trees
    overlay file by file, whether a file came alone or in a directory. Source: docs/contract.md "Data".

    Raises:
        ConflictError: one claim has a file where another has a directory.
    """
    resolved = [_resolve(claim, home, work_dir, real_directories or {}) for claim in claims]
    winners, overridden = _winners(resolved)
    _refuse_clashes(resolved)
    steps: dict[str, list[_ResolvedClaim]] = {}
    for each in resolved:
        steps.setdefault(each.destination, []).append(each)
    transfers = (_transfer(destination, group, winners) for destination, group in steps.items())
    notices = [*_repetition_notices(resolved), *_override_notices(overridden)]
    return Overlay(
        transfers=tuple(each for each in transfers if each is not None),
        notices=tuple(dict.fromkeys(notices)),
        excluded=tuple(each.claim for each in resolved if not each.entries),
    )


def _resolve(claim: Claim, home: str, work_dir: str, real_directories: Mapping[str, str]) -> _ResolvedClaim:
    destination = claim.destination.resolve(home, work_dir)
    prefix = "" if destination == "." else destination.rstrip("/") + "/"
    is_host_known = home.startswith("/")
    entries = []
    for entry in claim.entries:
        path = prefix + entry.relative if entry.relative else destination
        if is_host_known and claim.user_excludes(path, entry.kind == "directory", home, work_dir):
            continue
        entries.append(_ResolvedEntry(path, _real_path(path, real_directories), entry))
    return _ResolvedClaim(claim, destination, tuple(entries))


def _real_path(path: str, real_directories: Mapping[str, str]) -> str:
    if not real_directories:
        return path
    directory, _, name = path.rpartition("/")
    return f"{real_directories.get(directory, directory)}/{name}"


_Winners = Mapping[str, _ResolvedClaim]
"""Real path → the claim that is written there."""

_Overridden = Mapping[tuple[_ResolvedClaim, _ResolvedClaim], Sequence[str]]
"""(winner, loser) → the paths of files that the winner takes from the loser."""


def _winners(resolved: Sequence[_ResolvedClaim]) -> tuple[_Winners, _Overridden]:
    winners: dict[str, _ResolvedClaim] = {}
    overridden: dict[tuple[_ResolvedClaim, _ResolvedClaim], list[str]] = {}
    for each in resolved:
        for path, real, entry in each.entries:
            loser = winners.get(real)
            if loser is not None and loser is not each and entry.kind != "directory":
                overridden.setdefault((each, loser), []).append(path)
            winners[real] = each
    return winners, overridden


def _transfer(destination: str, group: Sequence[_ResolvedClaim], winners: _Winners) -> Transfer | None:
    """The step of one destination; None where all its entries are excluded or overridden."""
    placed = {
        path: PlacedEntry(path, entry, each.claim.options)
        for each in group
        for path, real, entry in each.entries
        if winners[real] is each
    }
    mirrors = tuple(each.claim for each in group if each.claim.is_mirror and each.entries)
    if not placed and not mirrors:
        return None
    last = group[-1]
    is_directory = last.claim.entries[0].kind == "directory"
    contributors = group if is_directory else [last]
    return Transfer(
        destination,
        plugins=tuple(dict.fromkeys(each.plugin for each in contributors)),
        entries=tuple(sorted(placed.values(), key=lambda each: each.path)),
        is_directory=is_directory,
        mirrors=mirrors,
    )


def _repetition_notices(resolved: Sequence[_ResolvedClaim]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for each in resolved:
        key = (each.plugin, each.destination)
        if key in seen:
            where = printable(each.destination)
            yield f"{each.plugin} names {where} more than once; where both have a file, the last one is used"
        seen.add(key)


def _override_notices(overridden: _Overridden) -> Iterator[str]:
    for (winner, loser), paths in overridden.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        files = f"{printable(paths[0])}{more}"
        if winner.plugin != loser.plugin:
            yield f"{files}: {winner.plugin} overrides {loser.plugin}"
        elif winner.destination != loser.destination or winner.claim.destination != loser.claim.destination:
            yield f"{winner.plugin} names {files} more than once; the last one is used"


def _refuse_clashes(resolved: Sequence[_ResolvedClaim]) -> None:
    """Raise ``ConflictError`` where a path is a file for one claim and a directory, or in one, for another."""
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for each in resolved:
        for _, real, entry in each.entries:
            kind = directories if entry.kind == "directory" else files
            kind[real] = each.plugin
            parent = posixpath.dirname(real)
            while parent not in ("", "/", "~") and parent not in directories:
                directories[parent] = each.plugin
                parent = posixpath.dirname(parent)
    clashes = sorted(set(files) & set(directories))
    if clashes:
        plugins = dict.fromkeys(each for path in clashes for each in (files[path], directories[path]))
        if len(plugins) == 1:
            problem = f"{next(iter(plugins))} needs a file and a directory in one place"
            lines = "\n".join(f"  {printable(path)}" for path in clashes[:20])
        else:
            problem = "one plugin needs a file where another needs a directory"
            lines = "\n".join(
                f"  {printable(path)}: a file for {files[path]}, a directory for {directories[path]}"
                for path in clashes[:20]
            )
        raise ConflictError(f"{problem}\n{lines}", remedy=conflict_remedy("Change one destination", plugins))
