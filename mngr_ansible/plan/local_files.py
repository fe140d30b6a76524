"""Read what plugins want copied: every source once, everything that is wrong with any of them at once."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from mngr_ansible.errors import MissingFilesError
from mngr_ansible.plan.transfers import Claim, Destination, IgnoreRule, WriteOptions
from mngr_ansible.portable import trees
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import DestinationPatterns, Patterns

_SECRETS_ARE_OFF = "secrets are off for {} in the settings"


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """A spec and who wants it, and what the user decided about that plugin. ``origin`` is for people."""

    plugin: str
    origin: str
    spec: FileTransferSpec
    exclude_files: tuple[str, ...] = ()
    is_secret_allowed: bool = True


@dataclass(slots=True)
class Sources:
    """What was read: claims in the order of the wishes, wishes that come to nothing and why, and notices."""

    claims: list[Claim] = field(default_factory=list)
    skipped: list[tuple[TransferRequest, str]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    _missing: list[tuple[str, str]] = field(default_factory=list)
    _unsendable: list[tuple[str, str]] = field(default_factory=list)
    _open_secrets: list[tuple[str, int, str]] = field(default_factory=list)

    def read(self, wish: TransferRequest) -> None:
        """Read one wish's source; what is wrong with it is only noted."""
        spec, path = wish.spec, local_path(wish.spec)
        if spec.is_secret and not wish.is_secret_allowed:
            self.skipped.append((wish, _SECRETS_ARE_OFF.format(wish.plugin)))
            return
        if not self._exists(wish, path):
            return
        if reason := _unwanted(wish):
            self.skipped.append((wish, reason))
            return
        excluded = _excluded(wish)
        if spec.mirror and not os.path.isdir(path):  # noqa: PTH112
            self._unsendable.append(
                (printable(path), f"is a file, and mirror needs a directory; wanted by {wish.origin}")
            )
            return
        try:
            tree = trees.read(
                path,
                mode=spec.mode,
                directory_mode=spec.directory_mode,
                is_secret=spec.is_secret,
                symlinks=spec.symlinks,
                excluded=excluded,
            )
        except trees.TreeError as error:
            self._unsendable += [(printable(where), f"{why}; wanted by {wish.origin}") for where, why in error.problems]
            return
        self.notices += [f"{wish.origin}: {printable(notice)}" for notice in tree.notices]
        if spec.is_secret:
            self._open_secrets += [
                (each.source, mode, wish.origin)
                for each in tree.entries
                if each.kind == "file" and (mode := _open_mode(each.source))
            ]
        options = WriteOptions(spec.directory_mode, spec.owner, spec.group, spec.if_exists)
        user_patterns = DestinationPatterns(wish.exclude_files) if wish.exclude_files else None
        entries = self._allowed(wish, tree.entries)
        if not entries:
            self.skipped.append((wish, _SECRETS_ARE_OFF.format(wish.plugin)))
            return
        is_whole = len(entries) == len(tree.entries)
        withheld = set() if is_whole else {each.relative for each in tree.entries} - {each.relative for each in entries}

        def mirror_ignores(relative: str, is_directory: bool) -> bool:
            return relative in withheld or (excluded is not None and excluded(relative, is_directory))

        self.claims.append(
            Claim(wish.plugin, Destination.of(spec), entries, options, spec.mirror, mirror_ignores, user_patterns)
        )

    def _exists(self, wish: TransferRequest, path: str) -> bool:
        try:
            os.stat(path)  # noqa: PTH116
        except OSError as error:
            is_missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
            if is_missing and not wish.spec.is_required:
                self.skipped.append((wish, f"{printable(os.fspath(wish.spec.local_path))} does not exist"))
            elif is_missing:
                self._missing.append((printable(os.fspath(wish.spec.local_path)), f"wanted by {wish.origin}"))
            else:
                self._unsendable.append((printable(path), f"{error.strerror}; wanted by {wish.origin}"))
            return False
        return True

    def _allowed(self, wish: TransferRequest, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if wish.is_secret_allowed:
            return entries
        allowed = tuple(each for each in entries if each.kind == "directory" or not each.is_secret)
        if allowed and (left := len(entries) - len(allowed)):
            files = "1 secret file stays" if left == 1 else f"{left} secret files stay"
            where = printable(os.fspath(wish.spec.local_path))
            self.notices.append(f"{wish.origin}: {files} here ({where}): secrets are off for {wish.plugin}")
        return allowed

    def refuse(self, *, is_strict: bool) -> None:
        """Refuse all that cannot be sent, together; ``is_strict``: secrets that others can read too.

        Raises:
            MissingFilesError: there is any.
        """
        problems, remedies = [], []
        if self._missing:
            count = len(self._missing)
            files = "1 required file is" if count == 1 else f"{count} required files are"
            problems.append(f"{files} missing\n{_listing(self._missing)}")
            remedies.append("Create them, or mark them as not required.")
        if self._unsendable:
            count = len(self._unsendable)
            sources = "1 source" if count == 1 else f"{count} sources"
            problems.append(f"{sources} cannot be sent\n{_listing(self._unsendable)}")
            remedies.append("Leave them out: name another source, or take them out of the directory, or exclude them.")
        secrets = list(dict.fromkeys(self._open_secrets))
        told = [
            (
                printable(path),
                f"others can read this secret of {origin} here; chmod {_closed(mode)} {shlex.quote(path)}",
            )
            for path, mode, origin in secrets
        ]
        if told and is_strict:
            which = "1 secret" if len(told) == 1 else f"{len(told)} secrets"
            problems.append(f"{which} can be read by others (strict_secrets)\n{_listing(told)}")
            remedies.append("Run the chmod commands.")
        elif told:
            self.notices += [f"{path}: {words}" for path, words in told]
        if problems:
            remedy = " ".join([*remedies, "Nothing was changed on any host."])
            raise MissingFilesError("\n".join(problems), remedy=remedy)


def read_sources(wishes: Sequence[TransferRequest], *, is_strict: bool = False) -> Sources:
    """Read every source of these wishes, lowest precedence first.

    Raises:
        MissingFilesError: required sources are missing, sources cannot be sent, or (``is_strict``) secrets can be read
            by others here; all of them, with who wants each, overridden ones included. Source: docs/contract.md "Data".
    """
    sources = Sources()
    for wish in wishes:
        sources.read(wish)
    sources.refuse(is_strict=is_strict)
    return sources


def local_path(spec: FileTransferSpec) -> str:
    """The source on this machine; only a leading ``~/`` means the caller's home."""
    text = os.fspath(spec.local_path)
    home = os.path.expanduser("~")  # noqa: PTH111
    return os.path.abspath(home + text[1:] if text.startswith("~/") or text == "~" else text)  # noqa: PTH100


def _unwanted(wish: TransferRequest) -> str:
    """Why the user wants nothing of this wish; empty if that is not so."""
    destination, is_directory = Destination.of(wish.spec).text, os.path.isdir(local_path(wish.spec))  # noqa: PTH112
    if wish.exclude_files and DestinationPatterns(wish.exclude_files).excludes(destination, is_directory):
        return left_out(wish.plugin)
    return "" if is_directory or not _is_excluded_file(wish.spec) else "its own exclude leaves it out"


def left_out(plugin: str) -> str:
    """Why the user wants nothing of a wish whose destination he keeps for himself."""
    return f"exclude_files of {plugin} in the settings leaves it out"


def _is_excluded_file(spec: FileTransferSpec) -> bool:
    return bool(spec.exclude) and Patterns(spec.exclude).excludes(os.path.basename(local_path(spec)), False)  # noqa: PTH119


def _excluded(wish: TransferRequest) -> IgnoreRule | None:
    """What of a source stays here: by the plugin's own patterns, and by the user's on the destination."""
    if not wish.spec.exclude and not wish.exclude_files:
        return None
    own = Patterns(wish.spec.exclude)
    of_user = DestinationPatterns(wish.exclude_files)
    top = Destination.of(wish.spec).text.rstrip("/")
    start = "" if top == "." else f"{top}/"

    def excluded(relative: str, is_directory: bool) -> bool:
        return own.excludes(relative, is_directory) or of_user.excludes(start + relative, is_directory)

    return excluded


def _open_mode(path: str) -> int:
    """The permission bits of a secret that others can read here; 0 if they cannot."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except OSError:
        return 0  # gone since it was read: that is found when it is sent
    return mode & 0o777 if mode & 0o044 else 0


def _closed(mode: int) -> str:
    return "700" if mode & 0o100 else "600"


def _listing(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "\n".join(f"  {left:<{width}}  {right}" for left, right in rows)
