"""The step ``bootstrap:python3``: without a Python on the host, Ansible's modules cannot run. Pure."""

from mngr_ansible.diff import commands
from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.plan import Plan
from mngr_ansible.portable import managers
from mngr_ansible.values import frozen

BOOTSTRAP = "bootstrap:python3"
"""The id of the step."""


@frozen
class DuePython:
    """The step of the host's python3, if it has one.

    Attributes:
        outcome: the step; None: the run does not need Ansible, or the host has a python3 and the plan does not name it.
        is_due: the run installs python3, or would have to.
        is_advised: the plan says ``print``, so a person installs it.
        is_blocked: it could be installed, if the remote user had the right.
    """

    outcome: Outcome | None = None
    is_due: bool = False
    is_advised: bool = False
    is_blocked: bool = False

    @property
    def prevents_run(self) -> bool:
        """Whether the host cannot get python3 and only optional packages need it: then nothing is run on the host."""
        return self.outcome is not None and self.outcome.status is Status.BLOCKED and not self.outcome.is_required


def compare_python(plan: Plan, state: HostState, *, is_needed: bool, is_required: bool) -> DuePython:
    """Compare the host's python3 with what Ansible needs.

    Args:
        plan: says whether python3 is installed even if nothing else is due (``installs_python``).
        state: what is true on the host.
        is_needed: the run has files or packages for this host.
        is_required: some of them are required.
    """
    is_wanted = plan.installs_python != "where needed"
    if state.system.python is not None:
        return DuePython(_outcome(state, Status.OK) if is_wanted else None)
    if not (is_needed or is_wanted):
        return DuePython()
    is_required = is_required or plan.installs_python == "always"
    problem = _problem(state)
    if problem is None:
        outcome = _outcome(state, Status.MISSING, "Ansible needs it on the host", is_required=is_required)
        return DuePython(outcome, is_due=True, is_advised=plan.install == "print")
    outcome = _outcome(state, Status.BLOCKED, problem, is_required=is_required)
    is_due = is_needed and is_required
    is_there = state.system.old_python is not None or bool(state.system.python_variables)
    can_be_installed = not is_there and commands.python_command(state) is not None
    is_blocked = can_be_installed and state.login.privilege == "none"
    return DuePython(outcome, is_due, is_due and plan.install == "print", is_blocked)


def _outcome(state: HostState, status: Status, reason: str = "", *, is_required: bool = True) -> Outcome:
    system = state.system
    is_ok = status is Status.OK
    return Outcome(
        id=BOOTSTRAP,
        kind="bootstrap",
        status=status,
        current=system.python_version if is_ok else system.old_python,
        wanted=">=3.9",
        plugins=("mngr-ansible",),
        reason=reason,
        source=None if is_ok else system.manager,
        is_required=is_required,
    )


def _problem(state: HostState) -> str | None:
    """Why python3 cannot be installed on the host; None: it can."""
    system = state.system
    command = commands.python_command(state)
    if system.python_variables:
        names = " and ".join(system.python_variables)
        return (
            f"the host's python3 does not start with {names} of the login's environment; "
            "let only interactive shells set that in its start-up files, or remove it there"
        )
    if system.old_python is not None:
        return (
            f"Ansible needs Python 3.9 or newer, the host has {system.old_python}; install a newer python3 on the host"
        )
    if command is None or system.manager not in managers.SYSTEM:
        return (
            "Ansible needs Python 3.9 or newer on the host, which has no package manager that we know; "
            "install python3 on the host by hand"
        )
    if state.login.privilege == "none":
        return f"Ansible needs python3; an administrator must run: {command}"
    return None
