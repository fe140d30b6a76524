"""The verb ``init --plugin NAME``: a plugin to start from, with tests and CI.

What is written is ``examples/mngr_tutor`` under another name: a plugin that works, is tested, and has no remark.
"""

import os
import re
from pathlib import Path

from mngr_ansible.content.location import content_directory, shipped_files
from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.inputs.contribution import USERS
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.spec.validation import short_repr

_TEMPLATE = "tutor"
"""The name of the plugin that is copied; it stands for the new one wherever it is written."""

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")

_LONGEST = 50

_RESERVED = (OURSELVES, "all", "mngr", *USERS)
"""Names that mean something else where plugins are named."""


def write_plugin(name: str, directory: str | None) -> tuple[Path, str]:
    """Write the plugin; what is written, and words for people: what it is and what to do next.

    Args:
        name: the plugin's; ``mngr-`` before it is left out.
        directory: where it is written; None: a new directory of its name here.

    Raises:
        UsageError: the name cannot be one.
        InputError: something is there already, or it cannot be written.
    """
    plugin = re.sub(r"\Amngr[-_]", "", name)
    if why := _why_no_name(plugin):
        raise UsageError(
            f"{short_repr(name)} cannot be the name of a plugin: {why}", remedy="Choose one like my-agent."
        )
    if plugin in _RESERVED:
        problem = f"a plugin named {plugin!r} would be taken for something else"
        raise UsageError(problem, remedy="Choose another name, such as my-agent.")
    target = Path(directory) if directory is not None else Path(f"mngr-{plugin.replace('_', '-')}")
    files = {_renamed(relative, plugin): path for path, relative in shipped_files(_template())}
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(each.name != ".git" for each in target.iterdir()):
            raise InputError(
                f"{target} is not empty, and nothing is replaced",
                remedy=f"Name a new directory: mngr-ansible init --plugin {plugin} DIR.",
            )
        for relative, path in files.items():
            place = target / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
                file.write(_renamed(path.read_text("utf-8"), plugin))
    except OSError as error:
        raise InputError(
            f"{error.filename or target} cannot be written: {error.strerror}", remedy="Name another directory."
        ) from error
    return target, _words(plugin, target, sorted(files))


def _why_no_name(plugin: str) -> str:
    """What is wrong with a name, as a clause; empty for one that can be used."""
    if len(plugin) > _LONGEST:
        return f"it has {len(plugin)} characters, and {_LONGEST} are allowed"
    if not re.fullmatch(r"[a-z0-9_-]+", plugin):
        return "only lower-case letters and digits are allowed, with - or _ between them"
    if not re.match(r"[a-z]", plugin):
        return "it does not begin with a lower-case letter"
    return "" if _NAME.fullmatch(plugin) else "between two words there is one - or _, and none at the end"


def _template() -> Path:
    return content_directory() / "examples" / f"mngr_{_TEMPLATE}"


def _renamed(text: str, plugin: str) -> str:
    """The same text about this plugin: its name, its module and its package."""
    text = text.replace(f"mngr_{_TEMPLATE}", f"mngr_{plugin.replace('-', '_')}")
    text = text.replace(f"mngr-{_TEMPLATE}", f"mngr-{plugin.replace('_', '-')}")
    text = text.replace(f"test_{_TEMPLATE}", f"test_{plugin.replace('-', '_')}")
    return text.replace(_TEMPLATE, plugin)


def _word(path: Path) -> str:
    """A path that no command takes for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _words(plugin: str, target: Path, files: list[str]) -> str:
    from mngr_ansible.portable.sh import quote

    listed = "\n".join(f"  {each}" for each in files)
    steps = (
        f"cd {quote(_word(target))}",
        "pip install -e '.[test]'    # or, where mngr is: mngr plugin add --path .",
        "pytest",
        f"mngr-ansible check-plugin {plugin}",
        f"mngr-ansible plan --plugin {plugin}",
    )
    following = "\n".join(f"  {each}" for each in steps)
    return f"{target} is a plugin named {plugin}, with tests and CI:\n{listed}\n\nNext:\n{following}"
