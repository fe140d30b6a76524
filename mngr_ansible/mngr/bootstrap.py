"""A bare host of mngr's: brought to what mngr needs before the first file is copied there, or when a person says so."""

from typing import Any

from imbue.mngr.api.address_parsers import parse_host_address
from imbue.mngr.api.discover import discover_hosts_and_agents
from imbue.mngr.api.find import ensure_host_started, filter_one_host
from imbue.mngr.api.providers import get_provider_instance
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface
from imbue.mngr.primitives import CreatePhase, ProgressStepId
from imbue.mngr.providers.ssh_host_setup import REQUIRED_HOST_PACKAGES
from loguru import logger

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.diff.outcome import DUE, Status
from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.connection import locked
from mngr_ansible.mngr.invocation import Invocation
from mngr_ansible.mngr.messages import as_failure, confirmation, log_line, reported
from mngr_ansible.mngr.request import bare_target, create_request
from mngr_ansible.provisioning import bootstrap
from mngr_ansible.provisioning.provisioner import apply, confirm_local_installs, inspect
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.report.report import Report
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source
from mngr_ansible.system.signals import terminate_gracefully


def find(address: str, mngr_ctx: MngrContext) -> OnlineHostInterface:
    """The one host of that address, ``HOST`` or ``HOST.PROVIDER``, which has to be running.

    Raises:
        MngrError: there is none, there are several, or it is stopped.
    """
    parsed = parse_host_address(address)
    providers = (str(parsed.provider),) if parsed.provider is not None else None
    found = discover_hosts_and_agents(
        mngr_ctx, provider_names=providers, agent_identifiers=None, include_destroyed=False, reset_caches=False
    )
    known = filter_one_host(parsed, list(found.agents_by_host))
    provider: Any = get_provider_instance(known.provider_name, mngr_ctx)
    host, _ = ensure_host_started(provider.get_host(known.host_id), is_start_desired=False, provider=provider)
    return host


def needs() -> tuple[PackageRequirement, ...]:
    """What mngr, as it is installed here, wants of every host."""
    return tuple(_need(each) for each in REQUIRED_HOST_PACKAGES)


def _need(wanted: Any) -> PackageRequirement:
    if find_tool(wanted.package) is not None:
        return PackageRequirement(wanted.package)
    check = Check("shell", wanted.check_cmd) if wanted.check_cmd else Check("command", wanted.binary)
    return PackageRequirement(wanted.package, checks=(check,), sources=(Source("apt", (wanted.package,)),))


def before_create(options: CreateAgentOptions, host: Any) -> None:
    """Bring a bare host to what mngr needs; one that is ready costs one round trip. mngr holds the host's lock.

    Nothing where the settings say ``bootstrap = false``, where mngr has no ssh, and on this machine, whose packages are
    its user's.

    Raises:
        PluginMngrError: the host has not what no ``mngr create`` can do without, and could not get it.
    """
    if host.is_local or host.get_ssh_connection_info() is None:
        return
    mngr_ctx: MngrContext = host.mngr_ctx
    with terminate_gracefully(), reported():
        request = create_request(mngr_ctx, options, is_local=False)
        if not request.settings.bootstrap:
            return
        gathered = bootstrap.gather([bare_target(host, mngr_ctx)], request, needs(), is_lenient=True)
        (prepared,) = inspect(gathered, request, is_applied=True)
        if prepared.due is not None and not prepared.due.is_empty and not prepared.due.stops:
            lacking = [each.name for each in prepared.due.outcomes if each.status in DUE]
            logger.info("ansible: {} lacks {}, which mngr needs", prepared.target.name, ", ".join(lacking))
        elif prepared.due is not None and all(each.status is Status.OK for each in prepared.due.outcomes):
            return
        step = ProgressStepId(f"bootstrap.{NAME}")
        with mngr_ctx.progress_reporter.step(step, "Bootstrapping", CreatePhase.TRANSFERRING_PROJECT.step_id):
            report = apply([prepared], request, log_line, command="bootstrap", is_finished=False).hosts[0]
            if not report.ok:
                raise as_failure(report)


def run(verb: Invocation) -> Report:
    """``mngr ansible bootstrap HOST``: the same at any time, under mngr's host lock, and nothing of it is optional."""
    host = find(verb.opts.address, verb.mngr_ctx)
    target, request = verb.asked(bare_target(host, verb.mngr_ctx))
    gathered = bootstrap.gather([target], request, needs())
    if verb.opts.dry_run:
        return plan_report(inspect(gathered, request))
    with locked(host, request):
        prepared = inspect(gathered, request, is_applied=True)
        prepared = confirm_local_installs(prepared, confirmation(verb.mngr_ctx, is_yes=verb.opts.yes))
        return apply(prepared, request, log_line, command="bootstrap", is_finished=False)
