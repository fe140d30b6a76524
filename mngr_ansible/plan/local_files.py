"""Read the source of every transfer request. All problems of all sources are reported together."""

import os
from collections.abc import Iterator, Sequence
from typing import Literal

from mngr_ansible.errors import MissingFilesError
from mngr_ansible.plan.known_hashes import KnownHashes
from mngr_ansible.plan.transfers import Claim, Destination, IgnoreRule, WriteOptions
from mngr_ansible.portable import sh, trees
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import DestinationPatterns, Patterns
from mngr_ansible.values import frozen

_MOST_ROWS = 20
"""Sources that an error names, and secrets that others can read; a directory may have thousands of them."""


@frozen
class TransferRequest:
    """One plugin's transfer, and the user's settings for that plugin. ``origin`` names the plugin for people."""

    plugin: str
    origin: str
    spec: FileTransferSpec
    exclude_files: tuple[str, ...] = ()
    is_secret_allowed: bool = True


@frozen
class ReadableSecret:
    """A secret file that other users of this machine can read. ``mode``: its permission bits."""

    path: str
    mode: int
    origin: str

    @property
    def advice(self) -> str:
        """The problem, and the command that fixes it."""
        closed = "700" if self.mode & 0o100 else "600"
        return f"other users can read this secret of {self.origin}; run: chmod {closed} {sh.quote(self.path)}"


@frozen
class Read:
    """A source that was read."""

    claim: Claim
    notices: tuple[str, ...] = ()
    readable_secrets: tuple[ReadableSecret, ...] = ()


@frozen
class Skipped:
    """A request of which nothing is copied, and why."""

    request: TransferRequest
    reason: str
    notices: tuple[str, ...] = ()


@frozen
class Problem:
    """A source that is missing or cannot be copied; ``details``: a path and what is wrong with it, a row each."""

    kind: Literal["missing", "not copyable"]
    details: tuple[tuple[str, str], ...]


@frozen
class Sources:
    """All sources after reading, in the order of the requests."""

    claims: tuple[Claim, ...]
    skipped: tuple[Skipped, ...]
    notices: tuple[str, ...]


def read_sources(requests: Sequence[TransferRequest], *, is_strict: bool = False, reads_all: bool = False) -> Sources:
    """Read the sources of these requests, lowest precedence first.

    With ``is_strict``, a secret that other users of this machine can read is an error; else it is a notice. With
    ``reads_all``, the content of files is read too that have not changed since an earlier plan has read them.

    Raises:
        MissingFilesError: required sources are missing, sources cannot be copied, or (``is_strict``) other users can
            read secrets; all of them, with the plugins that need them, overridden ones too.
            Source: docs/contract.md "Data".
    """
    hashes = KnownHashes([local_path(request.spec) for request in requests], is_read=not reads_all)
    results = [read_source(request, hashes) for request in requests]
    entries = [entry for each in results if isinstance(each, Read) for entry in each.claim.entries]
    hashes.forget(entry.source for entry in entries if entry.is_secret and entry.kind == "file")
    hashes.save()
    problems = [each for each in results if isinstance(each, Problem)]
    sources = [each for each in results if isinstance(each, Read)]
    readable = dict.fromkeys(secret for each in sources for secret in each.readable_secrets)
    secrets = [(printable(each.path), each.advice) for each in readable]
    _refuse(problems, secrets if is_strict else [])
    notices = [notice for each in results if not isinstance(each, Problem) for notice in each.notices]
    return Sources(
        claims=tuple(each.claim for each in sources),
        skipped=tuple(each for each in results if isinstance(each, Skipped)),
        notices=(*notices, *_secret_notices(secrets)),
    )


