"""The values of the story: what is asked for, on which hosts, what was found on them, and how people are spoken to."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from mngr_ansible.errors import MngrAnsibleError, UsageError
from mngr_ansible.host.connection import Connection
from mngr_ansible.inputs.arguments import as_paths, as_tuple
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.fleet import Fleet, OwnPlaybook
from mngr_ansible.inputs.hooks import Hook, hooks
from mngr_ansible.inputs.misspelt import hook_notices, setting_notices
from mngr_ansible.inputs.plugins import plugin_manager
from mngr_ansible.inputs.settings import Settings, is_seconds
from mngr_ansible.inputs.user import user_contributions
from mngr_ansible.plan.plan import Only, Plan
from mngr_ansible.run.inventory import alias
from mngr_ansible.spec.packages import Install
from mngr_ansible.values import field, frozen, replace

if TYPE_CHECKING:
    import pluggy

    from mngr_ansible.diff.due import Due
    from mngr_ansible.diff.resolver import Resolver
    from mngr_ansible.host.state import HostState
    from mngr_ansible.inventory.answer import HostBeyond
    from mngr_ansible.report.progress import ProgressCallback
    from mngr_ansible.report.work import WorkCallback
    from mngr_ansible.run.own_playbook import OwnPlaybookRun
    from mngr_ansible.run.ready import ReadyAnsible


@frozen
class Target:
    """One host, as the user named it, with the objects that hooks get.

    Attributes:
        own: what the agent needs by its nature, below every plugin.
        connect: begins to connect, and has a shell wait for a script of so many seconds; who opened the host ends it.
        manifests: the contributions of the manifests that an inventory names for the host, before those of the user.
        groups: its groups in an inventory.
        values: its variables in an inventory, rendered, for playbooks of the user's own.
        templates: those of its variables that are templates, as they are written.
        levels: of its variables, who says each: the ``host`` itself, or a ``group`` but ``all``.
        beyond: hosts of the inventory that are not of this command; the first host of an inventory has them.
        all_groups: of the inventory, with the names of all their hosts, ``all`` first; likewise.
        become: whether files are written as root there; None: as for all hosts.
        password: for sudo there; None: the one for all hosts. It is kept in memory alone.
        vault_passwords: those that a person has typed for the inventory; its first host has them.
        python: the interpreter that an inventory names; None: the one that is found there.
        notices: what people should know about where the host comes from.
        words: what remedies name instead of options of the command line: pairs of an option and a variable.
        spent: seconds that it took to find the host; the run has so much less.
        place: what it shares with others that must not be worked on at the same time, as agents of one host do; empty
            where it shares nothing.
        host_name: the host's own name, where ``name`` says more.
    """

    name: str
    connection: Connection
    agent: Any
    host: Any
    work_dir: str = ""
    options: Any = None
    mngr_ctx: Any = None
    own: tuple[Contribution, ...] = ()
    connect: Callable[[float], None] | None = None
    manifests: tuple[Contribution, ...] = ()
    groups: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    templates: Mapping[str, Any] = field(default_factory=dict, repr=False)
    levels: Mapping[str, str] = field(default_factory=dict, repr=False)
    beyond: "tuple[HostBeyond, ...]" = field(default=(), repr=False)
    all_groups: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    become: bool | None = None
    password: str | None = field(default=None, repr=False)
    vault_passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    python: str | None = None
    notices: tuple[str, ...] = ()
    words: tuple[tuple[str, str], ...] = ()
    spent: float = 0
    place: str = ""
    host_name: str = ""

    def arguments(self) -> dict[str, Any]:
        return {"agent": self.agent, "host": self.host, "options": self.options, "mngr_ctx": self.mngr_ctx}


@frozen
class ReadyPlaybook:
    """A playbook of the user's own that can be run: its requirements are installed, and Ansible has loaded it once.

    Attributes:
        playbook: what was asked for.
        run: how it is run.
        addressed: the names of the hosts that a play of it is for; others than those of the command, such as
            ``localhost``, too.
    """

    playbook: OwnPlaybook
    run: "OwnPlaybookRun"
    addressed: frozenset[str]


@frozen
class OwnPlaybooks:
    """The playbooks of a command that are ready to run, and the names of its hosts for them.

    Attributes:
        targets: all hosts of the command.
        names: the name of each host in Ansible's inventory, by the identity of the target.
    """

    targets: tuple[Target, ...]
    names: Mapping[int, str]
    playbooks: tuple[ReadyPlaybook, ...] = ()

    def name(self, target: Target) -> str:
        """What a host is called in Ansible's inventory: as the user typed it where that is possible."""
        return self.names[id(target)]

    @property
    def all_names(self) -> frozenset[str]:
        return frozenset(self.names.values())


