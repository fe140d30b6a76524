"""What the two halves of ``mngr_files_copy`` send each other: the controller steps, the host outcomes.

Types only: nothing here is needed when a module runs. Python 3.9, standard library only.
"""

from __future__ import annotations

from typing import TypedDict


class WriteOptions(TypedDict):
    """How something is written on the host, apart from its content and its mode.

    ``owner`` and ``group`` are names or numbers of the host; None leaves the choice to the host. ``directory_mode`` is
    the mode of missing parent directories; None means 0755 less the umask. ``if_exists`` is ``replace``, ``keep`` or
    ``backup``.
    """

    owner: str | None
    group: str | None
    if_exists: str
    directory_mode: int | None


class _SentEntry(WriteOptions):
    """One path of the host, and what is to be there.

    ``path`` is absolute or begins with ``~/``; bytes that are not UTF-8 are surrogates. ``kind`` is ``file``,
    ``directory``, ``link`` or ``absent``. ``size`` (bytes) and ``sha256`` (hexadecimal) are of a file's content,
    ``target`` is a link's. A directory with ``is_top`` keeps its mode if it exists. ``source`` is the local path of a
    file; it is not sent. ``identity`` is, for what is deleted, the device and inode that was seen, as ``"8:1234"``, or
    empty. ``source_name`` is the name of a source that is one file; empty for what is in a directory, and for what a
    program planned. ``packed`` says in which stream the content travels: ``inline``, ``file``, or None for none.
    """

    path: str
    kind: str
    mode: int
    size: int
    sha256: str
    target: str | None
    is_top: bool
    is_secret: bool
    source: str
    source_name: str
    identity: str
    packed: str | None


class Entry(_SentEntry):
    """One path of the host, as the controller has it; see above.

    ``content`` is what was decrypted, rendered or given; None means that ``source`` is read. ``label`` is the source as
    its user knows it, or empty. Neither is sent.
    """

    content: bytes | None
    label: str


class Step(TypedDict):
    """One transfer: its entries in the order in which they are written, parents before what is in them.

    ``mirror`` is the directory of the host in which everything else is deleted; what is deleted there is treated as
    ``if_exists`` says. ``is_empty_refused``: the source has no file, and may not be mirrored where that deletes
    something. With ``is_due`` the host is known to need all of it.
    """

    id: str
    mirror: str | None
    is_empty_refused: bool
    if_exists: str
    is_due: bool
    entries: list[Entry]


class Header(TypedDict):
    """The beginning of a bundle. With ``is_dry_run`` nothing is changed; with ``shows_diff`` the host sends a diff."""

    is_dry_run: bool
    shows_diff: bool
    steps: list[Step]


class ReceivedEntry(_SentEntry):
    """An entry as the host reads it: its number in the header, and where its content begins in its stream (bytes)."""

    index: int
    offset: int


class ReceivedStep(TypedDict):
    """A step as the host reads it."""

    id: str
    mirror: str | None
    is_empty_refused: bool
    if_exists: str
    entries: list[ReceivedEntry]


class _Outcome(TypedDict):
    id: str
    status: str
    files_changed: int


class StepOutcome(_Outcome, total=False):
    """What became of one step, as ``mngr_steps`` reports it: docs/contract.md "Roles".

    ``status`` is ``ok``, ``changed``, ``skipped`` or ``failed``; ``reason`` is a sentence without a full stop.
    """

    reason: str


class Difference(TypedDict):
    """A change that is not one of content: the path, and what is there before and after, in words."""

    path: str
    before: str
    after: str


class Comparison(TypedDict):
    """What the host found when it compared itself with a bundle.

    ``content_needed`` holds the indices of the entries whose content it does not have. ``previous_contents`` maps such
    an index (as text, for JSON) to the content that would be replaced, as base64, or to None if that is not shown.
    """

    content_needed: list[int]
    previous_contents: dict[str, str | None]
    differences: list[Difference]
