"""Playbooks of the user's own around what we change: made ready before the first change, run before ours and after it.

Each is a run of its own, through the connections that are open. What stands beside the playbook counts as when a person
runs it; what the inventory says of the hosts reaches it. Source: docs/contract.md "Fleets".
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.state import HostState
from mngr_ansible.inputs.fleet import OwnPlaybook
from mngr_ansible.inputs.own_playbooks import playbook_file
from mngr_ansible.portable.text import one_stop
from mngr_ansible.provisioning.execution import HostsRun, archive_failure
from mngr_ansible.provisioning.password import ask_vault_password
from mngr_ansible.provisioning.rendering import host_names
from mngr_ansible.provisioning.reporting import apply_report, not_run_report
from mngr_ansible.provisioning.request import Dialog, OwnPlaybooks, Prepared, ReadyPlaybook, Request, Target
from mngr_ansible.report import own_playbooks as steps
from mngr_ansible.report.report import HostReport, Interrupted, Report
from mngr_ansible.run import own_playbook, own_playbook_requirements
from mngr_ansible.run.directory import write_private_text
from mngr_ansible.run.environment import environment
from mngr_ansible.run.inventory import alias
from mngr_ansible.run.own_playbook import JobHost, OwnPlaybookRun
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.runner import Event, RunRecord, RunResult, RunStop, run
from mngr_ansible.system.tempdirs import socket_directory
from mngr_ansible.values import replace

if TYPE_CHECKING:
    from pathlib import Path

_CHECK_SECONDS = 120.0
"""How long Ansible may take to load a playbook."""


def made_ready(gathered: Sequence[Prepared], request: Request, dialog: Dialog) -> Request:
    """The request with its playbooks ready to run: their requirements installed, and loaded once as a whole.

    No host is contacted, and nothing is changed, so what is wrong with one is known before the first change.

    Raises:
        InputError: a playbook is missing, cannot be loaded or asks a question; its requirements cannot be installed; or
            its files cannot be sent to a worker.
    """
    names = {id(each.target): name for name, each in host_names(gathered).items()}
    own = OwnPlaybooks(tuple(each.target for each in gathered), names)
    others = tuple(_beyond(own))
    hosts, beyond = (*(_described(each, own) for each in own.targets), *others), {each["name"] for each in others}
    groups = next((each.all_groups for each in own.targets if each.all_groups), {})
    labels = {each: own_playbook.asked_label(each) for each in request.fleet.vault_ids}
    files = tuple(own_playbook.absolute_vault_id(each) for each, label in labels.items() if label is None)
    known = {label: password for each in own.targets for label, password in each.vault_passwords.items()}
    asked = [label for label in labels.values() if label is not None]
    with dialog.aside() if asked else nullcontext():
        typed = tuple((label, known.get(label) or ask_vault_password(label)) for label in asked)
    started, ready = time.monotonic(), []
    for each in request.fleet.playbooks:
        left = max(1.0, request.timeout - (time.monotonic() - started))
        path = playbook_file(each)
        words = f"{each.path}: installing what the {own_playbook_requirements.NAME} beside it names"
        installed = own_playbook_requirements.installed(path, each.path, left, partial(dialog.on_progress, "", words))
        settings = own_playbook.search_paths(path, installed) | own_playbook.task_limit(request.fleet.host_timeout)
        one = OwnPlaybookRun(
            path, settings, files, hosts, groups, become_password=request.password, vault_passwords=typed
        )
        with socket_directory() as private:
            (private / "ansible.cfg").touch()
            common = environment(private, private, None, str(private / "tmp"), len(gathered))
            seconds, is_sent = min(left, _CHECK_SECONDS), bool(request.fleet.workers)
            checked = own_playbook.check(one, each.path, private, common, seconds, is_sent=is_sent)
        if is_sent:
            from mngr_ansible.run.own_playbook_files import playbook_files, require_all

            require_all(playbook_files(one, each.path, "/"), checked.files, each.path)
            one = replace(one, vault_ids=(), vault_passwords=checked.vault_passwords)
        plays = checked.plays
        addressed = frozenset[str]().union(*(play.hosts for play in plays)) - beyond
        if not addressed:
            patterns = ", ".join(dict.fromkeys(play.pattern for play in plays)) or "none"
            words = f"warning: no play of {each.path} is for these hosts; its plays are for: {patterns}"
            dialog.on_progress("", words)
        elif nowhere := [play.pattern for play in plays if not play.hosts and play.pattern not in groups]:
            patterns = ", ".join(dict.fromkeys(nowhere))
            words = (
                f"warning: {each.path}: what is for {patterns} is not run: no host of this run or its inventory is that"
            )
            dialog.on_progress("", f"{words}, and a host of add_host is none of this run")
        ready.append(ReadyPlaybook(each, one, addressed))
    return replace(request, own=replace(own, playbooks=tuple(ready)))


def _described(
    target: Target, own: OwnPlaybooks, state: HostState | None = None, *, beside: Target | None = None
) -> JobHost:
    """A host as a playbook sees it: what its inventory says, who its agent is, and in a run how it is reached.

    ``state``: None for a host on which nothing is run now. ``beside``: a host of the run; None: nothing is run at all.
    """
    ours: dict[str, Any] = {
        "mngr_agent_name": str(getattr(target.agent, "name", "")),
        "mngr_agent_type": str(getattr(target.agent, "agent_type", "")),
        "mngr_work_dir": target.work_dir if state is None else state.paths.work_dir,
        "mngr_host_name": target.host_name or target.name,
    }
    if beside is not None:
        is_alike = _are_reached_alike(target, beside)
        with suppress(MngrAnsibleError):  # it is the host's error, and reported
            ours |= target.connection.variables if is_alike else target.connection.portable_variables
        if state is not None and state.system.python is not None:
            ours.setdefault("ansible_python_interpreter", state.system.python)
        if target.password is not None and is_alike:
            ours["ansible_become_password"] = target.password
    levels = {name: target.levels.get(name, "all") for name in (*target.values, *target.templates)}
    return {
        "name": own.name(target),
        "groups": list(target.groups),
        "variables": {**target.values, **ours},
        "templates": {name: value for name, value in target.templates.items() if name not in ours},
        "levels": levels | dict.fromkeys(ours, "host"),
    }


def _are_reached_alike(one: Target, other: Target) -> bool:
    """Whether the same worker reaches both hosts, or this machine does."""
    return getattr(one.connection, "desk", None) is getattr(other.connection, "desk", None)


def _without_passwords(host: JobHost) -> JobHost:
    """The same host for a worker that does not reach it: without the inventory's passwords for logins and sudo."""

    def rest(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each for key, each in values.items() if not (key.startswith("ansible_") and "pass" in key)}

    return {**host, "variables": rest(host["variables"]), "templates": rest(host["templates"])}


