"""``Due`` → the data that the playbook reads: one JSON object for each host, in ``inventory/host_vars``. Pure.

Every string in it is marked ``__ansible_unsafe``, because Ansible takes any other string that it reads from disk for a
template. Our own data is under the one key ``mngr_ansible``. Where the run follows at once, each list for a role is one
text there (``marked_text``), since Ansible marks and copies every single string.
Source: docs/architecture.md "How a run is made"; measured with ansible-core 2.21.
"""

import base64
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from mngr_ansible.diff import curl
from mngr_ansible.diff.files import DueTransfer
from mngr_ansible.diff.resolver import Candidate, by_manager
from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable import addresses, managers, marked_text, validation
from mngr_ansible.portable.marked_text import CANARY
from mngr_ansible.portable.shapes import InstallRequest, RepositoryRequest
from mngr_ansible.portable.text import one_stop
from mngr_ansible.run.bundle import Bundle, placed_files
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.spec.sources import DOWNLOADS, Repository

_NameKey = Literal["path", "source", "target"]
_Base64Key = Literal["path_b64", "source_b64", "target_b64"]
_BASE64_KEYS: dict[_NameKey, _Base64Key] = {"path": "path_b64", "source": "source_b64", "target": "target_b64"}


class EntryVars(TypedDict, total=False):
    """One entry of a transfer, as the role ``mngr_files`` takes it; see its README.

    ``path``, ``source`` and ``target`` are text. A name that is not UTF-8 has the key ``…_b64`` instead: base64 of its
    bytes. Modes are four octal digits (``0644``), ``size`` is in bytes. A secret of a directory to run later has
    ``source_env``, the environment variable of its content, or with ``is_base64`` of that as base64.
    """

    path: str
    path_b64: str
    kind: str
    mode: str
    source: str
    source_b64: str
    source_env: str
    is_base64: bool
    size: int
    sha256: str
    target: str
    target_b64: str
    is_secret: bool
    is_top: bool
    directory_mode: str
    owner: str
    group: str
    if_exists: str
    identity: str


class TransferVars(TypedDict):
    """One transfer, as the role ``mngr_files`` takes it; see its README.

    ``is_due``: all of it is still due, because the run follows the comparison at once. Then the role does not ask the
    host again what it has of a transfer that is too large for one task.
    """

    id: str
    is_due: bool
    entries: list[EntryVars]


class PackageVars(TypedDict):
    """What is installed on one host, as the role ``mngr_packages`` takes it.

    ``packages`` has every manager's list, also an empty one. ``downloads`` are archives and installers. ``required``
    is all of them, for the check at the end. ``addresses`` has, for ``repositories`` and ``downloads``, by name and
    key, the environment variables of addresses with a login or query, which a directory to run later has without.
    """

    repositories: list[RepositoryRequest]
    packages: dict[str, list[InstallRequest]]
    downloads: list[InstallRequest]
    required: list[InstallRequest]
    addresses: dict[str, dict[str, dict[str, str]]]


class EnvironmentVars(TypedDict):
    """What a run reads from its environment: the variable's name, and what is said where it is not set."""

    name: str
    unset: str


class RunVars(PackageVars):
    """The value of the variable ``mngr_ansible`` for one host.

    ``timeout``: seconds for a package transaction. ``lock_timeout``: how many of them may be spent with waiting for
    another program's lock. ``stop``: why nothing is done. ``environment``: what must be in it.
    """

    canary: str
    stop: str
    environment: list[EnvironmentVars]
    timeout: int
    lock_timeout: int
    needs_python: bool
    become: bool
    has_password: bool
    files: list[TransferVars]
    files_as_root: list[TransferVars]


