"""Names and texts as bytes in every locale."""

import sys

import pytest

from mngr_ansible.system.names import as_bytes, normal_name


@pytest.mark.parametrize(
    ("encoding", "text", "data"),
    [
        ("utf-8", "é…\udcff", b"\xc3\xa9\xe2\x80\xa6\xff"),
        ("ascii", "é…\udcff", b"\xc3\xa9\xe2\x80\xa6\xff"),
        ("iso-8859-1", "\xe9…", b"\xe9\xe2\x80\xa6"),  # the name that this machine has is kept
    ],
)
def test_a_name_of_this_machine_keeps_its_bytes_and_everything_else_is_utf8(monkeypatch, encoding, text, data):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)
    assert as_bytes(text) == data


def test_what_stands_for_no_byte_and_no_character_is_refused():
    with pytest.raises(UnicodeEncodeError):
        as_bytes("\ud800")
    assert normal_name("é\udcff") == "é\udcff"