def _beyond(own: OwnPlaybooks) -> Iterator[JobHost]:
    """The hosts of the inventories on which nothing is run, but of which a playbook may speak."""
    for target in own.targets:
        for each in target.beyond:
            if each.name not in own.all_names:
                yield {
                    "name": each.name,
                    "groups": list(each.groups),
                    "variables": each.values,
                    "templates": each.templates,
                    "levels": each.levels,
                }


def run_around(
    prepared: Sequence[Prepared],
    request: Request,
    dialog: Dialog,
    command: str,
    stop: RunStop,
    run_ours: Callable[[Sequence[Prepared], Request], Report],
) -> Report:
    """Run the playbooks that come before ours, then ours, then the others; the report has all of them.

    Where one that comes before failed on a host, nothing else is done there. Where it changed something, the host is
    looked at once more, since what we know of it may be no longer true. One that comes after is run where ours ended
    well.

    Args:
        prepared: the hosts of one wave, inspected.
        request: what was asked for, of :func:`made_ready`.
        dialog: gets progress lines.
        command: the verb that the report is of.
        stop: ends it from another thread.
        run_ours: runs what is ours on these hosts.

    Raises:
        MngrAnsibleError: as ``run_ours``, where no playbook was run.
        Interrupted: a signal stopped one of them, or what comes between them.
    """
    assert request.own is not None  # noqa: S101
    with ExitStack() as directories:
        wave = _Wave(prepared, request, dialog, stop, directories)
        report = None
        try:
            wave.run("before")
            hosts = wave.masked(_looked_at_again(wave, request))
            if wave.signal is None:
                report = _ours(wave, hosts, request, command, run_ours)
                wave.well = [each.ok and is_well for each, is_well in zip(report.hosts, wave.well, strict=True)]
                wave.run("after")
        except Interrupted as interrupted:
            raise Interrupted(wave.merged(interrupted.report), interrupted.signal) from interrupted
        except (KeyboardInterrupt, SystemExit) as signal:
            if report is None and not wave.has_run:
                raise
            wave.signal = signal
        report = wave.merged(report or apply_report(wave.masked(wave.prepared), command, None))
        if wave.signal is not None:
            raise Interrupted(wave.archived(report), wave.signal)
        return wave.archived(report)


def _ours(
    wave: "_Wave",
    hosts: Sequence[Prepared],
    request: Request,
    command: str,
    run_ours: Callable[[Sequence[Prepared], Request], Report],
) -> Report:
    """The report of what is ours; after a playbook that may have changed something, also where it cannot be run."""
    try:
        return run_ours(hosts, request)
    except MngrAnsibleError as error:
        if not wave.has_run:
            raise
        return not_run_report(hosts, command, error)


