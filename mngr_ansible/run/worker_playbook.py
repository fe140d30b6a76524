"""A playbook of the user's own on a worker: with all files that it needs, the inventory and the passwords, as one job.

Ansible runs it there as when a person starts ``ansible-playbook`` on the worker: with the worker's environment, and a
play for ``localhost`` is about the worker. Source: docs/contract.md "Fleets".
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Unpack

from mngr_ansible.content.location import content_directory
from mngr_ansible.run.own_playbook import OwnPlaybookRun
from mngr_ansible.run.own_playbook_files import playbook_files
from mngr_ansible.run.runner import RunResult
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_job import ROOT, Job
from mngr_ansible.run.worker_scripts import FollowOptions, add_files, making_job, run_job
from mngr_ansible.values import replace

_BLOCK = 1 << 20


def run_playbook_on_worker(
    worker: Worker,
    playbook: OwnPlaybookRun,
    shown: str,
    files: Sequence[Mapping[str, str]],
    directory: Path,
    **options: Unpack[FollowOptions],
) -> RunResult:
    """Run it on a worker, as ``runner.run`` does on this machine.

    Args:
        worker: who runs it.
        playbook: which, with the passwords of all vaults; ``vault_ids`` is not used.
        shown: its path for people.
        files: what connections need on the worker: path in the job → path here.
        directory: of this run, for what this machine needs meanwhile.
        options: see :class:`FollowOptions`.

    Raises:
        InputError: a file cannot be read any more, or there are too many.
        RunError: it could not be started at all.
    """
    found = playbook_files(playbook, shown, ROOT)
    moved = replace(playbook, settings=found.settings)
    hosts = len(playbook.limit)
    with making_job(worker), Job(hosts, options["timeout"], size=found.size, own=moved, words=_words(playbook)) as job:
        for each in found.files:
            if each.source is None:
                job.add_directory(each.place)
            else:
                with open(each.source, "rb") as source, job.open(each.place, each.mode) as file:  # noqa: PTH123
                    _copy(source, file, each.size)
        job.add("own.json", _inventory(playbook))
        job.add("limit", "".join(f"{name}\n" for name in playbook.limit))
        for number, (_, password) in enumerate(playbook.vault_passwords):
            job.add(f"vault/{number}", password)
        if playbook.become_password is not None:
            job.add("become", playbook.become_password)
        for plugin in (content_directory() / "launcher" / "inventory_plugins").glob("*.py"):
            job.add(f"inventory_plugins/{plugin.name}", plugin.read_bytes())
        add_files(job, files)
        return run_job(worker, job, directory, tasks="own", **options)


def _inventory(playbook: OwnPlaybookRun) -> str:
    """The hosts there. What looks something up, such as a file, is as it is on this machine."""
    hosts = [
        {**each, "templates": {name: raw for name, raw in each["templates"].items() if name not in each["variables"]}}
        for each in playbook.hosts
    ]
    return json.dumps({"hosts": hosts, "groups": playbook.groups, "directory": "playbook"})


def _words(playbook: OwnPlaybookRun) -> list[str]:
    """The arguments of ``ansible-playbook`` there; what is secret is in files of the job's private directory."""
    words = ["-i", f"{ROOT}/own.json", "--limit", f"@{ROOT}/limit"]
    for number, (label, _) in enumerate(playbook.vault_passwords):
        words += ["--vault-id", f"{label}@{ROOT}/vault/{number}"]
    if playbook.become_password is not None:
        words += ["--become-password-file", f"{ROOT}/become"]
    return [*words, f"{ROOT}/playbook/{playbook.path.name}"]


def _copy(source: IO[bytes], file: IO[bytes], size: int) -> None:
    """Copy a file as long as it was when it was found: another program may write to it."""
    while size > 0 and (block := source.read(min(size, _BLOCK))):
        file.write(block)
        size -= len(block)
