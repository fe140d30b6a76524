"""Arguments of the command line and of the API: lists, the options ``--file`` and ``--package``, the directory."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import short_repr


def as_tuple(name: str, values: object) -> tuple[Any, ...]:
    """The values of a list argument. A single text, path or mapping is refused: it is not a list of values.

    Raises:
        UsageError: it is not a list.
    """
    if isinstance(values, (str, bytes, os.PathLike, Mapping)) or not isinstance(values, Iterable):
        raise UsageError(f"{name} = {short_repr(values)} is not a list", remedy=f"Give a list: {name}=[…].")
    return tuple(values)


def as_paths(name: str, values: object) -> tuple[str | os.PathLike[str], ...]:
    """The values of a list argument of paths.

    Raises:
        UsageError: it is not a list, or something in it is not a path.
    """
    paths = as_tuple(name, values)
    for each in paths:
        if not isinstance(each, (str, os.PathLike)) or not isinstance(os.fspath(each), str):
            raise UsageError(f"{name} contains {short_repr(each)}, which is not a path", remedy="Give paths as text.")
    return paths


def file_option(text: str) -> FileTransferSpec:
    """``--file LOCAL:REMOTE``, split at the first colon.

    Raises:
        UsageError: it does not parse.
    """
    local, colon, remote = text.partition(":")
    if not (local and colon and remote):
        remedy = "Write --file SOURCE:DESTINATION, such as --file notes.txt:~/notes.txt."
        raise UsageError(f"--file {text!r} is not LOCAL:REMOTE", remedy=remedy)
    try:
        return FileTransferSpec(local, remote)
    except MngrAnsibleError as error:
        raise _option_error("--file", text, error) from error


def package_option(text: str) -> PackageRequirement:
    """``--package REQUIREMENT``.

    Raises:
        UsageError: it does not parse.
    """
    try:
        return PackageRequirement.parse(text)
    except MngrAnsibleError as error:
        raise _option_error("--package", text, error) from error


def _option_error(option: str, text: str, error: MngrAnsibleError) -> UsageError:
    """The error for the value of an option, without class and field."""
    problem = re.sub(r"\A(?:FileTransferSpec|PackageRequirement)\.\w+: ", "", error.problem)
    return UsageError(f"{option} {short_repr(text)}: {problem}", remedy=error.remedy)


def current_directory() -> Path:
    """The current directory.

    Raises:
        UsageError: it was deleted.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        remedy = "cd to one that exists."
        raise UsageError("the current directory no longer exists", remedy=remedy) from None