def host_vars(run: HostRun, timeout: int, bundle: Bundle | None = None) -> dict[str, Any]:
    """One host's variables, marked.

    Args:
        run: the host.
        timeout: seconds for a package transaction on the host.
        bundle: what a directory to run later has instead of sources of this machine; None where the run follows at
            once, so what is due is still due.
    """
    if bundle is not None:
        made: Mapping[str, Any] = _run_vars(run, timeout, bundle)
    elif run.seconds is None:
        made = _as_texts(_run_vars(run, timeout, None))
    else:  # the host has a time of its own, which is up at this second since 1970
        timeout = max(1, min(timeout, int(run.seconds)))
        made = {**_as_texts(_run_vars(run, timeout, None)), "until": time.time() + run.seconds}
    own = {"mngr_ansible": mark(made)}
    return {**connection_vars(run, is_portable=bundle is not None), **own}


def _as_texts(made: RunVars) -> dict[str, Any]:
    """The same with each list for a role as one text. An empty list stays one: the playbook asks for its length."""
    lists: dict[str, Sequence[Any]] = {
        "files": made["files"],
        "files_as_root": made["files_as_root"],
        "repositories": made["repositories"],
        "downloads": made["downloads"],
        "required": made["required"],
    }
    return {**made, **_texts(lists), "packages": _texts(made["packages"])}


def _texts(lists: Mapping[str, Sequence[Any]]) -> dict[str, str | Sequence[Any]]:
    return {key: marked_text.dump(each) if each else each for key, each in lists.items()}


def connection_vars(run: HostRun, *, is_portable: bool) -> dict[str, Any]:
    """The variables by which Ansible reaches one host, marked. ``is_portable``: perhaps from another machine."""
    variables = dict(run.variables)
    if run.python is not None and "ansible_python_interpreter" not in variables:
        variables["ansible_python_interpreter"] = run.python
    if run.remote_tmp is not None:
        variables["ansible_remote_tmp"] = run.remote_tmp
    marked = mark(variables)
    assert isinstance(marked, dict)  # noqa: S101
    is_chosen = "ansible_python_interpreter" in run.variables
    if is_portable and not is_chosen and variables.get("ansible_connection") == "local":
        marked["ansible_python_interpreter"] = _OWN_PYTHON
    return marked


_OWN_PYTHON = "{{ ansible_playbook_python }}"
"""The only template in the data: on the machine itself, wherever that is, Ansible's own Python does."""


