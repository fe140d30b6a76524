"""The order of versions, compared with rpm's and pacman's own. ``unit/portable/test_versions`` does so with dpkg."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr_ansible.portable.versions import compare

# What all of them order alike: numbers by value, a tilde before everything, a longer version after a shorter one.
PART = st.integers(0, 120).map(str)
PLAIN = st.lists(PART, min_size=1, max_size=4).map(".".join)
TILDE = st.one_of(st.just(""), st.from_regex(r"~[c-z]{2,4}([1-9][0-9]?)?", fullmatch=True))
RPM = st.builds(str.__add__, PLAIN, TILDE)
PAIRS = st.lists(st.tuples(RPM, RPM), min_size=40, max_size=40)
PLAIN_PAIRS = st.lists(st.tuples(PLAIN, PLAIN), min_size=12, max_size=12)


def is_ours_alone(a: str, b: str) -> bool:
    """Whether our order differs on purpose: we ignore trailing zeros, and ``rc`` and the like mean a pre-release."""
    return (
        any(part.split("~")[0].endswith(".0") for part in (a, b)) or "rc" in a + b or "pre" in a + b or "dev" in a + b
    )


@pytest.mark.skipif(not shutil.which("rpm"), reason="rpm is not installed here")
@settings(max_examples=25, deadline=None)
@given(PAIRS)
def test_the_order_is_rpms_where_no_rule_of_ours_says_more(pairs: list[tuple[str, str]]) -> None:
    code = "".join(f'print(rpm.vercmp("{a}", "{b}"), "")' for a, b in pairs)
    said = subprocess.run(["rpm", "--eval", f"%{{lua: {code}}}"], check=True, capture_output=True, text=True).stdout
    theirs = [int(each) for each in said.split()]
    assert len(theirs) == len(pairs)
    for (a, b), their in zip(pairs, theirs, strict=True):
        if not is_ours_alone(a, b):
            assert compare(a, b) == their, (a, b)


@pytest.mark.skipif(not shutil.which("vercmp"), reason="vercmp is not installed here")
@settings(max_examples=15, deadline=None)
@given(PLAIN_PAIRS)
def test_the_order_is_pacmans_where_no_rule_of_ours_says_more(pairs: list[tuple[str, str]]) -> None:
    for a, b in pairs:
        said = subprocess.run(["vercmp", a, b], check=True, capture_output=True, text=True).stdout
        if not is_ours_alone(a, b):
            assert compare(a, b) == (int(said) > 0) - (int(said) < 0), (a, b)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("2.0rc1", "2.0"), ("1.0", "1.0.1"), ("1.9", "1.10"), ("1.0beta1", "1.0"), ("1.0alpha", "1.0beta"), ("1", "2")],
)
@pytest.mark.skipif(not shutil.which("vercmp"), reason="vercmp is not installed here")
def test_pacman_orders_what_precedes_a_release_as_we_do(earlier: str, later: str) -> None:
    said = subprocess.run(["vercmp", earlier, later], check=True, capture_output=True, text=True).stdout
    assert (int(said), compare(earlier, later)) == (-1, -1)
