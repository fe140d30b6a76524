"""A list as one text."""

import pytest

from mngr_ansible.portable import marked_text

ENTRIES = [{"path": "/srv/{{ 7*7 }}", "mode": "0644"}, "git>=2.39", {"path": "ä\u2028\\xff"}, None]


def test_a_list_comes_back_as_it_was() -> None:
    text = marked_text.dump(ENTRIES)
    assert text.startswith("mngr-json: ")
    assert text.isascii()
    assert marked_text.load(text) == ENTRIES


@pytest.mark.parametrize("value", [[], ["git"], None, "git", {"name": "git"}, [["git"], "curl"]])
def test_what_people_write_is_left_as_it_is(value: object) -> None:
    assert marked_text.load(value) is value


def test_texts_and_lists_in_a_list_are_joined() -> None:
    text = marked_text.dump([{"name": "git"}])
    assert marked_text.load([text]) == [{"name": "git"}]
    assert marked_text.load([text, ["curl"], "tmux", text]) == [{"name": "git"}, "curl", "tmux", {"name": "git"}]


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("{{ 7*7 }}", "49"),
        lambda text: text[:-1],
        lambda text: marked_text.PREFIX + "[]",
        lambda text: text.replace('"list":[]', '"list":{}'),
    ],
)
def test_a_text_that_was_evaluated_or_changed_is_an_error_with_a_remedy(changed) -> None:  # type: ignore[no-untyped-def]
    text = changed(marked_text.dump([]))
    with pytest.raises(ValueError, match=r"did not arrive as it was sent.*; use a version of ansible-core"):
        marked_text.load(text)
    with pytest.raises(ValueError, match="did not arrive"):
        marked_text.load(["git", text])
