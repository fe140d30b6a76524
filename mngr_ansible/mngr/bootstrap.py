"""What mngr itself needs on a host: before the first file is copied, and by ``mngr ansible bootstrap HOST``."""

from typing import Any

from imbue.mngr.api.address_parsers import parse_host_address
from imbue.mngr.api.discover import discover_hosts_and_agents
from imbue.mngr.api.find import ensure_host_started, filter_one_host
from imbue.mngr.api.providers import get_provider_instance
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface
from imbue.mngr.primitives import CreatePhase
from imbue.mngr.providers.ssh_host_setup import REQUIRED_HOST_PACKAGES
from loguru import logger

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.diff.outcome import DUE, Status
from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.connection import locked
from mngr_ansible.mngr.create import created_with
from mngr_ansible.mngr.events import step_shown
from mngr_ansible.mngr.invocation import Invocation
from mngr_ansible.mngr.messages import as_failure, dialog, errors_for_mngr, log_line, shown_as
from mngr_ansible.mngr.request import bare_target, create_request
from mngr_ansible.mngr.trust import words_of
from mngr_ansible.provisioning import bootstrap, provisioner
from mngr_ansible.provisioning.readiness import digest_of
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Dialog, Request, Target
from mngr_ansible.report.report import Report
from mngr_ansible.run import settled
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source
from mngr_ansible.system.signals import terminate_gracefully


def find(address: str, mngr_ctx: MngrContext) -> OnlineHostInterface:
    """The host of that address, ``HOST`` or ``HOST.PROVIDER``; it has to be running.

    Raises:
        MngrError: no host or several hosts have that address, or the host is stopped.
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
    """What mngr, as it is installed here, needs on every host."""
    return tuple(_requirement(each) for each in REQUIRED_HOST_PACKAGES)


def _requirement(needed: Any) -> PackageRequirement:
    if find_tool(needed.package) is not None:
        return PackageRequirement(needed.package)
    check = Check("shell", needed.check_cmd) if needed.check_cmd else Check("command", needed.binary)
    return PackageRequirement(needed.package, checks=(check,), sources=(Source("apt", (needed.package,)),))


def before_create(options: CreateAgentOptions, host: Any) -> None:
    """Install what mngr needs on a new host; a host that has it all costs one round trip. mngr holds the host's lock.

    Nothing is done where the settings say ``bootstrap = false``, where mngr has no ssh connection, and on this machine,
    whose packages are its user's.

    Raises:
        PluginMngrError: something is missing without which no ``mngr create`` works, and it could not be installed.
    """
    if host.is_local or host.get_ssh_connection_info() is None:
        return
    mngr_ctx: MngrContext = host.mngr_ctx
    with terminate_gracefully(), errors_for_mngr():
        words = words_of("create", mngr_ctx)
        request = create_request(mngr_ctx, created_with(options, words), is_local=False, words=words)
        if not request.settings.bootstrap:
            return
        target = bare_target(host, mngr_ctx)
        gathered = bootstrap.gather([target], request, needs(), is_lenient=True)
        (prepared,) = provisioner.inspect(gathered, request, Dialog(log_line), is_applied=True)
        due = prepared.due
        is_summed_up = due is not None and not due.is_empty and not due.stops
        if due is not None and is_summed_up:
            missing = ", ".join(each.name for each in due.outcomes if each.status in DUE)
            logger.info("ansible: {} is missing {}. mngr needs them; installing now", prepared.target.name, missing)
        elif due is not None and all(each.status is Status.OK for each in due.outcomes):
            _remember(target, request)
            return
        name, phase = f"bootstrap.{NAME}", CreatePhase.TRANSFERRING_PROJECT
        with step_shown(mngr_ctx, name, "Bootstrapping", phase, shown_as) as on_steps:
            report = provisioner.apply(
                [prepared],
                request,
                Dialog(log_line, on_steps=on_steps),
                command="bootstrap",
                is_finished=False,
                is_summed_up=is_summed_up,
            ).hosts[0]
            if not report.ok:
                raise as_failure(report)
        _remember(target, request)


def _remember(target: Target, request: Request) -> None:
    """``mngr ansible bootstrap`` of this host will have nothing to do, most likely: Ansible is not made ready then."""
    settled.remember(digest_of(bootstrap.gather([target], request, needs())), is_settled=True)


def run(call: Invocation) -> Report:
    """``mngr ansible bootstrap HOST``: the same at any time, under mngr's lock of the host; nothing is optional."""
    host = find(call.opts.address, call.mngr_ctx)
    target, request = call.asked(bare_target(host, call.mngr_ctx))
    gathered = bootstrap.gather([target], request, needs())
    if call.opts.dry_run:
        return plan_report(provisioner.inspect(gathered, request))
    with locked(host, request):
        speaking = dialog(call.mngr_ctx, is_yes=call.opts.yes)
        return provisioner.provision(gathered, request, speaking, command="bootstrap", is_finished=False).report
