"""The schema of our JSON documents, and a request whose document has a step of every kind."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

import mngr_ansible
from tests.support.builders import tree, write

SCHEMA = json.loads((Path(mngr_ansible.__file__).parent / "schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def schema_errors(document: object) -> list[str]:
    """Why a document does not conform to the schema; empty if it does."""
    return [error.message for error in VALIDATOR.iter_errors(document)]


def options_of_every_kind(directory: Path) -> list[object]:
    """Command-line options for a tree, a file, a source that is skipped, an installed tool and a missing one.

    Destinations are relative to work_dir; the sources are written below ``directory``.
    """
    manifest = {"files": [{"local_path": "absent", "remote_path": "absent", "is_required": False}]}
    return [
        *("--file", f"{tree(directory / 'tree', 'a', 'b/c')}:tree", "--file", f"{write(directory / 'f')}:f"),
        *("--package", "tar", "--package", "no-such-tool>=2"),
        *("--manifest", write(directory / "m.json", json.dumps(manifest))),
    ]
