# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventories as Ansible itself reads them: which hosts they have, and how each is reached, as plain values.

It imports Ansible, so it stands outside of the package. ``mngr_ansible/inventory/reading.py`` starts it as
``python -P -E ansible_inventory.py`` in the user's own environment, and describes what goes in (stdin) and comes out
(stdout), each one document of JSON. What inventories, their programs and plugins print goes to stderr.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_MEMORY = 1 << 30
"""Bytes of memory for this process, and for each program that an inventory is: Ansible reads its output without a
limit."""
MANIFESTS = "mngr_ansible_manifests"
_NEAR = 0.6
_TOO_LARGE = "what it says takes too much memory, more than 1 GiB"
WORDS = 600
"""Characters of an error's text that are kept."""
_ELSEWHERE = (
    "Unable to parse ",
    "No inventory was parsed",
    "provided hosts list is empty",
    "Found variable using reserved name",
)
"""Beginnings of warnings whose content is said in other words; the last one where a playbook is run."""


def main() -> None:
    """Read the inventories that stdin names; write what they say."""
    order = json.loads(sys.stdin.buffer.read())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with suppress(ValueError, OSError):  # a lower limit is in force already
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    json.dump(answer(order), answers)
    answers.close()


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """The whole answer; an error of Ansible is a part of it."""
    try:
        return read(order, Spoken())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - plugins raise anything, as Ansible does without memory
        return {"error": {"kind": kind(error), "text": _TOO_LARGE if is_memory_used_up() else text(error)}}


def is_memory_used_up() -> bool:
    """Whether this process has come near its limit of memory: what fails then fails for that reason."""
    limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
    return limit != resource.RLIM_INFINITY and most_memory() > limit * _NEAR


def most_memory() -> int:
    """The most memory that this process has had, in bytes.

    Linux counts what the program had that started this one too, as ``ru_maxrss`` (getrusage(2)): proc(5) has its own.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Spoken:
    """What Ansible warns of, instead of printing it, and the errors that it takes for warnings."""

    def __init__(self) -> None:
        from ansible.utils.display import Display

        self.warnings: list[str] = []
        self.failures: list[tuple[str, BaseException]] = []
        display = Display()
        display.warning = self._warning
        display.error_as_warning = self._failure
        display.deprecated = lambda *_, **__: None

    def _warning(self, msg: object, *_: object, **__: object) -> None:
        line = " ".join(str(msg).split())[:WORDS]
        if not line.startswith(_ELSEWHERE) and line not in self.warnings:
            self.warnings.append(line)

    def _failure(self, msg: object, exception: BaseException, **_: object) -> None:
        self.failures.append((str(msg), exception))


def read(order: dict[str, Any], spoken: Spoken) -> dict[str, Any]:
    """Have Ansible read the inventories as its own commands do, with the user's configuration and vault passwords."""
    import ansible.cli
    from ansible.cli.inventory import InventoryCLI
    from ansible.inventory.manager import InventoryManager
    from ansible.utils.path import unfrackpath

    unread: dict[str, str] = {}

    class Manager(InventoryManager):  # type: ignore[misc]
        """Remembers what could not be read, and why."""

        def parse_source(self, source: str, cache: bool = False) -> bool:
            before, below = len(spoken.failures), len(unread)
            is_read = bool(super().parse_source(source, cache=cache))
            if not is_read and not Path(source).is_dir():
                unread[source] = reason(source, spoken.failures[before:])
            elif not is_read:
                entries = list(unread.items())[below:]
                unread[source] = ": ".join(entries[0]) if entries else "there is no inventory in it"
            return is_read

    class Reader(InventoryCLI):  # type: ignore[misc]
        def run(self) -> None:
            super(InventoryCLI, self).run()
            self.loader, self.inventory, self.vm = self._play_prereqs()

    ansible.cli.InventoryManager = Manager
    hand_over(order["vault_passwords"])
    words = [word for each in order["vault_ids"] for word in ("--vault-id", each)]
    words += [word for each in order["sources"] for word in ("--inventory", each)]
    reader = Reader(["ansible-inventory", "--list", *words])
    reader.run()
    inventory = reader.inventory
    total = len(inventory.list_hosts())
    inventory.subset(order["limit"])
    hosts = Hosts(reader.loader, inventory, reader.vm, renders_all=order["renders_all"])
    chosen = inventory.list_hosts() if total else []
    found = [hosts.host(each) for each in chosen]
    beyond = []
    if order["renders_all"] and len(chosen) < total:
        inventory.subset(None)
        beyond = [hosts.beyond(each) for each in inventory.list_hosts() if each not in chosen]
    paths = {each if "," in each else unfrackpath(each, follow=False): each for each in order["sources"]}
    return {
        "hosts": found,
        "beyond": beyond,
        "groups": inventory.get_groups_dict() if order["renders_all"] else {},
        "total": total,
        "failed": [[paths[each], why] for each, why in unread.items() if each in paths],
        "skipped": [[each, why] for each, why in unread.items() if each not in paths],
        "warnings": spoken.warnings,
    }


