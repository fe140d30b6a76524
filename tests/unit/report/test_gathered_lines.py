"""Progress of many hosts. Source: docs/users.md "Many hosts"."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError
from mngr_ansible.report.gathered_lines import GatheredLines
from mngr_ansible.report.progress import failed_early, summary
from mngr_ansible.report.report import HostReport

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANGED = Outcome("package:git", "package", Status.CHANGED)


class Lines(GatheredLines):
    """Lines of these hosts, which are told when the test says so, or after ``moment`` seconds."""

    def __init__(self, hosts: Sequence[str], moment: float = 3600) -> None:
        self.told: list[str] = []
        self.has_told = threading.Event()
        super().__init__(self._note, hosts, moment)

    def _note(self, hosts: str, line: str) -> None:
        self.told.append(f"{hosts}: {line}" if hosts else line)
        self.has_told.set()


def test_lines_of_many_hosts_that_are_alike_are_one_with_their_names_and_keep_the_order_in_which_they_came() -> None:
    lines = Lines("abcdef")
    for line, hosts in (("copying", "edcba"), ("warning: x", "f"), ("copying", "a"), ("done", "abcdef")):
        for host in hosts:
            lines(host, line)
    assert lines.told == []
    lines.tell()
    assert lines.told == ["a, b, c and 2 more: copying", "f: warning: x", "all 6 hosts: done"]
    lines.tell()
    assert len(lines.told) == 3


def test_of_hosts_that_ended_alike_the_shortest_and_the_longest_time_are_told() -> None:
    lines = Lines("abcdefghi")
    for host, seconds in zip("abc", (12.0, 9.9, 10.5), strict=True):
        lines(host, summary(HostReport(host, False, (CHANGED,)), seconds))
    for host in "de":
        lines(host, summary(HostReport(host, False, error=HostError("gone", remedy="")), 2))
    lines.tell()
    assert lines.told == ["a, b, c: done in 9.9 to 12.0 s: 1 changed", "d, e: not done after 2.0 s"]


def test_a_host_s_lines_keep_their_order_also_where_other_hosts_have_them_too() -> None:
    lines = Lines("abcde")
    for host, line in (("a", "one"), ("a", "two"), ("b", "other"), ("b", "two"), ("c", "two"), ("c", "one")):
        lines(host, line)
    lines.tell()
    assert lines.told == ["a: one", "b: other", "a, b, c: two", "c: one"]


def test_lines_that_differ_in_what_is_the_host_s_own_are_one_with_the_words_of_the_first() -> None:
    lines = Lines("edcba")
    for host in "abc":
        error = HostError(f"it does not accept u{host}", remedy="", host=host)
        error.own = (f"u{host}",)
        lines(host, failed_early(error))
    lines.tell()
    assert lines.told == ["c, b, a: warning: it does not accept uc. The other hosts go on."]


def test_others_go_on_only_where_there_are_others() -> None:
    lines = Lines("abcde")
    for hosts in ("ab", "cde"):
        for host in hosts:
            lines(host, failed_early(HostError("it does not answer", remedy="", host=host)))
        lines.tell()
    assert lines.told == [
        "a, b: warning: it does not answer. The other hosts go on.",
        "c, d, e: warning: it does not answer.",
    ]


def test_what_is_held_back_is_told_after_a_moment() -> None:
    lines = Lines("abcde", moment=0.01)
    lines("a", "it does not answer")
    assert lines.has_told.wait(60)
    assert lines.told == ["a: it does not answer"]


def test_a_line_of_no_host_comes_after_what_was_held_back() -> None:
    lines = Lines("abcde")
    lines("a", "first")
    lines("", "second")
    assert lines.told == ["a: first", "second"]


def test_threads_lose_no_line() -> None:
    lines = Lines([f"h{part}-{index}" for part in range(8) for index in range(50)])
    threads = [
        threading.Thread(target=lambda part=part: [lines(f"h{part}-{index}", "x") for index in range(50)])
        for part in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    lines.tell()
    assert lines.told == ["all 400 hosts: x"]
