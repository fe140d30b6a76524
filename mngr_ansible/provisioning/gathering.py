"""The beginning of every command: the plugins are asked, sources are read, and every host has a plan.

What only the later parts of the story need is imported after it, while ssh connects.
"""

import time
from collections import deque
from collections.abc import Sequence

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError
from mngr_ansible.inputs.fleet import Fleet
from mngr_ansible.inputs.hooks import contributions, run_before
from mngr_ansible.inputs.misspelt import condition_notices
from mngr_ansible.plan.plan import build, print_only
from mngr_ansible.provisioning.request import Prepared, Request, Target
from mngr_ansible.system.descriptors import room
from mngr_ansible.values import replace

_CONNECTED = 32
"""Connections that are opened before the hosts are asked, all at the same time; each takes so many descriptors:"""
_DESCRIPTORS = 8

_UNLIKE = 20
"""Kinds of hosts, by what is needed on them, whose plan is kept in mind for the next host of that kind."""

PROBE_SECONDS = 60.0
"""How long a host may take to answer the probe, where it has no patience of its own."""

SUDO_SECONDS = 60.0
"""How much longer where sudo is tried: it may wait for name servers that do not answer."""

_IMPORT_SECONDS = 10
"""How long a host waits for the first script; after that it is asked over the connection that is open by then."""


def gather(targets: Sequence[Target], request: Request) -> list[Prepared]:
    """Ask all plugins about all hosts, and plan; no host is changed. The time that this takes counts for the run.

    No host is contacted before all of it is known to be right; then ssh begins to connect.

    Raises:
        MngrAnsibleError: a plugin refuses or is faulty, a source or playbook is missing, plugins conflict, the time is
            up.
    """
    started = time.monotonic() - max((each.spent for each in targets), default=0)
    if request.fleet.playbooks:
        require_playbooks(request.fleet)
    found = request.hooks()
    refusals: list[MngrAnsibleError] = []
    for target in targets:
        try:
            run_before(found, target.arguments(), host=target.name)
        except MngrAnsibleError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0] if len(refusals) == 1 else ErrorGroup(refusals)
    gathered: list[Prepared] = []
    notices = (*request.notices(), *(each for target in targets for each in target.notices))
    unlike: deque[Prepared] = deque(maxlen=_UNLIKE)
    for target in targets:
        own = contributions(found, target.arguments(), host=target.name)
        asked = (*target.own, *own, *request.contributions(target))
        is_local = target.connection.is_local
        alike = (each for each in unlike if each.contributions == asked)
        plan = next((each.plan for each in alike if each.target.connection.is_local == is_local), None)
        if plan is None:
            plan = build(
                asked,
                request.settings,
                install=request.install,
                check_packages=request.check_packages,
                only=request.only,
                work_dir=target.work_dir if target.work_dir.startswith("/") else "",
                is_local=is_local,
                reads_all=request.reads_all,
            )
            plan = print_only(plan) if request.is_print_only else plan
            plan = replace(plan, notices=(*notices, *condition_notices(asked), *plan.notices))
            unlike.append(Prepared(target, plan, asked))
        gathered.append(Prepared(target, plan, asked, playbooks=request.fleet.playbooks))
    spent = time.monotonic() - started
    if spent >= request.timeout:
        raise InputError(
            f"asking the plugins and reading the local files took {spent:.0f} s; the whole run may take "
            f"{request.timeout:g} s",
            remedy="Send fewer or smaller files, or give more time with --timeout. Nothing was changed.",
        )
    connect(targets, request)
    return [replace(each, spent=spent) for each in gathered]


def require_playbooks(fleet: Fleet) -> None:
    """Refuse playbooks of the user's own that are missing.

    Raises:
        InputError: there is one.
    """
    from mngr_ansible.inputs.own_playbooks import playbook_file

    for each in fleet.playbooks:
        playbook_file(each)


def check(request: Request, *, is_local: bool) -> None:
    """Plan what the user alone asks for, without plugins: what is wrong with it is known before there is an agent.

    Raises:
        MngrAnsibleError: a required source is missing or cannot be copied, or his needs contradict each other; or a
            playbook is missing.
    """
    if request.fleet.playbooks:
        require_playbooks(request.fleet)
    build(request.user, request.settings, install=request.install, only=request.only, is_local=is_local)


def connect(targets: Sequence[Target], request: Request) -> None:
    """Have ssh begin to connect to the hosts, once everything that is asked for is known to be right.

    Nothing runs on a host meanwhile but a shell that waits for the probe.
    """
    seconds = min(request.timeout, PROBE_SECONDS + SUDO_SECONDS) + _IMPORT_SECONDS
    most = min(request.fleet.first(len(targets)), request.fleet.forks or _CONNECTED, _CONNECTED)
    for target in targets[: room(_DESCRIPTORS, most)]:
        if target.connect is not None:
            target.connect(seconds)
