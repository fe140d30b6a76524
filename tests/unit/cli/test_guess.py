"""What is guessed from the words of a command before they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mngr_ansible.cli.guess import Guess
from mngr_ansible.run import settled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "plan --host a",
        "content",
        "--version",
        "apply --help",
        "bootstrap a --dry-run",
        "render ./apply",
        "apply --host a -K",
        "bootstrap a --ask-become-pass",
        "apply --host a -vK",
        "apply -vh",
    ],
)
def test_what_changes_nothing_or_asks_first_starts_no_ansible(words: str) -> None:
    with Guess(words.split()).ready_ansible() as ready:
        assert ready is None


def test_what_ended_as_planned_starts_no_ansible_the_next_time_in_the_same_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["apply", "--host", "a"]
    guess = Guess(words)
    settled.remember(settled.digest("command", str(tmp_path), *words), is_settled=True)
    monkeypatch.chdir(tmp_path)
    with guess.ready_ansible() as ready:
        assert ready is None
    guess.remember(is_settled=False)
    assert not settled.is_settled(settled.digest("command", str(tmp_path), *words))


@pytest.mark.parametrize(
    ("words", "hosts"),
    [
        ("apply", 1),
        ("apply --host a --host=b", 2),
        ("bootstrap a b", 2),
        ("bootstrap --host a", 2),  # one more than there is does no harm
    ],
)
def test_ansible_is_made_ready_for_as_many_hosts_as_the_words_can_name(words: str, hosts: int) -> None:
    assert Guess(words.split())._most_hosts() == hosts
