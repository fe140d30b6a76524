"""Our files, looked at once more after somebody else was at them. Source: docs/contract.md "Hooks"."""

import dataclasses
import shutil

import pytest

from mngr_ansible.host.connection import LocalShell
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.provisioner import inspect
from mngr_ansible.provisioning.recheck import recheck
from mngr_ansible.provisioning.request import build_request
from mngr_ansible.provisioning.targets import open_targets
from tests.support.builders import tree, write


def planned(work, *files):
    """What a plan with these transfers is before its run, and the request for it."""
    asked = build_request(files=files)
    with open_targets((), work_dir=work) as (found, _):
        (before,) = inspect(gather(found, asked), asked)
    assert before.error is None
    return before, asked


def due_of(rechecked):
    transfers = rechecked.prepared.due.transfers if rechecked.prepared is not None else ()
    return {placed.path: placed.entry.mode for due in transfers for placed in due.entries}


@pytest.mark.parametrize(("was", "expected"), [(0o750, 0o750), (None, 0o755)])
def test_a_transfers_own_directory_gets_the_mode_back_that_it_had_or_was_made_with(work, tmp_path, was, expected):
    tree(tmp_path / "tree", "a")
    if was is not None:
        (work / "tree").mkdir()
        (work / "tree").chmod(was)
    before, asked = planned(work, {"local_path": str(tmp_path / "tree"), "remote_path": "tree"})
    shutil.copytree(tmp_path / "tree", work / "tree", dirs_exist_ok=True)
    (work / "tree").chmod(0o700)
    assert due_of(recheck(before, asked)) == {str(work / "tree"): expected}


def test_what_is_kept_and_what_a_mirror_would_delete_are_no_concern_any_more(work, tmp_path):
    tree(tmp_path / "tree", "a", "b")
    before, asked = planned(
        work,
        {"local_path": str(tmp_path / "tree"), "remote_path": "state", "if_exists": "keep"},
        {"local_path": str(tmp_path / "tree"), "remote_path": "mirror", "mirror": True},
    )
    shutil.copytree(tmp_path / "tree", work / "mirror")
    write(work / "mirror" / "theirs")
    shutil.copytree(tmp_path / "tree", work / "state")
    (work / "state" / "a").write_text("mine")
    (work / "state" / "b").unlink()
    rechecked = recheck(before, asked)
    assert (rechecked.prepared, rechecked.lost) == (None, ())


def test_a_plan_without_files_is_not_looked_at_again(work):
    class Silent(LocalShell):
        def run(self, script, timeout):
            raise AssertionError("the host was asked")

    before, asked = planned(work)
    target = dataclasses.replace(before.target, connection=Silent())
    assert recheck(dataclasses.replace(before, target=target), asked).prepared is None
