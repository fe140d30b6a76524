"""What a mirror deletes: everything below its destination that is not in the plan, with the exceptions here. Pure."""

import posixpath
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from mngr_ansible.host.state import HostState
from mngr_ansible.plan.transfers import PlacedEntry, Transfer
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.values import frozen

_OWN_NAMES = regex(r"\.mngr-backup-\d{8}T\d{6}Z(-\d+)?\Z|\A\.mngr-ansible-[0-9a-f]{16}\Z")
"""Names that the role ``mngr_files`` gives: of backups, and of temporary files that an interrupted run left."""


@frozen
class ProtectedPaths:
    """What no mirror deletes, by real path.

    Attributes:
        paths: every path of the plan, and every directory above one.
        trees: the destinations of skipped transfers: an earlier run may have written everything below them.
    """

    paths: AbstractSet[str]
    trees: AbstractSet[str]

    @classmethod
    def of(cls, transfers: Iterable[Transfer], skipped: Iterable[str], state: HostState) -> "ProtectedPaths":
        """The protected paths of a plan. ``skipped``: the destinations of its skipped transfers."""
        trees = {real_path(path, state) for path in skipped}
        paths = {real_path(placed.path, state) for transfer in transfers for placed in transfer.entries}
        for directory in {posixpath.dirname(path) for path in paths | trees}:
            above = directory
            while above not in paths and above not in ("", "/"):
                paths.add(above)
                above = posixpath.dirname(above)
        return cls(paths, trees)

    def contains(self, top: str, relative: str) -> bool:
        """Whether ``relative`` below the mirrored directory ``top`` is protected."""
        path = posixpath.join(top, relative)
        return path in self.paths or any(
            path == tree or path.startswith(f"{tree}/") for tree in self.trees if tree != top
        )


def deletions(transfer: Transfer, state: HostState, protected: ProtectedPaths) -> Iterator[PlacedEntry]:
    """The entries that a mirrored destination loses, the deepest first; none for a transfer that mirrors nothing.

    These stay: what a plugin's ``exclude`` or the user's ``exclude_files`` matches, our own backups and temporary
    files, what is mounted there, and every directory above something that stays. Source: rsync(1), "--delete-excluded".
    """
    if not transfer.mirrors:
        return
    options = transfer.mirrors[-1].options
    listing = state.paths.listings.get(transfer.destination, {})
    identities = state.paths.identities.get(transfer.destination, {})
    real_top = real_path(transfer.destination, state).rstrip("/")
    parents_of_kept: set[str] = set()
    for relative in sorted(listing, key=lambda each: (-each.count("/"), each)):
        is_directory = listing[relative] == "directory"
        is_kept = (
            protected.contains(real_top, relative)
            or relative in parents_of_kept
            or _is_excluded(transfer, relative, state, is_directory=is_directory)
            or _OWN_NAMES.search(posixpath.basename(relative)) is not None
            or f"{real_top}/{relative}" in state.paths.mounted
        )
        if not is_kept:
            path = f"{transfer.destination.rstrip('/')}/{relative}"
            entry = Entry(relative, "absent", "", 0, 0, "", None, False)
            yield PlacedEntry(path, entry, options, identities.get(relative, ""))
        leaves_backup = options.if_exists == "backup" and not is_directory
        if is_kept or leaves_backup:
            parents_of_kept.add(posixpath.dirname(relative))


def _is_excluded(transfer: Transfer, relative: str, state: HostState, *, is_directory: bool) -> bool:
    return any(
        claim.mirror_ignores(transfer.destination, relative, is_directory, state.login.home, state.paths.work_dir)
        for claim in transfer.mirrors
    )


def mirror_problem(transfer: Transfer, state: HostState) -> str | None:
    """Why a transfer must not mirror: its destination is the home directory or work_dir, or contains one of them."""
    if not transfer.mirrors:
        return None
    tops = tuple(f"{each.rstrip('/')}/" for each in (transfer.destination, real_path(transfer.destination, state)))
    guarded = (
        ("home directory", state.login.home),
        ("home directory", state.login.real_home),
        ("work_dir", state.paths.work_dir),
        ("work_dir", state.paths.real_work_dir),
    )
    for what, directory in guarded:
        if directory and f"{directory}/".startswith(tops):
            top = printable(transfer.destination)
            return f"a mirror of {top} would empty the {what}; use a directory that is only for this plugin"
    return None


def real_path(path: str, state: HostState) -> str:
    """The same path with the symbolic links above it resolved."""
    directory = posixpath.dirname(path)
    return posixpath.join(state.paths.real.get(directory, directory), posixpath.basename(path))
