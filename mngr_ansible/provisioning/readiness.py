"""Whether Ansible is made ready before it is known that something has to change, and what that guess goes by."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mngr_ansible.plan.plan import Plan
from mngr_ansible.provisioning.at_once import MOST
from mngr_ansible.provisioning.request import Prepared, Request, passwords
from mngr_ansible.run import settled
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from mngr_ansible.run.playbook import HostRun
    from mngr_ansible.run.ready import ReadyAnsible


@contextmanager
def made_ready(gathered: Sequence[Prepared], digest: str, request: Request) -> Iterator[Request]:
    """The request, with Ansible that waits while the hosts are looked at; without where it is hardly needed.

    It is not needed where workers run it, and hardly where the last run of the same plans on the same hosts, of this
    digest, ended as planned.
    """
    is_needed = any(not each.plan.is_empty for each in gathered)
    if request.ready is not None:
        if not is_needed:
            request.ready.dismiss()
        yield request
    elif not is_needed or request.fleet.workers or settled.is_settled(digest):
        yield request
    else:
        from mngr_ansible.run.ready import ready_ansible

        hosts = min(request.fleet.first(len(gathered)), request.fleet.forks or MOST)
        with ready_ansible(hosts, passwords(gathered[:hosts], request)) as ready:
            yield replace(request, ready=ready)


def fitting(request: Request, prepared: Sequence[Prepared], runs: Sequence["HostRun"]) -> "ReadyAnsible | None":
    """The Ansible that waits, if it can do this run: it does one, and has the inventory that it was given."""
    ready = request.ready
    if ready is None or not ready.is_waiting or len(prepared) > ready.hosts:
        return None
    known = passwords(prepared, request)
    return (
        ready if all(ready.passwords.get(one.alias) == known[one.alias] for one in runs if one.has_password) else None
    )


def digest_of(gathered: Sequence[Prepared]) -> str:
    """The digest of these hosts and their plans."""
    parts, plan = [], None
    for each in gathered:
        parts += ["host", each.target.name]
        if each.plan is not plan:  # hosts with the same needs share a plan
            plan = each.plan
            parts += _parts(plan)
    return settled.digest(*parts)


def _parts(plan: Plan) -> Iterator[str]:
    yield f"{plan.install} {plan.policy} {plan.installs_python} {plan.requirements}"
    if plan.transfers:
        yield plan.work_dir
    for transfer in plan.transfers:
        yield transfer.destination
        options = None
        for placed in transfer.entries:
            entry = placed.entry
            content = "" if entry.is_secret else entry.sha256  # the digest of a short one would give it away
            yield f"{placed.path} {entry.kind} {entry.mode} {content} {entry.target}"
            if placed.options is not options:
                options = placed.options
                yield f"{options}"
