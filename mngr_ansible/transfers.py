"""What plugins want copied, laid over each other: one winner for every path. Pure but for reading the sources."""

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mngr_ansible import trees
from mngr_ansible.errors import ConflictError, MissingFilesError
from mngr_ansible.model import FileTransferSpec
from mngr_ansible.trees import Entry, shown


@dataclass(frozen=True, slots=True)
class Place:
    """A destination before the host is known: below work_dir, below home (``~/x``), or absolute."""

    text: str

    @classmethod
    def of(cls, spec: FileTransferSpec) -> "Place":
        """The destination of a spec; of the home itself a ``PurePosixPath`` keeps only ``~``."""
        text = os.fspath(spec.remote_path)
        return cls("~/" if text == "~" else text)

    def resolve(self, home: str, work_dir: str) -> str:
        """The path on a host with this home and work_dir; with ``"~"`` and ``""`` it stays text that compares."""
        base, rest = (home, self.text[2:]) if self.text.startswith("~/") else (work_dir, self.text)
        return posixpath.normpath(posixpath.join(base, rest))


@dataclass(frozen=True, slots=True)
class Claim:
    """One plugin's wish for one destination, with the source read: what stands where, mode, size and hash."""

    plugin: str
    place: Place
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """One entry of a source and the path where it goes."""

    path: str
    entry: Entry

    @property
    def is_top(self) -> bool:
        """Whether this is the transfer's own directory, whose mode stays if it exists already."""
        return self.entry.relative == "" and self.entry.kind == "directory"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One step of kind ``file``: a file, or a directory with everything in it that nobody overrides."""

    destination: str
    plugins: tuple[str, ...]
    entries: tuple[Placed, ...]
    is_directory: bool

    @property
    def id(self) -> str:
        return f"file:{shown(self.destination)}"

    @property
    def files(self) -> tuple[Placed, ...]:
        """Everything but directories."""
        return tuple(each for each in self.entries if each.entry.kind != "directory")

    @property
    def is_secret(self) -> bool:
        return any(each.entry.is_secret for each in self.entries)


@dataclass(frozen=True, slots=True)
class Wish:
    """A spec and who wants it. ``origin`` is for people: ``claude``, or ``manifest (host.yml)``."""

    plugin: str
    origin: str
    spec: FileTransferSpec


def local_path(spec: FileTransferSpec) -> str:
    """The source on this machine; only a leading ``~/`` means the caller's home."""
    text = os.fspath(spec.local_path)
    home = os.path.expanduser("~")  # noqa: PTH111
    return os.path.abspath(home + text[1:] if text.startswith("~/") or text == "~" else text)  # noqa: PTH100


def read_sources(wishes: Sequence[Wish]) -> tuple[tuple[Claim, ...], tuple[Wish, ...], tuple[str, ...]]:
    """Read every source: the claims, the optional wishes whose source is missing, and notices.

    Raises:
        MissingFilesError: required sources are missing, or sources cannot be sent; all of them, with who wants each,
            overridden ones included. Source: provisioning spec, "Validation phase".
    """
    claims: list[Claim] = []
    skipped: list[Wish] = []
    notices: list[str] = []
    missing: list[tuple[str, str]] = []
    unsendable: list[tuple[str, str]] = []
    for wish in wishes:
        path = local_path(wish.spec)
        try:
            os.stat(path)  # noqa: PTH116
        except OSError as error:
            if not wish.spec.is_required and isinstance(error, (FileNotFoundError, NotADirectoryError)):
                skipped.append(wish)
            elif isinstance(error, (FileNotFoundError, NotADirectoryError)):
                missing.append((shown(os.fspath(wish.spec.local_path)), f"wanted by {wish.origin}"))
            else:
                unsendable.append((shown(path), f"{error.strerror}; wanted by {wish.origin}"))
            continue
        try:
            tree = trees.read(path, mode=wish.spec.mode, is_secret=wish.spec.is_secret)
        except trees.TreeError as error:
            unsendable += [(shown(where), f"{why}; wanted by {wish.origin}") for where, why in error.problems]
            continue
        notices += [f"{wish.origin}: {shown(notice)}" for notice in tree.notices]
        claims.append(Claim(wish.plugin, Place.of(wish.spec), tree.entries))
    _refuse_unreadable(missing, unsendable)
    return tuple(claims), tuple(skipped), tuple(notices)


