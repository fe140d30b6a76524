"""Write every generated page that differs; the exit code is then 1, as pre-commit expects it."""

import sys

from tools import json_reference
from tools.generated import ROOT, write
from tools.reference.pages import PAGES


def main() -> int:
    """Write the pages of ``docs/reference/`` and ``docs/json.md``."""
    written = [write(ROOT / "docs" / name, page()) for name, page in PAGES.items()]
    return max([*written, json_reference.main()])


if __name__ == "__main__":
    sys.exit(main())
