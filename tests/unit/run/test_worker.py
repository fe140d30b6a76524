"""A command that names one directory for all its jobs gets them one after another."""

from __future__ import annotations

import pytest

from mngr_ansible.run.worker import directory_turn


@pytest.mark.parametrize("option", [["--private-data-dir", "/srv/job"], ["--private-data-dir=/srv/job"]])
def test_jobs_that_share_a_directory_of_the_worker_share_a_turn(option: list[str]) -> None:
    words = ["ssh", "bastion", "ansible-runner", "worker", *option]
    turn = directory_turn(words)
    assert turn is not None
    assert directory_turn(list(words)) is turn
    assert directory_turn(["ssh", "other", *words[2:]]) is not turn


def test_jobs_with_directories_of_their_own_wait_for_nobody() -> None:
    assert directory_turn(["ssh", "bastion", "ansible-runner", "worker"]) is None
