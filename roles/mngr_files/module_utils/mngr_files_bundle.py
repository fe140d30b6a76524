"""The format in which files travel to the host: the controller packs one or two streams, the host reads them.

A stream is a sequence of frames. A frame is the length of its data (4 bytes, big-endian), one byte for the kind of
packing (``r`` raw, ``z`` deflated), and the data: at most :data:`BLOCK` bytes of what all frames together hold. Data
that does not compress is not deflated, nor is what stays on this machine: it would take more time than it saves.

The first stream holds the length of the header (8 bytes), the header (JSON), and the contents of every entry that is
packed ``inline``, in the header's order. The second stream, if there is one, holds the contents of those that are
packed ``file``. The header is described in ``mngr_files_protocol``; keys of an entry that have their default
(:data:`DEFAULTS`) are left out.

Neither side ever has more than a few blocks of a stream in memory. Python 3.9, standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future, ThreadPoolExecutor
    from typing import Protocol

    from .mngr_files_protocol import Entry, Header, ReceivedEntry, ReceivedStep, Step

    class ReadableStream(Protocol):
        """What a bundle is read from."""

        def read(self, size: int, /) -> bytes:
            """At most so many bytes; fewer only at the end."""


BLOCK = 1 << 20
LEVEL = 1
"""Of compression. Measured: text shrinks to a fifth at 245 MB/s, which pays below 1 Gbit/s; level 6 takes three times
as long, and level 9 fifteen times, for a tenth less."""
SAMPLE = 1 << 11
"""Bytes at the beginning, in the middle and at the end of a block by which is judged whether it compresses."""
HASHED_ASIDE = 4 << 20
"""Size of a file from which another thread hashes it while it is packed."""

DEFAULTS: dict[str, Any] = {
    "path": "",
    "kind": "file",
    "mode": 0,
    "size": 0,
    "sha256": "",
    "target": None,
    "is_top": False,
    "packed": None,
    "owner": None,
    "group": None,
    "if_exists": "replace",
    "directory_mode": None,
    "is_secret": False,
    "identity": "",
    "source_name": "",
}
"""The keys of an entry that are sent, with the values that are left out."""


class SourceChangedError(Exception):
    """A local file (``path``) no longer begins with the content that its entry says."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class TooBigError(Exception):
    """The stream is larger than its limit."""


def pack(
    stream: IO[bytes],
    entries: Iterable[Entry],
    header: Header | None = None,
    limit: int | None = None,
    *,
    is_compressed: bool = True,
) -> None:
    """Write a stream: the header, if there is one, and the contents of these entries, read from their ``source``,
    unless an entry has its ``content``.

    ``is_compressed``: data that compresses is deflated.

    Raises:
        SourceChangedError: a source does not begin with the content that its entry says.
        TooBigError: the stream would have more than ``limit`` bytes.
        OSError: a source cannot be read, or the stream cannot be written.
    """
    frames = _Frames(stream, limit, is_compressed=is_compressed)
    if header is not None:
        data = json.dumps({**header, "steps": [_sendable(step) for step in header["steps"]]}).encode("ascii")
        frames.write(len(data).to_bytes(8, "big") + data)
    for entry in entries:
        for block in _blocks(entry):
            frames.write(block)
    frames.finish()


def _sendable(step: Step) -> Mapping[str, Any]:
    """The step without what only the controller needs, and without defaults."""
    given: list[Mapping[str, Any]] = [*step["entries"]]
    entries = [
        {key: entry[key] for key, default in DEFAULTS.items() if entry.get(key, default) != default} for entry in given
    ]
    return {**step, "entries": entries}


