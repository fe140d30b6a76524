"""A create that fails leaves no agent behind: not where our steps fail, and not where mngr's own fail after them."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import click
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.cleanup_failures import CleanupFailedGroup
from imbue.mngr.interfaces.host import OnlineHostInterface
from imbue.mngr.primitives import AgentLifecycleState
from loguru import logger

from mngr_ansible.mngr.messages import errors_for_mngr
from mngr_ansible.mngr.status import failure_recorded
from mngr_ansible.portable import sh
from mngr_ansible.system.signals import Terminated, signals_ignored, terminate_gracefully

_SIGNALS = (KeyboardInterrupt, Terminated)
_REMOVE_SECONDS = 60
"""How long an agent's directory may take to be removed."""


@dataclass(slots=True)
class _Watched:
    """The agent that mngr is creating, from its first record to its start."""

    agent: AgentInterface[Any]
    host: OnlineHostInterface
    is_over: bool = False


_watched: ContextVar[_Watched | None] = ContextVar("mngr_ansible_watched", default=None)


@contextmanager
def undone_on_failure(agent: AgentInterface[Any], host: OnlineHostInterface, *, is_update: bool) -> Iterator[None]:
    """Remove the agent when the block is left by an error or a signal; one that is only being updated stays.

    Our errors leave the block as mngr's.
    """
    with terminate_gracefully():
        if is_update:
            with failure_recorded(agent), errors_for_mngr():
                yield
            return
        try:
            with errors_for_mngr():
                yield
        except BaseException as error:
            end_watch()
            _remove(agent, host, error, "Provisioning failed.")
            raise


def watch(agent: AgentInterface[Any], host: OnlineHostInterface) -> None:
    """From now on, remove the agent if ``mngr create`` ends by a signal, or by an error before the agent was started.

    mngr 0.3.0 itself would leave it behind, without its directory, so that neither ``mngr create`` nor ``mngr start``
    works with its name. Where mngr is used as a library there is no command whose end could be seen: nothing is done.
    """
    context = click.get_current_context(silent=True)
    if context is not None:
        watched = _Watched(agent, host)
        _watched.set(watched)
        context.with_resource(_removed_unless_over(watched))


def end_watch() -> None:
    """The agent was started, or removed: what fails now is not ours to undo."""
    watched = _watched.get()
    if watched is not None:
        watched.is_over = True
        _watched.set(None)


@contextmanager
def _removed_unless_over(watched: _Watched) -> Iterator[None]:
    with terminate_gracefully():
        try:
            yield
        except BaseException as error:
            if not watched.is_over and (isinstance(error, _SIGNALS) or not _is_running(watched.agent)):
                _remove(watched.agent, watched.host, error, "mngr could not create the agent.")
            raise


def _is_running(agent: AgentInterface[Any]) -> bool:
    """Whether it runs: then only its first message was not sent, say. One that cannot be asked is left alone."""
    try:
        return agent.get_lifecycle_state() is not AgentLifecycleState.STOPPED
    except (MngrError, OSError) as error:
        logger.debug("The state of agent {} is not known: {}", agent.name, error)
        return True


def _remove(agent: AgentInterface[Any], host: OnlineHostInterface, error: BaseException, reason: str) -> None:
    if isinstance(error, _SIGNALS):
        reason = "Stopped."
    with signals_ignored():
        try:
            if any(each.id == agent.id for each in host.get_agents()):  # mngr may have removed it already
                logger.info("{} Removing agent {}.", reason, agent.name)
                host.destroy_agent(agent)
        except (CleanupFailedGroup, MngrError, OSError) as problem:
            name = sh.quote(str(agent.name))
            logger.warning("Agent {} could not be removed: {}. Run: mngr destroy {} --force", agent.name, problem, name)
            return
        try:
            _remove_work_dir(agent, host)
        except (MngrError, OSError) as problem:
            logger.warning("{} could not be removed from {}: {}", agent.work_dir, host.get_name(), problem)


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
