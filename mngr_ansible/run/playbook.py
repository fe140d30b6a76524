"""``Due`` → the text of the playbook, and the order in which a run works. Pure: no file is touched.

The playbook is a selection from a closed set of pieces. No text of a plugin is ever part of it: names, paths and
versions are data, which :mod:`mngr_ansible.run.host_vars` writes beside it.

Where the run follows at once, our actions check the canary and what they are given, so two tasks for each host are
left out. A directory to run later has them: people see there what is checked, and may change its data.
Source: docs/architecture.md "How a run is made".
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.python import BOOTSTRAP
from mngr_ansible.diff.resolver import by_manager
from mngr_ansible.host.state import HostState
from mngr_ansible.portable import managers
from mngr_ansible.portable.marked_text import CANARY
from mngr_ansible.portable.shapes import CompleteRequirement
from mngr_ansible.spec.sources import DOWNLOADS
from mngr_ansible.values import frozen

_HEAD = """\
---
# {summary}. The data is in ../inventory/host_vars; ../plan.json says which plugin needs what.
# Run it by hand: ansible-playbook -i ../inventory provision.yml
- name: Provision the hosts
  hosts: {hosts}
{strategy}  gather_facts: false
  tasks:
"""

_FREE = """\
  strategy: free
"""
"""No host waits for another one before its next task. Source: Ansible's strategy plugin ``free``."""

_UNTIL = """\
  timeout: "{{ [1, (mngr_ansible.until - now().timestamp()) | int] | max if mngr_ansible.until is defined else 0 }}"
"""
"""A task is ended when its host has no time left; 0 is no limit. Source: Ansible's playbook keyword ``timeout``."""

_CANARY = """\
    - name: Check that data arrives as data
      ansible.builtin.assert:
        that: mngr_ansible.canary | b64encode == '{canary}'
        quiet: true
"""

_STOP = """
    - name: Stop where it is known that a step cannot be done
      ansible.builtin.fail:
        msg: "{{ mngr_ansible.stop }}"
      when: mngr_ansible.stop | length > 0
"""

_ENVIRONMENT = """
    - name: Check that the environment has what this directory leaves out
      ansible.builtin.assert:
        that: >-
          lookup('ansible.builtin.env', item.name) | length > 0
          or lookup('ansible.builtin.env', item.name ~ '_FILE') | length > 0
        fail_msg: "{{ item.unset }}"
        quiet: true
      loop: "{{ mngr_ansible.environment }}"
      loop_control:
        label: "{{ item.name }}"
"""

_BOOTSTRAP = """
    - name: Install python3
      ansible.builtin.import_role:
        name: mngr_bootstrap
        tasks_from: python
      vars:
        mngr_bootstrap_timeout: "{{ mngr_ansible.timeout }}"
        mngr_bootstrap_lock_timeout: "{{ mngr_ansible.lock_timeout }}"
      when: mngr_ansible.needs_python
"""

_FILES = """
    - name: Copy files
      ansible.builtin.import_role:
        name: mngr_files
      vars:
        mngr_files_transfers: "{{ mngr_ansible.files }}"
"""

_BECOME = """\
      become: "{{ mngr_ansible.become }}"
"""

_TASK_AS_ROOT = """\
      become: "{{ mngr_ansible.has_password }}"
"""

_FILES_AS_ROOT = """
    - name: Copy files as root
      ansible.builtin.import_role:
        name: mngr_files
      vars:
        mngr_files_transfers: "{{ mngr_ansible.files_as_root }}"
      become: true
"""

_REPOSITORIES = """
    - name: Add package repositories
      ansible.builtin.import_role:
        name: mngr_packages
        tasks_from: repositories
      vars:
        mngr_packages_repositories: "{{ mngr_ansible.repositories }}"
        mngr_packages_timeout: "{{ mngr_ansible.timeout }}"
"""

_PACKAGES = """
    - name: Install packages with @MANAGER@
      ansible.builtin.import_role:
        name: mngr_packages
        tasks_from: install
      vars:
        mngr_packages_manager: @MANAGER@
        mngr_packages_requirements: "{{ mngr_ansible.packages.@MANAGER@ }}"
        mngr_packages_timeout: "{{ mngr_ansible.timeout }}"
        mngr_packages_lock_timeout: "{{ mngr_ansible.lock_timeout }}"
"""

