"""The last line of a package manager: what is shown of it, and of what was sent."""

from __future__ import annotations

import threading

import pytest

from mngr_ansible.provisioning.news import last_line, sent


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", ""),
        ("Reading lists", ""),
        ("Get:1 jq\nUnpacking jq (1.6) ...\n", "Unpacking jq (1.6) ..."),
        ("Get:1 jq\nUnpac", "Get:1 jq"),
        ("done\n\n  \n", "done"),
        ("10 %\r20 %\r30 %", "20 %"),
        ("\x1b[1m\x1b[32mGreen\x1b[0m\x1b]0;title\x07 line\n", "Green line"),
        ("bell\x07\n", r"bell\x07"),
        ("from https://me:secret@host/x?token=secret\n", "from https://host/x"),
        ("from https://me:sec", ""),
        (f"://me:secret@host/x\n{'y' * 1979}\n", "y" * 200),
        ("x" * 1990 + ":secret@h\n", ""),
    ],
)
def test_the_last_complete_line_is_shown_without_logins_and_escape_sequences(output: str, line: str) -> None:
    assert last_line(output) == line


class Counted:
    """A connection that has written so many bytes, each time it is asked."""

    def __init__(self, *counts: int | None) -> None:
        self._counts = iter(counts)

    def sent_bytes(self, _stop: threading.Event) -> int | None:
        return next(self._counts)


def test_what_was_sent_is_counted_from_the_first_look_and_is_never_more_than_all() -> None:
    news = sent(Counted(5_000, 1_005_000, 9_000_000, None), 2_000_000)
    stop = threading.Event()
    assert [news(stop) for _ in range(4)] == [
        "0 B of 2.0 MB sent",
        "1.0 MB of 2.0 MB sent",
        "2.0 MB of 2.0 MB sent",
        "",
    ]
