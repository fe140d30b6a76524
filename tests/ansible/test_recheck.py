"""A second run that only sets modes right, after somebody changed what the first one wrote."""

import shutil

from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.provisioner import apply, inspect
from mngr_ansible.provisioning.recheck import Lost, recheck
from mngr_ansible.provisioning.request import build_request
from mngr_ansible.provisioning.targets import open_targets
from tests.support.builders import tree, write


def test_changed_modes_are_set_again_and_changed_content_is_reported_as_lost(work, tmp_path):
    write(tree(tmp_path / "tree", "a", "b", "c", "sub/d") / "run", "x", 0o755)
    asked = build_request(files=({"local_path": str(tmp_path / "tree"), "remote_path": "tree"},))
    with open_targets((), work_dir=work) as (targets, _):
        (before,) = inspect(gather(targets, asked), asked)
    assert before.error is None
    there = shutil.copytree(tmp_path / "tree", work / "tree")
    assert recheck(before, asked).prepared is None

    (there / "run").chmod(0o644)
    (there / "sub").chmod(0o700)
    (there / "a").write_text("theirs")
    (there / "b").unlink()

    rechecked = recheck(before, asked)

    assert rechecked.prepared is not None
    entries = [placed for transfer in rechecked.prepared.due.transfers for placed in transfer.entries]
    assert {each.path: each.entry.mode for each in entries} == {f"{there}/run": 0o755, f"{there}/sub": 0o755}
    plugins = ("command-line",)
    assert rechecked.lost == (Lost(f"{there}/a", plugins, True), Lost(f"{there}/b", plugins, False))
    report = apply([rechecked.prepared], asked, is_finished=False)
    assert report.ok
    assert ((there / "run").stat().st_mode & 0o777, (there / "sub").stat().st_mode & 0o777) == (0o755, 0o755)
    assert (there / "a").read_text() == "theirs"
    assert recheck(before, asked).prepared is None
