"""What is taken of a host's answer. Source: docs/security.md "A hostile host"."""

from typing import Any

import pytest

from mngr_ansible.portable import answers

STEPS = {"steps": [{"id": str, "status": ("ok", "failed"), "reason?": answers.SHOWN}], "found?": {str: (int, None)}}
GOOD: dict[str, Any] = {"changed": True, "steps": [{"id": "a", "status": "ok"}]}
FORGED = {
    "ansible_facts": {"a": 1},
    "_ansible_no_log": True,
    "add_host": {"host_name": "x"},
    "add_group": "x",
    "unreachable": True,
    "skipped": True,
    "exception": "x",
    "deprecations": [{"msg": "x"}],
    "include": "x",
    "invocation": {},
    "stdout": "x",
    "results": [],
    "failed_when_result": False,
}


def taken(answer: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[str]]:
    warnings: list[str] = []
    return answers.taken(answer, STEPS, warnings.append, **more), warnings


def test_only_the_keys_of_the_module_are_taken_and_only_those_of_its_mappings() -> None:
    assert taken({**GOOD, **FORGED}) == (GOOD, [])
    assert taken({**GOOD, "steps": [{"id": "a", "status": "ok", "odd": 1}], "found": {"x": 1, "y": None}})[0] == {
        **GOOD,
        "found": {"x": 1, "y": None},
    }
    failed = taken({**FORGED, "failed": True, "msg": "no", "steps": 5})[0]
    assert failed == {"failed": True, "changed": False, "msg": "no"}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"steps": None},
        {"steps": {}},
        {"steps": ["a"]},
        {"steps": [{"id": "a"}]},
        {"steps": [{"id": 1, "status": "ok"}]},
        {"steps": [{"id": "a", "status": {"ok": 1}}]},
        {"steps": [], "changed": "yes"},
        {"steps": [], "found": {"x": True}},
        {"steps": [], "found": {"x": 1.5}},
    ],
    ids=str,
)
def test_an_answer_that_no_module_gives_is_a_failure_that_says_so(odd: dict[str, Any]) -> None:
    result, _ = taken(odd)
    assert (result["failed"], set(result)) == (True, {"failed", "changed", "msg"})
    assert result["msg"].startswith("The host gave an answer that no module of this role gives: ")


@pytest.mark.parametrize("failed", [True, 1, "x", [0]], ids=str)
def test_what_has_failed_stays_failed_and_has_a_reason(failed: object) -> None:
    for result, _ in (taken({**GOOD, "failed": failed}), taken({**GOOD, "failed": False}, has_failed=True)):
        assert (result["failed"], bool(result["msg"])) == (True, True)


def test_texts_for_people_and_warnings_control_no_terminal_and_are_bounded() -> None:
    escape = "one\n\ttwo\x1b]0;owned\x07\x1b[2J\udcff"
    result, warnings = taken({"failed": True, "msg": escape, "warnings": [escape, "x" * 10_000, 5, *["w"] * 100]})
    assert result["msg"] == "one\n\ttwo\\x1b]0;owned\\x07\\x1b[2J\\xff"
    assert (warnings[0], len(warnings)) == (result["msg"], answers.MOST_WARNINGS + 1)
    assert max(map(len, warnings)) < answers.MOST_WARNED + 10
    assert warnings[-1] == "The host gave 52 more warnings, which are not shown."
    assert taken({**GOOD, "warnings": "x"}) == (GOOD, [])
    assert len(answers.shown("x" * 10_000_000)) < answers.MOST_SHOWN + 10
