"""What prevents a transfer on one host: found in the plan, before anything is changed. Pure.

Every reason says what to do, and nothing that would do harm when it is done: no destination that belongs to the system
is to be moved away because a file was meant to go into it.
"""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator

from mngr_ansible.diff.mirror import mirror_problem, real_path
from mngr_ansible.host.probe_request import directories_above
from mngr_ansible.host.state import MISSING, FileState, HostState
from mngr_ansible.plan.transfers import PlacedEntry, Transfer, WriteOptions
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry

KINDS = {
    "file": "a file",
    "directory": "a directory",
    "link": "a link",
    "other": "not a regular file",
    "unreadable": "a file that cannot be read",
}
"""The kinds of ``FileState`` in words."""


def impossibilities(transfer: Transfer, state: HostState) -> Iterator[str]:
    """Reasons why a transfer is impossible on this host with any files on it. The first one is reported."""
    for options in dict.fromkeys(placed.options for placed in transfer.entries):
        for kind, name in (("user", options.owner), ("group", options.group)):
            if name is not None and owner_number(kind, name, state) is None:
                yield f"the host has no {kind} {name}; create it on the host, or use another one"
    problem = mirror_problem(transfer, state)
    if problem is not None:
        yield problem


def obstacles(changed: Iterable[PlacedEntry], state: HostState, *, is_root: bool, as_root: bool) -> Iterator[str]:
    """Reasons why what must change cannot be changed now. The first one is reported."""
    if as_root and state.login.privilege not in ("root", "sudo", "password"):
        remedy = "log in as root, allow sudo without a password, or leave owner and group out"
        yield f"{state.login.user} may not give files to other users; {remedy}"
    parents = state.paths.parents_as_root if as_root else {**state.paths.parents_as_root, **state.paths.parents}
    for placed in changed:
        found = state.paths.files.get(placed.path, MISSING)
        parent = parents.get(posixpath.dirname(placed.path), "w")
        yield from _kind_obstacles(placed, found, state)
        yield from _parent_obstacles(placed, found, parent, state, is_root=is_root or as_root)
        if letter := state.paths.protected.get(placed.path):
            word = {"i": "immutable", "a": "append-only"}[letter]
            remedy = f"If it may be changed, run on the host: chattr -{letter} {sh.quote(placed.path)}, then run again"
            yield f"{printable(placed.path)} is {word}: somebody protected it with chattr +{letter}. {remedy}"
        if _is_replaced(placed.entry, found) and real_path(placed.path, state) in state.paths.mounted:
            yield (
                f"{printable(placed.path)} is a file that is mounted there, which cannot be replaced; change the file "
                "that is mounted (such as a container's volume), or use another destination"
            )


def _is_replaced(entry: Entry, found: FileState) -> bool:
    """Whether what the host has is replaced by another file or link; else only its mode or owner is set."""
    if entry.kind == "directory" or found.kind in ("missing", "directory"):
        return False
    return found.kind != entry.kind or found.sha256 != (link_hash(entry.target) if entry.target else entry.sha256)


def _kind_obstacles(placed: PlacedEntry, found: FileState, state: HostState) -> Iterator[str]:
    """Something of another kind is at the path, which is never deleted for a transfer."""
    path, entry = printable(placed.path), placed.entry
    if entry.kind == "directory" and found.leads_to_directory:
        yield f"{path} is a link to a directory; give the real path as the destination"
    elif entry.kind == "directory" and found.kind not in ("missing", "directory"):
        yield f"{path} is {KINDS[found.kind]}, but must be a directory; use another destination"
    if entry.kind != "directory":
        # A tree's own file or link may take the place of a link to a directory; one file that was given alone and is
        # "copied to /bin" was meant to go into it.
        what = base_in_words(placed.path, state) if not entry.relative else ""
        if found.kind == "directory" or what:
            what = what or "a directory"
        elif found.leads_to_directory and not entry.relative:
            what = "a link to a directory"
        if what:
            name = printable(posixpath.basename(entry.source)) or "NAME"
            remedy = (
                f"give the full file name, such as {path}/{name}" if not entry.relative else "use another destination"
            )
            yield f"{path} is {what}; {remedy}"
    if entry.kind != "directory" and found.kind == "other":
        yield f"{path} is not a regular file (a fifo, a socket or a device); use another destination"


def _parent_obstacles(
    placed: PlacedEntry, found: FileState, parent: str, state: HostState, *, is_root: bool
) -> Iterator[str]:
    """The directory of an entry cannot be written; ``parent``: its code in ``HostState.paths.parents``."""
    path = printable(placed.path)
    if parent == "x":
        above = _not_a_directory(placed.path, state) or f"something above {path}"
        yield f"{above} is not a directory, so nothing can be put below it; use another destination"
    changes_only_mode = found.kind == "directory" and placed.entry.kind == "directory"
    if parent in ("r", "R") and not changes_only_mode:
        user, directory = state.login.user, posixpath.dirname(path)
        if _is_read_only(posixpath.dirname(placed.path), state):
            yield (
                f"{directory} is on a file system that is read-only; use another destination, or make it writable and "
                "run again"
            )
        elif is_root:
            yield (
                f"{user} cannot write to {directory}; the file system may be read-only, or the directory is protected "
                "(see lsattr); make it writable, or use another destination, and run again"
            )
        else:
            yield f"{user} cannot write to {directory}; use --become, or another destination"


def _not_a_directory(path: str, state: HostState) -> str:
    """What is above a path and no directory, for people; empty where the probe does not say."""
    nodes = {**state.paths.path_nodes_as_root, **state.paths.path_nodes}
    above = [each for each in directories_above(path) if each in nodes and nodes[each].kind == "other"]
    return printable(above[0]) if above else ""


def _is_read_only(directory: str, state: HostState) -> bool:
    """Whether the file system of a directory, or of the nearest that exists above it, is read-only."""
    real = state.paths.real.get(directory, directory)
    return not state.paths.read_only.isdisjoint((real, *directories_above(real), "/"))


def base_in_words(path: str, state: HostState) -> str:
    """What a path is for people if destinations start there: "the home directory"; empty for all other paths."""
    home = posixpath.normpath(state.login.home)
    return {state.paths.work_dir: "work_dir", home: "the home directory"}.get(path, "")


def link_hash(target: str | None) -> str:
    """The hash by which the probe reports the target of a link: of the target and a newline."""
    return hashlib.sha256(os.fsencode(target or "") + b"\n").hexdigest()


def owner_numbers(options: WriteOptions, state: HostState) -> tuple[int | None, int | None]:
    return owner_number("user", options.owner, state), owner_number("group", options.group, state)


def owner_number(kind: str, name: str | None, state: HostState) -> int | None:
    if name is None:
        return None
    return int(name) if name.isdigit() else state.paths.owner_ids.get((kind, name))
