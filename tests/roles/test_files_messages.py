"""What the action ``mngr_files_copy`` says when a task fails: each message ends with one full stop."""

from types import ModuleType

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
