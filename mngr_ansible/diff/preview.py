"""What would change in files, for people: unified diffs of text, and one line for everything else.

Secrets are never shown: no source that is a secret, and no file that not every user of the host may read.
"""

import difflib
import itertools
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from mngr_ansible.diff.files import DueTransfer, HostRealPaths
from mngr_ansible.diff.mirror import real_path
from mngr_ansible.host import contents
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable import file_diff
from mngr_ansible.portable.text import printable

_MOST_BLOCKS = 200
"""How many diffs and lines of one step are shown."""

_NOT_SHOWN = "not shown: the current file is private, too large, not a regular file, or one too many"


def file_changes(connection: Connection, transfers: Sequence[DueTransfer], state: HostState) -> dict[str, str]:
    """For each of these steps, by id, what would change. Asks the host at most twice, for the contents of its files.

    Raises:
        HostError: the host does not answer.
    """
    current: dict[str, bytes] = {}
    ways = HostRealPaths(state, become=False)
    for as_root in (False, True):
        placed = [entry for due in transfers if due.as_root is as_root for entry in due.entries]
        paths = _readable_paths([each for each in placed if _is_settled(each, state, ways, as_root=as_root)], state)
        real_paths = {path: real_path(path, state) for path in paths}
        current |= contents.fetch_contents(connection, paths, as_root=as_root, real_paths=real_paths)
    return {due.transfer.id: "\n".join(_limited(list(_blocks(due, state, current)))) for due in transfers}


def _is_settled(placed: PlacedEntry, state: HostState, ways: HostRealPaths, *, as_root: bool) -> bool:
    """Whether the probe found a file's directory at one place, both times that it looked.

    Else somebody exchanges directories for links meanwhile, and root would read what is private at another place.
    """
    real = posixpath.dirname(real_path(placed.path, state))
    return ways.to(placed, state, as_root=as_root).real == real


def _readable_paths(entries: Sequence[PlacedEntry], state: HostState) -> list[str]:
    """The paths whose contents may be shown as far as the probe knows, as many as fit into one answer.

    When a file is read, the host decides again.
    """
    files = state.paths.files
    paths = [each.path for each in entries if _may_show(each, files.get(each.path, MISSING))]
    sizes = itertools.accumulate(files[path].size or 0 for path in paths)
    return [path for path, size in zip(paths, sizes, strict=True) if size <= contents.LARGEST_ANSWER]


def _may_show(placed: PlacedEntry, found: FileState) -> bool:
    """Whether a diff may show the current content: it differs, is small, and is no secret on either side."""
    differs = placed.entry.kind == "file" and found.sha256 != placed.entry.sha256
    is_small = (found.size or 0) <= contents.LARGEST
    is_public = found.kind == "link" or (found.kind == "file" and bool((found.mode or 0) & 0o004))
    return differs and is_public and is_small and not placed.entry.is_secret


def _limited(blocks: list[str]) -> list[str]:
    return blocks if len(blocks) <= _MOST_BLOCKS else [*blocks[:_MOST_BLOCKS], f"and {len(blocks) - _MOST_BLOCKS} more"]


def _blocks(due: DueTransfer, state: HostState, current: Mapping[str, bytes]) -> Iterator[str]:
    for placed in due.entries:
        yield from _entry_blocks(placed, state.paths.files.get(placed.path, MISSING), current)


def _entry_blocks(placed: PlacedEntry, found: FileState, current: Mapping[str, bytes]) -> Iterator[str]:
    entry, options, path = placed.entry, placed.options, printable(placed.path)
    if entry.kind == "absent":
        yield f"{path}: {'renamed to a backup' if options.if_exists == 'backup' else 'deleted'}"
        return
    if entry.kind == "link":
        yield f"{path}: link to {printable(entry.target or '')}"
    elif entry.kind == "directory" or found.sha256 == entry.sha256:
        yield _mode_line(placed, found)
        return
    else:
        yield _content_block(placed, found, current)
        if found.kind == "file" and (found.mode != entry.mode or options.owner or options.group):
            yield _mode_line(placed, found)
    if options.if_exists == "backup" and found.kind in ("file", "link", "unreadable"):
        yield f"{path}: the current file is kept beside it as a backup"


def _mode_line(placed: PlacedEntry, found: FileState) -> str:
    owner = ":".join(filter(None, (placed.options.owner, placed.options.group)))
    before = "does not exist" if found.mode is None else f"mode {found.mode:04o}, owner {found.uid}:{found.gid}"
    after = f"mode {placed.entry.mode:04o}" + (f", owner {owner}" if owner else "")
    return f"{printable(placed.path)}: {before} -> {after}"


def _content_block(placed: PlacedEntry, found: FileState, current: Mapping[str, bytes]) -> str:
    path = printable(placed.path)
    if placed.entry.is_secret:
        return f"{path}: {file_diff.SECRET}"
    if found.kind != "missing" and placed.path not in current:
        return f"{path}: {_NOT_SHOWN}"
    before = file_diff.as_text(current.get(placed.path, b""))
    after = file_diff.source_text(placed.entry.source)
    if before is None or after is None:
        return f"{path}: {file_diff.NOT_TEXT}"
    from_file = "/dev/null" if found.kind == "missing" else path
    lines = difflib.unified_diff(_lines(before), _lines(after), from_file, path, n=3, lineterm="")
    return "\n".join(lines) or _mode_line(placed, found)


def _lines(text: str) -> list[str]:
    """The lines of a text as ``diff -u`` shows them, with its note where the last one has no newline."""
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
