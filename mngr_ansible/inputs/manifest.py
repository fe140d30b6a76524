"""Read manifests: files and packages in a YAML or TOML file, as the contribution of a plugin named ``manifest``.

Source: docs/contract.md "Manifest".
"""

import errno
import math
import os
import re
import select
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError, MngrAnsibleError
from mngr_ansible.inputs.arguments import current_directory
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.written_numbers import check_numbers
from mngr_ansible.inputs.yaml_documents import read_yaml
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import as_checked, nearest, short_repr
from mngr_ansible.system import homes
from mngr_ansible.values import replace

EXAMPLES = {"files": "[{local_path: a, remote_path: b}]", "packages": '["tree"]'}
"""The keys of a manifest, each with a value that it may have."""

_FIFO_SECONDS = 60.0
"""How long a fifo may be silent."""

_LARGEST = 16 << 20
"""Bytes of a manifest; one that a repository names could be ``/dev/zero``."""


def read(
    path: str | os.PathLike[str], *, seconds: float | None = None, fifo_seconds: float = _FIFO_SECONDS
) -> Contribution:
    """Read a manifest. Relative source paths in it start at its directory; a leading ``~/`` is the home.

    They start at the directory of the link where it is a link, and at the current directory where it is no file:
    ``-`` is the standard input, and ``<(command)`` of a shell is a pipe. Both are YAML. A fifo may be silent for
    ``fifo_seconds``: perhaps no program will ever write to it. What is no file, and no terminal, has to end within
    ``seconds``; None: whenever it does.

    Raises:
        InputError: it cannot be read, does not parse, has an unknown key or a wrong value; names the file.
    """
    file = expanded(path)
    text, is_file = read_text(path, seconds=seconds, fifo_seconds=fifo_seconds)
    if not is_file:
        name = "standard input" if os.fspath(path) == "-" else str(path)
        return contribution(
            _parse(file, text), plugin="manifest", origin=f"manifest ({name})", directory=current_directory()
        )
    real = os.path.realpath(file)
    is_elsewhere = os.path.dirname(real) != os.path.realpath(file.parent)  # noqa: PTH120
    link = f", a link to {printable(real)}; its sources start at {printable(str(file.parent))}" if is_elsewhere else ""
    origin = f"manifest ({file.name}{link})"
    read = contribution(_parse(file, text), plugin="manifest", origin=origin, directory=file.parent)
    return replace(read, file=os.path.abspath(file))  # noqa: PTH100 - a link stays as it was named


def read_text(
    path: str | os.PathLike[str], *, seconds: float | None = None, fifo_seconds: float = _FIFO_SECONDS
) -> tuple[str, bool]:
    """The text of a manifest, and whether it is a regular file. Arguments as in :func:`read`.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    file = expanded(path)
    try:
        data, is_file = _content(None if os.fspath(path) == "-" else file, fifo_seconds, seconds)
        text = data.decode("utf-8-sig") if len(data) <= _LARGEST else ""
    except FileNotFoundError as error:
        raise InputError(f"the manifest {path} cannot be read: no such file", remedy="Check the path.") from error
    except OSError as error:
        remedy = "Give a YAML or TOML file that you can read."
        raise InputError(f"the manifest {path} cannot be read: {error.strerror}", remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the manifest {path} is not UTF-8 text", remedy="Save it as UTF-8.") from error
    except ValueError as error:
        raise InputError(f"the manifest {str(path)!r} is not a path: {error}", remedy="Check the path.") from error
    if len(data) > _LARGEST:
        problem = f"the manifest {path} is larger than {_LARGEST >> 20} MiB"
        raise InputError(problem, remedy="Give a YAML or TOML file with files and packages.")
    return text, is_file


def _content(file: Path | None, fifo_seconds: float, seconds: float | None) -> tuple[bytes, bool]:
    """At most so much of a file as is allowed, and whether it is a regular one; None is the standard input.

    Raises:
        OSError: it cannot be read; or nobody wrote to it, or ended it, in time.
    """
    # O_NONBLOCK: to open a fifo waits for a program that writes to it.
    descriptor = os.dup(0) if file is None else os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        is_stream = file is None or file.parts[:2] == ("/", "dev") or _is_descriptor(file)
        is_file = not is_stream and stat.S_ISREG(os.fstat(descriptor).st_mode)
        mode = os.fstat(descriptor).st_mode
        silence = fifo_seconds if stat.S_ISFIFO(mode) and file is not None else math.inf
        has_end = stat.S_ISREG(mode) or os.isatty(descriptor)
        end = math.inf if has_end or seconds is None else time.monotonic() + seconds
        found = b""
        while len(found) <= _LARGEST:
            left = end - time.monotonic()
            wait = min(silence, max(0.0, left))
            if not select.select([descriptor], [], [], None if wait == math.inf else wait)[0] or left <= 0:
                what = (
                    f"no program wrote to this fifo for {silence:g} s" if silence < left else "it did not end in time"
                )
                raise OSError(errno.ETIMEDOUT, what)
            block = os.read(descriptor, min(1 << 20, _LARGEST + 1 - len(found)))
            if not block:
                break
            found += block
        return found, is_file
    finally:
        os.close(descriptor)


def _is_descriptor(file: Path) -> bool:
    """Whether it is an open file of a process, ``/proc/self/fd/63``; ``/proc/self/cwd/host.yml`` is a file as any."""
    return file.parts[:2] == ("/", "proc") and file.parts[-2] == "fd"


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path of a manifest, a leading ``~/`` as the home."""
    text = os.fspath(path)
    return homes.expanded(text) if text.startswith("~/") else Path(text)


