"""Hosts of an inventory → connections: what Ansible's connection plugin ``ssh`` would do, as options of ssh.

Source: ansible-core, the options of the plugins ``ssh`` and ``sudo``, and the order of ssh's arguments.
"""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError
from mngr_ansible.host.connection import Connection, LocalShell
from mngr_ansible.host.ssh import Address, OpenSsh, OwnArguments
from mngr_ansible.inventory.answer import InventoryHost, named
from mngr_ansible.portable.text import printable
from mngr_ansible.system.processes import find_program
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
    hosts: Sequence[InventoryHost],
    sockets: Path,
    key: str | None = None,
    known_hosts: str | None = None,
    *,
    becomes: bool = False,
) -> Connected:
    """Their connections; no host is contacted.

    Args:
        hosts: what the inventory says.
        sockets: where ssh's shared connections have their sockets.
        key: a private key for hosts whose variables name none.
        known_hosts: a file that replaces the user's known_hosts.
        becomes: whether hosts that do not say it become another user too.

    Raises:
        InputError: hosts that are not reached over ssh, or that ssh could not be led to.
        ErrorGroup: several of them.
    """
    errors = list(_refusals(hosts, becomes=becomes))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    unchecked = [each.name for each in hosts if is_over_ssh(each) and _is_unchecked(each)]
    notices = list(_unused(hosts))
    if unchecked:
        notices.insert(
            0, f"the host keys of {named(unchecked)} are not checked, because ansible_ssh_common_args says so"
        )
    return Connected(
        tuple(_ssh(each, sockets, key, known_hosts) if is_over_ssh(each) else _local(each) for each in hosts),
        tuple(notices),
    )


def _unused(hosts: Sequence[InventoryHost]) -> Iterator[str]:
    """Which variables the run has no use for, and of which hosts; hosts with the same ones are one sentence."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for each in hosts:
        if each.unused:
            alike.setdefault(each.unused, []).append(each.name)
    for variables, names in alike.items():
        verb = "is" if len(variables) == 1 else "are"
        yield f"{', '.join(variables)} of {named(names)} {verb} not used here"


def is_over_ssh(host: InventoryHost) -> bool:
    """Whether the host is reached over ssh; else it is this machine."""
    return _kind(host) in ("ssh", "smart")


def _kind(host: InventoryHost) -> str:
    return re.sub(r"^ansible\.(builtin|legacy)\.", "", host.connection)


def _refusals(hosts: Sequence[InventoryHost], *, becomes: bool) -> Iterator[MngrAnsibleError]:
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
            lambda each: each.has_private_key,
            "{} would need the private key that ansible_ssh_private_key has, and ssh takes the path of one",
            "Write it into a file of yours, and name that: ansible_ssh_private_key_file.",
        ),
        (
            lambda each: each.shell in ("powershell", "cmd"),
            "ansible_shell_type of {} is one of Windows; hosts are Linux or macOS, and have a /bin/sh",
            "Leave them out with --limit, or provision them with ansible-playbook.",
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
    yield from _other_ssh(reached)
    yield from _become_refusals([each for each in hosts if each.become or (becomes and each.become is None)])


def _by_value(
    hosts: Sequence[InventoryHost], value: Callable[[InventoryHost], str | None]
) -> Iterator[tuple[str, list[str]]]:
    """Each value that is not None, and the names of the hosts that have it."""
    found: dict[str, list[str]] = {}
    for each in hosts:
        if (said := value(each)) is not None:
            found.setdefault(said, []).append(each.name)
    yield from found.items()


def _other_ssh(hosts: Sequence[InventoryHost]) -> Iterator[MngrAnsibleError]:
    """Another program than the ssh of this run."""
    for program, names in _by_value(hosts, lambda each: each.ssh_executable):
        ours = find_program("ssh")
        found = shutil.which(os.path.expanduser(program))  # noqa: PTH111 - as text
        if found is None or ours is None or not os.path.samefile(found, ours):  # noqa: PTH121
            yield InputError(
                f"ansible_ssh_executable of {named(names)} is {printable(program)}; hosts are reached with the ssh of "
                "PATH",
                remedy="Put that ssh first into PATH, and leave the variable out; or leave these hosts out with "
                "--limit.",
            )


def _become_refusals(hosts: Sequence[InventoryHost]) -> Iterator[MngrAnsibleError]:
    ways: Sequence[tuple[str, str, Callable[[InventoryHost], str]]] = (
        ("ansible_become_method", "sudo", lambda each: each.become_method.removeprefix("ansible.builtin.")),
        ("ansible_become_user", "root", lambda each: each.become_user),
        ("ansible_become_exe", "sudo", _become_program),
        ("ansible_become_flags", "-H -S -n", _become_flags),
    )
    for variable, only, value in ways:
        for found, names in _by_value(hosts, value):
            if found == only:
                continue
            yield InputError(
                f"{variable} of {named(names)} is {printable(found)}; files are written as the user who logs in, or as "
                "root through sudo",
                remedy=f"Set {variable} to {only}, or ansible_become to false, or leave these hosts out with --limit.",
            )


def _become_program(host: InventoryHost) -> str:
    """The program as it is written; ``sudo`` for each of the paths that systems have it in."""
    program = host.become_exe or "sudo"
    return "sudo" if program in ("/usr/bin/sudo", "/bin/sudo") else program


def _become_flags(host: InventoryHost) -> str:
    """sudo's options as they are written; ``-H -S -n`` for all that ask for nothing else. Source: sudo(8)."""
    flags = "-H -S -n" if host.become_flags is None else host.become_flags
    return "-H -S -n" if all(_KNOWN_FLAGS.fullmatch(each) for each in flags.split()) else flags


_KNOWN_FLAGS = re.compile("-[HSn]+|--(set-home|stdin|non-interactive)")


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
