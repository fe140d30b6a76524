"""The roles and collections that a playbook of the user's own names in a ``requirements.yml`` beside it.

ansible-galaxy installs them once, into the user's state directory, for each content of that file and of the archives
and directories on this machine that it names::

    $XDG_STATE_HOME/mngr-ansible/galaxy/
        0d5b…/roles, collections     installed
        new-1f2e3d4c/                being installed, or its process was killed: the next run removes it
"""

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.own_playbooks import read_beside
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.system.homes import expanded
from mngr_ansible.system.processes import TooLongError, run_bounded
from mngr_ansible.system.state_directory import state_directory
from mngr_ansible.system.tempdirs import private_directory

NAME = "requirements.yml"
"""The file beside a playbook."""

MOST_SECONDS = 300.0
"""How long an installation may take."""

_DIRECTORY = "galaxy"
_KEPT = 20
_KEPT_SECONDS = 86_400
"""So many are kept, and all that were used within a day: another run may use them now."""

_LONGEST_REASON = 1000
"""Characters of what ansible-galaxy says."""

_NOTHING = "Nothing was changed on any host."


def installed(playbook: Path, shown: str, seconds: float, on_install: Callable[[], None] = lambda: None) -> Path | None:
    """The directory with what the ``requirements.yml`` beside a playbook names; None where there is no such file.

    What is there already is not installed again. Otherwise ansible-galaxy does it as when people run it in the
    playbook's directory: with their environment and settings, which say where Galaxy is.

    Args:
        playbook: its absolute path.
        shown: its path for people.
        seconds: how long it may take.
        on_install: is called before something is installed.

    Raises:
        InputError: the file does not parse, or something in it cannot be installed.
    """
    file = playbook.parent / NAME
    content = read_beside(file)
    if content is None:
        return None
    wanted = _kinds(content, file)
    try:
        cache = state_directory(_DIRECTORY)
        place = cache / _digest(content, file.parent)
        if not place.is_dir():
            on_install()
            with private_directory(cache, "new-") as new:
                (new / "whole").mkdir()
                for kind in wanted:
                    _install(kind, file, new, shown, min(seconds, MOST_SECONDS))
                with suppress(OSError):  # another run was faster
                    (new / "whole").rename(place)
        os.utime(place)
        _remove_unused(cache, place)
    except OSError as error:
        raise InputError(
            f"what {file} names cannot be kept: {error.strerror or error}",
            remedy="Free disk space, or name another directory in XDG_STATE_HOME.",
        ) from error
    return place


def _kinds(content: bytes, file: Path) -> list[str]:
    """What the file names: ``role``, ``collection``, both or nothing."""
    import yaml

    try:
        document = yaml.load(content, yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        first = " ".join(str(error).split())
        raise InputError(f"{file} does not parse: {printable(first)}", remedy=f"Fix it. {_NOTHING}") from error
    if document is None:
        return []
    if isinstance(document, list):
        return ["role"]
    if isinstance(document, Mapping) and {"roles", "collections"} >= set(document):
        return [kind for kind in ("role", "collection") if document.get(f"{kind}s")]
    raise InputError(
        f"{file} is no list of roles, and has more or other keys than roles and collections",
        remedy="Write it as Ansible's page on requirements files says.",
    )


def _digest(content: bytes, start: Path) -> str:
    """Of the file, and of what it names on this machine as it is now."""
    digest = hashlib.sha256(content)
    for path in sorted(set(_local_paths(content, start))):
        for file in sorted(_files(path)):
            with suppress(OSError):
                status = file.stat()
                digest.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _local_paths(content: bytes, start: Path) -> Iterator[Path]:
    import yaml

    for word in _texts(yaml.safe_load(content)):
        text = word.partition("#")[0].partition(",")[0].removeprefix("git+").removeprefix("file://")
        if "://" not in text and "\0" not in text:
            with suppress(OSError):
                path = start / expanded(text)
                if "/" in text and path.exists():
                    yield path


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _files(path: Path) -> Iterator[Path]:
    yield path
    for top, _, names in os.walk(path):
        yield from (Path(top, name) for name in names)


def _install(kind: str, file: Path, new: Path, shown: str, seconds: float) -> None:
    words = [kind, "install", "-r", str(file), "-p", str(new / "whole" / f"{kind}s")]
    argv = [sys.executable, "-P", "-E", "-m", "ansible", "galaxy", *words]
    by_hand = f"ansible-galaxy {kind} install -r {sh.quote(str(file))}"
    # No program of it can ask a person: it has no terminal, and git is told so.
    environment = {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes", **os.environ, "GIT_TERMINAL_PROMPT": "0"}
    environment |= {"ANSIBLE_FORCE_COLOR": "False", "ANSIBLE_NOCOLOR": "True", "ANSIBLE_LOCAL_TEMP": str(new / "tmp")}
    environment["ANSIBLE_GALAXY_CACHE_DIR"] = str(new / "cache")
    try:
        done = run_bounded(argv, b"", seconds=seconds, cwd=str(file.parent), environment=environment, is_apart=True)
    except TimeoutError:
        raise InputError(
            f"the {kind}s of {NAME} beside {shown} were not installed within {max(1, round(seconds))} s",
            remedy=f"Check the network and the sources in it; by hand: {by_hand}. {_NOTHING}",
        ) from None
    except TooLongError:
        raise InputError(f"ansible-galaxy printed too much for {file}", remedy=f"Try by hand: {by_hand}.") from None
    if done.code != 0:
        reason = printable(_reason(done.stdout, done.stderr, new))
        raise InputError(
            f"the {kind}s of {NAME} beside {shown} cannot be installed: {reason}",
            remedy=f"Check the network and the sources in it; by hand: {by_hand}. {_NOTHING}",
        )


def _reason(stdout: bytes, stderr: bytes, new: Path) -> str:
    """Why ansible-galaxy failed: what it says of a role, or its last error, with the lines below; else its last line.

    ``new``: a directory of ours, which says nothing to people.
    """
    lines = [line.strip() for line in (stdout + b"\n" + stderr).decode(errors="replace").splitlines() if line.strip()]
    starts = [index for index, line in enumerate(lines) if line.startswith("[WARNING]: - ")]
    starts = starts or [index for index, line in enumerate(lines) if line.startswith(("[ERROR]: ", "ERROR! "))]
    words = lines[-1:] or ["it ended without a message"]
    if starts:
        first, *below = lines[starts[-1] :]
        words = [re.sub(r"^(\[(WARNING|ERROR)\]: (- )?|ERROR! )", "", first)]
        words += list(takewhile(lambda line: not line.startswith(("[", "ERROR! ")), below))
    return " ".join(words)[:_LONGEST_REASON].replace(f"{new}/", "…/").rstrip(".")


def _remove_unused(cache: Path, used: Path) -> None:
    """Remove those that were not used for a day, but for the newest."""
    found = []
    for each in cache.iterdir():
        with suppress(OSError):
            if each != used and len(each.name) == 64:
                found.append((each.stat().st_mtime, each))
    for modified, each in sorted(found, reverse=True)[_KEPT:]:
        if time.time() - modified > _KEPT_SECONDS:
            shutil.rmtree(each, ignore_errors=True)
