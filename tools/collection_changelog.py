"""Write the collection's change log: ``python -m tools.collection_changelog``.

With fragments in ``collection/changelogs/fragments/`` they become the release whose version is in
``collection/galaxy.yml``; without any the change log is only written anew. ``antsibull-changelog`` does it in a
collection that is built for this, because it lists new modules too.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from mngr_ansible.content.collection import write_collection

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "collection"


class _Indented(yaml.SafeDumper):
    """YAML whose lists are indented, as ansible-lint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002 - PyYAML's own
        return super().increase_indent(flow, False)


def written(tree: Path) -> dict[str, str]:
    """The files of the change log, as ``antsibull-changelog`` writes them in this collection.

    Args:
        tree: the collection; its fragments are used up.
    """
    fragments = list((tree / "changelogs" / "fragments").glob("*.y*ml"))
    verb = "release" if fragments else "generate"
    command = [str(Path(sys.executable).with_name("antsibull-changelog")), verb]
    subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
    changes = yaml.safe_load((tree / "changelogs" / "changelog.yaml").read_text())
    text = yaml.dump(changes, Dumper=_Indented, explicit_start=True, sort_keys=True)
    return {"CHANGELOG.md": (tree / "CHANGELOG.md").read_text(), "changelogs/changelog.yaml": text}


def main() -> int:
    """Write both files into ``collection/``, and remove the fragments that are in them."""
    with tempfile.TemporaryDirectory(prefix="collection-") as work:
        write_collection(Path(work))
        files = written(Path(work) / "ansible_collections" / "mngr" / "provisioning")
    for name, text in files.items():
        (SOURCE / name).write_text(text)
    shutil.rmtree(SOURCE / "changelogs" / "fragments", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
