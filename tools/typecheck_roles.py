"""Check the types of the roles' and the collection's Python, strictly: ``python -m tools.typecheck_roles``.

Modules of a role import each other as ``ansible.module_utils.NAME``, which is where Ansible puts them on a host. mypy
cannot find them there. So all Python of the roles is copied into one directory that looks like Ansible does at run
time, together with the stubs of what the roles use of Ansible (``tools/ansible_stubs``), and mypy is run on that. Its
messages name the files of the roles. The roles need Python 3.9 and mypy knows 3.10 and later:
``tests/roles/test_files_versions.py`` compiles them as 3.9.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROLES = ROOT / "roles"
COLLECTION = ROOT / "collection" / "plugins"
STUBS = ROOT / "tools" / "ansible_stubs"
LAYOUT = ROOT / ".mypy_cache" / "roles"
_OPTIONS = ("--strict", "--python-version", "3.10", "--explicit-package-bases", "--config-file", "")


def layout(roles: Path, directory: Path) -> dict[str, Path]:
    """Lay out the roles' Python below ``directory``; each file to check there, with the file that it is a copy of."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(STUBS, directory)
    found: dict[str, Path] = {}
    places = {"module_utils": "ansible/module_utils", "library": "library", "action_plugins": "action_plugins"}
    for source, place in places.items():
        for path in sorted(roles.glob(f"*/{source}/**/*.py")):
            copy = Path(place) / path.relative_to(path.parents[len(path.relative_to(roles).parts) - 3])
            (directory / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, directory / copy)
            found[str(copy)] = path
    for path in sorted(COLLECTION.rglob("*.py")):
        copy = path.relative_to(COLLECTION)
        (directory / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, directory / copy)
        found[str(copy)] = path
    return found


def check(roles: Path = ROLES, directory: Path = LAYOUT) -> tuple[int, str]:
    """Run mypy on all Python of the roles; its exit code, and its output with the paths of the roles."""
    copies = layout(roles, directory)
    command = [
        sys.executable,
        "-m",
        "mypy",
        *_OPTIONS,
        "--cache-dir",
        str(directory.with_name("roles-cache")),
        *copies,
    ]
    environment = {**os.environ, "MYPYPATH": str(directory)}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)

    def original(match: re.Match[str]) -> str:
        path = copies.get(match[1])
        return f"{os.path.relpath(path)}:" if path else match[0]

    return done.returncode, re.sub(r"(?m)^([^:\n]+):", original, done.stdout + done.stderr)


def main() -> int:
    """Print what mypy says of the roles; the exit code is mypy's."""
    code, output = check()
    print(output, end="")  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
