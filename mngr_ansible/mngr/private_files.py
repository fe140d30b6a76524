"""Private files of the user that a repository's settings would send: reason for a warning before a create."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.inputs.user import user_contributions
from mngr_ansible.mngr.config import NAME
from mngr_ansible.plan.local_files import local_path
from mngr_ansible.portable import trees
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.patterns import Patterns


def leaked_private_files(root: Path | None) -> list[str]:
    """The files outside of a repository, readable only by their owner, that the repository's settings would send.

    The user did not choose them: mngr reads ``.mngr/settings.toml`` of any project without asking.
    """
    if root is None:
        return []
    try:
        document = tomllib.loads((root / ".mngr" / "settings.toml").read_text("utf-8"))
        table = document["plugins"][NAME]
        own = [each for each in table.get("manifests", ()) if not str(each).startswith(("~/", "/"))]
        chosen = Settings.parse({"files": table.get("files", ()), "manifests": own})
        found = user_contributions(chosen, (), (), (), directory=root)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MngrAnsibleError):
        return []  # no such file, or an error in it, which is reported when the settings are used
    sources = [path for each in found for spec in each.transfers for path in _private_in(spec, root)]
    return list(dict.fromkeys(map(str, sources)))


def _private_in(spec: FileTransferSpec, root: Path) -> Iterator[Path]:
    """The private files of a source that are outside of the repository: itself, or files in it or linked from it."""
    path = Path(local_path(spec))
    is_outside = not path.resolve().is_relative_to(root.resolve())
    if is_outside and _is_private(path):
        yield path
    elif path.is_dir() and (is_outside or spec.symlinks == "follow"):
        try:
            entries = trees.read(str(path), symlinks=spec.symlinks, excluded=Patterns(spec.exclude).excludes).entries
        except trees.TreeError:
            return  # reported when the files are read for use
        for source in (Path(each.source) for each in entries):
            if _is_private(source) and not source.resolve().is_relative_to(root.resolve()):
                yield source


def _is_private(path: Path) -> bool:
    try:
        return not path.stat().st_mode & 0o044
    except OSError:
        return False
