"""The verb ``init --plugin NAME``: a plugin to start from, with tests and CI."""

from pathlib import Path


def write_plugin(name: str, directory: str | None) -> tuple[Path, str]:
    """Write the plugin; what is written, and words for people: what it is and what to do next.

    Args:
        name: the plugin's.
        directory: where it is written; None: a new directory of its name here.

    Raises:
        InputError: the name cannot be one, or something is there already.
    """
    raise NotImplementedError(name, directory)
