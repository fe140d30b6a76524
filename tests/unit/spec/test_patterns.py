"""Gitignore patterns on sources and on destinations."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.spec.patterns import DestinationPatterns, Patterns

NAMES = st.text(string.ascii_letters + " -_.$~{}\udcff\n", min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)


@pytest.mark.parametrize(
    ("lines", "excluded", "kept"),
    [
        (["cache/"], ["cache/", "a/cache/"], ["cache", "caches/"]),
        (["*.log", "!keep.log"], ["x.log", "a/x.log"], ["keep.log", "a/keep.log"]),
        (["/top"], ["top"], ["a/top"]),
        (["a/**", "!a/b"], ["a/c", "a/d/e"], ["a/", "a/b"]),
        (["a/**/b"], ["a/b", "a/x/y/b"], ["b"]),
        (["bad?"], ["bad\udcff"], ["bad"]),
        (["# a comment", ""], [], ["# a comment"]),
        (["*.log", "skip/"], ["a\nb/x.log", "x\n.log", "a\nb/skip/"], ["x.log\n", "skip\n/"]),
    ],
)
def test_patterns_are_those_of_gitignore(lines, excluded, kept):
    patterns = Patterns(lines)

    def matches(name: str) -> bool:
        return patterns.excludes(name.rstrip("/"), name.endswith("/"))

    assert ([matches(each) for each in excluded], [matches(each) for each in kept]) == (
        [True] * len(excluded),
        [False] * len(kept),
    )


@pytest.mark.parametrize(
    ("pattern", "excluded", "kept"),
    [
        ("~/.claude/cache/**", ["~/.claude/cache/a/b"], [".claude/cache/a", "/.claude/cache/a", "~/.claude/cache"]),
        ("~/.npmrc", ["~/.npmrc"], [".npmrc", "~/a/.npmrc"]),
        ("/etc/secret", ["/etc/secret", "/etc/secret/x"], ["etc/secret", "~/etc/secret", "/srv/etc/secret"]),
        ("src/x", ["src/x"], ["~/src/x", "/src/x", "a/src/x"]),
        ("*.pyc", ["a/b.pyc", "~/b.pyc", "/srv/b.pyc"], ["a.py"]),
    ],
)
def test_a_pattern_on_destinations_begins_where_it_says(pattern, excluded, kept):
    patterns = DestinationPatterns([pattern])

    assert [each for each in (*excluded, *kept) if patterns.excludes(each, False)] == excluded


def test_the_last_pattern_that_matches_decides():
    patterns = DestinationPatterns(["*.log", "!~/keep.log"])

    assert [patterns.excludes(each, False) for each in ("~/x.log", "~/keep.log", "keep.log")] == [True, False, True]


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["~/", "/", ""]))
def test_any_name_can_be_asked_about_and_the_base_itself_is_never_excluded(parts, base):
    patterns = DestinationPatterns(["~/x/**", "/y", "*.log", "a/b", "!c"])

    assert patterns.excludes(base + "/".join(parts), False) in (True, False)
    assert not patterns.excludes(base or ".", True)


@pytest.mark.parametrize("kind", [Patterns, DestinationPatterns])
def test_a_range_of_letters_that_is_upside_down_is_no_pattern(kind):
    with pytest.raises(ValueError, match="bad character range"):
        kind(["[z-a]"])
