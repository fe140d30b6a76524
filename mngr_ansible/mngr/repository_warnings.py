"""What the user is told about the settings of a repository that he does not trust, before anything is sent."""

from pathlib import Path

from loguru import logger

from mngr_ansible.mngr.private_files import PrivateFile, private_files
from mngr_ansible.mngr.trust import Words
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.request import Request

_LONGEST_LIST = 20
"""How many files are named, one a line."""


def warn_of_the_repository(words: Words, request: Request) -> None:
    """Name the private files that the repository would send, and what its settings say that counts for nothing."""
    if words.repository is None:
        return
    for setting in words.ignored():
        logger.warning(
            "{} in the settings of this repository is ignored: only you may say that, in your own settings or on the "
            "command line.",
            printable(setting),
        )
    if request.only == "packages":
        return
    found = private_files(request.user, words.repository)
    for each in found[:_LONGEST_LIST]:
        logger.warning("{}", printable(_sentence(each, words, words.repository)))
    if len(found) > _LONGEST_LIST:
        logger.warning("… and {} more private files", len(found) - _LONGEST_LIST)


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
