"""``plan_of`` and ``plan_host``: what a plugin asks for, and what that means on a host, without one."""

import os
from collections.abc import Mapping
from typing import Any

from mngr_ansible.diff.due import compare, unmet_requirements
from mngr_ansible.diff.outcome import Status
from mngr_ansible.diff.resolver import Resolver
from mngr_ansible.errors import InputError
from mngr_ansible.plan.plan import Plan, resolve_destinations
from mngr_ansible.provisioning.for_distro import NoHost
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Prepared, Target, build_request
from mngr_ansible.report.report import Report
from mngr_ansible.spec.validation import short_repr
from mngr_ansible.testing.agents import FakeAgent
from mngr_ansible.testing.hosts import FakeHost, fake_host, refuse_misspelt

_PARAMETERS = ("host", "options", "mngr_ctx", "settings", "name", "work_dir", "agent_type")
"""The arguments of ``plan_of`` beside the plugin."""

_AGENTS_OWN = {"id", "host_id", "agent_config", "create_time", "is_generic", "labels", "mngr_context"}
"""Attributes of mngr's agents, whatever they look like."""


def plan_of(
    plugin: object,
    *,
    host: FakeHost | None = None,
    options: object = None,
    mngr_ctx: object = None,
    settings: Mapping[str, Any] | None = None,
    **agent: Any,
) -> Plan:
    """What a plugin asks for: its first three hooks are called as a run calls them. Sources are read on this machine.

    Args:
        plugin: a module or object with hooks, the name of its entry point, or a list of several.
        host: what the hooks get as ``host``; default: ``fake_host()``.
        options, mngr_ctx: what the hooks get as these; without mngr both are None.
        settings: the keys of ``[plugins.ansible]``.
        agent: attributes of the agent: ``name``, ``work_dir`` (default: the home on the host), ``agent_type``, and any
            that mngr's own agents have besides.

    Raises:
        MngrAnsibleError: a hook refuses or is faulty, or a required source is missing: the error that users would see.
    """
    refuse_misspelt("plan_of", agent.keys() - _AGENTS_OWN - set(_PARAMETERS), _PARAMETERS)
    there = fake_host() if host is None else _fake(host)
    work_dir = os.fspath(agent.get("work_dir") or "")
    target = Target(
        there.name,
        NoHost(is_local=there.is_local),
        FakeAgent(**{**agent, "work_dir": agent.get("work_dir") or "~"}),
        there,
        work_dir,
        options=options,
        mngr_ctx=mngr_ctx,
    )
    plugins = plugin if isinstance(plugin, (list, tuple)) else [plugin]
    plan = gather([target], build_request(plugins=plugins, settings=settings, reads_all=True))[0].plan
    return plan if work_dir.startswith("/") else resolve_destinations(plan, "~", work_dir)


def plan_host(plan: Plan, host: FakeHost) -> Report:
    """What would change on that host, as ``mngr-ansible plan`` says it: one outcome for each step, and the commands."""
    if not isinstance(plan, Plan):
        raise InputError(f"plan_host: {short_repr(plan)} is not a plan", remedy="Give what plan_of(plugin) returns.")
    state = _fake(host).state(plan)
    resolved = resolve_destinations(plan, state.login.home, state.paths.work_dir)
    state = host.state(resolved)
    resolver = Resolver(state, resolved.policy, resolved.implied)
    resolver = resolver.with_offers(host.offered(resolver.queries(unmet_requirements(resolved, state))))
    due = compare(resolved, state, resolver, is_local=host.is_local)
    target = Target(host.name, NoHost(is_local=host.is_local), None, host)
    return plan_report([Prepared(target, resolved, (), state, due, resolver=resolver)])


def _fake(host: object) -> FakeHost:
    if not isinstance(host, FakeHost):
        example = f"fake_host({host!r})" if isinstance(host, str) else 'fake_host("debian:12")'
        raise InputError(f"{short_repr(host)} is not a fake host", remedy=f"Make one: {example}.")
    return host


def statuses(report: Report) -> dict[str, Status]:
    """The status of each step of a report about one host, by id: ``{"package:git": "too-old"}``."""
    return {each.id: each.status for host in report.hosts for each in host.outcomes}
