"""The playbooks of the user's own, of the settings and of the command line. Source: docs/contract.md "Fleets"."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.arguments import current_directory
from mngr_ansible.inputs.fleet import Fleet, OwnPlaybook
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.portable.text import printable
from mngr_ansible.system.homes import expanded
from mngr_ansible.values import replace


def with_playbooks(fleet: Fleet, settings: Settings, *, directory: Path | None = None) -> Fleet:
    """The options with the playbooks of the settings before the typed ones. One that is named twice is run once.

    ``directory``: where relative paths of the settings start; default: the current directory.

    Raises:
        InputError: one is to run before and after.
    """
    start = str(directory or "")
    found: dict[str, OwnPlaybook] = {}
    for each in (*(_of_settings(value, start) for value in settings.playbooks), *fleet.playbooks):
        first = found.setdefault(each.path, each)
        if first.when != each.when:
            raise InputError(
                f"the playbook {each.path} is to run before and after the changes",
                remedy='Name it once, with when = "before" or when = "after".',
            )
    return replace(fleet, playbooks=tuple(found.values()))


def _of_settings(value: str | Mapping[str, Any], start: str) -> OwnPlaybook:
    table: Mapping[str, Any] = {"path": value} if isinstance(value, str) else value
    return OwnPlaybook(table["path"], table.get("when", "after"), start, "settings")


def require_own_words(settings: Settings, repository: Path, are_own: Callable[[object], bool]) -> None:
    """Refuse playbooks that a repository names which the user does not trust: they run as he, here and on his hosts.

    A relative path is a file of whichever repository he is in, so its content is not his word even where the path is.

    Args:
        settings: what counts in this command.
        repository: the one that the user does not trust.
        are_own: whether the user himself says an item of ``playbooks``.

    Raises:
        InputError: there is one.
    """
    for value in settings.playbooks:
        path = _of_settings(value, "").path
        if path.startswith(("~/", "/")) and are_own(value):
            continue
        raise InputError(
            f"the playbook {path} is not run: it is of the repository {repository}, which you have not trusted",
            remedy="It would run commands on this machine and on the hosts. Read it and its requirements.yml; to trust "
            f'the repository, write trusted = ["{repository}"] into [plugins.ansible] of your own settings.',
        )


def read_beside(file: Path) -> bytes | None:
    """The content of a file beside a playbook; None where there is none.

    Raises:
        InputError: it cannot be read, or is something else, such as a fifo, which might never end.
    """
    try:
        if not file.is_file() and file.exists():
            raise InputError(f"{file} is not a file", remedy="Remove it, or put a file there.")
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", remedy="Check its permissions.") from error


def playbook_file(playbook: OwnPlaybook) -> Path:
    """The absolute path of a playbook, which is a file that can be read.

    Raises:
        InputError: it is none.
    """
    base = Path(playbook.base) if playbook.base else current_directory()
    path = Path(os.path.abspath(base / expanded(playbook.path)))  # noqa: PTH100 - a link stays a link
    if str(path).encode("utf-8", "ignore").decode() != str(path):
        raise InputError(
            f"the playbook {printable(playbook.path)} has a name that is not UTF-8, which Ansible cannot read",
            remedy="Give it, and the directories above it, other names.",
        )
    try:
        if not path.is_file():
            problem = "is a directory" if path.is_dir() else "is not a file" if path.exists() else "does not exist"
            raise InputError(
                f"the playbook {playbook.path} {problem}",
                remedy=f"Give the path of a playbook; relative paths start at {base}.",
            )
        path.open("rb").close()
    except OSError as error:
        raise InputError(
            f"the playbook {playbook.path} cannot be read: {error.strerror}", remedy="Check its permissions."
        ) from error
    return path
