"""What all specifications have in common. Source: docs/contract.md "Data"."""

import dataclasses
import datetime as dt

import pytest

import mngr_ansible
from mngr_ansible.errors import InputError, PluginError
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source, When


@pytest.mark.parametrize(
    "spec", [FileTransferSpec("l", "r"), PackageRequirement("git"), Check("command", "git"), Source("apt")]
)
def test_every_specification_is_frozen_equal_by_value_and_hashable(spec):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, dataclasses.fields(spec)[0].name, "other")
    assert {spec, dataclasses.replace(spec)} == {spec}


@pytest.mark.parametrize(
    ("make", "problem", "remedy"),
    [
        (lambda: PackageRequirement("a", 20), "version: 20 is not a string", 'version: ">=20"'),
        (lambda: PackageRequirement("a", True), "version: True is not a string", "reads yes, no, on and off as"),
        (lambda: PackageRequirement("a", dt.date(2024, 1, 2)), "2024-01-02 is not a string", '"2024-01-02"'),
        (lambda: FileTransferSpec("a", 1.5), "remote_path: 1.5 is not a path", 'remote_path: "1.5"'),
        (lambda: FileTransferSpec("a", "b", exclude=[1.5]), "[1.5] is not a list of strings", 'in quotes: "1.5"'),
        (lambda: FileTransferSpec("a", "b", is_secret="no"), "'no' is not true or false", "is_secret: true or is_sec"),
        (lambda: FileTransferSpec("a", "b", symlinks="folow"), "(did you mean follow?)", "keep, follow, refuse"),
        (lambda: FileTransferSpec("a", "b", mode=0o1755), "1005 is 0o1755, which has bits outside", '"0777"'),
        (lambda: Source("yum"), "'yum' is not known (did you mean dnf?)", "apt, dnf"),
        (lambda: Check("comand", "x"), "'comand' is not known (did you mean command?)", "command, package"),
        (lambda: PackageRequirement("node>=20"), "'node>=20' is not a package name", 'name: node, version: ">=20"'),
        (lambda: PackageRequirement("@a/b"), "'@a/b' is not a package name", '{manager: npm, packages: ["@a/b"]}'),
    ],
)
def test_a_wrong_value_is_shown_once_and_the_remedy_is_the_spelling_to_use(make, problem, remedy):
    with pytest.raises(InputError) as refused:
        make()
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy


def test_a_value_of_a_subclass_is_checked_where_it_is_handed_over():
    """A dataclass has an ``__init__`` of its own, which checks nothing."""

    def more(cls, **wrong):
        namespace = {"__annotations__": {"note": str}, "note": "", "__post_init__": lambda _: None}
        return dataclasses.dataclass(frozen=True)(type("More", (cls,), namespace))(**wrong)

    files = [more(FileTransferSpec, local_path=__file__, remote_path="x", mode=0o7777)]
    with pytest.raises(InputError, match="bits outside 0777"):
        mngr_ansible.build_plan(files=files)

    class Plugin:
        @mngr_ansible.hookimpl
        def get_provision_file_transfers(self):
            return files

    with pytest.raises(PluginError, match="bits outside 0777"):
        mngr_ansible.build_plan(plugins=[Plugin()])
    for wrong in (
        lambda: more(PackageRequirement, name="a", version=5),
        lambda: PackageRequirement("a", checks=[more(Check, kind="comand", value="x")]),
        lambda: PackageRequirement("a", sources=[more(Source, manager="yum")]),
        lambda: PackageRequirement("a", sources=[Source("apt", when=more(When, release=5))]),
    ):
        with pytest.raises(InputError):
            mngr_ansible.build_plan(packages=[wrong()])
    good = more(FileTransferSpec, local_path=__file__, remote_path="x", mode="0640")
    assert mngr_ansible.build_plan(files=[good]).transfers[0].entries[0].entry.mode == 0o640