def _secret_notices(secrets: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from (f"{path}: {advice}" for path, advice in secrets[:_MOST_ROWS])
    if len(secrets) > _MOST_ROWS:
        yield f"other users can read {len(secrets) - _MOST_ROWS} more secrets"


def _refuse(problems: Sequence[Problem], readable_secrets: Sequence[tuple[str, str]]) -> None:
    """Raise one ``MissingFilesError`` with every problem, if there is any."""
    missing = [row for each in problems if each.kind == "missing" for row in each.details]
    not_copyable = [row for each in problems if each.kind == "not copyable" for row in each.details]
    paragraphs, remedies = [], []
    if missing:
        headline = "1 required file is missing" if len(missing) == 1 else f"{len(missing)} required files are missing"
        paragraphs.append(f"{headline}\n{_table(missing)}")
        is_typed = all(needed.startswith("needed by command-line") for _path, needed in missing)
        other = "correct its path" if is_typed else "mark it as optional (is_required: false)"
        remedies.append(f"Create what is missing, or {other}.")
    if not_copyable:
        sources = "1 source" if len(not_copyable) == 1 else f"{len(not_copyable)} sources"
        paragraphs.append(f"{sources} cannot be copied\n{_table(not_copyable)}")
        remedies.append("Give another source, remove these files from the directory, or list them in `exclude`.")
    if readable_secrets:
        secrets = "1 secret" if len(readable_secrets) == 1 else f"{len(readable_secrets)} secrets"
        paragraphs.append(f"{secrets} can be read by other users (strict_secrets)\n{_table(readable_secrets)}")
        remedies.append("Run the chmod commands.")
    if paragraphs:
        remedy = " ".join([*remedies, "Nothing was changed on any host."])
        raise MissingFilesError("\n".join(paragraphs), remedy=remedy)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows[:_MOST_ROWS])
    lines = [f"  {left:<{width}}  {right}" for left, right in rows[:_MOST_ROWS]]
    return "\n".join([*lines, *([f"  and {len(rows) - _MOST_ROWS} more"] if len(rows) > _MOST_ROWS else [])])


def read_source(request: TransferRequest, hashes: KnownHashes | None = None) -> Read | Skipped | Problem:
    """Read one request's source, but no file whose hash is known. A source that is switched off need not exist."""
    spec, path = request.spec, local_path(request.spec)
    if spec.is_secret and not request.is_secret_allowed:
        return Skipped(request, _secrets_off(request))
    absent = _absent(request, path)
    if absent is not None:
        return absent
    is_directory = os.path.isdir(path)  # noqa: PTH112
    reason = _exclusion(request, path, is_directory)
    if reason:
        return Skipped(request, reason)
    if spec.mirror and not is_directory:
        return _not_copyable(request, [(path, "is a file, and mirror needs a directory")])
    exclude = _exclude_rule(request)
    try:
        tree = trees.read(
            path,
            mode=spec.mode,
            directory_mode=spec.directory_mode,
            is_secret=spec.is_secret,
            symlinks=spec.symlinks,
            excluded=exclude,
            hashes=hashes,
        )
    except trees.TreeError as error:
        return _not_copyable(request, error.problems)
    notices = tuple(f"{request.origin}: {printable(notice)}" for notice in tree.notices)
    withheld = _withheld_secrets(request, tree.entries)
    entries = tuple(each for each in tree.entries if each.relative not in withheld)
    if not entries:
        return Skipped(request, _secrets_off(request), notices)
    if withheld:
        notices = (*notices, _withheld_notice(request, len(withheld)))
    claim = Claim(
        request.plugin,
        Destination.of(spec),
        entries,
        WriteOptions(spec.directory_mode, spec.owner, spec.group, spec.if_exists),
        is_mirror=spec.mirror,
        mirror_ignore=_mirror_ignore(exclude, withheld | tree.unsettled),
        user_exclude=DestinationPatterns(request.exclude_files) if request.exclude_files else None,
    )
    return Read(claim, notices, _readable_secrets(request, entries) if spec.is_secret else ())


def local_path(spec: FileTransferSpec) -> str:
    """The absolute path of the source on this machine; only a leading ``~/`` means the caller's home."""
    text = os.fspath(spec.local_path)
    home = os.path.expanduser("~")  # noqa: PTH111
    return os.path.abspath(home + text[1:] if text.startswith("~/") or text == "~" else text)  # noqa: PTH100


