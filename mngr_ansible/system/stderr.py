"""stderr has words for people: nothing stops because nobody can read them any more."""

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any


@contextmanager
def lasting_stderr() -> Iterator[None]:
    """Inside, what is printed to stderr is lost where it is closed, its reader is gone or its disk is full; nothing is
    raised. So it is for what plugins print, too. Where a test has put something else in its place, this does nothing.
    """
    stream = sys.stderr
    if stream is None:  # closed; print() would take stdout
        with open(os.devnull, "w") as nothing, redirect_stderr(nothing):  # noqa: PTH123 - no pathlib
            yield
        return
    if type(stream) is not io.TextIOWrapper:
        yield
        return
    with suppress(OSError):
        stream.flush()
    raw = _Lasting(stream.fileno(), "wb", closefd=False)
    lasting = io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, "backslashreplace", line_buffering=True)
    with redirect_stderr(lasting):
        try:
            yield
        finally:
            lasting.flush()


class _Lasting(io.FileIO):
    """A stream that takes everything, also what cannot be written."""

    def write(self, data: Any) -> int:
        try:
            written = super().write(data)
            while written is None:  # it does not wait for its reader, but we do
                select.select([], [self], [])
                written = super().write(data)
        except OSError:
            return len(data)
        return int(written)
