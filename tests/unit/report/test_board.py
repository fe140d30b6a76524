"""What a display shows of all hosts at one moment."""

from __future__ import annotations

import pytest

from mngr_ansible.report.board import Board, Row
from mngr_ansible.report.work import Over, StillAtWork, Work, duration


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(board: Board, most: int = 10) -> list[str]:
    return [" ".join(filter(None, (row.host, row.text, row.seconds))) for row in board.rows(most)]


def test_each_host_is_a_line_with_what_it_is_at_and_since_when() -> None:
    clock = Clock()
    board = Board(["a", "b"], clock)
    board.note("a", Work("checking"))
    clock.now = 2.5
    board.note("b", Work("copying 3 files (14 kB)"))
    board.note("a", Work("checking"))
    clock.now = 65
    assert shown(board) == ["a checking 1 min 5 s", "b copying 3 files (14 kB) 1 min 2 s"]


def test_hosts_for_which_nothing_is_done_are_counted() -> None:
    board = Board([f"h{number}" for number in range(6)])
    board.note("h0", Over(is_ok=True))
    board.note("h1", Over(is_ok=False))
    board.note("h2", Work("checking"))
    board.note("h3", Work("waiting"))
    assert shown(board) == ["h2 checking 0 s", "6 hosts: 1 done, 1 not done, 1 at work, 3 waiting"]
    board.note("h2", Over(is_ok=True))
    board.note("h2", Work("stopping"))
    assert shown(board) == ["6 hosts: 2 done, 1 not done, 3 waiting"]


def test_hosts_that_are_only_looked_at_are_counted_as_such() -> None:
    board = Board(["a", "b", "c"], is_changing=False)
    board.note("a", Over(is_ok=True))
    board.note("b", Over(is_ok=False))
    assert shown(board) == ["3 hosts: 1 checked, 1 not reached, 1 waiting"]


def test_of_more_hosts_than_fit_the_first_are_shown_and_all_are_counted() -> None:
    board = Board([f"h{number}" for number in range(50)])
    for number in range(50):
        board.note(f"h{number}", Work("checking"))
    assert shown(board, 4) == [*(f"h{number} checking 0 s" for number in range(3)), "50 hosts: 50 at work"]


def test_news_are_below_their_host_where_there_is_room_and_go_with_the_work() -> None:
    board, work = Board(["a", "b"]), Work("installing with apt: jq", lambda _stop: "", is_of_host=True)
    board.note("a", work)
    board.note("b", Work("checking"))
    board.note_news("a", work, "Unpacking jq (1.6) …")
    board.note_news("a", work, "")
    news = Row("", "Unpacking jq (1.6) …", kind="news")
    assert [row for row in board.rows(3) if row.kind == "news"] == [news] == [board.rows(3)[1]]
    assert all(row.kind == "work" for row in board.rows(2))
    board.note("a", Work("installing with npm: left"))
    board.note_news("a", work, "late")
    assert all(row.kind == "work" for row in board.rows(9))


def test_a_host_is_asked_for_news_only_after_its_work_took_a_while() -> None:
    clock = Clock()
    board = Board(["a", "b", "c"], clock)
    of_host, cheap = Work("installing", lambda _stop: "", is_of_host=True), Work("copying", lambda _stop: "")
    board.note("a", of_host)
    board.note("b", cheap)
    board.note("c", Work("checking"))
    assert board.asking(["a", "b", "c"], 5) == [("b", cheap)]
    clock.now = 5
    assert board.asking(["a", "b", "c"], 5) == [("a", of_host), ("b", cheap)]
    assert board.asking(["c"], 5) == []


def test_what_takes_long_is_told_seldom_and_in_the_same_words_for_hosts_that_began_together() -> None:
    clock, told = Clock(), list[tuple[str, str]]()
    still = StillAtWork(lambda *line: told.append(line), clock)
    still.begin("a", "installing with apt: nodejs, jq")
    clock.now = 1
    still.begin("b", "copying 3 files (14 kB)")
    for clock.now in (29, 30.5, 31.5, 45, 62, 119, 500):
        still.look()
    still.end("a")
    clock.now = 10_000
    still.look()
    assert told == [
        ("a", "still installing with apt (30 s)"),
        ("b", "still copying 3 files (30 s)"),
        ("a", "still installing with apt (1 min)"),
        ("b", "still copying 3 files (1 min)"),
        ("a", "still installing with apt (8 min)"),
        ("b", "still copying 3 files (8 min)"),
        ("b", "still copying 3 files (2 h 8 min)"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.9, "0 s"), (59.9, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (3725, "1 h 2 min")]
)
def test_seconds_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
