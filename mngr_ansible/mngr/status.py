"""``plugin.ansible.status`` of an agent: how the last run left its host."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface
from loguru import logger

from mngr_ansible.diff.outcome import Status
from mngr_ansible.mngr.config import NAME
from mngr_ansible.report.report import HostReport

AgentStatus = Literal["ok", "due", "failed"]

_FINISHED = (Status.OK, Status.SKIPPED, Status.CHANGED)


def status_of(report: HostReport) -> AgentStatus:
    """The status that a host's report gives."""
    if not report.ok:
        return "failed"
    return "ok" if all(each.status in _FINISHED or each.is_open for each in report.outcomes) else "due"


def record_status(
    agent: AgentInterface[Any],
    status: AgentStatus,
    *,
    lock: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Write the status into mngr's record of the agent, if it differs; ``lock`` is held meanwhile."""
    known = agent.get_plugin_data(NAME)
    if known.get("status") != status:
        with lock():
            agent.set_plugin_data(NAME, {**known, "status": status})


@contextmanager
def failure_recorded(agent: AgentInterface[Any]) -> Iterator[None]:
    """Record ``failed`` when the block is left by an error or a signal."""
    try:
        yield
    except BaseException:
        try:
            record_status(agent, "failed")
        except (MngrError, OSError) as error:
            logger.warning("The status of agent {} could not be recorded: {}", agent.name, error)
        raise