@frozen
class Request:
    """What is asked for, the same for all hosts of a command.

    Attributes:
        plugins: the plugins that are asked; None: there is none.
        user: the contributions of settings, manifests and command line, in their order.
        of_settings: how many of them, the first ones, are of the settings; a host's own manifests come after these.
        timeout: seconds for the whole run.
        control_path: ssh's ControlPath of the connections that are open already.
        is_print_only: no package is installed by us on any host, only the commands are shown.
        password: for sudo of the remote users; kept in memory alone.
        asked_plugins: the plugins that the user named one by one.
        agent_types: names that settings may use for what an agent needs by its nature, beside those of plugins.
        reads_all: the content of all files is read, also of those that have not changed since an earlier plan.
        is_patient: the hosts may be new: what another program does there with packages (cloud-init, unattended
            upgrades) is waited for as long as the run may take.
        ready: Ansible that was started when the command began, and waits; None: it is started when it is needed.
        fleet: the options for many hosts.
        own: the playbooks of the fleet, when they are ready to run.
    """

    plugins: "pluggy.PluginManager | None"
    settings: Settings = field(default_factory=Settings)
    user: tuple[Contribution, ...] = ()
    install: Install | None = None
    check_packages: bool = True
    only: Only | None = None
    become: bool = False
    timeout: float = 600
    control_path: str | None = None
    is_print_only: bool = False
    password: str | None = field(default=None, repr=False)
    asked_plugins: tuple[str, ...] = ()
    agent_types: tuple[str, ...] = ()
    reads_all: bool = False
    is_patient: bool = False
    ready: "ReadyAnsible | None" = None
    fleet: Fleet = field(default_factory=Fleet)
    of_settings: int = 0
    own: OwnPlaybooks | None = None

    def of(self, target: Target) -> "Request":
        """The same as it concerns one host, whose inventory may say how root is reached there."""
        if target.become is None and target.password is None:
            return self
        become = self.become if target.become is None else target.become
        return replace(self, become=become, password=target.password or self.password)

    def contributions(self, target: Target) -> tuple[Contribution, ...]:
        """The user's contributions for one host: a manifest that its inventory names comes before ``--manifest``."""
        return (*self.user[: self.of_settings], *target.manifests, *self.user[self.of_settings :])

    def notices(self) -> tuple[str, ...]:
        """What the plugins and the settings name in vain, as sentences."""
        return (
            *(() if self.plugins is None else hook_notices(self.plugins, self.asked_plugins)),
            *setting_notices(self.settings, self.plugins, self.agent_types),
        )

    def hooks(self) -> Mapping[str, tuple[Hook, ...]]:
        return hooks(self.plugins, self.settings.precedence)


@frozen
class Prepared:
    """One host and its plan; after the inspection also its state and what is due, or the error that prevented that."""

    target: Target
    plan: Plan
    contributions: tuple[Contribution, ...]
    state: "HostState | None" = None
    due: "Due | None" = None
    error: MngrAnsibleError | None = None
    resolver: "Resolver | None" = None
    """Chose the sources of its packages; chooses the next one where one fails."""
    spent: float = 0
    """Seconds that planning and inspecting took; the run has so much less."""
    until: float | None = None
    """When the host's own time is up, by the monotonic clock; None: only that of the whole run counts."""
    playbooks: tuple[OwnPlaybook, ...] = ()
    """The user's own, which are steps of every host."""

    @property
    def is_to_run(self) -> bool:
        """Whether Ansible has something to do on this host; a playbook of the user's own always may have."""
        due = self.due
        if self.playbooks and due is not None:
            return True
        return not (due is None or self.state is None or due.is_empty or due.stops or due.is_python_advised)


def by_alias(prepared: Sequence[Prepared]) -> dict[str, Prepared]:
    """The hosts by the names that they have in the inventory; what the user typed is only data."""
    return {alias(index): each for index, each in enumerate(prepared)}


