"""What the action ``mngr_files_copy`` says when a task fails: each message ends with one full stop."""

import datetime as dt
from types import ModuleType
from typing import Any

import pytest

from tests.support.controller import role_module


@pytest.fixture(scope="session")
def results() -> ModuleType:
    return role_module("mngr_files", "mngr_files_results")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("sftp> put x\nscp: Connection closed by the host.\n", "scp: Connection closed by the host"),
        ("Permission denied...\n\n", "Permission denied"),
        ("", "no reason was given"),
    ],
)
def test_a_failed_upload_is_explained_by_the_last_line_without_its_full_stop(
    results: ModuleType, output: str, why: str
) -> None:
    message = results.upload_problem("/home/dev/.ansible/tmp", output)
    assert message == f"The files could not be uploaded to /home/dev/.ansible/tmp: {why}. Fix this and run again."


def test_a_full_disk_at_the_upload_is_reported_as_that(results: ModuleType) -> None:
    message = results.upload_problem("/tmp/a", "scp: write remote: No space left on device\nlost connection")
    assert message == "There is no space left in /tmp/a on the host for the files. Free some space and run again."


def test_the_first_failed_transfer_is_named_and_the_others_are_counted(results: ModuleType) -> None:
    failed = [{"id": each, "status": "failed", "files_changed": 0, "reason": f"/{each}: it broke."} for each in "ab"]
    done = {"id": "c", "status": "changed", "files_changed": 1}
    again = "Run again; finished transfers are not repeated."
    assert results.failure([*failed, done])["msg"] == f"2 of 3 transfers failed; the first: /a: it broke. {again}"
    assert results.failure(failed[:1])["msg"] == f"The transfer failed: /a: it broke. {again}"
    assert results.failure([done]) == {}


def test_a_date_in_content_is_refused_and_its_transfer_is_named() -> None:
    read = role_module("mngr_files", "mngr_files_parameters").read
    transfers = [
        {"content": "x", "remote_path": "/a"},
        {"content": {"since": dt.date(2026, 1, 1)}, "remote_path": "/b"},
    ]
    why = "the content of /b has a date, which JSON does not have; write it in quotes"
    assert read(transfers, "/").problems == [("file:/b", why)]
    # up to ansible-core 2.18 the whole list arrives as text
    made_text = "transfer 2 (to '/b') has a date, of which this ansible-core makes text of the whole list"
    assert read(repr(transfers).replace("dt.", "datetime."), "/").problems == [
        (None, f"{made_text}; write it in quotes")
    ]
    assert read("text", "/").problems == [(None, "mngr_files_transfers is not a list")]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"remote_path": {"a": "canary"}}, "remote_path is a dictionary, not text"),
        ({"remote_path": ["canary"]}, "remote_path is a list, not text"),
        ({"remote_path": 7}, "remote_path is 7, not text; write it in quotes"),
        ({"owner": ["canary"]}, "owner is a list, not text"),
        ({"mode": {"a": "canary"}}, "mode a dictionary is not an octal mode of at most 0777"),
        ({"if_exists": {"a": "canary"}}, "if_exists is a dictionary, not replace, keep or backup"),
        ({"if_exists": "canary" * 20}, "if_exists is a text of 120 characters, not replace, keep or backup"),
        ({"is_secret": {"a": "canary"}}, "is_secret a dictionary is neither true nor false"),
    ],
)
def test_what_is_given_in_a_wrong_place_is_not_shown(given: dict[str, Any], why: str) -> None:
    read = role_module("mngr_files", "mngr_files_parameters").read
    (_, said), *_ = read([{"content": "canary", "remote_path": "/a", **given}], "/").problems
    assert said.startswith(f"transfer 1: {why}")
    assert "canary" not in said


def diff_of(entry: dict[str, Any], previous: dict[str, str | None]) -> list[dict[str, str]]:
    changes = role_module("mngr_files", "mngr_files_changes")
    made = {"path": "/a", "mode": 0o640, "is_secret": False, "source": "", "label": "", **entry}
    comparison = {"content_needed": [0], "previous_contents": previous, "differences": []}
    outcome = {"id": "a", "status": "changed", "files_changed": 1}
    found: list[dict[str, str]] = changes.ansible_diff([{"id": "a", "entries": [made]}], comparison, [outcome])
    return found


def test_a_diff_shows_a_new_empty_file_and_says_where_only_hidden_characters_change() -> None:
    headers = {"before_header": "/a", "after_header": "/a"}
    assert diff_of({"content": b""}, {}) == [{"before": "nothing\n", "after": "file 0640\n", **headers}]
    hidden = [{"prepared": "/a: only characters change that are not shown\n"}]
    assert diff_of({"content": b"\x1b"}, {"0": "XHgxYg=="}) == hidden  # the text \\x1b


def test_a_diff_names_only_the_owner_or_group_that_is_given() -> None:
    steps = role_module("mngr_files", "mngr_files_steps")
    entry = {"kind": "file", "mode": 0o644, "action": "adjust", "if_exists": "replace", "target": None}
    words = [steps.after_words(entry, False, *names) for names in ((None, None), ("app", None), (None, "www"))]
    assert words == ["file 0644", "file 0644, owner app", "file 0644, group www"]
    deleted = {**entry, "action": "delete", "if_exists": "backup"}
    assert [steps.after_words(deleted, is_directory, None, None) for is_directory in (False, True)] == [
        "renamed to a backup",
        "nothing",
    ]
