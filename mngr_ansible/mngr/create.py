"""Provisioning inside ``mngr create``: done or undone. A create that fails leaves no agent behind."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.cleanup_failures import CleanupFailedGroup
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface
from imbue.mngr.primitives import AgentId, CreatePhase, ProgressStepId
from loguru import logger

from mngr_ansible.diff.outcome import Status
from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.messages import as_failure, dialog, errors_for_mngr, log_line
from mngr_ansible.mngr.repository_warnings import warn_of_files, warn_of_what_is_ignored
from mngr_ansible.mngr.request import agent_target, create_request
from mngr_ansible.mngr.status import failure_recorded, record_status, status_of
from mngr_ansible.mngr.trust import words_of
from mngr_ansible.mngr.uploads import mngr_uploads
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning import provisioner
from mngr_ansible.provisioning.recheck import recheck
from mngr_ansible.provisioning.request import Dialog, Prepared, Request
from mngr_ansible.report.report import HostReport
from mngr_ansible.system.signals import Terminated, signals_ignored, terminate_gracefully

_REMOVE_SECONDS = 60
"""How long an agent's directory may take to be removed."""

_LONGEST_LIST = 20
"""How many files that mngr replaced are named, one a line."""


@dataclass(frozen=True, slots=True)
class _Provisioned:
    """The result of :func:`provision`, kept until mngr's own provisioning is done too."""

    agent_id: AgentId
    prepared: Prepared
    report: HostReport
    request: Request
    is_update: bool


_provisioned: ContextVar[_Provisioned | None] = ContextVar("mngr_ansible_provisioned", default=None)


def check_before_create(options: CreateAgentOptions, mngr_ctx: MngrContext, *, is_local: bool) -> None:
    """Read settings, manifests and options, and check the plugins' hooks, before anything is created.

    ``is_local``: the agent is to be on this machine.

    Raises:
        PluginMngrError: one of them is wrong.
    """
    with errors_for_mngr():
        words = words_of("create", mngr_ctx)
        request = create_request(mngr_ctx, options, is_local=True, words=words)
        request.hooks()
        warn_of_what_is_ignored(words)
        warn_of_files(words, request, is_local=is_local)


def provision(
    agent: AgentInterface[Any], host: OnlineHostInterface, options: CreateAgentOptions | None, mngr_ctx: MngrContext
) -> None:
    """Provision the agent's host; :func:`finish_create` is called after mngr's own provisioning.

    Raises:
        PluginMngrError: the host is not as planned. The agent was removed, unless it is only being updated.
    """
    _provisioned.set(None)
    is_update = options is not None and options.is_update
    with _undone_on_failure(agent, host, is_update=is_update):
        request = create_request(mngr_ctx, options, is_local=host.is_local)
        gathered = provisioner.gather([agent_target(agent, host, options, mngr_ctx)], request)
        if gathered[0].plan.is_empty and not gathered[0].plan.skipped:
            _log_notices(gathered[0])
            prepared, report = gathered[0], HostReport(gathered[0].target.name, host.is_local)
        else:
            step = ProgressStepId(f"provisioning.{NAME}")
            with mngr_ctx.progress_reporter.step(step, "Running Ansible", CreatePhase.PROVISIONING.step_id):
                prepared, report = _provision(agent, gathered, request, mngr_ctx)
        _provisioned.set(_Provisioned(agent.id, prepared, report, request, is_update))


def _provision(
    agent: AgentInterface[Any], gathered: list[Prepared], request: Request, mngr_ctx: MngrContext
) -> tuple[Prepared, HostReport]:
    def before_run(prepared: Prepared) -> None:
        _log_notices(prepared)
        if prepared.due is not None and not prepared.due.is_empty:
            record_status(agent, "due")  # a create that is killed leaves an agent with this status

    is_yes = mngr_ctx.is_auto_approve and words_of("create", mngr_ctx).is_granted("yes", True)
    speaking = dialog(mngr_ctx, is_yes=is_yes)
    done = provisioner.provision(gathered, request, speaking, before_run=before_run, is_finished=False)
    report = done.report.hosts[0]
    if not report.ok:
        raise as_failure(report)
    if report.commands:
        logger.warning("Run this on {} yourself: {}", report.host, printable(" && ".join(report.commands)))
    return done.prepared[0], report


def _log_notices(prepared: Prepared) -> None:
    for notice in prepared.plan.all_notices:
        logger.info("ansible: {}", printable(notice))


def finish_create(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """Restore modes and owners that mngr changed, call the plugins' fourth hook, and record the agent's status.

    Raises:
        PluginMngrError: a plugin raised, or a file could not be restored. The agent was removed, unless it is only
            being updated.
    """
    done = _provisioned.get()
    if done is None or done.agent_id != agent.id:
        return
    _provisioned.set(None)
    with _undone_on_failure(agent, host, is_update=done.is_update):
        _restore(done)
        report = provisioner.finish(done.prepared, done.report, done.request)
        if not report.ok:
            raise as_failure(report)
        record_status(agent, status_of(report))


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


@contextmanager
def _undone_on_failure(agent: AgentInterface[Any], host: OnlineHostInterface, *, is_update: bool) -> Iterator[None]:
    """Remove the agent when the block is left by an error or a signal; one that is only being updated stays."""
    with terminate_gracefully(), errors_for_mngr():
        if is_update:
            with failure_recorded(agent):
                yield
            return
        try:
            yield
        except BaseException as error:
            with signals_ignored():
                logger.info("{} Removing agent {}.", _reason(error), agent.name)
                _destroy(agent, host)
            raise


def _reason(error: BaseException) -> str:
    """Why an agent is removed, in a sentence; after a signal also what may still be running on its host."""
    if isinstance(error, provisioner.Interrupted):
        host = error.report.hosts[0]
        running = [each.name for each in host.outcomes if each.status is Status.UNKNOWN and each.kind == "package"]
        if running:
            return f"Stopped. The installation of {', '.join(running)} may still be running on {printable(host.host)}."
    if isinstance(error, (provisioner.Interrupted, KeyboardInterrupt, Terminated)):
        return "Stopped."
    return "Provisioning failed."


def _destroy(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    try:
        host.destroy_agent(agent)
    except (CleanupFailedGroup, MngrError, OSError) as error:
        logger.warning("Agent {} could not be removed: {}. Run: mngr destroy {} --force", agent.name, error, agent.name)
        return
    try:
        _remove_work_dir(agent, host)
    except (MngrError, OSError) as error:
        logger.warning("{} could not be removed from {}: {}", agent.work_dir, host.get_name(), error)


def _remove_work_dir(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """Remove the directory that mngr made on a remote host for this agent alone; mngr would leave it to its ``gc``.

    A local one is a worktree, which mngr removes itself. Source: mngr 0.3.0, ``Host._create_work_dir_via_git_mirror``.
    """
    work_dir, known = agent.work_dir, host.get_certified_data()
    is_made = str(work_dir) in known.generated_work_dirs and work_dir.parent == host.host_dir / "projects"
    if host.is_local or not is_made or any(each.work_dir == work_dir for each in host.get_agents()):
        return
    host.execute_idempotent_command(f"rm -rf -- {shlex.quote(str(work_dir))}", timeout_seconds=_REMOVE_SECONDS)
    left = tuple(each for each in known.generated_work_dirs if each != str(work_dir))
    host.set_certified_data(known.model_copy(update={"generated_work_dirs": left}))
