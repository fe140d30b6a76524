"""Build the collection and let ``ansible-test sanity`` judge it: ``python -m tools.check_collection [TEST …]``.

Without a TEST all are run that need no container (a minute and a half; about three when their programs are installed
the first time); ``validate-modules`` alone, which judges the documentation of the modules, takes ten seconds. Their
programs are kept in the cache of the tests, in a home of their own. Then ``ansible-doc`` must show every module and
every role. ``--keep DIR`` leaves the collection in DIR.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAME = "mngr.provisioning"
_PARTS = ("doc", "examples", "return")

_GET_PIP = "import ensurepip\n\nensurepip.bootstrap()\n"
"""What ansible-test would download to put pip into its environments; Python has the same."""


def main() -> int:
    """Check the collection of this checkout; the exit code is 0 if there is no complaint."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="collection-") as work:
        directory = options.keep or Path(work)
        build = [sys.executable, "-m", "mngr_ansible", "content", "--collection", str(directory)]
        subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        environment = _environment(directory)
        words = ["sanity", "--color", "no", "--python", f"{sys.version_info[0]}.{sys.version_info[1]}"]
        words += [word for test in options.tests for word in ("--test", test)]
        words += [word for test in options.without for word in ("--skip-test", test)]
        judged = subprocess.run([_program("ansible-test"), *words], cwd=_tree(directory), env=environment, check=False)
        return judged.returncode or _show_documentation(directory, environment)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tests", nargs="*", metavar="TEST", help="a test of ansible-test sanity (default: all)")
    parser.add_argument("--without", action="append", default=[], metavar="TEST", help="leave this one out")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="build the collection in DIR and leave it there")
    return parser.parse_args()


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _tree(directory: Path) -> Path:
    return directory.absolute() / "ansible_collections" / Path(*NAME.split("."))


def _environment(directory: Path) -> dict[str, str]:
    """The environment of ansible-test: a home in the cache, which has the stand-in for its download."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = Path(os.environ.get("MNGR_ANSIBLE_TEST_CACHE") or base / "mngr-ansible-tests") / "ansible-test"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in _pip_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(_GET_PIP)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "HOME": str(home), "PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(directory.absolute())}


def _pip_versions() -> list[str]:
    """The versions of pip that this ansible-test may ask for, which are in the names of its downloads."""
    specification = importlib.util.find_spec("ansible_test")
    if specification is None or specification.origin is None:
        return []
    source = Path(specification.origin).parent / "_internal" / "python_requirements.py"
    return re.findall(r"\bpip='([\d.]+)'", source.read_text())


def _show_documentation(directory: Path, environment: dict[str, str]) -> int:
    """Whether ansible-doc shows each plugin with options and examples, and each role with its entry point."""
    plugins = {kind: _names(directory, kind) for kind in ("modules", "inventory")}
    roles = [f"{NAME}.{each.name}" for each in sorted((_tree(directory) / "roles").iterdir())]
    pages = _documentation("role", roles, environment)
    missing = []
    for kind, names in plugins.items():
        pages |= _documentation(kind.removesuffix("s"), names, environment)
        parts = [each for each in _PARTS if kind == "modules" or each != "return"]
        missing += [f"{name}: no {part}" for name in names for part in parts if not pages.get(name, {}).get(part)]
    missing += [
        f"{role}: no entry point" for role in roles if "main" not in pages.get(role, {}).get("entry_points", {})
    ]
    print("\n".join(missing or ["ansible-doc shows every module, plugin and role"]))  # noqa: T201
    return 1 if missing else 0


def _names(directory: Path, kind: str) -> list[str]:
    """The full names of the plugins of this kind."""
    return [f"{NAME}.{file.stem}" for file in sorted((_tree(directory) / "plugins" / kind).glob("*.py"))]


def _documentation(kind: str, names: list[str], environment: dict[str, str]) -> dict[str, Any]:
    words = [_program("ansible-doc"), "--json", "--type", kind, *names]
    shown = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    pages: dict[str, Any] = json.loads(shown.stdout or "{}")
    return pages


if __name__ == "__main__":
    sys.exit(main())