class _Frames:
    """Writes a stream, frame by frame."""

    def __init__(self, stream: IO[bytes], limit: int | None, *, is_compressed: bool) -> None:
        self._stream = stream
        self._limit = limit
        self._is_compressed = is_compressed
        self._written = 0
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Add data; what waits becomes a frame where this would not fit into it, so that nothing is cut and copied."""
        for start in range(0, len(data), BLOCK):
            part = data if len(data) <= BLOCK else data[start : start + BLOCK]
            if self._size + len(part) > BLOCK:
                self.finish()
            self._waiting.append(part)
            self._size += len(part)

    def finish(self) -> None:
        """Write what waits as a frame."""
        if self._waiting:
            self._write_frame(self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting))
            self._waiting, self._size = [], 0

    def _write_frame(self, block: bytes) -> None:
        flag = b"r"
        if self._is_compressed and _compresses(block):
            flag, block = b"z", zlib.compress(block, LEVEL)
        self._written += 5 + len(block)
        if self._limit is not None and self._written > self._limit:
            raise TooBigError
        self._stream.write(len(block).to_bytes(4, "big") + flag)
        self._stream.write(block)


def _compresses(block: bytes) -> bool:
    """Whether samples of a block become smaller."""
    middle = max(0, len(block) // 2 - SAMPLE // 2)
    sample = block[:SAMPLE] + block[middle : middle + SAMPLE] + block[-SAMPLE:]
    return len(zlib.compress(sample, LEVEL)) < 0.9 * len(sample)


def _blocks(entry: Entry) -> Iterator[bytes]:
    """Yield the content of a source: as many bytes as its entry says, whatever was added to it since."""
    content = entry.get("content")
    if content is not None:
        for start in range(0, len(content), BLOCK):
            yield content[start : start + BLOCK]
        return
    left = entry["size"]
    try:
        # O_NONBLOCK: a fifo that took the file's place must not block.
        descriptor = os.open(entry["source"], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SourceChangedError(entry["source"]) from None
    with open(descriptor, "rb", buffering=0) as file, closing(_Hash(is_aside=left >= HASHED_ASIDE)) as sha256:
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                break
            left -= len(block)
            sha256.update(block)
            yield block
        if left or sha256.hexdigest() != entry["sha256"]:
            raise SourceChangedError(entry["source"])


class _Hash:
    """A SHA-256, perhaps in a thread of its own, which works while the last block is compressed and written."""

    def __init__(self, *, is_aside: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None
        if is_aside:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1)

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.shutdown()

    def update(self, block: bytes) -> None:
        """Hash a block, after the one before."""
        if self._thread is None:
            self._sha256.update(block)
            return
        if self._last is not None:
            self._last.result()
        self._last = self._thread.submit(self._sha256.update, block)

    def hexdigest(self) -> str:
        """The hash of all blocks, hexadecimal."""
        if self._last is not None:
            self._last.result()
        return self._sha256.hexdigest()


class Bundle:
    """Reads the header at once, then contents, in the header's order, from streams of any size.

    Attributes:
        is_dry_run: nothing is to be changed.
        shows_diff: the controller asks for what would change.
        steps: the transfers, every entry with all its keys.

    Raises:
        zlib.error, ValueError: the first stream is damaged, or ends too early.
    """

    is_dry_run: bool
    shows_diff: bool
    steps: list[ReceivedStep]

    def __init__(self, inline: ReadableStream, file: ReadableStream | None = None) -> None:
        first = _Contents(inline)
        header = json.loads(first.take(int.from_bytes(first.take(8), "big")))
        first.position = 0
        self._contents = {"inline": first}
        if file is not None:
            self._contents["file"] = _Contents(file)
        self.is_dry_run = header["is_dry_run"]
        self.shows_diff = header["shows_diff"]
        self.steps = header["steps"]
        self._complete(header["steps"])

    @staticmethod
    def _complete(steps: list[dict[str, Any]]) -> None:
        """Give every entry the keys that were left out, its number, and where its content begins in its stream."""
        offsets = {"inline": 0, "file": 0}
        for index, entry in enumerate(entry for step in steps for entry in step["entries"]):
            for key, default in DEFAULTS.items():
                entry.setdefault(key, default)
            entry["index"], entry["offset"] = index, 0
            if entry["packed"] is not None:
                entry["offset"] = offsets[entry["packed"]]
                offsets[entry["packed"]] += entry["size"]

    def content(self, entry: ReceivedEntry) -> Iterator[memoryview]:
        """Yield the content of a packed entry, in blocks. Entries must be read in their order; some may be left out.

        Raises:
            zlib.error: the stream is damaged, or ends too early.
        """
        contents = self._contents[entry["packed"] or ""]
        for _ in contents.read(entry["offset"] - contents.position):
            pass
        yield from contents.read(entry["size"])


class _Contents:
    """Reads what the frames of a stream together hold."""

    def __init__(self, stream: ReadableStream) -> None:
        self._stream = stream
        self._block = memoryview(b"")
        self.position = 0

    def take(self, size: int) -> bytes:
        """The next bytes, all at once."""
        return b"".join(self.read(size))

    def read(self, size: int) -> Iterator[memoryview]:
        """Yield the next bytes, block by block."""
        while size > 0:
            if not self._block:
                self._block = memoryview(self._frame())
            part = self._block[:size]
            self._block = self._block[len(part) :]
            size -= len(part)
            self.position += len(part)
            yield part

    def _frame(self) -> bytes:
        start = self._exactly(5)
        data = self._exactly(int.from_bytes(start[:4], "big"))
        block = zlib.decompress(data) if start[4:] == b"z" else data
        if not block:
            raise zlib.error("it has an empty frame")
        return block

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise zlib.error("it ends too early")
        return data
