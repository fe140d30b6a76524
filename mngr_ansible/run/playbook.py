"""``Due`` → the text of the playbook, and the data that Ansible reads beside it. Pure: no file is touched.

The playbook is put together from a closed set of pieces by what is due; no text of a plugin is ever in it. The data is
one JSON object a host, under the one key ``mngr_ansible``, with every string marked ``__ansible_unsafe``: everything
else that Ansible reads from disk is a template.
Source: docs/architecture.md "How a run is made"; measured with ansible-core 2.21.
"""

import base64
import dataclasses
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mngr_ansible.diff.due import Due
from mngr_ansible.diff.files import DueTransfer
from mngr_ansible.diff.resolver import Candidate, by_manager
from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable import managers
from mngr_ansible.spec.sources import DOWNLOADS

CANARY = "{{ 7*7 }}"
"""Asserted first: a run fails closed if Ansible ever stops honouring the mark."""

_HEAD = """\
---
# {summary}. The data is in ../inventory/host_vars; ../plan.json says who wanted what.
# Run it by hand: ansible-playbook -i ../inventory provision.yml
- name: Bring the hosts to the plan
  hosts: mngr_hosts
  gather_facts: false
  tasks:
    - name: Check that data arrives as data
      ansible.builtin.assert:
        that: mngr_ansible.canary | b64encode == '{canary}'
        quiet: true
"""

_BOOTSTRAP = """
    - name: Install python3
      ansible.builtin.import_role:
        name: mngr_bootstrap
        tasks_from: python
      vars:
        mngr_bootstrap_timeout: "{{ mngr_ansible.timeout }}"
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

_BY_ASKING = """\
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

_ASSERT = """
    - name: Assert versions
      ansible.builtin.import_role:
        name: mngr_packages
        tasks_from: assert
      vars:
        mngr_packages_requirements: "{{ mngr_ansible.required }}"
"""


@dataclass(frozen=True, slots=True)
class HostRun:
    """One host of a run. ``alias`` is ours (``host-1``); what the user typed is only data."""

    alias: str
    variables: Mapping[str, Any]
    due: Due
    python: str | None
    become: bool = False
    has_password: bool = False
    """Whether sudo wants the password there, so that tasks become root as a whole."""
    remote_tmp: str | None = None
    """Where Ansible keeps its temporary files there; None: in Ansible's own place."""


def playbook(runs: Sequence[HostRun]) -> str:
    """The playbook for what is due on these hosts."""
    canary = base64.b64encode(CANARY.encode()).decode()
    by_asking = _BY_ASKING * any(run.has_password for run in runs)
    pieces = [_HEAD.format(summary=_summary(runs), canary=canary)]
    if any(run.due.needs_python for run in runs):
        pieces.append(_BOOTSTRAP + by_asking)
    files = _FILES + _BECOME * any(run.become for run in runs)
    for piece, key, as_root in ((files, "files", False), (_FILES_AS_ROOT, "files_as_root", True)):
        pieces += _piece(piece, key, [any(each.as_root is as_root for each in run.due.transfers) for run in runs])
    data = [_packages(run.due.installs) for run in runs]
    pieces += _piece(_REPOSITORIES + by_asking, "repositories", [bool(each["repositories"]) for each in data])
    for manager in managers.TABLE:
        text = _PACKAGES.replace("@MANAGER@", manager) + by_asking * (manager in managers.SYSTEM)
        pieces += _piece(text, f"packages.{manager}", [bool(each["packages"][manager]) for each in data])
    pieces += _piece(_DOWNLOADS, "downloads", [bool(each["downloads"]) for each in data])
    pieces += _piece(_ASSERT, "required", [bool(each["required"]) for each in data])
    return "".join(pieces)


