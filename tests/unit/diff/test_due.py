"""What is due of a whole plan. Source: docs/contract.md "Data", "JSON"."""

from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, plan, state, statuses
from tests.unit.diff.conftest import X


def test_every_step_of_the_plan_has_one_outcome_in_its_order(file):
    desired = plan(file, contribution("claude", "git", "vim"))
    made = due(file, contribution("claude", "git", "vim"))
    assert [each.id for each in made.outcomes] == [each.id for each in (*desired.transfers, *desired.requirements)]
    assert state().system.name == "Linux"


def test_a_skipped_transfer_of_two_plugins_is_one_step_that_names_both(tmp_path):
    absent = FileTransferSpec(tmp_path / "absent", "x", is_required=False)

    made = due(contribution("a", absent), contribution("b", absent))

    assert statuses(made.outcomes) == {f"file:{X}": "skipped"}
    assert made.outcomes[0].plugins == ("a", "b")
    assert not made.stops


def test_a_skipped_transfer_adds_no_second_step_with_the_same_id(tmp_path, file):
    absent = FileTransferSpec(tmp_path / "absent", X, is_required=False)
    assert statuses(due(file, contribution("b", absent)).outcomes) == {f"file:{X}": "missing"}
