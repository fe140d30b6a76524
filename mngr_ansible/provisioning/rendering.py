"""``render``: a run directory to run later, perhaps elsewhere. The same for everybody who asks for the same.

What only this machine knows is not in it: paths of sources, the user's home, how long something took. So two such
directories of one state can be compared. Source: docs/ops.md "A run directory".
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mngr_ansible.diff import commands
from mngr_ansible.diff.due import Due
from mngr_ansible.diff.files import DueTransfer, wanted_transfers
from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.diff.packages import wanted_packages
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.plan.local_files import local_path
from mngr_ansible.portable.text import one_stop
from mngr_ansible.provisioning import execution
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Prepared, Request
from mngr_ansible.report.report import Report
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.values import replace

_AGAIN = "Nothing was changed on this host. Fix this and render again."

_UNSEEN = (
    "This host could not be looked at when this directory was written, so nothing is planned for it; render said why. "
    + _AGAIN
)

_GROUPS = ("all", "ungrouped", "mngr_hosts")
"""The group of our inventory, and Ansible's own."""

_ENDINGS = (".yml", ".yaml", ".json")


def in_order(prepared: Prepared) -> Prepared:
    """The host's plan with its packages by name: the order in which they were asked for means nothing."""
    requirements = tuple(sorted(prepared.plan.requirements, key=lambda each: each.id))
    return replace(prepared, plan=replace(prepared.plan, requirements=requirements))


def write(
    prepared: Sequence[Prepared], request: Request, directory: Path, *, is_desired: bool = False, is_plain: bool = False
) -> Report:
    """Write the run directory of hosts that were inspected; the report is that of ``plan``.

    Args:
        prepared: the hosts, of :func:`in_order` before they were inspected.
        request: what was asked for.
        directory: a new or empty one.
        is_desired: all that is wanted is in it, not only what is due.
        is_plain: it has plain tasks of Ansible's own modules, and no roles of ours.

    Raises:
        InputError: the directory is not empty or cannot be written, or a source file is gone.
    """
    left_out = [each.path for each in prepared[0].playbooks]
    prepared = [replace(_files_in_order(each), playbooks=()) for each in prepared]
    named = sorted(host_names(prepared).items(), key=lambda each: _natural(each[0]))
    runs = [_host_run(name, each, request, is_desired=is_desired) for name, each in named]
    document, timeout = _document([each for _, each in named]), execution.transaction_seconds(request)
    write_run_directory(
        directory,
        runs,
        document,
        timeout=timeout,
        stage=True,
        is_desired=is_desired,
        is_plain=is_plain,
        left_out=left_out,
    )
    report = plan_report(prepared, "render")
    notices = tuple(f"the playbook {each} is not in the directory; run it with ansible-playbook" for each in left_out)
    return replace(report, notices=(*report.notices, *notices), extra={"path": str(directory.absolute())})


def host_names(prepared: Sequence[Prepared]) -> dict[str, Prepared]:
    """The hosts by their names in the inventory: what the user typed where that can be one, else ``host-N``.

    Ansible looks for the variables of a host in the file of its name, with several endings, so one host's file must not
    be another's. Source: docs/ops.md "A run directory".
    """
    typed = [each.target.name for each in prepared]
    named: dict[str, Prepared] = {}
    left: list[int] = []
    for index, each in enumerate(prepared):
        if _is_portable(each.target.name, typed) and each.target.name not in named:
            named[each.target.name] = each
        else:
            left.append(index)
    for index in left:
        number = index + 1
        while f"host-{number}" in named:
            number += 1
        named[f"host-{number}"] = prepared[index]
    return named


