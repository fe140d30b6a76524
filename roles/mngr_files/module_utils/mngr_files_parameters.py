"""Read the variable ``mngr_files_transfers`` into the steps of a bundle. Runs on the controller; standard library only.

Everything that is wrong with the variable or with a source is collected, so that the user sees all of it at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import mngr_files_planned as planned
from . import mngr_files_sources as sources
from . import mngr_files_values as values
from .mngr_ansible_portable import marked_text, trees
from .mngr_ansible_portable.text import printable
from .mngr_files_transfers import Transfers

if TYPE_CHECKING:
    from .mngr_files_protocol import Entry, Step, WriteOptions
    from .mngr_files_values import Given

_OF_SOURCE = {"local_path", "is_required", "symlinks", "mirror", "may_be_empty", "template"}
"""The keys that only a transfer with a source has."""
TRANSFER_KEYS = {"id", "remote_path", "content", "decrypt"} | _OF_SOURCE | values.OPTIONS
"""The keys of a transfer that names a source, or has its content, and a destination."""
PLANNED_KEYS, ENTRY_KEYS = planned.KEYS, planned.ENTRY_KEYS
"""The keys of a transfer whose every path is given by a program, and of its entries."""


def read(variable: Any, base: str, controller: sources.Controller | None = None) -> Transfers:
    """Read the variable and all its sources; ``base`` is the playbook's directory.

    ``controller`` finds, decrypts and renders sources; by default they are only looked for in ``base``.
    """
    controller = controller or sources.PlainController(base)
    transfers = Transfers()
    try:
        variable = marked_text.load(variable)
    except ValueError as error:
        transfers.add_problem(None, str(error))
        return transfers
    if not isinstance(variable, list):
        transfers.add_problem(None, values.not_a_list(variable))
        return transfers
    resolved = set()  # a program has compared these
    for number, given in enumerate(variable, 1):
        try:
            if not isinstance(given, dict):
                raise values.ParameterError("it is not a dictionary")
            step = _step_id(given)
            if step in transfers.order:
                raise values.ParameterError(
                    f"another transfer has the id {values.shown(step)} too; give each an id of its own"
                )
            transfers.order.append(step)
            if "entries" in given:
                planned.read(transfers, step, given, base)
                resolved.add(step)
            elif given.get("content") is not None:
                _read_content(transfers, step, given, controller)
            else:
                _read_transfer(transfers, step, given, controller)
        except values.ParameterError as error:
            transfers.add_problem(None, f"transfer {number}: {error}")
    _refuse_files_that_are_directories(transfers, [step for step in transfers.steps if step["id"] not in resolved])
    return transfers


def _refuse_files_that_are_directories(transfers: Transfers, steps: list[Step]) -> None:
    """Refuse that one transfer sends a file to where another needs a directory: a run would do only one of them."""
    last = {entry["path"]: (step["id"], entry["kind"]) for step in steps for entry in step["entries"]}
    files = {path: step for path, (step, kind) in last.items() if kind == "file" and path != "~"}
    seen = set()
    for step in steps:
        for entry in step["entries"]:
            path = entry["path"] if entry["kind"] == "directory" else entry["path"].rpartition("/")[0]
            while path and path not in seen:
                seen.add(path)
                if path in files:
                    why = f"it is to be a file (of {files[path]}) and a directory (of {step['id']})"
                    transfers.add_problem(step["id"], f"{printable(path)}: {why}; leave one of them out")
                path = path.rpartition("/")[0]


def _step_id(given: Given) -> str:
    """The transfer's own id, or ``file:`` and its destination."""
    if "id_b64" in given:
        return printable(values.name(given, "id"))
    if "id" in given:
        return values.name(given, "id")
    return f"file:{printable(values.name(given, 'remote_path'))}"


