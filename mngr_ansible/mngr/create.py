"""Provisioning inside ``mngr create``: done or undone. A create that fails leaves no agent behind."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface
from imbue.mngr.primitives import AgentId, CreatePhase
from loguru import logger

from mngr_ansible.diff.outcome import Status
from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.created_with import CreatedWith
from mngr_ansible.mngr.events import step_shown
from mngr_ansible.mngr.messages import as_failure, dialog, errors_for_mngr, log_line, log_stopped, shown_as
from mngr_ansible.mngr.readiness import make_ready, used_once
from mngr_ansible.mngr.repository_warnings import warn_of_files, warn_of_what_is_ignored
from mngr_ansible.mngr.request import agent_target, create_request
from mngr_ansible.mngr.status import AgentStatus, status_of
from mngr_ansible.mngr.trust import Words, words_of
from mngr_ansible.mngr.undo import undone_on_failure, watch
from mngr_ansible.mngr.uploads import mngr_uploads
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.recheck import recheck
from mngr_ansible.provisioning.reporting import apply_report, notices_of
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
from mngr_ansible.report.report import HostReport
from mngr_ansible.system.signals import terminate_gracefully
from mngr_ansible.system.stdout import printed_to_stderr
from mngr_ansible.values import frozen, replace

_UNFINISHED: AgentStatus = "due"
"""The status of an agent whose create is killed."""

_LONGEST_LIST = 20
"""How many files that mngr replaced are named, one a line."""


@frozen
class _Provisioned:
    """The result of :func:`provision`, kept until mngr's own provisioning is done too."""

    agent_id: AgentId
    prepared: Prepared
    report: HostReport
    request: Request
    is_update: bool


@frozen
class _Create:
    """The ``mngr create`` that this thread is at; ``earlier``: what the agent that it updates was created with."""

    earlier: CreatedWith
    is_new_host: bool


_create: ContextVar[_Create | None] = ContextVar("mngr_ansible_create", default=None)
_provisioned: ContextVar[_Provisioned | None] = ContextVar("mngr_ansible_provisioned", default=None)


def check_before_create(options: CreateAgentOptions, host: object, mngr_ctx: MngrContext) -> None:
    """Read settings, manifests, options and their sources, and check the plugins' hooks, before anything is created.

    ``host``: where the agent is to be; the options of a new one are no host.

    Raises:
        PluginMngrError: one of them is wrong, or a required source is missing.
    """
    is_local = bool(getattr(host, "is_local", False))  # a new host is never this machine
    with terminate_gracefully(), errors_for_mngr(log_stopped), printed_to_stderr():
        words = words_of("create", mngr_ctx)
        earlier = _recorded(host, str(options.agent_id), mngr_ctx) if options.is_update else CreatedWith()
        _create.set(_Create(earlier, is_new_host=not isinstance(host, OnlineHostInterface)))
        given = created_with(options, words)
        given.record("", mngr_ctx.profile_dir)  # where its key cannot be made, no agent is
        request = create_request(mngr_ctx, given, is_local=is_local, words=words)
        request.hooks()
        warn_of_what_is_ignored(words)
        warn_of_files(words, request, is_local=is_local)
        gathering.check(request, is_local=is_local)
        make_ready(options, host, request, mngr_ctx)


