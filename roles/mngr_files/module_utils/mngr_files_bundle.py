"""What is copied, as one stream: the controller packs it, the host reads it. Python 3.9, standard library only.

One zlib stream: the length of a header (8 bytes, big-endian), the header (JSON), then the content of every entry that
is ``packed``, in the header's order. The header is ``{"is_dry", "steps": [{"id", "directory_mode", "entries"}]}``, an
entry ``{"path", "kind", "mode", "size", "sha256", "target", "is_top", "packed"}``. A path is absolute or begins with
``~/`` (the home of the user that reads it); bytes in it that are not UTF-8 are surrogates.

Neither side ever has more than a few blocks of a stream in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib

BLOCK = 1 << 20
LEVEL = 1  # a higher one costs more time than it saves on all but the slowest links


class SourceChangedError(Exception):
    """A source is not what the header promises: ``path``."""

    def __init__(self, path):
        super().__init__(path)
        self.path = path


class TooBigError(Exception):
    """The stream grew beyond the limit."""


def pack(stream, steps, is_dry=False, limit=None):
    """Write a bundle. Entries hold their local ``source`` too, which does not travel.

    Raises:
        SourceChangedError: a source has not the size and sha256 that its entry says.
        TooBigError: more than ``limit`` bytes were written.
        OSError: a source can not be read, or the stream not written.
    """
    deflater = zlib.compressobj(LEVEL)
    written = 0

    def write(data, finish=False):
        nonlocal written
        packed = deflater.compress(data) + (deflater.flush() if finish else b"")
        written += stream.write(packed)
        if limit is not None and written > limit:
            raise TooBigError

    travelling = [
        {**step, "entries": [{key: entry[key] for key in entry if key != "source"} for entry in step["entries"]]}
        for step in steps
    ]
    header = json.dumps({"is_dry": is_dry, "steps": travelling}).encode("ascii")
    write(len(header).to_bytes(8, "big") + header)
    for entry in (entry for step in steps for entry in step["entries"] if entry["packed"]):
        for block in _blocks(entry):
            write(block)
    write(b"", finish=True)


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
    """Reads the header at once, then contents in the header's order, from a stream of any size."""

    def __init__(self, stream):
        self._stream = stream
        self._inflater = zlib.decompressobj()
        self._position = 0
        header = json.loads(self._take(int.from_bytes(self._take(8), "big")))
        self.is_dry = header["is_dry"]
        self.steps = header["steps"]
        self._position = 0

    def content(self, offset, size):
        """Yield ``size`` bytes that begin ``offset`` bytes after the header; what lies before is passed over.

        Raises:
            zlib.error: the stream is damaged, or ends too early.
        """
        for _ in self._inflate(offset - self._position):
            pass
        yield from self._inflate(size)

    def _take(self, size):
        return b"".join(self._inflate(size))

    def _inflate(self, size):
        while size > 0:
            tail = self._inflater.unconsumed_tail
            block = self._inflater.decompress(tail, min(size, BLOCK))
            if not block and not tail:
                packed = self._stream.read(BLOCK)
                if not packed:
                    raise zlib.error("it ends too early")
                block = self._inflater.decompress(packed, min(size, BLOCK))
            size -= len(block)
            self._position += len(block)
            yield block
