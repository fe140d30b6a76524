"""Write a run directory: playbook, inventory, roles and data, complete, to run here or by hand.

::

    DIR/README.md                     how to run it, and what it needs (only where it is to be run later)
    DIR/execution-environment.yml     an image to run it in, for ansible-builder; awx/ has files for AWX (as above)
    DIR/.gitignore                    what ansible-runner and others leave there, perhaps with secrets (as above)
    DIR/plan.json                     the plan, for people and programs
    DIR/inventory/hosts.yml           the names of the hosts
    DIR/inventory/host_vars/*.json    connection variables and data, every string marked
    DIR/project/provision.yml         the playbook
    DIR/project/roles/                the roles that it uses
    DIR/project/tasks/                the tasks of hosts that differ (only with plain tasks)
    DIR/project/templates/            the places of secrets (only with plain tasks)
    DIR/project/files/                the files to copy (only where it is to be run later; never a secret)
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import InputError
from mngr_ansible.plan.known_hashes import forget_sets_with
from mngr_ansible.portable import snapshots
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.run.bundle import Bundle, bundled, placed_files
from mngr_ansible.run.controller_files import IGNORED, controller_files
from mngr_ansible.run.host_vars import connection_vars, environment, has_addresses, host_vars
from mngr_ansible.run.inventory import inventory
from mngr_ansible.run.places import is_in_state_directory
from mngr_ansible.run.plain_files import secret_templates
from mngr_ansible.run.plain_tasks import plain_playbook
from mngr_ansible.run.playbook import HostRun, playbook
from mngr_ansible.run.readme import readme
from mngr_ansible.run.ready import NEXT_PLAYBOOK, PLAYBOOK, ReadyAnsible


def write_run_directory(
    directory: Path,
    runs: Sequence[HostRun],
    plan: Mapping[str, Any],
    *,
    timeout: int,
    stage: bool = False,
    is_desired: bool = False,
    is_plain: bool = False,
    ready: ReadyAnsible | None = None,
    left_out: Sequence[str] = (),
) -> None:
    """Fill a new or empty directory, which only its owner can read.

    Args:
        directory: where to write.
        runs: the hosts.
        plan: the content of ``plan.json``.
        timeout: seconds for a package transaction on a host.
        stage: it is to be run later, perhaps elsewhere: the sources are copied into it, and it says how it is run. A
            secret is never copied: the run reads it from its environment.
        is_desired: it holds all that is wanted, not only what is due.
        is_plain: a directory to run later has plain tasks, and no roles of ours.
        left_out: the playbooks of the user's own, which a directory to run later does not have.
        ready: Ansible that waits in this directory: its inventory is there, and the playbook is put beside its place.

    Raises:
        InputError: the directory is not empty, is another user's, or cannot be written; or a source cannot be read, or
            changed. Nothing of a directory that could not be completed stays.
    """
    existed = directory.exists()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_uid != os.geteuid():
            raise InputError(
                f"{directory} belongs to another user, who could change what is in it",
                remedy="Give a new directory, or one of your own.",
            )
        if ready is None and any(directory.iterdir()):
            raise InputError(f"{directory} is not empty", remedy="Give a new or empty directory.")
        directory.chmod(0o700)
        try:
            bundle = _bundled(runs) if stage else None
            if stage:
                write_private_text(directory / ".gitignore", IGNORED)
            write_private_text(directory / "plan.json", json.dumps(plan, indent=2) + "\n")
            if ready is None:
                write_private_text(directory / "inventory" / "hosts.yml", inventory(run.alias for run in runs))
            if bundle is not None and is_plain:
                _fill_plainly(directory, runs, bundle, is_desired=is_desired)
            else:
                _fill(directory, runs, bundle, timeout=timeout, ready=ready)
            if bundle is not None:
                for name, text in controller_files(runs, bundle, timeout, is_plain=is_plain).items():
                    write_private_text(directory / name, text)
                page = readme(runs, plan, bundle, is_desired=is_desired, left_out=left_out)
                write_private_text(directory / "README.md", page)
                _close(directory)
        except BaseException:
            _remove(directory, with_itself=not existed)
            raise
    except OSError as error:
        first = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror  # of the files that failed
        is_file = isinstance(error, (FileExistsError, NotADirectoryError))
        raise InputError(
            f"the run directory {directory} cannot be written: {first or error}",
            remedy="Give a new or empty directory." if is_file else _remedy(directory, is_given=stage),
        ) from error


def _remedy(directory: Path, *, is_given: bool) -> str:
    """What helps where a run directory cannot be written."""
    if is_given:
        return "Free disk space, or give another directory, and run again."
    variable = "XDG_STATE_HOME" if is_in_state_directory(directory.parent) else "TMPDIR"
    return f"Free disk space, or name another directory in {variable}, and run again."


def _fill(
    directory: Path, runs: Sequence[HostRun], bundle: Bundle | None, *, timeout: int, ready: ReadyAnsible | None
) -> None:
    project = directory / "project"
    if bundle is not None:
        _stage(project, runs, bundle)
    for run in runs:
        _write_host_vars(directory, run, host_vars(run, timeout, bundle))
    has_environment = bundle is not None and any(environment(run, bundle) for run in runs)
    text = playbook(
        runs,
        is_fresh=bundle is None,
        has_addresses=bundle is not None and has_addresses(runs),
        has_environment=has_environment,
        is_of_all=ready is None or ready.hosts == len(runs),
    )
    write_private_text(project / (PLAYBOOK if ready is None else NEXT_PLAYBOOK), text)
    _place_roles(project, runs, is_copied=bundle is not None)


def _fill_plainly(directory: Path, runs: Sequence[HostRun], bundle: Bundle, *, is_desired: bool) -> None:
    project = directory / "project"
    _stage(project, runs, bundle)
    for run in runs:
        _write_host_vars(directory, run, connection_vars(run, is_portable=True))
    texts = plain_playbook(runs, bundle, is_desired=is_desired) | secret_templates(bundle)
    for name, text in texts.items():
        write_private_text(project / name, text)


def _write_host_vars(directory: Path, run: HostRun, variables: Mapping[str, Any]) -> None:
    data = json.dumps(variables, ensure_ascii=True, indent=1)
    write_private_text(directory / "inventory" / "host_vars" / f"{run.alias}.json", data + "\n")


def _close(directory: Path) -> None:
    """Give everything the modes that it has whoever writes it: files 0600, directories 0700."""
    for top, _, names in os.walk(directory):
        os.chmod(top, 0o700)  # noqa: PTH101 - names of any bytes
        for name in names:
            os.chmod(os.path.join(top, name), 0o600)  # noqa: PTH101, PTH118


def _remove(directory: Path, *, with_itself: bool) -> None:
    """Remove what was written into a directory that cannot be completed; itself too, if it is new."""
    for each in list(directory.iterdir()):
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
    if with_itself:
        directory.rmdir()


def _place_roles(project: Path, runs: Sequence[HostRun], *, is_copied: bool) -> None:
    """Put the roles that are needed beside the playbook: as copies, or, where the run follows at once, as links, so
    that Python finds there what it has compiled already."""
    roles = content_directory() / "roles"
    for name in needed_roles(runs):
        if is_copied:
            shutil.copytree(roles / name, project / "roles" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (project / "roles").mkdir(mode=0o700, exist_ok=True)
            (project / "roles" / name).symlink_to(roles / name)


def needed_roles(runs: Sequence[HostRun]) -> list[str]:
    """The roles that the playbook of these hosts uses."""
    needed = {
        "mngr_files": any(run.due.transfers for run in runs),
        "mngr_packages": any(run.due.installs or run.verified for run in runs),
        "mngr_bootstrap": any(run.due.needs_python for run in runs),
    }
    return [name for name, is_needed in needed.items() if is_needed]


def _bundled(runs: Sequence[HostRun]) -> Bundle:
    try:
        return bundled(runs)
    except (FileNotFoundError, PermissionError) as error:
        raise _unreadable(str(error.filename), error) from error


def _stage(project: Path, runs: Sequence[HostRun], bundle: Bundle) -> None:
    """Copy all sources but secrets beside the playbook, under their names there."""
    for _, placed in placed_files(runs):
        name = bundle.files.get(placed.entry.source)
        if name is not None and not (project / name).exists():
            copy = project / name
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copy(placed.entry, copy)


def _copy(entry: Entry, copy: Path) -> None:
    """Copy a source as it was planned: what a program has added to it since then is left out."""
    try:
        with copy.open("wb") as file:
            sha256 = snapshots.copy_beginning(entry.source, entry.size, file)
    except (FileNotFoundError, PermissionError) as error:
        raise _unreadable(entry.source, error) from error
    if sha256 != entry.sha256:
        forget_sets_with([entry.source])
        problem = f"{printable(entry.source)} was changed by another program since it was planned"
        raise InputError(problem, remedy="Run again, when no program writes to it.")


def _unreadable(source: str, error: OSError) -> InputError:
    return InputError(
        f"{printable(source)} can no longer be read: {error.strerror}",
        remedy="Check that the file exists and that you can read it, then run again.",
    )


def write_private_text(path: Path, text: str) -> None:
    """Write a new file that only its owner can read; its directories are made too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