def _packages(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """What is installed, in the form of the role ``mngr_packages``: by manager, and what is downloaded."""
    grouped = by_manager(candidates)
    sources = dict.fromkeys(candidate.source for candidate in candidates if candidate.source.repository is not None)
    return {
        "repositories": [
            {"manager": each.manager, **dataclasses.asdict(each.repository)} for each in sources if each.repository
        ],
        "packages": {name: [candidate.resolved() for candidate in grouped.get(name, ())] for name in managers.TABLE},
        "downloads": [candidate.resolved() for name in DOWNLOADS for candidate in grouped.get(name, ())],
        "required": [candidate.resolved() for candidate in candidates],
    }


def _piece(text: str, key: str, has: Sequence[bool]) -> list[str]:
    if not any(has):
        return []
    return [text if all(has) else f"{text}      when: mngr_ansible.{key} | length > 0\n"]


def _summary(runs: Sequence[HostRun]) -> str:
    hosts = "One host" if len(runs) == 1 else f"{len(runs)} hosts"
    files = sum(
        1 for run in runs for due in run.due.transfers for each in due.entries if each.entry.kind in ("file", "link")
    )
    packages = sum(len(run.due.installs) for run in runs)
    counts = [f"{files} file{'s' * (files != 1)}"] * bool(files)
    counts += [f"{packages} package{'s' * (packages != 1)}"] * bool(packages)
    return f"{hosts}, {' and '.join(counts) or 'nothing'} due"


def inventory(runs: Sequence[HostRun]) -> str:
    """The inventory: the group ``mngr_hosts`` with our aliases; the facts are in ``host_vars``."""
    return "---\nmngr_hosts:\n  hosts:\n" + "".join(f"    {run.alias}:\n" for run in runs)


def host_vars(run: HostRun, timeout: int, staged: Mapping[str, str], *, is_fresh: bool = False) -> dict[str, Any]:
    """One host's variables, marked. ``staged`` maps a source to its copy beside the playbook.

    ``is_fresh``: they are used at once, while what is due is still due.

    ``timeout`` bounds a package transaction on the host, in seconds.
    """
    variables = dict(run.variables)
    if run.python is not None and "ansible_python_interpreter" not in variables:
        variables["ansible_python_interpreter"] = run.python
    if run.remote_tmp is not None:
        variables["ansible_remote_tmp"] = run.remote_tmp
    variables["mngr_ansible"] = {
        "canary": CANARY,
        "timeout": timeout,
        "needs_python": run.due.needs_python,
        "become": run.become,
        "has_password": run.has_password,
        "files": [_transfer(due, staged, is_fresh) for due in run.due.transfers if not due.as_root],
        "files_as_root": [_transfer(due, staged, is_fresh) for due in run.due.transfers if due.as_root],
        **_packages(run.due.installs),
    }
    marked = mark(variables)
    assert isinstance(marked, dict)  # noqa: S101
    return marked


def mark(value: Any) -> Any:
    """The same value with every string in it marked as data, never a template."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        return {key: mark(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [mark(each) for each in value]
    return value


def _transfer(due: DueTransfer, staged: Mapping[str, str], is_fresh: bool) -> dict[str, Any]:
    entries = [_entry(each, staged) for each in due.entries]
    return {"id": due.transfer.id, "is_due": is_fresh, "entries": entries}


def _entry(placed: PlacedEntry, staged: Mapping[str, str]) -> dict[str, Any]:
    entry = placed.entry
    options = placed.options
    made: dict[str, Any] = {**_text("path", placed.path), "kind": entry.kind}
    if entry.kind in ("file", "directory"):
        made["mode"] = f"{entry.mode:04o}"
    if entry.kind == "file":
        made |= _text("source", staged.get(entry.source, entry.source))
        made |= {"size": entry.size, "sha256": entry.sha256}
    if entry.kind == "link":
        made |= _text("target", entry.target or "")
    if entry.is_secret:
        made["is_secret"] = True
    if placed.is_top:
        made["is_top"] = True
    if options.directory_mode is not None:
        made["directory_mode"] = f"{options.directory_mode:04o}"
    made |= {key: name for key, name in (("owner", options.owner), ("group", options.group)) if name is not None}
    if options.if_exists != "replace":
        made["if_exists"] = options.if_exists
    return made


def _text(key: str, value: str) -> dict[str, str]:
    """A name as text, or as base64 of its bytes where it is not UTF-8."""
    data = os.fsencode(value)
    try:
        return {key: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{key}_b64": base64.b64encode(data).decode("ascii")}


def stage_name(placed: PlacedEntry) -> str:
    """Where a rendered run directory keeps a file's content, relative to the playbook."""
    return posixpath.join("files", placed.entry.sha256)
