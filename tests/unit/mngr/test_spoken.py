"""What a remedy says to type is what mngr's user can type."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import mngr_ansible
from mngr_ansible.cli.options import VERBS
from mngr_ansible.mngr.spoken import in_mngr

ONLY_ALONE = {"help", "completion"}


@pytest.mark.parametrize(
    ("remedy", "inside"),
    [
        ("List the known tools: mngr-ansible catalog.", "List the known tools: mngr ansible catalog."),
        ("or name a module: mngr-ansible check-plugin MODULE.", "or name a module: mngr ansible check-plugin MODULE."),
        ("Name another file: mngr-ansible init my.yml", "Name another file: mngr ansible init my.yml"),
        ("Choose: mngr-ansible init --plugin my-agent.", "Choose: mngr ansible init --new-plugin my-agent."),
        ("  mngr-ansible plan --manifest 'a b.yml' --host HOST", "  mngr ansible plan AGENT --manifest 'a b.yml'"),
        ("or give --key FILE", "or give key_file in [providers.NAME.hosts] of mngr's settings"),
        ("mngr-ansible needs ssh; mngr-ansible checks it", "mngr-ansible needs ssh; mngr-ansible checks it"),
    ],
)
def test_a_command_of_the_program_is_one_of_mngr(remedy: str, inside: str) -> None:
    assert in_mngr(remedy) == inside
    assert in_mngr(inside) == inside


def said() -> list[str]:
    """Every text of the modules that mngr's commands use too."""
    root = Path(mngr_ansible.__file__).parent
    files = [each for each in root.rglob("*.py") if each.relative_to(root).parts[0] not in ("cli", "testing", "run")]
    trees = [ast.parse(each.read_text("utf-8")) for each in files]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_every_command_in_a_text_is_put_into_mngrs_words() -> None:
    verbs = "|".join(sorted(set(VERBS) - ONLY_ALONE))
    texts = [each for each in said() if re.search(rf"mngr-ansible ({verbs})\b", each)]
    assert len(texts) > 5
    for each in texts:
        assert not re.search(rf"mngr-ansible ({verbs})\b", in_mngr(each))