def mark(value: Any) -> Any:
    """The same value with every string in it marked as data, never a template."""
    if isinstance(value, str):
        return {"__ansible_unsafe": value}
    if isinstance(value, Mapping):
        return {key: mark(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [mark(each) for each in value]
    return value


def _run_vars(run: HostRun, timeout: int, bundle: Bundle | None) -> RunVars:
    due = run.due
    made: RunVars = {
        "canary": CANARY,
        "stop": run.stop,
        "environment": [],
        "timeout": timeout,
        "lock_timeout": run.lock_seconds,
        "needs_python": due.needs_python,
        "become": run.become,
        "has_password": run.has_password,
        "files": [_transfer(each, bundle) for each in due.transfers if not each.as_root],
        "files_as_root": [_transfer(each, bundle) for each in due.transfers if each.as_root],
        **_packages(run, is_fresh=bundle is None),
    }
    if bundle is not None:
        made["environment"] = environment(run, bundle)
    return made


def environment(run: HostRun, bundle: Bundle) -> list[EnvironmentVars]:
    """What the run of a host reads from its environment: its secrets, and addresses with a login or query."""
    secrets = [
        bundle.secrets[placed.entry.source]
        for _, placed in placed_files([run])
        if placed.entry.source in bundle.secrets
    ]
    addresses = _packages(run, is_fresh=False)["addresses"]
    names = dict.fromkeys(name for by_name in addresses.values() for each in by_name.values() for name in each.values())
    return [
        *(EnvironmentVars(name=each.variable, unset=one_stop(f"{each.unset}.")) for each in dict.fromkeys(secrets)),
        *(EnvironmentVars(name=each, unset=f"{_ADDRESS.format(each)}. Nothing was changed.") for each in names),
    ]


_ADDRESS = "Set {} in the environment to the whole address, with login and query"


def _packages(run: HostRun, *, is_fresh: bool) -> PackageVars:
    made = _whole_packages(run.due.installs)
    made["required"] += [cast("InstallRequest", each) for each in run.verified]  # without a source of its own
    if is_fresh:
        return made
    for repository in made["repositories"]:
        names = made["addresses"]["repositories"].setdefault(repository["name"], {})
        if validation.is_https(repository["key"]) and addresses.has_secrets(repository["key"]):
            names["key"] = curl.variable(f"{repository['name']}_key")
            repository["key"] = addresses.without_secrets(repository["key"])
        if addresses.has_secrets(repository["url"]):
            names["url"] = curl.variable(repository["name"])
            repository["url"] = addresses.without_secrets(repository["url"])
    for request in (*made["downloads"], *made["required"]):
        if addresses.has_secrets(request.get("url", "")):
            made["addresses"]["downloads"][request["name"]] = {"url": curl.variable(request["name"])}
            request["url"] = addresses.without_secrets(request["url"])
    return made


def has_addresses(runs: Sequence[HostRun]) -> bool:
    """Whether a directory to run later leaves out a part of an address of these hosts."""
    made = [_packages(run, is_fresh=False)["addresses"] for run in runs]
    return any(names for each in made for by_name in each.values() for names in by_name.values())


def _whole_packages(candidates: Sequence[Candidate]) -> PackageVars:
    grouped = by_manager(candidates)
    sources = dict.fromkeys(candidate.source for candidate in candidates)
    return {
        "repositories": [
            _repository(source.manager, source.repository) for source in sources if source.repository is not None
        ],
        "packages": {name: [candidate.resolved() for candidate in grouped.get(name, ())] for name in managers.TABLE},
        "downloads": [candidate.resolved() for name in DOWNLOADS for candidate in grouped.get(name, ())],
        "required": [candidate.resolved() for candidate in candidates],
        "addresses": {"repositories": {}, "downloads": {}},
    }


def _repository(manager: str, repository: Repository) -> RepositoryRequest:
    return {
        "manager": manager,
        "name": repository.name,
        "url": repository.url,
        "suite": repository.suite,
        "component": repository.component,
        "key": repository.key,
        "fingerprint": repository.fingerprint,
        "is_required": False,
    }


def _transfer(due: DueTransfer, bundle: Bundle | None) -> TransferVars:
    entries = [_entry(each, bundle) for each in due.entries]
    return {"id": due.transfer.id, "is_due": bundle is None, "entries": entries}


def _entry(placed: PlacedEntry, bundle: Bundle | None) -> EntryVars:
    """One entry. A directory to run later says neither size nor hash of a secret: they would give away a short one."""
    entry, options = placed.entry, placed.options
    made: EntryVars = {"kind": entry.kind}
    _set_name(made, "path", placed.path)
    if entry.kind in ("file", "directory"):
        made["mode"] = f"{entry.mode:04o}"
    if entry.kind == "file":
        secret = bundle.secrets.get(entry.source) if bundle is not None else None
        if secret is not None:
            made["source_env"] = secret.variable
            if secret.is_base64:
                made["is_base64"] = True
        else:
            _set_name(made, "source", entry.source if bundle is None else bundle.files[entry.source])
            made["size"], made["sha256"] = entry.size, entry.sha256
    if entry.kind == "link":
        _set_name(made, "target", entry.target or "")
    if entry.is_secret:
        made["is_secret"] = True
    if placed.is_top:
        made["is_top"] = True
    if options.directory_mode is not None:
        made["directory_mode"] = f"{options.directory_mode:04o}"
    if options.owner is not None:
        made["owner"] = options.owner
    if options.group is not None:
        made["group"] = options.group
    if options.if_exists != "replace":
        made["if_exists"] = options.if_exists
    if placed.identity and bundle is None:
        made["identity"] = placed.identity
    return made


def _set_name(entry: EntryVars, key: _NameKey, value: str) -> None:
    """Set a name as text, or under its other key as base64 of its bytes where it is not UTF-8."""
    data = os.fsencode(value)
    try:
        entry[key] = data.decode("utf-8")
    except UnicodeDecodeError:
        entry[_BASE64_KEYS[key]] = base64.b64encode(data).decode("ascii")
