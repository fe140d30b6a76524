"""``Due`` → the commands that a person would run: one line a manager, ``sudo`` only where it is needed."""

from collections.abc import Iterable, Sequence

from mngr_ansible import managers
from mngr_ansible.diff import usable_manager
from mngr_ansible.hoststate import HostState
from mngr_ansible.requirements import Requirement


def install(requirements: Sequence[Requirement], state: HostState, *, python: bool = False) -> tuple[str, ...]:
    """The commands that install these requirements on this host; ``python`` adds python3.

    A login without privilege gets the command with ``sudo``: that is what an administrator types.
    """
    names: dict[str, list[str]] = {}
    for manager, package in _packages(requirements, state):
        names.setdefault(manager, []).append(package)
    if python and "apt-get" in state.managers:
        names.setdefault("apt", []).insert(0, "python3")
    privilege = "sudo" if state.privilege == "none" else state.privilege
    return tuple(
        managers.command_line(manager, list(dict.fromkeys(each)), privilege) for manager, each in names.items()
    )


def _packages(requirements: Iterable[Requirement], state: HostState) -> Iterable[tuple[str, str]]:
    for requirement in requirements:
        manager = usable_manager(requirement, state)
        if manager is not None:
            for package in requirement.packages(manager):
                yield manager, package
