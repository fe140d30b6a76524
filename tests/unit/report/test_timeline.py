"""What hosts were at, and when."""

from __future__ import annotations

from mngr_ansible.report.timeline import Timeline


def test_a_work_lasts_until_the_next_one_of_its_host_begins_and_the_last_until_now() -> None:
    timeline = Timeline()
    timeline.note("a", "checking")
    timeline.note("b", "checking")
    timeline.note("a", "copying 3 files")
    timeline.note("a", "")
    timing = timeline.timing()
    first, second = timing.spans["a"]
    assert (first.what, second.what) == ("checking", "copying 3 files")
    assert first.begin + first.seconds == second.begin
    (only,) = timing.spans["b"]
    assert only.begin + only.seconds == timing.seconds
    assert second.begin + second.seconds <= timing.seconds
    assert timing.began.tzinfo is not None
