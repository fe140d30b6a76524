"""Text of other programs inside our own sentences."""

import pytest

from mngr_ansible.portable.text import clause


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("It failed.", "It failed"),
        ("It failed...\n", "It failed"),
        (" /a  path. ", "/a  path"),
        ("version 1.2", "version 1.2"),
        ("Failed!", "Failed!"),
        ("", ""),
    ],
)
def test_a_quoted_message_has_no_full_stop_of_its_own(text: str, quoted: str) -> None:
    assert clause(text) == quoted
