"""Provisioning inside ``mngr create``: done, or undone. A create that fails leaves no agent behind."""

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

Lock = AbstractContextManager[None]


def status_of(report: HostReport) -> AgentStatus:
    """How a host was left, in the words of ``plugin.ansible.status``."""
    if not report.ok:
        return "failed"
    settled = (Status.OK, Status.SKIPPED, Status.CHANGED)
    return "ok" if all(each.status in settled for each in report.outcomes) else "due"


def record_status(agent: AgentInterface[Any], status: AgentStatus, *, lock: Callable[[], Lock] = nullcontext) -> None:
    """Write an agent's status into mngr's record of it, if it is another than before; ``lock`` is held meanwhile."""
    if agent.get_plugin_data(NAME).get("status") != status:
        with lock():
            agent.set_plugin_data(NAME, {"status": status})


@contextmanager
def failure_recorded(agent: AgentInterface[Any]) -> Iterator[None]:
    """Note ``failed`` when the block is left by an error of any kind; an agent that was there stays."""
    try:
        yield
    except BaseException:
        try:
            record_status(agent, "failed")
        except (MngrError, OSError) as error:
            logger.warning("The status of {} could not be noted: {}", agent.name, error)
        raise
