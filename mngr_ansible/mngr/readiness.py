"""Ansible, made ready when ``mngr create`` begins, and ended when its agent is provisioned or the command ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import click
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.interfaces.host import CreateAgentOptions

from mngr_ansible.mngr.config import NAME
from mngr_ansible.provisioning.request import Request
from mngr_ansible.run import settled
from mngr_ansible.run.ready import ReadyAnsible, ready_ansible
from mngr_ansible.values import frozen

_ASKING = ("get_provision_file_transfers", "provision_agent")
"""The hooks from which a plan can get steps."""


@frozen
class Ready:
    """What was made ready for a create.

    Attributes:
        ansible: Ansible that waits; None: it is started when it is needed.
        digest: of the creates of this kind; empty where nothing is remembered of them.
    """

    ansible: ReadyAnsible | None = None
    digest: str = ""

    def remember(self, *, is_needed: bool) -> None:
        """Remember whether this create needed Ansible, for the next of its kind."""
        if self.digest:
            settled.remember(self.digest, is_settled=not is_needed)


_ready: ContextVar[Ready | None] = ContextVar("mngr_ansible_ready", default=None)


def make_ready(options: CreateAgentOptions, host: object, request: Request, mngr_ctx: MngrContext) -> None:
    """Start Ansible for a create that may need it; not where the last one of its kind needed none.

    Where mngr is used as a library there is no command whose end could be seen: Ansible is started when it is needed.
    """
    context = click.get_current_context(silent=True)
    hooks = request.hooks()
    if context is None or not (request.user or any(hooks[each] for each in _ASKING)):
        return
    place = str(getattr(host, "id", "a new host"))
    digest = settled.digest(f"create {NAME}", str(mngr_ctx.project_root), str(options.agent_type), place)
    ansible = None if settled.is_settled(digest) else context.with_resource(ready_ansible(1))
    _ready.set(Ready(ansible, digest))


@contextmanager
def used_once() -> Iterator[Ready]:
    """What was made ready for this create; Ansible is ended with the block, whether it was used or not."""
    ready = _ready.get() or Ready()
    _ready.set(None)
    try:
        yield ready
    finally:
        if ready.ansible is not None:
            ready.ansible.close()
