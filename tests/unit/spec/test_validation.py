"""What all specifications have in common. Source: docs/contract.md "Data"."""

import dataclasses

import pytest

from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source


@pytest.mark.parametrize(
    "spec", [FileTransferSpec("l", "r"), PackageRequirement("git"), Check("command", "git"), Source("apt")]
)
def test_every_specification_is_frozen_equal_by_value_and_hashable(spec):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, dataclasses.fields(spec)[0].name, "other")
    assert {spec, dataclasses.replace(spec)} == {spec}
