"""What is remembered of commands and plans that ended as planned."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.run import settled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "mngr-ansible" / "settled" / "digests"


def test_it_is_settled_until_a_run_does_not_end_as_planned() -> None:
    one, other = settled.digest("apply", "x"), settled.digest("apply", "y")
    assert not settled.is_settled(one)
    settled.remember(one, is_settled=True)
    assert (settled.is_settled(one), settled.is_settled(other)) == (True, False)
    settled.remember(one, is_settled=False)
    assert not settled.is_settled(one)


def test_the_file_is_private_and_small_and_has_no_text_of_the_command(file: Path) -> None:
    for number in range(settled.MOST + 5):
        settled.remember(settled.digest("s3cr3t", str(number)), is_settled=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().split()) == settled.MOST
    assert "s3cr3t" not in file.read_text()
    assert not settled.is_settled(settled.digest("s3cr3t", "0"))
    assert settled.is_settled(settled.digest("s3cr3t", str(settled.MOST + 4)))
    assert {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {
        "digests": 0o600,
        "key": 0o600,
    }


def test_without_the_key_nobody_can_try_out_what_a_digest_is_of(file: Path) -> None:
    before = settled.digest("apply", "token")
    (file.parent / "key").write_bytes(b"")
    after = settled.digest("apply", "token")
    assert before != after == settled.digest("apply", "token")


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, b"x\n" * 9, b"0123456789" * 10**5])
def test_a_broken_file_is_ignored_and_replaced(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    digest = settled.digest("plan")
    assert not settled.is_settled(digest)
    settled.remember(digest, is_settled=True)
    assert file.read_text() == f"{digest}\n"


def test_where_nothing_can_be_written_nothing_is_remembered(file: Path) -> None:
    file.parent.parent.parent.joinpath("mngr-ansible").write_text("no directory")
    assert settled.digest("plan") == ""
    settled.remember("", is_settled=True)
    assert not settled.is_settled("")


def test_texts_are_not_mixed_up_with_their_neighbours() -> None:
    assert settled.digest("ab", "c") != settled.digest("a", "bc")
    assert settled.digest("\udcff") != settled.digest("?")