def excluded_by_settings(plugin: str) -> str:
    """The reason of a transfer whose destination matches ``exclude_files``."""
    return f"excluded by exclude_files of {plugin} in the settings"


def _secrets_off(request: TransferRequest) -> str:
    return f"secrets = false for {request.plugin} in the settings"


def _absent(request: TransferRequest, path: str) -> Skipped | Problem | None:
    """The result for a source that does not exist or cannot be looked at; None for one that exists."""
    written = printable(os.fspath(request.spec.local_path))
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        hint = trees.not_expanded(written)
        if request.spec.is_required:
            return Problem("missing", ((written, f"needed by {request.origin}{hint and f' ({hint})'}"),))
        return Skipped(request, f"{written} does not exist{hint and f' ({hint})'}")
    except OSError as error:
        return _not_copyable(request, [(path, str(error.strerror))])
    return None


def _not_copyable(request: TransferRequest, problems: Sequence[tuple[str, str]]) -> Problem:
    rows = tuple((printable(path), f"{why}; needed by {request.origin}") for path, why in problems)
    return Problem("not copyable", rows)


def _exclusion(request: TransferRequest, path: str, is_directory: bool) -> str:
    """Why the source as a whole is excluded; empty if it is not. ``exclude`` applies to names inside a directory."""
    destination = Destination.of(request.spec).text
    if request.exclude_files and DestinationPatterns(request.exclude_files).excludes(destination, is_directory):
        return excluded_by_settings(request.plugin)
    exclude = request.spec.exclude
    if exclude and not is_directory and Patterns(exclude).excludes(os.path.basename(path), False):  # noqa: PTH119
        return "excluded by its own `exclude`"
    return ""


def _exclude_rule(request: TransferRequest) -> IgnoreRule | None:
    """What of a directory is not copied: the plugin's ``exclude`` on names inside it, the user's on destinations."""
    if not request.spec.exclude and not request.exclude_files:
        return None
    by_plugin = Patterns(request.spec.exclude)
    by_user = DestinationPatterns(request.exclude_files)
    destination = Destination.of(request.spec).text.rstrip("/")
    prefix = "" if destination == "." else f"{destination}/"

    def exclude(relative: str, is_directory: bool) -> bool:
        return by_plugin.excludes(relative, is_directory) or by_user.excludes(prefix + relative, is_directory)

    return exclude


def _mirror_ignore(exclude: IgnoreRule | None, withheld: frozenset[str]) -> IgnoreRule | None:
    """What a mirror leaves alone: the excluded names, and the files that are withheld or could not be read."""
    if exclude is None and not withheld:
        return None

    def ignore(relative: str, is_directory: bool) -> bool:
        return relative in withheld or (exclude is not None and exclude(relative, is_directory))

    return ignore


def _withheld_secrets(request: TransferRequest, entries: Sequence[Entry]) -> frozenset[str]:
    """The names inside the source of the secret files that the settings do not allow."""
    if request.is_secret_allowed:
        return frozenset()
    return frozenset(each.relative for each in entries if each.is_secret and each.kind != "directory")


def _withheld_notice(request: TransferRequest, count: int) -> str:
    files = "1 secret file is" if count == 1 else f"{count} secret files are"
    where = printable(os.fspath(request.spec.local_path))
    return f"{request.origin}: {files} not copied ({where}): secrets = false for {request.plugin}"


def _readable_secrets(request: TransferRequest, entries: Sequence[Entry]) -> tuple[ReadableSecret, ...]:
    found = []
    for entry in entries:
        if entry.kind != "file":
            continue
        try:
            mode = os.stat(entry.source).st_mode & 0o777  # noqa: PTH116
        except OSError:
            continue  # deleted since it was read: the run reports it
        if mode & 0o044:
            found.append(ReadableSecret(entry.source, mode, request.origin))
    return tuple(found)
