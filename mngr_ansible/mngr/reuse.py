"""``mngr create --reuse`` for an agent that exists: mngr starts it, and calls no hook for what its options ask for.

So they are applied before, as ``mngr ansible apply`` does, and added to what the agent was created with.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from imbue.concurrency_group.concurrency_group import ConcurrencyGroup
from imbue.mngr.api.discover import discover_hosts_and_agents
from imbue.mngr.api.find import resolve_to_started_host_and_agent
from imbue.mngr.cli.common_opts import apply_settings_to_config
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.config.loader import load_config
from imbue.mngr.primitives import DiscoveredAgent, DiscoveredHost, HostId, NewAgentLocation
from loguru import logger

from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.connection import locked
from mngr_ansible.mngr.create import refuse_what_a_person_installs
from mngr_ansible.mngr.created_with import CreatedWith, recorded
from mngr_ansible.mngr.messages import as_failure, dialog, errors_for_mngr, log_stopped
from mngr_ansible.mngr.repository_warnings import warn_of_files, warn_of_what_is_ignored
from mngr_ansible.mngr.request import agent_target, create_request
from mngr_ansible.mngr.status import failure_recorded, status_of
from mngr_ansible.mngr.trust import words_of
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.system.signals import terminate_gracefully
from mngr_ansible.system.stdout import printed_to_stderr


def apply_options(params: Mapping[str, Any]) -> None:
    """Provision the host of the agent that ``mngr create --reuse`` names; nothing where there is no such agent yet.

    ``params``: the parameters of the command, as mngr resolved them from the command line, settings and templates.

    Raises:
        PluginMngrError: an option is wrong, or the host is not as planned. The agent stays as it is.
    """
    with terminate_gracefully(), _context(params) as mngr_ctx, errors_for_mngr(log_stopped):
        found = _find(params, mngr_ctx)
        if found is None:
            return
        words = words_of("create", mngr_ctx)
        given = recorded(found[1], mngr_ctx).and_later(CreatedWith.of(params, words))
        agent, host = resolve_to_started_host_and_agent(*found, allow_auto_start=True, mngr_ctx=mngr_ctx)
        record = given.record(str(agent.id), mngr_ctx.profile_dir)
        request = create_request(mngr_ctx, given, is_local=host.is_local, words=words)
        warn_of_what_is_ignored(words)
        warn_of_files(words, request, is_local=host.is_local)
        logger.info("ansible: agent {} exists already; applying the options to it", agent.name)
        with locked(host, request), failure_recorded(agent), printed_to_stderr():
            gathered = gathering.gather([agent_target(agent, host, None, mngr_ctx)], request)
            speaking = dialog(mngr_ctx, is_yes=mngr_ctx.is_auto_approve and words.is_granted("yes", True))
            done = provisioner.provision(gathered, request, speaking, before_run=refuse_what_a_person_installs)
            report = done.report.hosts[0]
            if not report.ok:
                raise as_failure(report)
            agent.set_plugin_data(NAME, {**record, "status": status_of(report)})


@contextmanager
def _context(params: Mapping[str, Any]) -> Iterator[MngrContext]:
    """mngr's context of the command: the hook gets none. Source: mngr 0.3.0, ``setup_command_context``."""
    group = ConcurrencyGroup(name=f"mngr-create-{NAME}")
    group.__enter__()
    try:
        is_headless = bool(params.get("headless"))
        mngr_ctx = load_config(
            click.get_current_context().obj,
            group,
            enabled_plugins=params.get("plugin", ()),
            disabled_plugins=params.get("disable_plugin", ()),
        )
        config = mngr_ctx.config
        if params.get("setting"):
            config = apply_settings_to_config(config, params["setting"], config.disabled_plugins)
        is_interactive = not (is_headless or config.headless) and sys.stdout.isatty()
        changes = {"config": config, "is_interactive": is_interactive, "is_auto_approve": bool(params.get("yes"))}
        yield mngr_ctx.model_copy(update=changes)
    finally:
        group.__exit__(None, None, None)  # with the exception it would wrap it


def _find(params: Mapping[str, Any], mngr_ctx: MngrContext) -> tuple[DiscoveredHost, DiscoveredAgent] | None:
    """The agent that mngr is about to reuse. Where several have that name mngr itself refuses.

    Source: mngr 0.3.0, ``_try_reuse_existing_agent``.
    """
    address = params.get("positional_name") or params.get("name") or NewAgentLocation()
    provider = params.get("provider") or address.provider_name
    if address.name is None:
        return None
    found = discover_hosts_and_agents(
        mngr_ctx,
        provider_names=None if provider is None else (str(provider),),
        agent_identifiers=None,
        include_destroyed=False,
        reset_caches=False,
    )
    agents = [
        (host, agent)
        for host, its_agents in found.agents_by_host.items()
        if provider is None or str(host.provider_name) == str(provider)
        if address.host_name is None or address.host_name == _identity(host, address.host_name)
        for agent in its_agents
        if agent.agent_name == address.name
    ]
    return agents[0] if len(agents) == 1 else None


def _identity(host: DiscoveredHost, wanted: object) -> object:
    return host.host_id if isinstance(wanted, HostId) else host.host_name
