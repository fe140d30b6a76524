"""The Python of the roles is typed, compiles as Python 3.9, and a wrong call in it is found."""

import ast
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support.controller import ROLES
from tools import typecheck_roles

SOURCES = sorted(path for path in ROLES.rglob("*.py"))

WRONG = {
    "mngr_packages/module_utils/mngr_packages_assertion.py": (
        "check(module, complete(module))",
        "check(complete(module))",
    ),
    "mngr_packages/module_utils/mngr_packages_manager.py": (
        "managers.needs_root(self.name, scope)",
        "managers.needs_root(self.name)",
    ),
    "mngr_files/action_plugins/mngr_files_copy.py": (
        "parameters.read(self._task.args",
        "parameters.read_all(self._task.args",
    ),
    "mngr_files/library/mngr_files_write.py": ("host_steps(bundle.steps, home)", "host_steps(bundle.steps)"),
}
"""By file, a right call of another file, and a wrong one."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROLES)))
def test_every_file_is_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


def test_ruffs_security_rules_hold_for_the_roles() -> None:
    """They are like bandit's. S603 (any program that is run) is off everywhere: every argv is a list."""
    lint = tomllib.loads((ROLES.parent / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if rule.startswith("S6") or rule == "S"] == ["S603"]
    off = {rule for pattern, rules in lint["per-file-ignores"].items() if "roles" in pattern for rule in rules}
    assert not [rule for rule in off if rule == "S" or (rule[1:].isdigit() and rule.startswith("S"))]
    noted = {line for path in SOURCES for line in path.read_text().splitlines() if "noqa: S" in line}
    assert len(noted) <= 4, noted


def test_a_wrong_call_between_files_of_a_role_or_into_the_shared_code_is_an_error(tmp_path: Path) -> None:
    roles = Path(shutil.copytree(ROLES, tmp_path / "roles"))
    for name, (right, wrong) in WRONG.items():
        text = (roles / name).read_text()
        assert right in text, name
        (roles / name).write_text(text.replace(right, wrong))

    code, output = typecheck_roles.check(roles, tmp_path / "cache" / "layout")

    assert code == 1, output
    errors = [line for line in output.splitlines() if ": error: " in line]
    found = {name for name in WRONG for line in errors if f"roles/{name}:" in line}
    assert found == set(WRONG), output
