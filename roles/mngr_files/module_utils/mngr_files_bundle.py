"""What is copied, as one or two streams: the controller packs them, the host reads them. Python 3.9, standard library.

A stream is a row of frames: the length of what follows (4 bytes, big-endian), one byte that says how it is packed
(``r`` raw, ``z`` deflated), and at most :data:`BLOCK` bytes of what the frames together hold. What does not compress is
not deflated, because that would cost more time than it saves.

The first stream begins with the length of the header (8 bytes), then the header (JSON), then the contents of every
entry that is packed ``inline``, in the header's order. The second, if there is one, has those that are packed ``file``.
The header is ``{"is_dry", "wants_before", "steps": [{"id", "mirror", "if_exists", "entries"}]}``; the keys of an entry
are in :data:`ENTRY`, and what has its default is left out. A path is absolute or begins with ``~/`` (the home of the
user that reads it); bytes in it that are not UTF-8 are surrogates.

Neither side ever has more than a few blocks of a stream in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib

BLOCK = 1 << 20
LEVEL = 1  # a higher one costs more time than it saves on all but the slowest links
SAMPLE = 1 << 14

ENTRY = {
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
}
"""An entry's keys and their defaults. ``directory_mode`` is for parents that are missing."""


class SourceChangedError(Exception):
    """A source is not what the header promises: ``path``."""

    def __init__(self, path):
        super().__init__(path)
        self.path = path


class TooBigError(Exception):
    """The stream grew beyond the limit."""


def pack(stream, entries, header=None, limit=None):
    """Write a stream: the header, if there is one, and the contents of these entries from their local ``source``.

    Raises:
        SourceChangedError: a source has not the size and sha256 that its entry says.
        TooBigError: more than ``limit`` bytes were written.
        OSError: a source can not be read, or the stream not written.
    """
    frames = _Frames(stream, limit)
    if header is not None:
        data = json.dumps({**header, "steps": [_travelling(step) for step in header["steps"]]}).encode("ascii")
        frames.write(len(data).to_bytes(8, "big") + data)
    for entry in entries:
        for block in _blocks(entry):
            frames.write(block)
    frames.finish()


def _travelling(step):
    """The step without what is only known here, or has its default."""
    entries = [
        {key: entry[key] for key, default in ENTRY.items() if entry.get(key, default) != default}
        for entry in step["entries"]
    ]
    return {**step, "entries": entries}


class _Frames:
    """Cuts what is written into frames."""

    def __init__(self, stream, limit):
        self._stream = stream
        self._limit = limit
        self._written = 0
        self._waiting = bytearray()

    def write(self, data):
        self._waiting += data
        while len(self._waiting) >= BLOCK:
            self._emit(bytes(self._waiting[:BLOCK]))
            del self._waiting[:BLOCK]

    def finish(self):
        if self._waiting:
            self._emit(bytes(self._waiting))

    def _emit(self, block):
        sample = block[:SAMPLE]
        if len(zlib.compress(sample, LEVEL)) < 0.9 * len(sample):
            flag, block = b"z", zlib.compress(block, LEVEL)
        else:
            flag = b"r"
        self._written += 5 + len(block)
        if self._limit is not None and self._written > self._limit:
            raise TooBigError
        self._stream.write(len(block).to_bytes(4, "big") + flag)
        self._stream.write(block)


def _blocks(entry):
    """Yield a source's content, and never a byte more than promised."""
    sha256, left = hashlib.sha256(), entry["size"]
    # O_NONBLOCK: a fifo that took the file's place must not hold us for ever.
    with open(os.open(entry["source"], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        while True:
            block = file.read(BLOCK)
            if not block:
                break
            left -= len(block)
            if left < 0:
                break
            sha256.update(block)
            yield block
    if left or sha256.hexdigest() != entry["sha256"]:
        raise SourceChangedError(entry["source"])


class Bundle:
    """Reads the header at once, then contents, in the header's order, from streams of any size."""

    def __init__(self, inline, file=None):
        first = _Contents(inline)
        header = json.loads(first.take(int.from_bytes(first.take(8), "big")))
        first.position = 0
        self._contents = {"inline": first, "file": None if file is None else _Contents(file)}
        self.is_dry = header["is_dry"]
        self.wants_before = header["wants_before"]
        self.steps = header["steps"]
        offsets = {"inline": 0, "file": 0}
        for index, entry in enumerate(entry for step in self.steps for entry in step["entries"]):
            for key, default in ENTRY.items():
                entry.setdefault(key, default)
            entry["index"] = index
            if entry["packed"] is not None:
                entry["offset"] = offsets[entry["packed"]]
                offsets[entry["packed"]] += entry["size"]

    def content(self, entry):
        """Yield the content of a packed entry, in blocks; that of entries before it is passed over.

        Raises:
            zlib.error: the stream is damaged, or ends too early.
        """
        contents = self._contents[entry["packed"]]
        for _ in contents.read(entry["offset"] - contents.position):
            pass
        yield from contents.read(entry["size"])


class _Contents:
    """What the frames of a stream together hold."""

    def __init__(self, stream):
        self._stream = stream
        self._block = memoryview(b"")
        self.position = 0

    def take(self, size):
        return b"".join(self.read(size))

    def read(self, size):
        while size > 0:
            if not self._block:
                self._block = memoryview(self._frame())
            part = self._block[:size]
            self._block = self._block[len(part) :]
            size -= len(part)
            self.position += len(part)
            yield part

    def _frame(self):
        start = self._exactly(5)
        data = self._exactly(int.from_bytes(start[:4], "big"))
        block = zlib.decompress(data) if start[4:] == b"z" else data
        if not block:
            raise zlib.error("it has an empty frame")
        return block

    def _exactly(self, size):
        data = self._stream.read(size)
        if len(data) != size:
            raise zlib.error("it ends too early")
        return data
