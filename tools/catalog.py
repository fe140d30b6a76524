"""Write ``mngr_ansible/catalog/tools.json`` from the files in ``catalog/tools``: ``python -m tools.catalog``.

People edit one YAML file a tool; commands read the one JSON file, since a parser of YAML takes longer to import than
everything else that a plan of packages needs. A test compares the two (``tests/unit/catalog/test_lookup.py``), and a
pre-commit hook runs this command.
"""

import json
import sys
from typing import Any

import yaml

from tools.generated import ROOT, write

SOURCE = ROOT / "mngr_ansible" / "catalog" / "tools"
WRITTEN = SOURCE.with_name("tools.json")


def contents() -> dict[str, Any]:
    """What the YAML files hold, by the tool's name."""
    files = {file.stem: file for file in SOURCE.glob("*.yml")}
    return {name: yaml.safe_load(files[name].read_text("utf-8")) for name in sorted(files)}


def document() -> str:
    """The text of the JSON file: one line a tool."""
    lines = (f"{json.dumps(name)}: {json.dumps(tool, ensure_ascii=False)}" for name, tool in contents().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Write it if it differs; the exit code is 1 if it did, so that pre-commit stops for the changed file."""
    return write(WRITTEN, document())


if __name__ == "__main__":
    sys.exit(main())