_DOWNLOADS = """
    - name: Install what is downloaded
      ansible.builtin.import_role:
        name: mngr_packages
        tasks_from: fetch
      vars:
        mngr_packages_downloads: "{{ mngr_ansible.downloads }}"
        mngr_packages_timeout: "{{ mngr_ansible.timeout }}"
"""

_WHOLE_ADDRESSES = """\
        @VARIABLE@: >-
          {%- set found = namespace(whole=[]) -%}
          {%- for each in mngr_ansible.@LIST@ -%}
          {%- set found.one = each -%}
          {%- for field, name in mngr_ansible.addresses.@LIST@.get(each.name, {}).items() -%}
          {%- set found.one = found.one | combine({field: lookup('ansible.builtin.env', name)
              or undef(hint='Set ' ~ name ~ ' in the environment to the whole address, with login and query')}) -%}
          {%- endfor -%}
          {%- set found.whole = found.whole + [found.one] -%}
          {%- endfor -%}
          {{ found.whole }}
"""
"""A list whose addresses with a login or query come from the environment, in a directory to run later."""

_ASSERT = """
    - name: Assert versions
      ansible.builtin.import_role:
        name: mngr_packages
        tasks_from: assert
      vars:
        mngr_packages_requirements: "{{ mngr_ansible.required }}"
        __mngr_packages_use_reports: true
"""


_ROLE = """\
      ansible.builtin.import_role:
"""
_UNCHECKED = """\
        rolespec_validate: false
"""


@frozen
class HostRun:
    """One host of a run.

    Attributes:
        alias: its name in the inventory: ``host-1``, or what the user typed where a directory to run later can have it.
        variables: Ansible's connection variables for it (``ansible_host``, …).
        due: what the run changes on it.
        python: the interpreter for Ansible on the host, unless ``variables`` names one.
        become: whether files are written as root (``--become``).
        has_password: whether sudo needs a password on the host, so that whole tasks become root.
        remote_tmp: where Ansible keeps its temporary files on the host; None: Ansible's default.
        lock_seconds: to wait while another program holds a package manager's lock.
        stop: why nothing is done on it, in a directory to run later; empty: all is done that is due.
        verified: the requirements that are only checked in such a directory, because a person installs them, or they
            are there already and nothing here can install them.
        state: what is true on it; None only in tests.
        seconds: that the host has left of its own time; None: only that of the whole run counts.
    """

    alias: str
    variables: Mapping[str, Any]
    due: Due
    python: str | None
    become: bool = False
    has_password: bool = False
    remote_tmp: str | None = None
    lock_seconds: int = managers.LOCK_SECONDS
    stop: str = ""
    verified: tuple[CompleteRequirement, ...] = ()
    state: HostState | None = None
    seconds: float | None = None


@frozen
class Stage:
    """Steps that a run works on at the same time on one host.

    Attributes:
        what: ``python3``, ``files``, a package manager (``apt``, ``npm``, …) or ``downloads``.
        ids: the ids of its steps, in the order of the work.
        names: the same steps in words: a destination, or a package's name.
    """

    what: str
    ids: tuple[str, ...]
    names: tuple[str, ...]


def run_stages(due: Due) -> tuple[Stage, ...]:
    """The stages of one host's run, in the order in which the playbook works through them; empty ones are left out."""
    grouped = by_manager(due.installs)
    transfers = sorted(due.transfers, key=lambda each: each.as_root)
    downloads = [candidate for manager in DOWNLOADS for candidate in grouped.get(manager, ())]
    work = [
        ("python3", [BOOTSTRAP] if due.needs_python else []),
        ("files", [each.transfer.id for each in transfers]),
        *((manager, [each.step_id for each in grouped.get(manager, ())]) for manager in managers.TABLE),
        ("downloads", [each.step_id for each in downloads]),
    ]
    return tuple(Stage(what, tuple(ids), tuple(step.partition(":")[2] for step in ids)) for what, ids in work if ids)