def _parse(file: Path, text: str) -> object:
    try:
        return _from_toml(text) if file.suffix == ".toml" else read_yaml(text)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"the manifest {file} does not parse: {what}", remedy="Correct the file.") from error


def _from_toml(text: str) -> object:
    import tomllib

    return tomllib.loads(text)


def toml_words(text: str) -> str:
    """Examples of YAML in a sentence, as TOML writes them: ``mode: "0644"`` → ``mode = "0644"``."""
    text = re.sub(r"\b(\w+): (?=true\b|false\b|\")", r"\1 = ", text)
    return re.sub(r"\{([^{}]*)\}", lambda each: "{" + re.sub(r"(\w+): (\w+)", r'\1 = "\2"', each[1]) + "}", text)


def contribution(document: object, *, plugin: str, origin: str, directory: Path) -> Contribution:
    """The contribution of a document with ``files`` and ``packages``, such as a manifest that was read.

    Raises:
        InputError: an unknown key (with the nearest known one) or a wrong value; names ``origin``.
    """
    if document is None:
        document = {}
    if not isinstance(document, Mapping):
        raise InputError(
            f"{origin}: it is not a mapping", remedy="Write the keys files and packages, each with a list."
        )
    for key in document:
        if key not in EXAMPLES:
            hint = nearest(str(key), tuple(EXAMPLES))
            remedy = f"Known keys: {', '.join(EXAMPLES)}."
            raise InputError(f"{origin}: unknown key {short_repr(key)}{hint}", remedy=remedy)
    transfers = []
    for where, each in _entries(document, "files", plugin, origin):
        check_numbers(each, where)
        transfers.append(transfer(each, where, directory))
    requirements = [requirement(each, where) for where, each in _entries(document, "packages", plugin, origin)]
    return Contribution(plugin, tuple(transfers), tuple(requirements), origin)


def _entries(document: Mapping[str, Any], key: str, plugin: str, origin: str) -> Iterator[tuple[str, Any]]:
    """The entries of a list, each with its place for people. Settings are several lists: theirs have no number."""
    for number, each in enumerate(_list(document, key, origin), 1):
        yield f"{origin}: entry {number} of {key}" if plugin == "manifest" else origin, each


def _list(document: Mapping[str, Any], key: str, origin: str) -> Sequence[Any]:
    values = document.get(key)
    if values is None:
        return ()
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise InputError(f"{origin}: {key} is not a list", remedy=f"{key} must be a list, such as {EXAMPLES[key]}.")
    return values


def transfer(value: object, origin: str, directory: Path) -> FileTransferSpec:
    """A spec from a mapping (a spec is returned as it is); a relative ``local_path`` starts at ``directory``.

    Raises:
        InputError: it is neither, or a field is wrong; names ``origin``.
    """
    if not isinstance(value, (FileTransferSpec, Mapping)):
        remedy = "Give a mapping with local_path and remote_path."
        raise InputError(f"{origin}: {short_repr(value)} is not a file transfer", remedy=remedy)
    try:
        if isinstance(value, FileTransferSpec):
            return as_checked(FileTransferSpec, value)
        local = value.get("local_path")
        if isinstance(local, str) and local and local != "~" and not local.startswith(("~/", "/")):
            value = {**value, "local_path": str(directory / local)}
        return FileTransferSpec.from_mapping(value)
    except MngrAnsibleError as error:
        raise InputError(f"{origin}: {error.problem}", remedy=error.remedy) from error


def requirement(value: object, origin: str) -> PackageRequirement:
    """A requirement from its string form or a mapping (a requirement is returned as it is).

    Raises:
        InputError: it is none of them, or a field is wrong; names ``origin``.
    """
    try:
        return PackageRequirement.from_value(value)
    except MngrAnsibleError as error:
        raise InputError(f"{origin}: {error.problem}", remedy=error.remedy) from error
