"""Text of other programs inside our own sentences."""

import pytest

from mngr_ansible.portable.text import clause, one_stop


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("it failed.. Run again.", "it failed. Run again."),
        ("it failed..", "it failed."),
        ("it failed (no space).. Free some..", "it failed (no space). Free some."),
        ("a/.. leaves it. ../b too.", "a/.. leaves it. ../b too."),
        ("/srv/odd.. is a directory", "/srv/odd.. is a directory"),
        ("wait ... what... 1..2", "wait ... what... 1..2"),
        ("one.\ntwo..\nthree", "one.\ntwo.\nthree"),
    ],
)
def test_a_sentence_ends_with_one_full_stop_and_paths_stay_as_they_are(text: str, said: str) -> None:
    assert one_stop(text) == said
