"""mngr's ssh hosts as an Ansible inventory: the document that ``mngr ansible inventory --list`` prints. Pure.

Ansible renders what looks like a template in every variable of an inventory, on the machine that reads it. Labels and
paths of agents come from their hosts, so a text with the start of a template is left out. Source: Ansible's "Developing
dynamic inventory".
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mngr_ansible.errors import InputError
from mngr_ansible.spec.validation import nearest, short_repr
from mngr_ansible.values import field, frozen

EVERYTHING = "mngr"
"""The group of all hosts of mngr."""

_TEMPLATE = ("{{", "{%", "{#")


@frozen
class InventoryAgent:
    """An agent, as mngr's record on its host says."""

    name: str
    id: str
    type: str = ""
    work_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class InventoryHost:
    """A host that mngr reaches over ssh.

    Attributes:
        address: user, address, port, and the path of the private key; empty where ssh itself chooses one.
        known_hosts: the path of the file with its host key; empty for the user's own.
        state: of the host, such as ``running``; empty where it is not known.
        labels: of the host itself.
    """

    name: str
    id: str
    provider: str
    address: tuple[str, str, int, str]
    known_hosts: str = ""
    state: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    agents: tuple[InventoryAgent, ...] = ()


def as_json(hosts: Sequence[InventoryHost], only: str | None = None) -> tuple[str, list[str]]:
    """The inventory as Ansible reads it, or the variables of one host; and what was left out, as :func:`document`.

    Raises:
        InputError: mngr has no ssh host of that name.
    """
    whole, left_out = document(hosts)
    variables: Mapping[str, Any] = whole["_meta"]["hostvars"]
    if only is not None and only not in variables:
        problem = f"mngr has no ssh host {short_repr(only)}{nearest(only, list(variables))}"
        raise InputError(problem, remedy="See the names of its hosts: mngr ansible inventory")
    return json.dumps(whole if only is None else variables[only], indent=2), left_out


def document(hosts: Sequence[InventoryHost]) -> tuple[dict[str, Any], list[str]]:
    """The inventory, and a sentence for each host of which something was left out.

    Groups: ``mngr`` (all), ``provider_NAME``, ``state_NAME``, ``type_NAME`` of agents, ``label_KEY`` and
    ``label_KEY_VALUE`` of agents and hosts; a character that no group's name may have is ``_``. A host has its name in
    mngr, with ``.PROVIDER`` where another host or a group has that name.
    """
    groups: dict[str, list[str]] = {EVERYTHING: []}
    variables: dict[str, dict[str, Any]] = {}
    left_out: list[str] = []
    names = _names(hosts)
    for host, name in zip(hosts, names, strict=True):
        for group in dict.fromkeys([EVERYTHING, *_groups(host)]):
            groups.setdefault(group, []).append(name)
        dropped: list[str] = []
        variables[name] = _without_templates(_variables(host), dropped)
        if dropped:
            left_out.append(f"Of {name} is left out what Ansible would take for a template: {', '.join(dropped)}.")
    return {"_meta": {"hostvars": variables}, **{group: {"hosts": groups[group]} for group in sorted(groups)}}, left_out


def _names(hosts: Sequence[InventoryHost]) -> list[str]:
    counts: dict[str, int] = {}
    for host in hosts:
        counts[host.name] = counts.get(host.name, 0) + 1
    taken = {"all", "ungrouped", "localhost", EVERYTHING, *(group for host in hosts for group in _groups(host))}
    return [
        f"{each.name}.{each.provider}" if counts[each.name] > 1 or each.name in taken else each.name for each in hosts
    ]


def _groups(host: InventoryHost) -> Iterable[str]:
    yield _group("provider", host.provider)
    if host.state:
        yield _group("state", host.state)
    for agent in host.agents:
        if agent.type:
            yield _group("type", agent.type)
    for labels in (host.labels, *(agent.labels for agent in host.agents)):
        for key, value in labels.items():
            yield _group("label", key)
            if value:
                yield _group("label", key, value)


def _group(*parts: str) -> str:
    return "_".join(re.sub(r"[^A-Za-z0-9_]", "_", each) for each in parts)


def _variables(host: InventoryHost) -> dict[str, Any]:
    user, address, port, key = host.address
    arguments = ["-o", "StrictHostKeyChecking=yes"]
    if key:
        arguments += ["-o", "IdentitiesOnly=yes"]
    if host.known_hosts:
        arguments += ["-o", f"UserKnownHostsFile={_for_ssh(host.known_hosts)}"]
    connection = {
        "ansible_connection": "ssh",
        "ansible_host": address,
        "ansible_port": port,
        "ansible_user": user,
        "ansible_ssh_private_key_file": key.replace("%", "%%"),
        "ansible_ssh_common_args": shlex.join(arguments),
    }
    agents = [
        {"name": each.name, "id": each.id, "type": each.type, "work_dir": each.work_dir, "labels": dict(each.labels)}
        for each in host.agents
    ]
    return {
        **{name: value for name, value in connection.items() if value},
        "mngr_host_name": host.name,
        "mngr_host_id": host.id,
        "mngr_provider": host.provider,
        "mngr_state": host.state,
        "mngr_labels": dict(host.labels),
        "mngr_agents": agents,
    }


def _for_ssh(path: str) -> str:
    """A path in an option of ssh. Source: ssh_config(5), "TOKENS"."""
    escaped = path.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return escaped if re.fullmatch(r"[A-Za-z0-9/._~%+,:@=-]+", escaped) else f'"{escaped}"'


def _without_templates(value: Any, dropped: list[str]) -> Any:
    """The value without texts that Ansible would render; ``dropped`` gets their names."""
    if isinstance(value, list):
        return [_without_templates(each, dropped) for each in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: each for name, each in value.items() if not _is_template(name) and not _is_template(each)}
    dropped.extend(name for name in value if name not in kept)
    return {name: _without_templates(each, dropped) for name, each in kept.items()}


def _is_template(value: object) -> bool:
    return isinstance(value, str) and any(each in value for each in _TEMPLATE)