def _looked_at_again(wave: "_Wave", request: Request) -> list[Prepared]:
    """The hosts, those anew on which a playbook has changed something."""
    from mngr_ansible.provisioning.provisioner import inspect

    hosts = wave.prepared
    changed = [
        index for index, own in enumerate(wave.outcomes) if wave.well[index] and Status.CHANGED in _statuses(own)
    ]
    if changed and wave.signal is None and not wave.stop.is_set:
        again = [replace(hosts[each], spent=hosts[each].spent + wave.spent) for each in changed]
        for index, each in zip(changed, inspect(again, request, is_applied=True), strict=True):
            hosts[index] = _agreed(each, wave.given[index])
    return hosts


def _agreed(prepared: Prepared, before: Prepared) -> Prepared:
    """A host that was looked at again, with what a person has agreed to before."""
    due, old = prepared.due, before.due
    if due is None or old is None:
        return prepared
    agreed = {each.transfer.id for each in old.transfers}
    if due.held and all(each.due.transfer.id in agreed for each in due.held):
        due = due.released()
    chosen = {each.requirement.id for each in old.installs}
    moved = tuple(each for each in due.advised if each.requirement.id in chosen)
    if moved:
        rest = tuple(each for each in due.advised if each not in moved)
        due = replace(due, installs=(*due.installs, *moved), advised=rest)
    return replace(prepared, due=due)


def _statuses(outcomes: Mapping[str, Outcome]) -> set[Status]:
    return {each.status for each in outcomes.values()}


