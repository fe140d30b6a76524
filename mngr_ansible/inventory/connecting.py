"""Hosts of an inventory → connections: what Ansible's connection plugin ``ssh`` would do, as options of ssh.

Source: ansible-core, the options of the plugins ``ssh`` and ``sudo``, and the order of ssh's arguments.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError
from mngr_ansible.host.connection import Connection, LocalShell
from mngr_ansible.host.ssh import Address, OpenSsh, OwnArguments
from mngr_ansible.inventory.answer import InventoryHost, named
from mngr_ansible.portable.text import printable
from mngr_ansible.values import frozen

_SHARED = "Control(?:Master|Path|Persist)[=\\s].*"
"""Options of ssh that a run sets itself: it shares its connections with Ansible, and closes them."""

_UNCHECKED = f"StrictHostKeyChecking[=\\s].*|(?:User|Global)KnownHostsFile[=\\s]+/dev/null|{_SHARED}"
"""The same, and those with which host keys are not checked; only ``ansible_ssh_common_args`` may have them."""

_PATHS = ("-F", "-i", "-E")
"""Words of ssh before the path of a file."""


@frozen
class Connected:
    """Connections of hosts, in their order, and what people should know about them."""

    connections: tuple[Connection, ...]
    notices: tuple[str, ...] = ()


def connected(
    hosts: Sequence[InventoryHost], sockets: Path, key: str | None = None, known_hosts: str | None = None
) -> Connected:
    """Their connections; no host is contacted.

    Args:
        hosts: what the inventory says.
        sockets: where ssh's shared connections have their sockets.
        key: a private key for hosts whose variables name none.
        known_hosts: a file that replaces the user's known_hosts.

    Raises:
        InputError: hosts that are not reached over ssh, or that ssh could not be led to.
        ErrorGroup: several of them.
    """
    errors = list(_refusals(hosts))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    unchecked = [each.name for each in hosts if is_over_ssh(each) and _is_unchecked(each)]
    notices = (
        (f"the host keys of {named(unchecked)} are not checked, because ansible_ssh_common_args says so",)
        if unchecked
        else ()
    )
    return Connected(
        tuple(_ssh(each, sockets, key, known_hosts) if is_over_ssh(each) else _local(each) for each in hosts), notices
    )


def is_over_ssh(host: InventoryHost) -> bool:
    """Whether the host is reached over ssh; else it is this machine."""
    return _kind(host) in ("ssh", "smart")


def _kind(host: InventoryHost) -> str:
    return re.sub(r"^ansible\.(builtin|legacy)\.", "", host.connection)


def _refusals(hosts: Sequence[InventoryHost]) -> Iterator[MngrAnsibleError]:
    """What cannot be done as the inventory says, each with the names of its hosts."""
    others: dict[str, list[str]] = {}
    for each in hosts:
        if _kind(each) not in ("ssh", "smart", "local"):
            others.setdefault(each.connection, []).append(each.name)
    for kind, names in others.items():
        yield InputError(
            f"ansible_connection of {named(names)} is {printable(kind)}; hosts are reached over ssh, or are this "
            "machine (local)",
            remedy="Leave them out with --limit, or provision them with the roles and ansible-playbook.",
        )
    reached = [each for each in hosts if is_over_ssh(each)]
    tests: Sequence[tuple[Callable[[InventoryHost], bool], str, str]] = (
        (
            lambda each: each.has_password,
            "{} would need a password for ssh (ansible_password), and ssh is given none",
            "Use a key: put it into the hosts' authorized_keys, and leave the password out.",
        ),
        (
            lambda each: not _is_address(each),
            "{} cannot be reached over ssh: ansible_host or ansible_user has a character that is not allowed",
            "Correct these variables in the inventory.",
        ),
        (
            lambda each: not _has_words(each),
            "ssh's arguments of {} do not parse",
            "Close the quotes in ansible_ssh_common_args and ansible_ssh_extra_args.",
        ),
    )
    for is_wrong, problem, remedy in tests:
        if names := [each.name for each in reached if is_wrong(each)]:
            yield InputError(problem.format(named(names)), remedy=remedy)
    yield from _become_refusals([each for each in hosts if each.become])


def _become_refusals(hosts: Sequence[InventoryHost]) -> Iterator[MngrAnsibleError]:
    ways: Sequence[tuple[str, str, Callable[[InventoryHost], str]]] = (
        ("ansible_become_method", "sudo", lambda each: each.become_method.removeprefix("ansible.builtin.")),
        ("ansible_become_user", "root", lambda each: each.become_user),
    )
    for variable, only, value in ways:
        others: dict[str, list[str]] = {}
        for each in hosts:
            if value(each) != only:
                others.setdefault(value(each), []).append(each.name)
        for found, names in others.items():
            yield InputError(
                f"{variable} of {named(names)} is {printable(found)}; files are written as the user who logs in, or as "
                "root through sudo",
                remedy=f"Set {variable} to {only}, or ansible_become to false, or leave these hosts out with --limit.",
            )


def _is_address(host: InventoryHost) -> bool:
    words = [host.address, *([] if host.user is None else [host.user])]
    is_plain = all(each.isprintable() and not re.search(r"[\s\"]", each) for each in words)
    return is_plain and not host.address.startswith("-")


def _has_words(host: InventoryHost) -> bool:
    try:
        _arguments(host)
    except ValueError:
        return False
    return True


def _ssh(host: InventoryHost, sockets: Path, key: str | None, known_hosts: str | None) -> OpenSsh:
    common, extra = _arguments(host)
    own = OwnArguments(
        common,
        extra,
        "" if host.key is None else os.path.abspath(os.path.expanduser(host.key)),  # noqa: PTH100, PTH111 - as text
        host.chosen_python or "",
    )
    return OpenSsh(Address(host.name, host.address, host.user, host.port), sockets, key, known_hosts, own)


def _local(host: InventoryHost) -> LocalShell:
    return LocalShell(python=host.chosen_python)


def _arguments(host: InventoryHost) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words for ssh: those for all of ssh's programs, and those for ssh alone.

    Raises:
        ValueError: a quote is not closed.
    """
    general = _without(_UNCHECKED, shlex.split(host.ssh_args))
    common = _without(_SHARED, shlex.split(host.common_args))
    extra = _without(_UNCHECKED, shlex.split(host.extra_args))
    return tuple(_absolute([*general, *common])), tuple(_absolute(extra))


def _without(options: str, words: Sequence[str]) -> list[str]:
    """The words of a command of ssh without these options, which are ``-o NAME=VALUE`` in one word or two."""
    named_by = re.compile(rf"\s*(?:{options})\s*", re.IGNORECASE)
    left: list[str] = []
    for word in words:
        is_value = bool(left) and left[-1] == "-o"
        if is_value and named_by.fullmatch(word):
            left.pop()
        elif is_value or not (word.startswith("-o") and named_by.fullmatch(word[2:])):
            left.append(word)
    return left


def _absolute(words: Sequence[str]) -> list[str]:
    """The words with the paths of files as absolute ones: Ansible runs in another directory than the user."""
    made: list[str] = []
    for word in words:
        follows = bool(made) and made[-1] in _PATHS
        made.append(os.path.abspath(os.path.expanduser(word)) if follows and word != "none" else word)  # noqa: PTH100, PTH111
    return made


def _is_unchecked(host: InventoryHost) -> bool:
    """Whether ssh's arguments say that an unknown or another host key is accepted."""
    words = " ".join(_arguments(host)[0])
    return re.search(r"(?i)-o\s*StrictHostKeyChecking[=\s]+[\"']?(no|off|false|accept-new)\b", words) is not None
