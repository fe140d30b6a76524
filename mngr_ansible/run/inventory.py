"""The names of hosts in an inventory: what the user typed is only data."""

from collections.abc import Iterable


def alias(index: int) -> str:
    """The name of the host with this number, from 0."""
    return f"host-{index + 1}"


def inventory(aliases: Iterable[str]) -> str:
    """The text of ``hosts.yml``: the group ``mngr_hosts`` with these names, which have no character that YAML or
    Ansible reads as anything else inside quotes; their variables are in ``host_vars``."""
    return "---\nmngr_hosts:\n  hosts:\n" + "".join(f'    "{each}":\n' for each in aliases)
