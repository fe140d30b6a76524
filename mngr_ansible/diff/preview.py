"""What would change in files, as people read it: unified diffs, and a line for everything that is not text.

Never the content of a secret: neither of a source that is one, nor of what not everybody may read on the host.
"""

import difflib
import itertools
from collections.abc import Iterator, Sequence

from mngr_ansible.diff.files import DueTransfer
from mngr_ansible.host import contents
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable import file_diff
from mngr_ansible.portable.text import printable

_MOST = 200
"""Entries of one step that are told of."""
_BACKUP = ": what is there is kept beside it as a backup"


def file_changes(connection: Connection, transfers: Sequence[DueTransfer], state: HostState) -> dict[str, str]:
    """For each step that is due, what would change; asks the host what its files hold, at most twice.

    Raises:
        HostError: the host does not answer.
    """
    found: dict[str, bytes] = {}
    for as_root in (False, True):
        paths = [
            placed.path
            for due in transfers
            if due.as_root is as_root
            for placed in due.entries
            if _is_shown(placed, state.paths.files.get(placed.path, MISSING))
        ]
        sizes = itertools.accumulate(state.paths.files[path].size or 0 for path in paths)
        asked = [path for path, size in zip(paths, sizes, strict=True) if size <= contents.LARGEST_ANSWER]
        found |= contents.fetch_contents(connection, asked, as_root=as_root)
    return {due.transfer.id: "\n".join(_limited(list(_transfer(due, state, found)))) for due in transfers}


def _limited(blocks: list[str]) -> list[str]:
    return blocks if len(blocks) <= _MOST else [*blocks[:_MOST], f"and {len(blocks) - _MOST} more"]


def _is_shown(placed: PlacedEntry, found: FileState) -> bool:
    """Whether what is there is asked for: other content of a file that is no secret on either side."""
    is_content = placed.entry.kind == "file" and found.sha256 != placed.entry.sha256
    is_small = (found.size or 0) <= contents.LARGEST
    is_public = found.kind == "link" or (found.kind == "file" and bool((found.mode or 0) & 0o004))
    return is_content and is_public and is_small and not placed.entry.is_secret


def _transfer(due: DueTransfer, state: HostState, found: dict[str, bytes]) -> Iterator[str]:
    for placed in due.entries:
        there = state.paths.files.get(placed.path, MISSING)
        entry, path = placed.entry, printable(placed.path)
        has_content = there.kind in ("file", "link", "unreadable")
        is_backed_up = placed.options.if_exists == "backup" and has_content
        if entry.kind == "absent":
            yield f"{path}: {'renamed to a backup' if placed.options.if_exists == 'backup' else 'deleted'}"
        elif entry.kind == "link":
            yield f"{path}: link to {printable(entry.target or '')}" + _BACKUP * is_backed_up
        elif entry.kind == "directory" or there.sha256 == entry.sha256:
            yield f"{path}: {_bits(placed, there)}"
        else:
            yield from _content(placed, there, found)
            if there.kind == "file" and (there.mode != entry.mode or placed.options.owner or placed.options.group):
                yield f"{path}: {_bits(placed, there)}"
            if is_backed_up:
                yield f"{path}{_BACKUP}"


def _bits(placed: PlacedEntry, there: FileState) -> str:
    options, mode = placed.options, f"mode {placed.entry.mode:04o}"
    owner = ":".join(filter(None, (options.owner, options.group)))
    before = "not there" if there.mode is None else f"mode {there.mode:04o}, owner {there.uid}:{there.gid}"
    return f"{before} -> {mode}{f', owner {owner}' if owner else ''}"


def _content(placed: PlacedEntry, there: FileState, found: dict[str, bytes]) -> Iterator[str]:
    path = printable(placed.path)
    if placed.entry.is_secret:
        yield f"{path}: {file_diff.SECRET}"
    elif there.kind != "missing" and placed.path not in found:
        yield f"{path}: what is there is private, large, no file, or one too many, and not shown"
    else:
        before = file_diff.as_text(found.get(placed.path, b""))
        after = file_diff.source_text(placed.entry.source)
        if before is None or after is None:
            yield f"{path}: {file_diff.NOT_TEXT}"
            return
        old = "/dev/null" if there.kind == "missing" else path
        lines = difflib.unified_diff(_lines(before), _lines(after), old, path, n=3, lineterm="")
        yield "\n".join(lines) or f"{path}: {_bits(placed, there)}"


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    last = lines.pop()
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