def hand_over(passwords: dict[str, str]) -> None:
    """Give Ansible the vault passwords that a person has typed, by their labels."""
    from ansible.cli import CLI
    from ansible.parsing.vault import VaultSecret

    set_up = CLI.setup_vault_secrets

    def with_typed(*words: Any, **named: Any) -> Any:
        secrets = set_up(*words, **named)
        # In place: Ansible has another reference to the list, for values that are decrypted later.
        secrets.extend((label, VaultSecret(password.encode())) for label, password in passwords.items())
        return secrets

    CLI.setup_vault_secrets = staticmethod(with_typed)


class Hosts:
    """Renders what is said of hosts."""

    def __init__(self, loader: Any, inventory: Any, variables: Any, *, renders_all: bool) -> None:
        from ansible import constants
        from ansible.plugins.loader import become_loader, connection_loader
        from ansible.vars.hostvars import HostVars

        self._loader, self._inventory, self._variables = loader, inventory, variables
        HostVars(inventory, variables, loader)  # the variables know each other by it
        self._constants = constants
        self._renders_all = renders_all
        connection_loader.get("ssh", class_only=True)  # loads the definitions of its options
        become_loader.get("sudo", class_only=True)
        self._of_ssh = frozenset(constants.config.get_plugin_vars("connection", "ssh"))
        self._of_sudo = frozenset(constants.config.get_plugin_vars("become", "sudo"))
        self._said: dict[str, Any] = {}

    def host(self, host: Any) -> dict[str, Any]:
        """One host: its name, groups, connection and, if they are wanted, all its variables."""
        name = str(host.get_name())
        view = self._view(host)
        failed: dict[str, dict[str, str]] = {}

        rendered = _renderer(view, failed)
        known = {each: rendered(each) for each in sorted(self._of_ssh | self._of_sudo) if each in view}
        known["inventory_hostname"] = name
        known = {key: value for key, value in known.items() if key not in failed}

        def option(kind_: str, plugin: str, name_: str) -> tuple[Any, str]:
            try:
                value, origin = self._constants.config.get_config_value_and_origin(
                    name_, plugin_type=kind_, plugin_name=plugin, variables=known
                )
            except Exception as error:  # noqa: BLE001 - a value of a wrong type
                failed[name_] = {"kind": kind(error), "text": text(error)}
                return None, "default"
            return plain(value), str(origin)

        ssh = {each: option("connection", "ssh", each)[0] for each in _SSH_OPTIONS}

        def other(kind_: str, plugin: str, name_: str) -> Any:
            """The value of an option; None where it is Ansible's default."""
            value, origin = option(kind_, plugin, name_)
            return None if origin == "default" else value

        become = rendered("ansible_become")
        found = {
            "name": name,
            "groups": group_names(host),
            "directory": rendered("inventory_dir"),
            "connection": rendered("ansible_connection") or str(self._constants.DEFAULT_TRANSPORT),
            "ssh": {**ssh, "ssh_args": other("connection", "ssh", "ssh_args")},
            "ssh_executable": other("connection", "ssh", "ssh_executable"),
            "has_private_key": option("connection", "ssh", "private_key")[0] is not None,
            "has_password": option("connection", "ssh", "password")[0] is not None,
            "python": rendered("ansible_python_interpreter"),
            "become": True if become is None and self._constants.DEFAULT_BECOME else become,
            "become_method": rendered("ansible_become_method") or str(self._constants.DEFAULT_BECOME_METHOD),
            "become_exe": other("become", "sudo", "become_exe"),
            "become_flags": other("become", "sudo", "become_flags"),
            "become_user": option("become", "sudo", "become_user")[0],
            "become_password": option("become", "sudo", "become_pass")[0],
            "shell": rendered("ansible_shell_type"),
            "unused": [each for each in _UNUSED if each in view],
            "manifests": rendered(MANIFESTS),
            "hidden": self._hidden(host) if MANIFESTS in view else [],
            "failed": dict(failed),
        }
        if self._renders_all:
            found |= self._all(host, view, rendered, failed)
        return found

    def _view(self, host: Any) -> Any:
        """The variables of a host, rendered one by one; they may speak of other hosts."""
        from ansible.vars.hostvars import HostVarsVars

        variables = self._variables.get_vars(host=host, include_hostvars=True)
        return HostVarsVars(variables, loader=self._loader, host=host.get_name())

    def beyond(self, host: Any) -> dict[str, Any]:
        """A host that the limit leaves out, as playbooks of the user's own may speak of it; what cannot be rendered is
        left out."""
        name = str(host.get_name())
        view = self._view(host)
        failed: dict[str, dict[str, str]] = {}

        rendered = _renderer(view, failed)
        return {"name": name, "groups": group_names(host), **self._all(host, view, rendered, failed)}

    def _all(self, host: Any, view: Any, rendered: Any, failed: dict[str, Any]) -> dict[str, Any]:
        """All variables of a host, those that are templates, those that nothing can render, and who says them.

        Templates that look something up, such as a file, are rendered too: where a worker runs the play, it is not
        there.
        """
        names = [each for each in view if self._is_own(each)]
        templates = {each: raw for each in names if (raw := _raw(view, each)) is not None}
        values = {
            each: rendered(each) for each in names if each not in templates or _LOOKUP.search(str(templates[each]))
        }
        values |= {each: plain(view[each]) for each in _PLACES if each in view}
        left = [each for each in failed if each in values]
        own, of_groups = self._names(host), set[str]()
        for group in host.get_groups():
            if group.name != "all":
                of_groups |= self._names(group)
        return {
            "values": {each: value for each, value in values.items() if each not in left},
            "templates": templates,
            "unrendered": {each: failed[each] for each in left if each not in templates},
            "levels": {
                each: "host" if each in own or each in _PLACES else "group"
                for each in (*templates, *values)
                if each in own or each in of_groups or each in _PLACES
            },
        }

    def _names(self, entity: Any) -> set[str]:
        """The names of the variables that a host or group itself has, without those of its groups."""
        return set(self._own(entity))

    def _is_own(self, name: str) -> bool:
        """Whether the inventory, and not Ansible itself, says this variable."""
        return name not in self._constants.INTERNAL_STATIC_VARS and name not in _MAGIC

    def _hidden(self, host: Any) -> list[str]:
        """Whose list of manifests counts, then those whose other list does not: "the group web", "the host web-1"."""
        saying = [(f"the group {each.name}", self._says(each)) for each in sorted_groups(host)]
        saying.append((f"the host {host.get_name()}", self._says(host)))
        lists = [(who, said) for who, said in saying if said is not None]
        if not lists:
            return []
        winner, counts = lists[-1]
        return [winner, *(who for who, said in lists[:-1] if not _is_within(said, counts))]

    def _says(self, entity: Any) -> Any:
        return self._own(entity).get(MANIFESTS)

    def _own(self, entity: Any) -> dict[str, Any]:
        """The variables that a host or group itself has, as they are written."""
        from ansible.vars.plugins import get_vars_from_inventory_sources

        key = f"{type(entity).__name__} {entity.name}"
        if key not in self._said:
            own = dict(entity.get_vars())
            own |= get_vars_from_inventory_sources(self._loader, self._inventory._sources, [entity], "all")  # noqa: SLF001
            self._said[key] = own
        return self._said[key]


