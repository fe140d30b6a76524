"""What the user is told about the settings of a repository that he does not trust, before anything is sent."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from loguru import logger

from mngr_ansible.mngr.private_files import PrivateFile, private_files
from mngr_ansible.mngr.trust import Words
from mngr_ansible.plan.local_files import local_path
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.request import Request

_LONGEST_LIST = 20
"""How many files are named, one a line."""


def warn_of_what_is_ignored(words: Words) -> None:
    """Name what the settings of the repository say, but only the user may say."""
    for each in words.ignored():
        logger.warning(
            "{} in the settings of this repository is ignored: only you may say that, in your own settings or on the "
            "command line.",
            printable(each),
        )


def warn_of_files(words: Words, request: Request, *, is_local: bool) -> None:
    """Name the private files that the repository would send.

    ``is_local``: the files stay on this machine; then what would be written outside of the agent's directory is named.
    """
    if words.repository is None or request.only == "packages":
        return
    found = private_files(request.user, words.repository)
    _warn([_sentence(each, words, words.repository) for each in found], "private files")
    if is_local:
        _warn(list(_written_elsewhere(words, request)), "files that it writes")


def _warn(sentences: Sequence[str], what: str) -> None:
    for each in sentences[:_LONGEST_LIST]:
        logger.warning("{}", printable(each))
    if len(sentences) > _LONGEST_LIST:
        logger.warning("… and {} more {}", len(sentences) - _LONGEST_LIST, what)


def _written_elsewhere(words: Words, request: Request) -> Iterator[str]:
    """What the repository writes on this machine outside of the agent's directory: ``~/.bashrc`` runs programs."""
    for contribution in request.user:
        for spec in contribution.transfers if contribution.repository else ():
            path = os.fspath(spec.remote_path)
            if path.startswith(("/", "~/")) or path == "~":
                which = contribution.file or words.where_named(local_path(spec)) or "its settings"
                yield (
                    f"The settings of this repository write {path} on this machine, outside of the agent's directory. "
                    f"If you do not want that, press Ctrl-C now and check {which}."
                )


def _sentence(file: PrivateFile, words: Words, repository: Path) -> str:
    """Who sends a private file, by which words, and how to prevent that."""
    contribution = file.named_by
    which = words.where_named(contribution.file or file.source) or "its settings"
    if not contribution.repository and not contribution.file:
        who, check = f"A link of this repository ({file.source}) sends", file.source
    elif not contribution.repository:
        who, check = f"The manifest {contribution.file} of this repository sends", contribution.file
    elif contribution.file:
        who, check = f"The settings of this repository ({which}: {contribution.file}) send", contribution.file
    else:
        who, check = "The settings of this repository send", which
    return (
        f"{who} {file.path}, which is outside of the repository and readable only by you. If you do not want that, "
        f'press Ctrl-C now and check {check}; to trust them, write trusted = ["{repository}"] into [plugins.ansible] '
        f"of your own settings."
    )
