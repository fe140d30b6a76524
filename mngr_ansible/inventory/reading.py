"""Have Ansible read inventories, in a process of its own: the user's environment and ``ansible.cfg`` count there.

The process is ``launcher/ansible_inventory.py``. It gets one document of JSON on stdin (:class:`_Order`), and gives one
on stdout: ``hosts`` and ``beyond`` (see :mod:`mngr_ansible.inventory.answer`), ``groups``, ``total`` (how many there
are without the limit), ``failed`` and ``skipped`` (pairs of a source, or an entry of a directory, and why it cannot be
read) and ``warnings``; or ``error``. It may read a vault password from the terminal.
"""

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import ErrorGroup, InputError, RunError
from mngr_ansible.inventory.answer import HostBeyond, InventoryHost, parse_beyond, parse_hosts, shown, vault_error
from mngr_ansible.portable.sh import quote
from mngr_ansible.portable.text import printable
from mngr_ansible.system.homes import expanded
from mngr_ansible.system.processes import TooLongError, run_bounded
from mngr_ansible.values import field, frozen

LONGEST = 256 << 20
"""Bytes of an answer: about 50 kB for each of 5,000 hosts."""


class _Order(TypedDict):
    """What is to be read; ``renders_all``: all variables of the hosts, not only those of their connections."""

    sources: Sequence[str]
    limit: str | None
    vault_ids: Sequence[str]
    vault_passwords: Mapping[str, str]
    renders_all: bool


@frozen
class Inventory:
    """The hosts, in the inventory's order, and what people should know about it.

    ``beyond``: those that the limit leaves out; ``groups``: the names of all hosts of each group, ``all`` first; both
    only where all variables are rendered.
    """

    hosts: tuple[InventoryHost, ...]
    notices: tuple[str, ...] = ()
    beyond: tuple[HostBeyond, ...] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read(
    sources: Sequence[str],
    limit: str | None = None,
    vault_ids: Sequence[str] = (),
    *,
    seconds: float,
    renders_all: bool = False,
    vault_passwords: Mapping[str, str] | None = None,
) -> Inventory:
    """Read inventories as Ansible does.

    Args:
        sources: files, directories, executables, or lists of names with a comma.
        limit: a pattern of Ansible; None: all hosts.
        vault_ids: as Ansible's ``--vault-id``.
        seconds: how long it may take.
        renders_all: all variables are rendered.
        vault_passwords: further ones, which a person has typed, by their labels.

    Raises:
        InputError: an inventory cannot be read, has no host, or has a variable that cannot be rendered; or the limit
            matches no host.
        RunError: Ansible could not be run.
    """
    for each in sources:
        if "," not in each and not expanded(each).exists():
            raise InputError(f"the inventory {printable(each)} does not exist", remedy="Check the path.")
    order: _Order = {
        "sources": [each if "," in each else str(expanded(each).absolute()) for each in sources],
        "limit": limit,
        "vault_ids": list(vault_ids),
        "vault_passwords": dict(vault_passwords or {}),
        "renders_all": renders_all,
    }
    answer = _asked(order, seconds)
    if (error := answer.get("error")) is not None:
        raise _refused(error, limit)
    _require_sources(dict(zip(order["sources"], sources, strict=True)), answer["failed"])
    words = " ".join(f"-i {quote(each)}" for each in sources)
    if not answer["total"]:
        raise InputError(
            f"there is no host in the inventory {', '.join(map(printable, sources))}",
            remedy=f"Add one, or look at what Ansible reads: ansible-inventory {words} --graph",
        )
    if not answer["hosts"]:
        raise InputError(
            f"--limit {printable(limit or '')} matches no host of the inventory",
            remedy=f"Choose among its hosts and groups: ansible-inventory {words} --graph",
        )
    skipped = [
        f"{printable(path)} is no inventory that Ansible can read, and is skipped: {shown(why)}"
        for path, why in answer["skipped"]
    ]
    notices = (*skipped, *map(shown, answer["warnings"]))
    return Inventory(tuple(parse_hosts(answer["hosts"])), notices, parse_beyond(answer["beyond"]), answer["groups"])


def _asked(order: _Order, seconds: float) -> Mapping[str, Any]:
    launcher = content_directory() / "launcher" / "ansible_inventory.py"
    try:
        done = run_bounded(
            [sys.executable, "-P", "-E", str(launcher)],
            json.dumps(order).encode(),
            seconds=seconds,
            longest=LONGEST,
            environment={**os.environ, "LC_ALL": _utf8_locale()},
        )
    except TimeoutError:
        raise InputError(
            f"the inventory was not read within {seconds:g} s",
            remedy="Look at what its executable or plugin waits for, or give more time with --timeout.",
        ) from None
    except TooLongError:
        raise InputError(
            f"what the inventory says of its hosts is longer than {LONGEST >> 20} MiB",
            remedy="Choose fewer hosts with --limit, or give fewer inventories.",
        ) from None
    try:
        answer: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {done.code}"]
        raise RunError(
            f"Ansible could not read the inventory: {printable(lines[-1][:600])}",
            remedy="Look whether ansible-inventory --list can read it.",
        ) from None
    return answer


def _utf8_locale() -> str:
    """Ansible refuses to start in a locale without UTF-8."""
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


def _refused(error: Mapping[str, str], limit: str | None) -> InputError:
    if error["kind"] in ("vault", "prompt"):
        return vault_error(error["text"], is_prompt=error["kind"] == "prompt")
    hint = " or --limit" if limit is not None else ""
    return InputError(
        f"Ansible refuses the inventory: {shown(error['text'])}",
        remedy=f"Correct it{hint}; ansible-inventory --list shows the same.",
    )


def _correction(path: str) -> str:
    """What to do about an inventory that cannot be read. Ansible runs only what is executable, and reads the rest."""
    file = Path(path)
    with contextlib.suppress(OSError):
        if file.is_file() and not os.access(file, os.X_OK) and file.read_bytes()[:2] == b"#!":
            return f"If it is a program, make it executable: chmod +x {quote(path)}"
    return f"Correct it; to see all that Ansible says: ansible-inventory -i {quote(path)} --list"


def _require_sources(typed: Mapping[str, str], failed: Sequence[tuple[str, str]]) -> None:
    errors = [
        InputError(
            f"the inventory {printable(typed[path])} cannot be read: {shown(why)}",
            remedy=_correction(typed[path]),
        )
        for path, why in failed
    ]
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
