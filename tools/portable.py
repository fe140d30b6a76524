"""Write the files of ``mngr_ansible/portable`` into the roles that use them: ``python -m tools.portable``.

A role must work when it is copied alone (``cp -r``, ``ansible-galaxy role install``), so it has real files, no links.
A test checks that the copies are equal to the originals (``tests/unit/portable/test_copies.py``), and a pre-commit hook
runs this command. Nothing else writes the copies.
"""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "mngr_ansible" / "portable"
ROLES = ("mngr_files", "mngr_packages")


def copies() -> list[Path]:
    """The directories with the copies, one in each role."""
    return [ROOT / "roles" / role / "module_utils" / "mngr_ansible_portable" for role in ROLES]


def contents(directory: Path) -> dict[str, bytes]:
    """The Python files of a directory, by name."""
    return {file.name: file.read_bytes() for file in sorted(directory.glob("*.py"))}


def main() -> int:
    """Write the copies that differ; the exit code is 1 if any did, so that pre-commit stops for the changed files."""
    originals = contents(SOURCE)
    stale = [each for each in copies() if not each.is_dir() or contents(each) != originals]
    for directory in stale:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for name, content in originals.items():
            (directory / name).write_bytes(content)
        print(f"written: {directory.relative_to(ROOT)}")  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
