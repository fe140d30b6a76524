"""What is asked for, of which hosts, and what was found there: the values that the story is told with."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pluggy

from mngr_ansible.collect import Hook, hooks
from mngr_ansible.connection import Connection
from mngr_ansible.diff import Due
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.hoststate import HostState
from mngr_ansible.model import Install
from mngr_ansible.plan import Contribution, Only, Plan
from mngr_ansible.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """One host, as the user named it, with the objects that hooks get."""

    name: str
    connection: Connection
    agent: Any
    host: Any
    work_dir: str = ""
    options: Any = None
    mngr_ctx: Any = None
    own: tuple[Contribution, ...] = ()
    """What the agent needs by its nature, below every plugin."""

    def arguments(self) -> dict[str, Any]:
        return {"agent": self.agent, "host": self.host, "options": self.options, "mngr_ctx": self.mngr_ctx}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. ``user``: the contributions of settings, manifests and command line, in their order."""

    plugins: pluggy.PluginManager
    settings: Settings = dataclasses.field(default_factory=Settings)
    user: tuple[Contribution, ...] = ()
    install: Install | None = None
    check_packages: bool = True
    only: Only | None = None
    become: bool = False
    timeout: float = 600
    control_path: str | None = None
    is_print_only: bool = False
    password: str | None = dataclasses.field(default=None, repr=False)
    """What the logins' sudo wants to hear; kept in memory alone."""

    def hooks(self) -> Mapping[str, tuple[Hook, ...]]:
        return hooks(self.plugins, self.settings.precedence)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One host, looked at: its plan, and either what is due there or why we do not know."""

    target: Target
    plan: Plan
    contributions: tuple[Contribution, ...]
    state: HostState | None = None
    due: Due | None = None
    error: MngrAnsibleError | None = None
    spent: float = 0
    """Seconds that looking at it took, which the run has less."""
