"""The page of the contract names what the code has: public names, hooks, fields, managers, verbs, statuses."""

import argparse
import dataclasses
from pathlib import Path

import pytest

import mngr_ansible
from mngr_ansible.cli.parser import parser
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.portable import managers

PAGE = (Path(__file__).resolve().parents[2] / "docs/contract.md").read_text()


def section(heading: str) -> str:
    """The text of a section, line ends as spaces."""
    return " ".join(PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].split())


def test_every_public_name_is_there():
    assert [name for name in mngr_ansible.__all__ if f"`{name}`" not in section("Package")] == []


def test_every_hook_is_there_with_its_arguments():
    for hook, arguments in HOOKS.items():
        assert f"`{hook}({', '.join(arguments)})`" in section("Hooks")


@pytest.mark.parametrize(
    "kind",
    [mngr_ansible.FileTransferSpec, mngr_ansible.PackageRequirement, mngr_ansible.Check, mngr_ansible.Source],
)
def test_every_field_of_a_specification_is_there_in_its_order(kind):
    signature = section("Data").split(f"`{kind.__name__}(", 1)[1].split(")`", 1)[0]
    fields = [each.name for each in dataclasses.fields(kind)]
    places = [f" {signature}".find(f" {name}") for name in fields]
    assert -1 not in places
    assert places == sorted(places)


def test_every_manager_is_there():
    assert f"Managers: `{' '.join(managers.TABLE)} installer archive`" in section("Data")


def test_every_verb_is_there():
    (verbs,) = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    assert [verb for verb in verbs.choices if f"| `{verb}" not in section("Commands")] == []


def test_every_status_is_there():
    assert [status for status in mngr_ansible.Status if f"`{status}`" not in section("JSON")] == []