def _read_content(transfers: Transfers, step: str, given: Given, controller: sources.Controller) -> None:
    """Read a transfer whose content is in the variable itself."""
    values.refuse_unknown(given, TRANSFER_KEYS)
    if given.get("local_path") not in (None, ""):
        raise values.ParameterError("content and local_path are both given; give one of them")
    for key in ("template", "mirror"):
        if values.boolean(given, key, False):
            raise values.ParameterError(f"{key} needs a local_path; leave it out where content is given")
    mode, is_secret = values.mode(given, "mode"), _is_secret(given)
    entry: Entry = {
        **values.write_options(given),
        "path": values.destination(values.name(given, "remote_path")),
        "kind": "file",
        "mode": (0o600 if is_secret else 0o644) if mode is None else mode,
        "size": 0,
        "sha256": "",
        "source": "",
        "source_name": "",
        "target": None,
        "is_secret": bool(is_secret),
        "is_top": False,
        "identity": "",
        "packed": None,
        "content": None,
        "label": "",
    }
    decrypts = values.boolean(given, "decrypt", True)
    reader = sources.ContentReader(controller, "", mode, is_secret, decrypts=decrypts, is_template=False)
    try:
        reader.take(entry, sources.text_content(given["content"]))
    except sources.SourceError as error:
        transfers.add_problem(step, f"the content of {printable(entry['path'])} {error}")
        return
    transfers.add_step(step, [entry], if_exists=entry["if_exists"])


def _is_secret(given: Given) -> bool | None:
    """Whether a transfer says that it is a secret, or that it is none; None if it says nothing."""
    return None if given.get("is_secret") is None else values.boolean(given, "is_secret", False)


def _read_transfer(transfers: Transfers, step: str, given: Given, controller: sources.Controller) -> None:
    """Read a transfer that names a source and a destination."""
    values.refuse_unknown(given, TRANSFER_KEYS)
    if given.get("local_path") in (None, ""):
        raise values.ParameterError("local_path or content is missing")
    name, remote = values.name(given, "local_path"), values.destination(values.name(given, "remote_path"))
    mode, options, is_secret = values.mode(given, "mode"), values.write_options(given), _is_secret(given)
    symlinks = values.choice(given, "symlinks", ("keep", "follow", "refuse"))
    is_mirror, is_template = values.boolean(given, "mirror", False), values.boolean(given, "template", False)
    decrypts = values.boolean(given, "decrypt", True)
    if is_mirror and options["if_exists"] == "keep":
        raise values.ParameterError("mirror contradicts if_exists: keep; give one of them")
    local, places = sources.find(controller, name, is_template)
    if not os.path.lexists(local):
        why = sources.missing(local, name, places, trees.not_expanded(local))
        transfers.add_missing(step, why, is_required=values.boolean(given, "is_required", True))
        return
    if is_mirror and not os.path.isdir(local):
        transfers.add_problem(step, f"{printable(local)}: it is a file, and mirror needs a directory")
        return
    try:
        tree = trees.read(
            local,
            mode=mode,
            directory_mode=options["directory_mode"],
            is_secret=bool(is_secret),
            symlinks=symlinks,
        )
    except trees.TreeError as error:
        for path, why in error.problems:
            transfers.add_problem(step, f"{printable(path)}: it {why}")
        return
    if is_mirror and tree.unsettled:  # a mirror would delete it on the host
        for each in sorted(tree.unsettled):
            transfers.add_problem(step, f"{printable(os.path.join(local, each))}: it changed each time it was read")
        return
    reader = sources.ContentReader(controller, name, mode, is_secret, decrypts=decrypts, is_template=is_template)
    entries, is_readable = [_tree_entry(entry, remote, options) for entry in tree.entries], True
    for entry, source in zip(entries, tree.entries):  # noqa: B905 - Python 3.9
        try:
            reader.settle(entry, source)
        except (sources.SourceError, OSError) as error:
            why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            transfers.add_problem(step, f"{printable(source.source)}: it {why}")
            is_readable = False
    if not is_readable:
        return
    is_empty = all(each.kind == "directory" for each in tree.entries)
    transfers.notices += tree.notices
    transfers.add_step(
        step,
        entries,
        if_exists=options["if_exists"],
        mirror=remote if is_mirror else None,
        is_empty_refused=is_empty and not values.boolean(given, "may_be_empty", False),
    )


def _tree_entry(entry: trees.Entry, remote: str, options: WriteOptions) -> Entry:
    return {
        **options,
        "path": f"{remote.rstrip('/')}/{entry.relative}" if entry.relative else remote,
        "kind": entry.kind,
        "mode": entry.mode,
        "size": entry.size,
        "sha256": entry.sha256,
        "source": entry.source,
        "source_name": "" if entry.relative or entry.kind != "file" else printable(os.path.basename(entry.source)),
        "target": entry.target,
        "is_secret": entry.is_secret,
        "is_top": not entry.relative and options["directory_mode"] is None,
        "identity": "",
        "packed": None,
        "content": None,
        "label": printable(entry.source),
    }