def _refuse_unreadable(missing: list[tuple[str, str]], unsendable: list[tuple[str, str]]) -> None:
    problems, remedies = [], []
    if missing:
        files = "1 required file is" if len(missing) == 1 else f"{len(missing)} required files are"
        problems.append(f"{files} missing\n{_listing(missing)}")
        remedies.append("Create them, or mark them as not required.")
    if unsendable:
        sources = "1 source" if len(unsendable) == 1 else f"{len(unsendable)} sources"
        problems.append(f"{sources} cannot be sent\n{_listing(unsendable)}")
        remedies.append("Send only readable files, directories, and links that stay inside their directory.")
    if problems:
        raise MissingFilesError("\n".join(problems), remedy=" ".join([*remedies, "Nothing was changed on any host."]))


def _listing(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)


def overlay(claims: Sequence[Claim], home: str, work_dir: str) -> tuple[tuple[Transfer, ...], tuple[str, ...]]:
    """Lay the claims over each other, lowest precedence first: transfers with one winner a path, and notices.

    Destinations are compared after resolution, so ``a/../b`` and ``b`` are one. Trees overlay file by file, whether a
    file came alone or in a directory. Source: provisioning spec, "Deduplication"; CONTRACT "Data".

    Raises:
        ConflictError: a file stands where another plugin wants a directory.
    """
    tops = [claim.place.resolve(home, work_dir) for claim in claims]
    winners: dict[str, int] = {}
    lost: dict[tuple[int, int], list[str]] = {}
    for index, claim in enumerate(claims):
        for path, entry in _paths(tops[index], claim.entries):
            if path in winners and entry.kind != "directory":
                lost.setdefault((index, winners[path]), []).append(path)
            winners[path] = index
    _refuse_clashes(claims, tops)
    steps: dict[str, list[int]] = {}
    for index, top in enumerate(tops):
        steps.setdefault(top, []).append(index)
    transfers = (_transfer(top, indices, claims, winners) for top, indices in steps.items())
    notices = (*_repetitions(claims, tops), *_overrides(claims, lost))
    return tuple(each for each in transfers if each is not None), tuple(dict.fromkeys(notices))


def _repetitions(claims: Sequence[Claim], tops: Sequence[str]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for claim, top in zip(claims, tops, strict=True):
        if (claim.plugin, top) in seen:
            yield f"{claim.plugin} names {shown(top)} more than once; where both have a file, the last one is used"
        seen.add((claim.plugin, top))


def _overrides(claims: Sequence[Claim], lost: Mapping[tuple[int, int], Sequence[str]]) -> Iterator[str]:
    for (winner, loser), paths in lost.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        if claims[winner].plugin != claims[loser].plugin:
            yield f"{shown(paths[0])}{more}: {claims[winner].plugin} overrides {claims[loser].plugin}"
        elif claims[winner].place != claims[loser].place:
            yield f"{claims[winner].plugin} names {shown(paths[0])}{more} more than once; the last one is used"


def _paths(top: str, entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    for entry in entries:
        yield (posixpath.join("" if top == "." else top, entry.relative) if entry.relative else top), entry


def _transfer(top: str, indices: Sequence[int], claims: Sequence[Claim], winners: dict[str, int]) -> Transfer | None:
    placed = {
        path: Placed(path, entry)
        for index in indices
        for path, entry in _paths(top, claims[index].entries)
        if winners[path] == index
    }
    if not placed:
        return None
    is_directory = claims[indices[-1]].entries[0].kind == "directory"
    owners = dict.fromkeys(claims[index].plugin for index in (indices if is_directory else indices[-1:]))
    return Transfer(top, tuple(owners), tuple(sorted(placed.values(), key=lambda each: each.path)), is_directory)


def _refuse_clashes(claims: Sequence[Claim], tops: Sequence[str]) -> None:
    files: dict[str, str] = {}
    directories: dict[str, str] = {}
    for claim, top in zip(claims, tops, strict=True):
        for path, entry in _paths(top, claim.entries):
            (directories if entry.kind == "directory" else files)[path] = claim.plugin
            parent = posixpath.dirname(path)
            while parent not in ("", "/", "~") and parent not in directories:
                directories[parent] = claim.plugin
                parent = posixpath.dirname(parent)
    clashes = sorted(set(files) & set(directories))
    if clashes:
        lines = "\n".join(
            f"  {shown(path)}: a file for {files[path]}, a directory for {directories[path]}" for path in clashes[:20]
        )
        raise ConflictError(
            f"a file stands where a directory is wanted\n{lines}",
            remedy="Disable one of the plugins, or give one of them another destination. Nothing was changed.",
        )