def watch_create(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """Remove the agent if this create fails, whatever fails; mngr removes a new host as a whole."""
    known = _create.get()
    if known is not None and not known.is_new_host:
        watch(agent, host)


def _recorded(host: Any, agent_id: str, mngr_ctx: MngrContext) -> CreatedWith:
    """What an agent that is being updated was created with: mngr writes its record anew."""
    for each in host.get_agents():
        if str(each.id) == agent_id:
            return CreatedWith.recorded(each.get_plugin_data(NAME), agent_id, str(each.name), mngr_ctx.profile_dir)
    return CreatedWith()


def created_with(options: CreateAgentOptions | None, words: Words) -> CreatedWith:
    """What the agent of this create is created with."""
    given = CreatedWith.of(options.plugin_data if options is not None else {}, words)
    known = _create.get()
    return given if known is None else known.earlier.replaced_by(given)


def provision(
    agent: AgentInterface[Any], host: OnlineHostInterface, options: CreateAgentOptions | None, mngr_ctx: MngrContext
) -> None:
    """Provision the agent's host; :func:`finish_create` is called after mngr's own provisioning.

    Raises:
        PluginMngrError: the host is not as planned. The agent was removed, unless it is only being updated.
    """
    _provisioned.set(None)
    is_update = options is not None and options.is_update
    with undone_on_failure(agent, host, is_update=is_update), used_once() as ready:
        words = words_of("create", mngr_ctx)
        given = created_with(options, words)
        record = given.record(str(agent.id), mngr_ctx.profile_dir)
        if is_update and record:  # mngr has just written the agent's record anew, without ours
            agent.set_plugin_data(NAME, {**record, "status": _UNFINISHED})
        request = create_request(mngr_ctx, given, is_local=host.is_local, words=words)
        request = replace(request, ready=ready.ansible)
        with printed_to_stderr():
            gathered = gathering.gather([agent_target(agent, host, options, mngr_ctx)], request)
        first = gathered[0]
        if first.plan.is_empty and not first.plan.skipped and not first.playbooks:
            _log_notices(gathered[0])
            prepared, report = gathered[0], HostReport(gathered[0].target.name, host.is_local)
        else:
            name, phase = f"provisioning.{NAME}", CreatePhase.PROVISIONING
            with step_shown(mngr_ctx, name, "Running Ansible", phase, shown_as) as on_steps:
                prepared, report = _provision(agent, gathered, request, mngr_ctx, record, on_steps)
        ready.remember(is_needed=prepared.due is not None and not prepared.due.is_empty)
        agent.set_plugin_data(NAME, {**record, "status": status_of(report)})
        _provisioned.set(_Provisioned(agent.id, prepared, report, request, is_update))


def _provision(
    agent: AgentInterface[Any],
    gathered: list[Prepared],
    request: Request,
    mngr_ctx: MngrContext,
    record: Mapping[str, Any],
    on_steps: Callable[[int, int], None],
) -> tuple[Prepared, HostReport]:
    def before_run(prepared: Prepared) -> None:
        _log_notices(prepared)
        refuse_what_a_person_installs(prepared)
        if prepared.due is not None and (prepared.playbooks or not prepared.due.is_empty):
            agent.set_plugin_data(NAME, {**record, "status": _UNFINISHED})

    is_yes = mngr_ctx.is_auto_approve and words_of("create", mngr_ctx).is_granted("yes", True)
    speaking = replace(dialog(mngr_ctx, is_yes=is_yes), on_steps=on_steps)
    done = provisioner.provision(gathered, request, speaking, before_run=before_run, is_finished=False)
    report = done.report.hosts[0]
    if not report.ok:
        raise as_failure(report)
    if report.commands:
        logger.warning("Run this on {} yourself: {}", report.host, printable(" && ".join(report.commands)))
    return done.prepared[0], report


def _log_notices(prepared: Prepared) -> None:
    for notice in notices_of(prepared):
        logger.info("ansible: {}", printable(notice))


def refuse_what_a_person_installs(prepared: Prepared) -> None:
    """Fail before the first change where a create cannot succeed: a new agent is removed, and our files would stay.

    Raises:
        PluginMngrError: a required package has to be installed by a person.
    """
    report = apply_report([prepared], "apply", None).hosts[0]
    if any(each.status is Status.ADVISED and each.is_failure for each in report.outcomes):
        raise as_failure(report)


def finish_create(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """Restore modes and owners that mngr changed, and call the plugins' fourth hook.

    Raises:
        PluginMngrError: a plugin raised, or a file could not be restored. The agent was removed, unless it is only
            being updated.
    """
    done = _provisioned.get()
    if done is None or done.agent_id != agent.id:
        return
    _provisioned.set(None)
    with undone_on_failure(agent, host, is_update=done.is_update), printed_to_stderr():
        _restore(done)
        report = provisioner.finish(done.prepared, done.report, done.request)
        if not report.ok:
            raise as_failure(report)


def _restore(done: _Provisioned) -> None:
    """Restore modes and owners of our files that mngr changed; content that it replaced is a warning."""
    rechecked = recheck(done.prepared, done.request)
    senders = mngr_uploads(done.prepared) if rechecked.lost else {}
    for each in rechecked.lost[:_LONGEST_LIST]:
        plugins, sender = ", ".join(each.plugins), senders.get(each.path, "mngr or its agent type")
        verb = "replaced" if each.is_there else "removed"
        logger.warning("{}: {} {} the file that {} sent", printable(each.path), sender, verb, plugins)
    if len(rechecked.lost) > _LONGEST_LIST:
        logger.warning("… and {} more files", len(rechecked.lost) - _LONGEST_LIST)
    if rechecked.prepared is not None:
        logger.info("ansible: restoring modes and owners that mngr's own provisioning changed")
        report = provisioner.apply([rechecked.prepared], done.request, Dialog(log_line), is_finished=False).hosts[0]
        if not report.ok:
            raise as_failure(report)