def _is_portable(name: str, typed: Sequence[str]) -> bool:
    if re.fullmatch(r"[A-Za-z0-9._-]+", name) is None or name in (".", "..", *_GROUPS):
        return False
    stem, ending = os.path.splitext(name)  # noqa: PTH122 - it is no path
    return not (ending in _ENDINGS and stem in typed)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorts ``host-2`` before ``host-10``."""
    return [(int(each or 0), text) for text, each in re.findall(r"(\D*)(\d*)", name)]


def _files_in_order(prepared: Prepared) -> Prepared:
    """The host's files by their paths, where the order in which they were asked for means nothing.

    It means something where two of them may create the same directory, each with an owner or mode of its own.
    """
    due = prepared.due
    if due is None:
        return prepared
    options = {
        (each.options.directory_mode, each.options.owner, each.options.group)
        for transfer in prepared.plan.transfers
        for each in transfer.entries
    }
    outcomes = sorted(due.outcomes, key=lambda each: (_KINDS.index(each.kind), each.status is Status.SKIPPED, each.id))
    if len(options) > 1:
        return prepared
    transfers = tuple(sorted(due.transfers, key=lambda each: each.transfer.id))
    plan = replace(prepared.plan, transfers=tuple(sorted(prepared.plan.transfers, key=lambda each: each.id)))
    return replace(prepared, plan=plan, due=replace(due, outcomes=tuple(outcomes), transfers=transfers))


_KINDS = ("bootstrap", "file", "package", "playbook")


def _host_run(name: str, prepared: Prepared, request: Request, *, is_desired: bool) -> HostRun:
    connection, state, due = prepared.target.connection, prepared.state, prepared.due
    request = request.of(prepared.target)
    variables: Mapping[str, Any] = {}
    with suppress(MngrAnsibleError):  # it is the host's error, and told
        variables = connection.portable_variables
    if state is None or due is None:
        return HostRun(name, variables, Due(()), None, stop=_UNSEEN)
    run = execution.host_run(name, due, state, request, variables)
    if stop := "; ".join(_obstacles(prepared)):
        return replace(run, due=Due(due.outcomes), stop=one_stop(f"{stop}. {_AGAIN}"))
    is_local = connection.is_local
    verified = tuple(each.requirement.resolved() for each in due.advised)
    if is_desired and prepared.resolver is not None:
        become = request.become
        files: tuple[DueTransfer, ...] = wanted_transfers(prepared.plan, state, due.transfers, become=become)
        blocked = {each.id for each in due.outcomes if each.status is Status.BLOCKED}
        advised = {each.requirement.id for each in due.advised}
        asked = [each for each in prepared.plan.requirements if each.id not in {*blocked, *advised}]
        packages = wanted_packages(asked, prepared.resolver, due.installs, is_local=is_local)
        due = replace(
            due,
            transfers=tuple(each for each in files if each.transfer.id not in blocked),
            installs=packages.installs,
        )
        verified = (*verified, *(each.resolved() for each in packages.verified))
    return replace(run, due=due, python=None if is_local else run.python, verified=verified)


def _obstacles(prepared: Prepared) -> Iterator[str]:
    """Why a run can change nothing on a host: its required steps that cannot be done."""
    due, state = prepared.due, prepared.state
    if due is None or state is None:
        return
    yield from dict.fromkeys(_told(each) for each in due.stops)  # steps that share a cause have one reason
    if due.is_python_advised:
        line = commands.python_command(state)
        yield f"python3 is missing, and is to be installed by a person: {line}" if line else "python3 is missing"


def _told(outcome: Outcome) -> str:
    reason = outcome.reason or f"it is {outcome.status}"
    return reason if outcome.name in reason.split(" cannot ")[0] else f"{outcome.name}: {reason}"


def _document(prepared: Sequence[Prepared]) -> dict[str, Any]:
    """The content of ``plan.json``, without this machine's paths, and how a host could not be reached from here."""
    own = sorted({path for each in prepared for path in _own_paths(each)}, key=len, reverse=True)

    def cleaned(text: str) -> str:
        for path in own:
            text = text.replace(path, os.path.basename(path))  # noqa: PTH119 - bytes of any kind
        return text

    without = [replace(each, plan=replace(each.plan, notices=())) for each in prepared]
    document = plan_report(without, "render", is_refreshing=True).to_dict()
    for host in document["hosts"]:
        for step in host["steps"]:
            if step["status"] == Status.SKIPPED:
                step["reason"] = cleaned(step["reason"])
    texts = [each["text"] for each in document["notices"]]
    document["notices"] = [
        {"text": cleaned(each) if " is skipped: " in each else each} for each in sorted(dict.fromkeys(texts))
    ]
    for each in document["errors"]:
        each |= {"problem": "the host could not be looked at", "remedy": "Render again."}
    return document


def _own_paths(prepared: Prepared) -> Iterator[str]:
    """The paths of sources as a reason may name them."""
    for contribution in prepared.contributions:
        for spec in contribution.transfers:
            yield from (path for path in (local_path(spec), os.fspath(spec.local_path)) if path.startswith("/"))