def playbook(
    runs: Sequence[HostRun],
    *,
    is_fresh: bool = False,
    has_addresses: bool = False,
    has_environment: bool = False,
    is_of_all: bool = True,
) -> str:
    """The text of ``provision.yml``: the pieces that at least one of these hosts needs.

    Args:
        runs: the hosts.
        is_fresh: the run follows at once.
        has_addresses: addresses with a login or query are not in the data, but in the environment of the run.
        has_environment: so are these, or secrets; that they are there is checked first.
        is_of_all: these are all hosts of the inventory.
    """
    repositories, downloads = _REPOSITORIES, _DOWNLOADS
    if has_addresses:
        repositories = _with_addresses(repositories, "repositories")
        downloads = _with_addresses(downloads, "downloads")
    canary = base64.b64encode(CANARY.encode()).decode()
    become = _BECOME if any(run.become for run in runs) else ""
    task_as_root = _TASK_AS_ROOT if any(run.has_password for run in runs) else ""
    grouped = [by_manager(run.due.installs) for run in runs]
    needs_python = any(run.due.needs_python for run in runs)
    hosts = "mngr_hosts" if is_of_all else ":".join(run.alias for run in runs)
    strategy = _FREE if is_fresh and len(runs) > 1 else ""
    if is_fresh and any(run.seconds is not None for run in runs):
        strategy += _UNTIL
    pieces = [_HEAD.format(summary=_summary(runs), hosts=hosts, strategy=strategy)]
    if needs_python or not is_fresh:  # what installs python3 is given no list, which would have the canary
        pieces.append(_CANARY.format(canary=canary))
    if any(run.stop for run in runs):
        pieces.append(_STOP)
    if has_environment:
        pieces.append(_ENVIRONMENT)
    if needs_python:
        pieces.append(_BOOTSTRAP + task_as_root)
    pieces += [
        _piece(_FILES + become, "files", [_has_files(run.due, as_root=False) for run in runs]),
        _piece(_FILES_AS_ROOT, "files_as_root", [_has_files(run.due, as_root=True) for run in runs]),
        _piece(repositories + task_as_root, "repositories", [_has_repositories(run.due) for run in runs]),
    ]
    for manager in managers.TABLE:
        text = _PACKAGES.replace("@MANAGER@", manager)
        if manager in managers.SYSTEM:
            text += task_as_root
        pieces.append(_piece(text, f"packages.{manager}", [manager in each for each in grouped]))
    pieces += [
        _piece(downloads, "downloads", [any(name in each for name in DOWNLOADS) for each in grouped]),
        _piece(_ASSERT, "required", [bool(run.due.installs or run.verified) for run in runs]),
    ]
    text = "".join(pieces)
    return text.replace(_ROLE, _ROLE + _UNCHECKED) if is_fresh else text


def _with_addresses(piece: str, name: str) -> str:
    """A piece whose list of this name, under ``mngr_ansible``, gets addresses from the environment."""
    line = f'        mngr_packages_{name}: "{{{{ mngr_ansible.{name} }}}}"\n'
    assert line in piece  # noqa: S101
    return piece.replace(line, _WHOLE_ADDRESSES.replace("@VARIABLE@", f"mngr_packages_{name}").replace("@LIST@", name))


def _has_files(due: Due, *, as_root: bool) -> bool:
    return any(each.as_root is as_root for each in due.transfers)


def _has_repositories(due: Due) -> bool:
    return any(candidate.source.repository is not None for candidate in due.installs)


def _piece(text: str, key: str, needed: Sequence[bool]) -> str:
    """A task for the hosts that need it; ``key`` is the variable under ``mngr_ansible`` that is empty for others."""
    if not any(needed):
        return ""
    return text if all(needed) else f"{text}      when: mngr_ansible.{key} | length > 0\n"


def _summary(runs: Sequence[HostRun]) -> str:
    hosts = "One host" if len(runs) == 1 else f"{len(runs)} hosts"
    entries = [placed.entry for run in runs for due in run.due.transfers for placed in due.entries]
    files = sum(1 for entry in entries if entry.kind in ("file", "link"))
    packages = sum(len(run.due.installs) for run in runs)
    counts = [_count(number, what) for number, what in ((files, "file"), (packages, "package")) if number]
    return f"{hosts}, {' and '.join(counts) or 'nothing'} to change"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
