"""Transfers → tasks with Ansible's own modules ``copy``, ``template``, ``file`` and ``command``. Pure.

A step is one task, or, for a directory, one for its directories, one for its files, and so on. Source: docs/ops.md
"One plain task a step".
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from mngr_ansible.diff.files import DueTransfer
from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable.text import printable
from mngr_ansible.run.bundle import Bundle, Secret
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.yaml_text import Template

Task = dict[str, Any]
"""One task, as it is written in a playbook."""

_TEMPLATE = "{{ lookup('ansible.builtin.env', '@NAME@') }}"

_SAME = '[ -f "$1" ] && [ "$(base64 -d | sha256sum)" = "$(sha256sum <"$1")" ]'
"""Succeeds where the file has the content whose base64 it reads."""

_DECODE = """\
umask 077
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
new=$(mktemp "${1%/*}/.mngr-ansible-XXXXXX") && base64 -d >"$new" || exit
[ -z "$3" ] || chown -- "$3" "$new" || exit
chmod -- "$2" "$new" || exit
"""
_SAVE = """\
[ ! -e "$1" ] || cp -p -- "$1" "$1.mngr-backup-$(date -u +%Y%m%dT%H%M%SZ)" || exit
"""
_MOVE = """\
mv -f -- "$new" "$1"
"""

_PARENT_MODE = 0o755
"""Of directories above a destination that are made, unless ``directory_mode`` says otherwise."""


def file_tasks(run: HostRun, bundle: Bundle, *, is_desired: bool) -> Iterator[Task]:
    """The tasks that write or delete files on one host.

    ``bundle``: where sources and secrets are later. ``is_desired``: the host may lose what it has now, so directories
    above destinations are made too where they are there now.
    """
    made: set[str] = set()
    for due in run.due.transfers:
        become: Task = {"become": True} if due.as_root or run.become else {}
        for task in (*_parents(run, due, made, is_desired=is_desired), *_transfer(due, bundle)):
            yield task | become


def _parents(run: HostRun, due: DueTransfer, made: set[str], *, is_desired: bool) -> Iterator[Task]:
    """Tasks that make the directories above destinations which the host does not have; each is made once.

    One that it has keeps its mode, and ``file`` would have to name one.
    """
    made |= {each.path for each in due.entries if each.entry.kind == "directory"}
    state = run.state
    for placed in due.entries:
        directory = posixpath.dirname(placed.path)
        if placed.entry.kind == "absent" or directory in made or state is None:
            continue
        as_user, as_root = state.paths.parents, state.paths.parents_as_root
        seen = {**as_user, **as_root} if due.as_root else {**as_root, **as_user}  # root itself has only those as root
        if seen.get(directory) in ("W", "R"):
            made.add(directory)
            mode = placed.options.directory_mode
            arguments = {"path": directory, "state": "directory", "mode": _mode(_PARENT_MODE if mode is None else mode)}
            yield {"name": title("Make the directory", directory), "ansible.builtin.file": arguments | _owner(placed)}
        elif is_desired and directory.count("/") > 1 and directory not in (state.login.home, state.paths.work_dir):
            made.add(directory)
            command = {"argv": ["mkdir", "-p", "--", directory], "creates": directory}
            yield {"name": title("Make the directory", directory), "ansible.builtin.command": command}


def _transfer(due: DueTransfer, bundle: Bundle) -> Iterator[Task]:
    name = due.transfer.destination
    kinds = ("directory", "file", "link", "absent")
    directories, files, links, absent = ([each for each in due.entries if each.entry.kind == kind] for kind in kinds)
    yield from _together(("Make the directory", "Make the directories of"), name, directories, _directory)
    plain = [each for each in files if not each.entry.is_secret]
    yield from _together(
        ("Copy", "Copy the files of"), name, plain, lambda each: _copy(each, bundle.files[each.entry.source])
    )
    for each in files:
        if each.entry.is_secret:
            secret = bundle.secrets[each.entry.source]
            yield from _secret_of_file(each, secret)
            yield from _encoded_secret(each, secret) if secret.is_base64 else _secret(each, secret)
    yield from _together(("Make the link", "Make the links of"), name, links, _link)
    yield from _deletions(name, absent)


def _together(
    verbs: tuple[str, str],
    name: str,
    entries: Sequence[PlacedEntry],
    arguments: Callable[[PlacedEntry], tuple[str, Task]],
) -> Iterator[Task]:
    """One task for these entries: a loop over what differs between them, where there are several.

    ``verbs``: the beginning of its name for one entry, and for several below ``name``.
    """
    made = list(map(arguments, entries))
    if not made:
        return
    (module, first), *others = made
    if not others:
        yield {"name": title(verbs[0], str(first.get("path", first.get("dest", name)))), module: first}
        return
    keys = list(dict.fromkeys(key for _, values in made for key in values))
    varying = [key for key in keys if any(values.get(key) != first.get(key) for _, values in made)]
    task: Task = {key: value for key, value in first.items() if key not in varying}
    task |= {key: Template(_item(key, is_optional=any(key not in values for _, values in made))) for key in varying}
    shown = "dest" if "dest" in varying and module.endswith("copy") else "path" if "path" in varying else varying[0]
    yield {
        "name": title(verbs[1], name),
        module: task,
        "loop": [{key: values[key] for key in varying if key in values} for _, values in made],
        "loop_control": {"label": Template(f"{{{{ item.{shown} }}}}")},
    }


def _item(key: str, *, is_optional: bool) -> str:
    return f"{{{{ item.{key} | default(omit) }}}}" if is_optional else f"{{{{ item.{key} }}}}"


def _directory(placed: PlacedEntry) -> tuple[str, Task]:
    mode = placed.options.directory_mode if placed.options.directory_mode is not None else placed.entry.mode
    arguments: Task = {"path": placed.path, "state": "directory", "mode": _mode(mode)}
    return "ansible.builtin.file", arguments | _owner(placed)


def _copy(placed: PlacedEntry, source: str) -> tuple[str, Task]:
    return "ansible.builtin.copy", {"src": source, "decrypt": False} | _destination(placed)


def _link(placed: PlacedEntry) -> tuple[str, Task]:
    arguments: Task = {"src": placed.entry.target or "", "path": placed.path, "state": "link"}
    arguments |= {"force": True, "follow": False}
    return "ansible.builtin.file", arguments | _owner(placed)


def secret_templates(bundle: Bundle) -> dict[str, str]:
    """The files beside the playbook that hold a secret's place: path → text. Ansible fills in the content.

    ``copy`` with ``content`` would change it: until ansible-core 2.19 text that looks like JSON was written anew.
    """
    text = (each.variable for each in bundle.secrets.values() if not each.is_base64)
    return {posixpath.join("templates", f"{name.lower()}.j2"): _TEMPLATE.replace("@NAME@", name) for name in text}


def _template(secret: Secret) -> str:
    return f"{secret.variable.lower()}.j2"


def _secret(placed: PlacedEntry, secret: Secret) -> Iterator[Task]:
    """Write a secret of text from its variable."""
    yield {
        "name": title("Write", placed.path),
        "ansible.builtin.template": {"src": _template(secret)} | _destination(placed),
        "when": f"{_value(secret)} | length > 0",
        "no_log": True,
    }


def _secret_of_file(placed: PlacedEntry, secret: Secret) -> Iterator[Task]:
    """Write a secret from the file that the variable ``…_FILE`` names, as it is: also one that Vault has encrypted."""
    file = f"lookup('ansible.builtin.env', '{secret.variable}_FILE')"
    source = {"src": Template(f"{{{{ {file} | realpath }}}}"), "decrypt": False}
    yield {
        "name": title("Copy from a file", placed.path),
        "ansible.builtin.copy": source | _destination(placed),
        "when": f"{_value(secret)} | length == 0",
        "no_log": True,
    }


def _value(secret: Secret) -> str:
    return f"lookup('ansible.builtin.env', '{secret.variable}')"


def _encoded_secret(placed: PlacedEntry, secret: Secret) -> Iterator[Task]:
    """Write what is no text from the base64 of its variable, decoded on the host.

    ``template`` and ``copy`` can write only text that comes from a variable. The host is asked first whether it has the
    content, in check mode too.
    """
    options, is_encoded = placed.options, f"{_value(secret)} | length > 0"
    value = Template(f"{{{{ {_value(secret)} }}}}")
    yield {
        "name": title("Look at", placed.path),
        "ansible.builtin.command": {"argv": ["/bin/sh", "-c", _SAME, "sh", placed.path], "stdin": value},
        "register": "secret_found",
        "changed_when": False,
        "failed_when": False,
        "check_mode": False,
        "when": is_encoded,
        "no_log": True,
    }
    owner = (options.owner or "") + (f":{options.group}" if options.group else "")
    script = f"{_DECODE}{_SAVE if options.if_exists == 'backup' else ''}{_MOVE}"
    argv = ["/bin/sh", "-c", script, "sh", placed.path, _mode(placed.entry.mode), owner]
    yield {
        "name": title("Write", placed.path),
        "ansible.builtin.command": {"argv": argv, "stdin": value, "removes": "/"}
        | ({"creates": placed.path} if options.if_exists == "keep" else {}),
        "changed_when": True,
        "when": [is_encoded, "secret_found.rc != 0"],
        "no_log": True,
    }
    attributes: Task = {"path": placed.path, "state": "file", "mode": _mode(placed.entry.mode)} | _owner(placed)
    yield {
        "name": title("Give mode and owner to", placed.path),
        "ansible.builtin.file": attributes,
        "when": [is_encoded, "secret_found.rc == 0"],
    }


def _destination(placed: PlacedEntry) -> Task:
    made: Task = {"dest": placed.path, "mode": _mode(placed.entry.mode)} | _owner(placed)
    if placed.options.if_exists == "keep":
        made["force"] = False
    if placed.options.if_exists == "backup":
        made["backup"] = True
    return made


def _deletions(name: str, entries: Iterable[PlacedEntry]) -> Iterator[Task]:
    """Delete what a mirror has too much: exactly these paths, and of directories only those that are empty by then."""
    for is_backup, group in groupby(entries, key=lambda each: each.options.if_exists == "backup"):
        item, stamp = (
            Template("{{ item }}"),
            Template("{{ item }}.mngr-backup-{{ now(utc=true).strftime('%Y%m%dT%H%M%SZ') }}"),
        )
        argv = ["mv", "--", item, stamp] if is_backup else ["rm", "-d", "--", item]
        yield {
            "name": title(
                "Rename what is not in the source of" if is_backup else "Delete what is not in the source of", name
            ),
            "ansible.builtin.command": {"argv": argv, "removes": item},
            "loop": [each.path for each in group],
        }


def _owner(placed: PlacedEntry) -> Task:
    options = placed.options
    owner = {} if options.owner is None else {"owner": options.owner}
    return owner | ({} if options.group is None else {"group": options.group})


def _mode(mode: int) -> str:
    return f"{mode:04o}"


def title(verb: str, what: str) -> str:
    """A task's name: what it does to what. Ansible evaluates names, so nothing in it looks like a template."""
    shown = printable(what)
    for mark in "{%#":
        shown = shown.replace("{" + mark, "{ " + mark)
    return f"{verb} {shown}"
