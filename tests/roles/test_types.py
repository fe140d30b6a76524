"""The Python of the roles is typed, compiles as Python 3.9, and a wrong call in it is found."""

import ast
import shutil
from pathlib import Path

import pytest

from tests.support.controller import ROLES
from tools import typecheck_roles

SOURCES = sorted(path for path in ROLES.rglob("*.py"))

WRONG = {
    "mngr_packages/library/mngr_packages_assert.py": ("check(module, complete(module))", "check(complete(module))"),
    "mngr_packages/module_utils/mngr_packages_manager.py": (
        "managers.needs_root(self.name, scope)",
        "managers.needs_root(self.name)",
    ),
    "mngr_files/action_plugins/mngr_files_copy.py": (
        "parameters.read(self._task.args",
        "parameters.read_all(self._task.args",
    ),
    "mngr_files/library/mngr_files_copy.py": ("host_steps(bundle.steps, home)", "host_steps(bundle.steps)"),
}
"""By file, a right call of another file, and a wrong one."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROLES)))
def test_every_file_is_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


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
