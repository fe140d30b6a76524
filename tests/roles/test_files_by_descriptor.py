"""The file engine reaches nothing by a path: what it opens, changes and deletes is relative to an open directory.

A path that is used twice can lead to two things (CWE-367); whoever may rename a directory on the way decides which.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROLE = Path(__file__).resolve().parents[2] / "roles/mngr_files"
ON_THE_CONTROLLER = tuple(
    f"mngr_files_{name}.py" for name in ("parameters", "planned", "transfers", "sources", "changes", "environment")
)
"""What only the controller runs, with the user's own sources."""
CODE = [
    *(each for each in sorted((ROLE / "module_utils").glob("mngr_files_*.py")) if each.name not in ON_THE_CONTROLLER),
    *sorted((ROLE / "library").glob("*.py")),
    ROLE / "module_utils/mngr_ansible_portable/dead_runs.py",
]
"""What runs on the host."""

ON_NAMES = frozenset(
    (
        *("access", "chmod", "chown", "lchown", "lchmod", "link", "listdir", "lstat", "makedirs", "mkdir", "mkfifo"),
        *("mknod", "open", "readlink", "remove", "removedirs", "removexattr", "rename", "renames", "replace", "rmdir"),
        *(
            "scandir",
            "setxattr",
            "getxattr",
            "listxattr",
            "stat",
            "statvfs",
            "symlink",
            "truncate",
            "unlink",
            "utime",
            "walk",
            "fwalk",
            "chdir",
        ),
    )
)
"""Functions of ``os`` that take a name; most take ``dir_fd`` with it."""
OF_TWO_NAMES = {"rename": ("src_dir_fd", "dst_dir_fd"), "link": ("src_dir_fd", "dst_dir_fd")}
ON_DESCRIPTORS = frozenset(
    (
        *("listdir", "scandir", "chmod", "chown", "stat", "statvfs", "truncate", "utime", "chdir"),
        *("setxattr", "getxattr", "listxattr"),
    )
)
"""Those that take a descriptor instead of a name."""
QUESTIONS = frozenset(("exists", "lexists", "isdir", "isfile", "islink", "ismount", "realpath", "samefile", "getsize"))
"""Functions of ``os.path`` that ask the file system."""
QUESTIONS_OF_TIME = frozenset(("getmtime", "getctime", "getatime"))
MODULES = frozenset(("shutil", "tempfile", "pathlib", "glob"))
"""Modules that work by path."""

ALLOWED = {
    ("mngr_files_bundle.py", "os.open(entry['source'], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)"): (
        "the controller reads the user's own source"
    ),
    ("mngr_files_directories.py", "os.open(b'/', _PASSABLE)"): "every walk begins at /, which nobody exchanges",
    ("mngr_files_identity.py", "os.open('/', getattr(os, 'O_PATH', os.O_RDONLY) | os.O_DIRECTORY)"): "only /",
    ("mngr_files_obstacles.py", "open('/proc/self/mountinfo', 'rb')"): "the kernel's own list of mount points",
    ("dead_runs.py", "os.stat('/')"): "only /",
}
"""Uses by path that lead nowhere else: the file, the code, and why."""


def by_path(code: str) -> list[str]:
    """The calls that use a path, as they are written."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            found += [ast.unparse(node) for each in module if each.partition(".")[0] in MODULES]
            if isinstance(node, ast.ImportFrom) and node.module in ("os", "os.path", "posix"):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Call) and _uses_a_path(node):
            found.append(ast.unparse(node))
    return found


def _uses_a_path(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name in ("open", "io.open"):
        return not _is_descriptor(call.args[0])
    module, _, function = name.rpartition(".")
    if module == "shutil":
        return function != "copyfileobj"
    if module == "os.path":
        return function in QUESTIONS | QUESTIONS_OF_TIME
    if module not in ("os", "posix") or function not in ON_NAMES:
        return False
    given = {each.arg for each in call.keywords}
    if function in OF_TWO_NAMES:
        return not given.issuperset(OF_TWO_NAMES[function])
    return "dir_fd" not in given and not (function in ON_DESCRIPTORS and call.args and _is_descriptor(call.args[0]))


def _is_descriptor(value: ast.expr) -> bool:
    """Whether an argument is a descriptor, by its name: ours are called so."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in ("os.open", "os.dup") or ast.unparse(value.func).endswith((".fileno", "_fd"))
    words = ast.unparse(value).rpartition(".")[2]
    return words in ("fd", "holder", "private", "number") or words.endswith(("descriptor", "_fd"))


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_the_engine_reaches_nothing_by_a_path(file: Path) -> None:
    assert [each for each in by_path(file.read_text()) if (file.name, each) not in ALLOWED] == []


def test_every_exception_is_still_needed() -> None:
    used = {(file.name, each) for file in CODE for each in by_path(file.read_text())}
    assert set(ALLOWED) - used == set()


@pytest.mark.parametrize(
    "code",
    [
        *(
            "os.unlink(path)",
            "os.rename(a, b)",
            "os.rename(a, b, src_dir_fd=x)",
            "os.lchown(p, *ids)",
            "open(path, 'rb')",
        ),
        *("os.open(path, os.O_RDONLY)", "os.path.isdir(p)", "import shutil", "from os import unlink", "os.stat(p)"),
        *("os.scandir(p)", "os.chmod(path, mode)", "os.makedirs(p)", "os.lstat(p)", "os.path.realpath(p)"),
        "from pathlib import Path",
    ],
)
def test_a_use_by_path_is_seen(code: str) -> None:
    assert by_path(code) == [code]


@pytest.mark.parametrize(
    "code",
    [
        *("os.unlink(name, dir_fd=fd)", "os.rename(a, b, src_dir_fd=x, dst_dir_fd=y)", "os.fchown(descriptor, 0, 0)"),
        *(
            "open(descriptor, 'rb')",
            "os.scandir(descriptor)",
            "os.path.join(a, b)",
            "open(os.open(n, f, dir_fd=d), 'rb')",
        ),
    ],
)
def test_a_use_by_descriptor_is_none(code: str) -> None:
    assert by_path(code) == []