class _Wave:
    """The hosts of one wave, and what became of them so far.

    Attributes:
        given: the hosts as they were given.
        prepared: the same as they are known now.
        well: which of them could be reached and have not failed.
        outcomes: of each, by the id of its step, how the playbooks ended that were begun.
        errors: of each, the first error.
        signal: what stopped a playbook; None: nothing did.
    """

    def __init__(
        self, prepared: Sequence[Prepared], request: Request, dialog: Dialog, stop: RunStop, directories: ExitStack
    ) -> None:
        self.given = list(prepared)
        self.prepared = list(prepared)
        self.well = [each.error is None and each.state is not None for each in prepared]
        self.outcomes: list[dict[str, Outcome]] = [{} for _ in prepared]
        self.errors: list[MngrAnsibleError | None] = [None] * len(self.given)
        self.signal: BaseException | None = None
        self.stop = stop
        self._request, self._dialog, self._directories = request, dialog, directories
        assert request.own is not None  # noqa: S101
        self._own = request.own
        self._begun = time.monotonic()
        self._done: list[tuple[Path, HostsRun]] = []

    @property
    def has_run(self) -> bool:
        """Whether a playbook was run."""
        return bool(self._done)

    @property
    def spent(self) -> float:
        """Seconds since the wave was begun."""
        return time.monotonic() - self._begun

    def run(self, when: str) -> None:
        """Run the playbooks of this moment, one after the other, each where all before it ended well."""
        for each in self._own.playbooks:
            chosen = [index for index, is_well in enumerate(self.well) if is_well]
            if each.playbook.when == when and chosen and self.signal is None and not self.stop.is_set:
                self._run_one(each, chosen)

    def _run_one(self, ready: ReadyPlaybook, chosen: Sequence[int]) -> None:
        playbook, names = ready.playbook, [self._own.name(self.given[index].target) for index in chosen]
        addressed = [index for index, name in zip(chosen, names, strict=True) if name in ready.addressed]
        if not addressed and ready.addressed <= self._own.all_names:
            result = RunResult("finished", True, frozenset(), ())
        else:
            result = self._result_or_failure(ready, chosen)
        for index, name in zip(chosen, names, strict=True):
            step, error = steps.ended(
                playbook,
                name,
                result,
                self._own.all_names,
                is_addressed=index in addressed,
                host_timeout=self._request.fleet.host_timeout,
            )
            self.outcomes[index][playbook.id] = step
            if error is not None:
                error.host = self.given[index].target.name
                self.errors[index] = self.errors[index] or error
            self.well[index] = step.status in (Status.OK, Status.CHANGED, Status.SKIPPED)

    def _result_or_failure(self, ready: ReadyPlaybook, chosen: Sequence[int]) -> RunResult:
        """How it ended; where it cannot be started after something was changed, that is how.

        Raises:
            MngrAnsibleError: it cannot be started, and nothing was changed.
        """
        try:
            return self._result(ready, chosen)
        except MngrAnsibleError as error:
            if ready.playbook.when == "before" and not self.has_run:
                raise
            for index in chosen:
                host = self.given[index].target.name
                self.errors[index] = HostError(error.problem, remedy=error.remedy, host=host)
            return RunResult("finished", False, frozenset(), (), error.problem, has_begun=False)

    def _result(self, ready: ReadyPlaybook, chosen: Sequence[int]) -> RunResult:
        request, record = self._request, RunRecord()
        states = {id(each.target): each.state for each in self.prepared}
        names = tuple(self._own.name(self.given[index].target) for index in chosen)
        first = self.given[chosen[0]].target  # the others of the wave are reached as it is
        described = (_described(each, self._own, states.get(id(each)), beside=first) for each in self._own.targets)
        hosts = (*described, *_beyond(self._own))
        near = [each for each in self._own.targets if _are_reached_alike(each, first)]
        if request.fleet.workers:
            reached = {self._own.name(each) for each in near}
            hosts = tuple(each if each["name"] in reached else _without_passwords(each) for each in hosts)
        limit = (*names, *(each for each in ready.addressed if each not in self._own.all_names))  # such as localhost
        one = replace(ready.run, hosts=hosts, limit=limit)
        directory = self._directories.enter_context(temporary_run_directory())
        about = {"playbook": str(one.path), "settings": dict(one.settings), "hosts": names}
        write_private_text(directory / "run" / "playbook.json", json.dumps(about, indent=1) + "\n")
        seconds = max(1.0, request.timeout - max(self.given[index].spent for index in chosen) - self.spent)
        follow, result = self._follower(ready.playbook), None
        try:
            if request.fleet.workers:
                from mngr_ansible.provisioning.behind_workers import run_playbook_elsewhere

                result = run_playbook_elsewhere(
                    near,
                    one,
                    ready.playbook.path,
                    directory / "run",
                    timeout=seconds,
                    record=record,
                    stop=self.stop,
                    on_event=follow,
                )
            result = result or run(
                directory / "run",
                timeout=seconds,
                hosts=len(names),
                control_path=request.control_path,
                on_event=follow,
                record=record,
                stop=self.stop,
                own=one,
            )
        except (KeyboardInterrupt, SystemExit) as signal:
            self.signal, result = signal, record.interrupted()
        if self._dialog.is_verbose and result.details and self.signal is None:
            self._dialog.on_progress("", result.details)
        self._done.append((directory, HostsRun(frozenset(map(alias, chosen)), result, self.signal)))
        return result

    def _follower(self, playbook: OwnPlaybook) -> Callable[[Event], None]:
        """What to do with each event: a line for each task, and one for each host on which it failed."""
        typed = {self._own.name(each): each.name for each in self._own.targets}
        alone = self.given[0].target.name if len(self.given) == 1 else ""
        said: set[tuple[str, str]] = set()

        def follow(event: Event) -> None:
            host = typed.get(event.host, event.host)
            if event.kind == "task":
                self._dialog.all_at([each.target.name for each in self.given], alone, f"{playbook.path}: {event.task}")
                return
            words = {
                "failed": f"{event.task} failed: {event.text}",
                "unreachable": f"{event.task}: this host cannot be reached",
            }
            line = one_stop(f"warning: {playbook.path}: {words.get(event.kind, event.text)}")
            if (host, line) not in said:
                said.add((host, line))
                self._dialog.on_progress(host, line)

        return follow

    def masked(self, hosts: Sequence[Prepared]) -> list[Prepared]:
        """The hosts for what is ours: nothing is to do where a playbook before it failed, and time has passed."""
        found = []
        for each, is_well in zip(hosts, self.well, strict=True):
            one = replace(each, playbooks=(), spent=each.spent + self.spent if self.has_run else each.spent)
            if not is_well and one.due is not None:
                one = replace(one, due=replace(one.due, transfers=(), installs=(), needs_python=False))
            found.append(one)
        return found

    def merged(self, report: Report) -> Report:
        """The report of what is ours, with the steps of the playbooks around it."""
        return replace(report, hosts=tuple(self._with_own(index, each) for index, each in enumerate(report.hosts)))

    def _with_own(self, index: int, host: HostReport) -> HostReport:
        playbooks = [each.playbook for each in self._own.playbooks]
        own = [self.outcomes[index].get(each.id) or steps.not_reached(each) for each in playbooks]
        outcomes = host.outcomes
        if failed := next((each for each in own if each.status in (Status.FAILED, Status.UNKNOWN)), None):
            reason = f"nothing was changed on this host, because {failed.name} did not end well"
            is_before = any(each.id == failed.id and each.when == "before" for each in playbooks)
            outcomes = tuple(
                replace(each, reason=reason) if is_before and each.status is Status.NOT_REACHED else each
                for each in host.outcomes
            )
        error = host.error or self.errors[index]
        return replace(host, outcomes=steps.around(playbooks, outcomes, own), error=error)

    def archived(self, report: Report) -> Report:
        """The report; the run directory of a playbook that failed is kept."""
        if not self.stop.is_set:
            for directory, done in reversed(self._done):
                report = archive_failure(directory, done, report)
        return report