def _is_within(said: Any, counts: Any) -> bool:
    """Whether nothing of a list is lost where another one counts: a child group often repeats what its parent names."""
    if isinstance(said, list) and isinstance(counts, list):
        return all(each in counts for each in said)
    return bool(said == counts)


_SSH_OPTIONS = ("host", "port", "remote_user", "private_key_file", "ssh_common_args", "ssh_extra_args")
_UNUSED = ("ansible_remote_tmp", "ansible_shell_executable", "ansible_ssh_pkcs11_provider", "ansible_sudo_chdir")
"""Variables of a connection that a run has no use for, and that somebody may count on."""
_PLACES = ("inventory_dir", "inventory_file")
"""What Ansible says of each host's inventory; elsewhere it would be about the run's own."""
_TEMPLATE = re.compile("[{][{%#]")
_LOOKUP = re.compile(r"\b(lookup|query|q) *\(")
_FACTS = ("ansible_local", "ansible_facts", "vars", "omit")
_MAGIC = frozenset((*_FACTS, "group_names", "groups", "hostvars", "play_hosts", "playbook_dir"))


def group_names(host: Any) -> list[str]:
    """The groups of a host, the most specific one last, without Ansible's own."""
    return [str(each.name) for each in sorted_groups(host) if each.name not in ("all", "ungrouped")]


