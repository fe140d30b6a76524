"""What of a file's content a diff may show."""

import os
from pathlib import Path

import pytest

from mngr_ansible.portable import file_diff


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"a\tb\nc\n", "a\tb\nc\n"),
        (b"red: \x1b[31m\r\n", "red: \\x1b[31m\\r\n"),
        (b"nul \0", None),
        (b"bad \xff", None),
        ("é\u202e".encode(), "é\\u202e"),
    ],
)
def test_text_is_shown_with_control_characters_escaped_and_nothing_else_is(content: bytes, text: str | None) -> None:
    assert file_diff.as_text(content) == text


def test_a_source_that_is_too_large_missing_or_no_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "fits").write_bytes(b"x" * file_diff.LARGEST)
    (tmp_path / "large").write_bytes(b"x" * (file_diff.LARGEST + 1))
    os.mkfifo(tmp_path / "fifo")

    assert file_diff.source_text(str(tmp_path / "fits")) == "x" * file_diff.LARGEST
    assert file_diff.source_text(str(tmp_path / "large")) is None
    assert file_diff.source_text(str(tmp_path / "missing")) is None
    assert file_diff.source_text(str(tmp_path / "fifo")) == ""
