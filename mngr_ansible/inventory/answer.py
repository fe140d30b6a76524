"""What Ansible says of an inventory's hosts: the answer of ``launcher/ansible_inventory.py``, as checked values."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError
from mngr_ansible.portable.text import clause, printable
from mngr_ansible.values import field, frozen

MANIFESTS = "mngr_ansible_manifests"
"""The variable of a host that names manifests."""

_DISCOVERED = re.compile("(auto|auto_legacy)(_silent)?")
_MOST_NAMES = 10
"""Hosts that one message names."""


@frozen
class InventoryHost:
    """One host of an inventory, as Ansible reads it.

    Attributes:
        name: its name in the inventory.
        groups: its groups, the most specific one last, without ``all`` and ``ungrouped``.
        directory: the directory of its inventory; None for a list on the command line.
        connection: the name of Ansible's connection plugin.
        address: what ssh is given.
        port: of ssh; None: as ssh decides.
        user: of ssh; None: as ssh decides.
        key: the file of a private key, as it is written; None: as ssh decides.
        common_args: words for ssh, as Ansible has them in ``ssh_common_args``.
        extra_args: the same of ``ssh_extra_args``.
        ssh_args: the same of ``ssh_args``, where they are not Ansible's default.
        ssh_executable: the program ssh, where it is not Ansible's default.
        has_private_key: whether a variable has a private key itself, and not the path of one.
        has_password: whether ssh would need a password.
        python: the interpreter, or how one is found.
        become: whether tasks become another user; None: it does not say.
        become_method: ``sudo`` and the like.
        become_user: whom they become.
        become_exe: the program that does it, where it is not Ansible's default.
        become_flags: its options, where they are not Ansible's default.
        password: for that; kept in memory alone.
        shell: the kind of the login shell, such as ``powershell``; None: it does not say.
        unused: the names of its variables that a run has no use for, and that somebody may count on.
        manifests: the value of :data:`MANIFESTS`, as it is written.
        hidden: who says that value, then who says another that does not count.
        values: its variables that are no templates, or look something up, rendered; only where playbooks of the user's
            own need them.
        templates: those of its variables that are templates, as they are written; a play renders them.
        levels: of its variables, who says each: the ``host`` itself, or a ``group`` but ``all``.
    """

    name: str
    groups: tuple[str, ...] = ()
    directory: str | None = None
    connection: str = "ssh"
    address: str = ""
    port: int | None = None
    user: str | None = None
    key: str | None = None
    common_args: str = ""
    extra_args: str = ""
    ssh_args: str = ""
    ssh_executable: str | None = None
    has_private_key: bool = False
    has_password: bool = False
    python: str | None = None
    become: bool | None = None
    become_method: str = "sudo"
    become_user: str = "root"
    become_exe: str | None = None
    become_flags: str | None = None
    password: str | None = field(default=None, repr=False)
    shell: str | None = None
    unused: tuple[str, ...] = ()
    manifests: Any = None
    hidden: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    templates: Mapping[str, Any] = field(default_factory=dict, repr=False)
    levels: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def chosen_python(self) -> str | None:
        """The path of the interpreter; None where Ansible would find one. Source: "Interpreter Discovery" there."""
        return None if self.python is None or _DISCOVERED.fullmatch(self.python) else self.python


@frozen
class HostBeyond:
    """A host of an inventory that the limit leaves out; playbooks of the user's own may speak of it.

    The fields are those of :class:`InventoryHost`.
    """

    name: str
    groups: tuple[str, ...]
    values: Mapping[str, Any] = field(repr=False)
    templates: Mapping[str, Any] = field(repr=False)
    levels: Mapping[str, str] = field(repr=False)


def parse_beyond(answers: Sequence[Mapping[str, Any]]) -> tuple[HostBeyond, ...]:
    """The hosts of an answer that the limit leaves out."""
    return tuple(
        HostBeyond(each["name"], tuple(each["groups"]), each["values"], each["templates"], each["levels"])
        for each in answers
    )


def parse_hosts(answers: Sequence[Mapping[str, Any]]) -> list[InventoryHost]:
    """The hosts of an answer.

    Raises:
        InputError: a variable cannot be rendered, or is of a wrong type; it names the hosts and the variable.
        ErrorGroup: several of them.
    """
    failures: dict[tuple[str, str, str], list[str]] = {}
    unusable: dict[tuple[str, str], list[str]] = {}
    hosts = []
    for each in answers:
        problems = [*each["failed"].items(), *each.get("unrendered", {}).items()]
        for variable, failure in problems:
            failures.setdefault((variable, failure["kind"], failure["text"]), []).append(each["name"])
        if not problems:
            hosts.append(_host(each, unusable))
    errors = [_not_rendered(*what, names) for what, names in failures.items()]
    errors += [
        InputError(
            f"{variable} of {named(names)} in the inventory is {shown}, which cannot be used",
            remedy="Correct this variable.",
        )
        for (variable, shown), names in unusable.items()
    ]
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return hosts


def named(hosts: Sequence[str]) -> str:
    """The hosts of one message: all of them, or the first ones and how many more."""
    shown = ", ".join(printable(each) for each in hosts[:_MOST_NAMES])
    return shown if len(hosts) <= _MOST_NAMES else f"{shown} and {len(hosts) - _MOST_NAMES} more"


def shown(text: str) -> str:
    """What Ansible says, for a message. What follows the name of a password in a line that it quotes is left out."""
    return clause(printable(_SECRET.sub(r"\1…", text)))


_SECRET = re.compile(r"(?i)((?:pass\w*|secret\w*|token\w*)['\"]?\s*[=:]\s*).+")


def vault_error(text: str, *, is_prompt: bool = False) -> InputError:
    """The error of what ansible-vault cannot decrypt."""
    if is_prompt:
        return InputError(
            "a vault password has to be typed, and there is no terminal",
            remedy="Give a file or a program that has it: --vault-id LABEL@FILE.",
        )
    return InputError(
        f"the inventory has values of ansible-vault that cannot be decrypted: {shown(text)}",
        remedy="Give the right password, such as --vault-id prod@~/.vault-password or --vault-id prod@prompt.",
    )


def _not_rendered(variable: str, kind: str, text: str, names: Sequence[str]) -> MngrAnsibleError:
    if kind in ("vault", "prompt"):
        return vault_error(f"{variable} of {named(names)}: {text}", is_prompt=kind == "prompt")
    return InputError(
        f"{variable} of {named(names)} in the inventory cannot be used: {shown(text)}",
        remedy="Correct this variable. Facts of hosts are not known when an inventory is read.",
    )


def _host(answer: Mapping[str, Any], unusable: dict[tuple[str, str], list[str]]) -> InventoryHost:
    """One host. A value of a wrong type is noted in ``unusable``: the variable and the value as people see it, and the
    hosts that have it."""
    name, ssh = answer["name"], answer["ssh"]

    def value[Value](variable: str, found: Any, kind: type[Value], convert: Callable[[Any], Value]) -> Value | None:
        if found is None or isinstance(found, kind):
            return found
        try:
            return convert(found)
        except (TypeError, ValueError):
            shown = "a secret value" if "password" in variable else f"{found!r:.80}"
            unusable.setdefault((variable, shown), []).append(name)
            return None

    def text(variable: str, found: Any) -> str | None:
        return value(variable, found, str, _as_text) or None

    return InventoryHost(
        name=name,
        groups=tuple(answer["groups"]),
        directory=text("inventory_dir", answer["directory"]),
        connection=text("ansible_connection", answer["connection"]) or "ssh",
        address=text("ansible_host", ssh["host"]) or name,
        port=value("ansible_port", None if ssh["port"] is None else str(ssh["port"]), int, _as_port),
        user=text("ansible_user", ssh["remote_user"]),
        key=text("ansible_ssh_private_key_file", ssh["private_key_file"]),
        common_args=text("ansible_ssh_common_args", ssh["ssh_common_args"]) or "",
        extra_args=text("ansible_ssh_extra_args", ssh["ssh_extra_args"]) or "",
        ssh_args=text("ansible_ssh_args", ssh["ssh_args"]) or "",
        ssh_executable=text("ansible_ssh_executable", answer["ssh_executable"]),
        has_private_key=answer["has_private_key"],
        has_password=answer["has_password"],
        python=text("ansible_python_interpreter", answer["python"]),
        become=value("ansible_become", answer["become"], bool, _as_bool),
        become_method=text("ansible_become_method", answer["become_method"]) or "sudo",
        become_user=text("ansible_become_user", answer["become_user"]) or "root",
        become_exe=text("ansible_become_exe", answer["become_exe"]),
        become_flags=value("ansible_become_flags", answer["become_flags"], str, _as_text),
        password=text("ansible_become_password", answer["become_password"]),
        shell=text("ansible_shell_type", answer["shell"]),
        unused=tuple(answer["unused"]),
        manifests=answer["manifests"],
        hidden=tuple(answer["hidden"]),
        values=answer.get("values", {}),
        templates=answer.get("templates", {}),
        levels=answer.get("levels", {}),
    )


def _as_text(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise TypeError


def _as_port(value: object) -> int:
    port = int(str(value))
    if 0 < port < 65536:
        return port
    raise ValueError


def _as_bool(value: object) -> bool:
    """As Ansible reads a boolean. Source: ansible-core, ``module_utils.parsing.convert_bool``."""
    word = str(value).lower()
    if word in ("yes", "on", "1", "true", "y", "t"):
        return True
    if word in ("no", "off", "0", "false", "n", "f", ""):
        return False
    raise ValueError