def sorted_groups(host: Any) -> list[Any]:
    """The groups of a host, the most specific one last. Source: ansible-core, "How variables are merged"."""
    from ansible.inventory.helpers import sort_groups

    return list(sort_groups(host.get_groups()))


def _renderer(view: Any, failed: dict[str, dict[str, str]]) -> Any:
    """What renders a variable; None where there is none, or it cannot be rendered: ``failed`` has why then."""

    def rendered(variable: str) -> Any:
        if variable not in view:
            return None
        try:
            return plain(view[variable])
        except Exception as error:  # noqa: BLE001 - a template can raise anything
            failed[variable] = {"kind": kind(error), "text": text(error)}
            return None

    return rendered


def _raw(view: Any, name: str) -> Any:
    """A variable as it is written, where a template is in it; else None, as where it cannot be decrypted.

    A text in it that only looks like a template is ``{"__ansible_unsafe": text}``, as in Ansible's own JSON.
    """
    try:
        written, has_template = _written(view._vars[name])  # noqa: SLF001
    except Exception:  # noqa: BLE001 - it is encrypted
        return None
    return written if has_template else None


def _written(value: Any) -> tuple[Any, bool]:
    """A value with its templates as they are, and whether there are any."""
    from ansible.template import is_trusted_as_template

    if isinstance(value, dict):
        entries = {str(key): _written(each) for key, each in value.items()}
        return {key: each for key, (each, _) in entries.items()}, any(has for _, has in entries.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        found = [_written(each) for each in value]
        return [each for each, _ in found], any(has for _, has in found)
    written = plain(value)
    if not isinstance(written, str) or not _TEMPLATE.search(written):
        return written, False
    return (written, True) if is_trusted_as_template(value) else ({"__ansible_unsafe": written}, False)


def plain(value: Any) -> Any:
    """The same value of the types of JSON alone."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    return str(value)


def reason(source: str, failures: list[tuple[str, BaseException]]) -> str:
    """Why a source could not be read: what the plugin says that is meant for such a file."""
    if is_memory_used_up():
        return _TOO_LARGE
    told = [(message, text(error)) for message, error in failures]
    if os.access(source, os.X_OK):
        meant: tuple[str, ...] = ("script",)
    elif source.endswith((".yml", ".yaml", ".json")):
        told = [each for each in told if "no root 'plugin' key" not in each[1]]
        meant = ("auto", "yaml")
    else:
        meant = ("ini",)
    for plugin in meant:
        for message, words in told:
            if f"'{plugin}'" in message:
                return words
    return told[-1][1] if told else "no inventory plugin of Ansible takes it"


def chain(error: BaseException | None) -> list[BaseException]:
    """An exception and its causes."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def kind(error: BaseException) -> str:
    """``vault`` for a password that is missing or wrong, ``prompt`` for one that nobody can type, else ``other``."""
    for each in chain(error):
        if isinstance(each, EOFError) or "EOFError" in str(each):
            return "prompt"
        if type(each).__name__.startswith("AnsibleVault") or "vault secrets" in str(each):
            return "vault"
    return "other"


def text(error: BaseException) -> str:
    """What an error says, in one line."""
    words = " ".join(str(getattr(error, "message", None) or error or type(error).__name__).split())
    _, _, said = str(getattr(error, "_help_text", "")).partition(_STDERR)
    if lines := said.strip().splitlines():
        words = f"{words.rstrip('.')}: {lines[-1].strip()}"
    return words[:WORDS]


_STDERR = "Standard error from inventory script:"


if __name__ == "__main__":
    main()