def passwords(prepared: Sequence[Prepared], request: Request) -> dict[str, str]:
    """The passwords for sudo by the names of their hosts in the inventory; a host without one is not among them."""
    found = {name: request.of(each.target).password for name, each in by_alias(prepared).items()}
    return {name: password for name, password in found.items() if password is not None}


Confirm = Callable[[str], bool]
"""Asks a person one question; whether the answer is yes."""


def _ignore(_host: str, _line: str) -> None:
    pass


@frozen
class Dialog:
    """How a face speaks with the person in front of it; by default not at all, as the Python API does.

    Attributes:
        on_progress: gets a host's name and a line of progress, or a warning.
        confirm: asks a question; None where nobody can answer.
        is_verbose: whether every event of the run is a line of progress.
        on_work: gets what each host is at, for a display; None: that is told in lines.
        on_steps: gets how many steps of all hosts of a run are done, and how many there are.
        aside: inside its block, what others write to the terminal is not in the way of a display, nor it in theirs.
        note: gets what each host is at, for the files of a report: in words, none where nothing more is done for it.
    """

    on_progress: "ProgressCallback" = _ignore
    confirm: Confirm | None = None
    is_verbose: bool = False
    on_work: "WorkCallback | None" = None
    on_steps: Callable[[int, int], None] | None = None
    aside: Callable[[], AbstractContextManager[object]] = nullcontext
    note: Callable[[str, str], None] | None = None

    def at(self, host: str, text: str) -> None:
        """Show what a host is at; where there is no display that is not told at all."""
        if self.note is not None:
            self.note(host, text)
        if self.on_work is not None:
            from mngr_ansible.report.work import Work

            self.on_work(host, Work(text))

    def all_at(self, hosts: Sequence[str], alone: str, text: str) -> None:
        """Show what all these hosts are at; where there is no display a line tells it, of the host that is alone."""
        if self.on_work is None:
            self.on_progress(alone, text)
        for host in hosts:
            self.at(host, text)

    def over(self, host: str, *, is_ok: bool) -> None:
        """Show that nothing more is done for a host, likewise."""
        if self.note is not None:
            self.note(host, "")
        if self.on_work is not None:
            from mngr_ansible.report.work import Over

            self.on_work(host, Over(is_ok))


SILENT = Dialog()


def require_seconds(timeout: object) -> None:
    """Require that this is a time that a run can have.

    Raises:
        UsageError: it is not.
    """
    if not is_seconds(timeout):
        raise UsageError(f"timeout = {timeout!r} is not a number of seconds above 0", remedy="Give one, such as 600.")


def build_request(
    *,
    manifests: Sequence[str | os.PathLike[str]] = (),
    plugins: Sequence[object] = (),
    files: Sequence[object] = (),
    packages: Sequence[object] = (),
    settings: Mapping[str, Any] | None = None,
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    become: bool = False,
    timeout: float | None = None,
    control_path: str | None = None,
    password: str | None = None,
    reads_all: bool = False,
    fleet: Fleet | None = None,
) -> Request:
    """What a caller of the API or the command line asks for; without ``timeout`` the one of the settings counts."""
    chosen = Settings.parse(settings)
    if timeout is not None:
        require_seconds(timeout)
    plugins = as_tuple("plugins", plugins)
    seconds = timeout if timeout is not None else chosen.timeout
    of_settings = user_contributions(chosen, (), (), (), seconds=seconds)
    given = user_contributions(
        Settings(),
        as_paths("manifests", manifests),
        as_tuple("files", files),
        as_tuple("packages", packages),
        seconds=seconds,
    )
    fleet = fleet or Fleet()
    if chosen.playbooks or fleet.playbooks:
        from mngr_ansible.inputs.own_playbooks import with_playbooks

        fleet = with_playbooks(fleet, chosen)
    return Request(
        plugins=plugin_manager(plugins) if plugins else None,
        settings=chosen,
        user=(*of_settings, *given),
        of_settings=len(of_settings),
        install=install,
        check_packages=check_packages,
        only=only,
        become=become,
        timeout=seconds,
        control_path=control_path,
        password=password,
        reads_all=reads_all,
        fleet=fleet,
        asked_plugins=tuple(each for each in plugins if isinstance(each, str) and each != "all"),
    )
