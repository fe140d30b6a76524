"""A playbook of the user's own, as Ansible runs it: beside its own files, on hosts that no file of the run describes.

The inventory, what the user's environment has, and the passwords of hosts go through a pipe: they may hold secrets of a
vault. Whose words these playbooks are, is for the caller to judge. Source: docs/contract.md "Fleets".
"""

import configparser
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from mngr_ansible.content.location import content_directory
from mngr_ansible.errors import InputError
from mngr_ansible.inputs.own_playbooks import read_beside
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.run.lines import LONGEST_TEXT, shorten
from mngr_ansible.system.homes import expanded
from mngr_ansible.values import field, frozen

PATHS = {
    "roles_path": "ANSIBLE_ROLES_PATH",
    "collections_path": "ANSIBLE_COLLECTIONS_PATH",
    "library": "ANSIBLE_LIBRARY",
    "filter_plugins": "ANSIBLE_FILTER_PLUGINS",
}
"""The keys of an ansible.cfg that count, and the variable of each. Source: docs/contract.md "Fleets"."""

_NOT_AS_BY_HAND = ("ANSIBLE_INJECT_FACT_VARS", "ANSIBLE_PIPELINING", "ANSIBLE_REMOTE_TEMP")
"""What a run of ours sets, and a playbook that people run by hand does not expect. Without pipelining a task has a
terminal on its host, so that the kernel there ends it when its connection ends. Source: Ansible's ``ssh`` plugin."""


class JobHost(TypedDict):
    """A host as the launcher takes it."""

    name: str
    groups: Sequence[str]
    variables: Mapping[str, Any]
    templates: Mapping[str, Any]
    levels: Mapping[str, str]


@frozen
class OwnPlaybookRun:
    """One playbook, ready to run.

    Attributes:
        path: the absolute path of the playbook.
        settings: environment variables of Ansible, such as those that say where roles, collections and plugins are.
        vault_ids: as Ansible's ``--vault-id`` takes them, with absolute paths.
        hosts: all hosts that it may speak of; it runs on those of ``limit`` alone.
        groups: of the inventory, with the names of their hosts in its order, ``all`` first.
        limit: the names of the hosts on which it is run.
        become_password: for sudo, where a host has none of its own.
        vault_passwords: those that a person typed, by their labels.
    """

    path: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    vault_ids: tuple[str, ...] = ()
    hosts: tuple[JobHost, ...] = field(default=(), repr=False)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    limit: tuple[str, ...] = ()
    become_password: str | None = field(default=None, repr=False)
    vault_passwords: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def environment(self, common: Mapping[str, str], inventory_plugins: Path | None = None) -> dict[str, str]:
        """The environment of its process: ``common``, which is that of every run of ours, with what is its own."""
        plugins = inventory_plugins or _launchers() / "inventory_plugins"
        own = {"ANSIBLE_INVENTORY_PLUGINS": str(plugins), "ANSIBLE_INVENTORY_ENABLED": "mngr_ansible_memory"}
        return (
            {name: value for name, value in common.items() if name not in _NOT_AS_BY_HAND} | own | dict(self.settings)
        )

    def job(self, common: Mapping[str, str], *, is_check: bool = False, is_sent: bool = False) -> str:
        """What the launcher reads from its pipe. ``common``: the variables that its process has already."""
        user = {
            name: value
            for name, value in os.environ.items()
            if name not in common and not name.startswith(("ANSIBLE_", "PYTHON", "RUNNER_", "LC_")) and _is_utf8(value)
        }
        return json.dumps(
            {
                "environment": user,
                "is_check": is_check,
                "is_sent": is_sent,
                "hosts": self.hosts,
                "groups": self.groups,
                "directory": str(self.path.parent),
                "become_password": self.become_password,
                "vault_passwords": self.vault_passwords,
            }
        )

    def arguments(self, job: str, inventory: Path, limit: Path | None = None) -> list[str]:
        """The words after the interpreter's own options; ansible-runner adds the inventory itself.

        ``job``: where the launcher reads; ``-`` is stdin. ``limit``: a file with names; None: it is only checked.
        """
        words = [str(_launchers() / "own_playbook.py"), job]
        words += ["-i", str(inventory)] if limit is None else ["--limit", f"@{limit}"]
        return [*words, *(word for each in self.vault_ids for word in ("--vault-id", each)), str(self.path)]


@frozen
class Play:
    """A play: the pattern of its hosts, those of the run that match it, and the variables that it asks a person for."""

    pattern: str
    hosts: frozenset[str]
    questions: tuple[str, ...]


@frozen
class Checked:
    """What Ansible says of a playbook.

    Attributes:
        plays: its plays.
        files: the paths of all files that Ansible loaded; empty unless it is run elsewhere.
        vault_passwords: those that Ansible has, also of files and programs, by their labels; empty likewise.
    """

    plays: tuple[Play, ...]
    files: tuple[str, ...] = ()
    vault_passwords: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def check(
    playbook: OwnPlaybookRun,
    shown: str,
    private: Path,
    common: Mapping[str, str],
    seconds: float,
    *,
    is_sent: bool = False,
) -> Checked:
    """Have Ansible load a playbook as a whole, with its roles and what it imports; nothing of it is run.

    Args:
        playbook: which.
        shown: its path for people.
        private: a directory of ours, for a moment.
        common: the environment of every run of ours.
        seconds: how long it may take.
        is_sent: it is run elsewhere: the value has all that is needed there.

    Raises:
        InputError: Ansible cannot load it, or it asks a question.
    """
    from mngr_ansible.system.processes import TooLongError, run_bounded

    inventory = private / "hosts"
    inventory.touch()
    argv = [sys.executable, "-P", "-E", *playbook.arguments("-", inventory)]
    environment = playbook.environment(common)
    try:
        done = run_bounded(
            argv,
            playbook.job(environment, is_check=True, is_sent=is_sent).encode(),
            seconds=seconds,
            cwd=str(playbook.path.parent),
            environment=environment,
            is_apart=True,
        )
    except (TimeoutError, TooLongError):
        raise InputError(
            f"the playbook {shown} could not be read within {max(1, round(seconds))} s",
            remedy=f"Check what it includes, or give more time with --timeout. {_NOTHING}",
        ) from None
    try:
        answer = json.loads(done.stdout.decode().rstrip().rpartition("\n")[2])
    except ValueError:
        answer = {"problem": _last_error(done.stderr.decode(errors="replace")), "plays": []}
    if answer["problem"] is not None:
        problem = plainly(answer["problem"])
        raise InputError(
            f"the playbook {shown} cannot be run: {printable(shorten(problem, LONGEST_TEXT))}",
            remedy=_remedy(problem, playbook.path),
        )
    plays = [Play(each["pattern"], frozenset(each["hosts"]), tuple(each["questions"])) for each in answer["plays"]]
    for each in plays:
        if each.questions:
            raise InputError(
                f"the playbook {shown} asks for {', '.join(map(printable, each.questions))} (vars_prompt), and nobody "
                "can answer here",
                remedy=f"Give a value in vars or in group_vars, and take vars_prompt out. {_NOTHING}",
            )
    passwords = tuple((str(label), str(password)) for label, password in answer.get("vault_passwords", ()))
    return Checked(tuple(plays), tuple(map(str, answer.get("files", ()))), passwords)


_NOTHING = "Nothing was changed."


def plainly(problem: str) -> str:
    """What Ansible says, with common words for the classes that it names: ``got a <class 'ansible._TaggedStr'>``."""

    def word(found: re.Match[str]) -> str:
        return next((plain for name, plain in _TYPES.items() if name in found[1].lower()), found[1])

    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", word, problem)


_TYPES = {"str": "string", "dict": "mapping", "mapping": "mapping", "int": "number", "float": "number"}
"""Words for values of YAML, by parts of the names of their classes."""


def _last_error(text: str) -> str:
    """The last error of Ansible on its screen, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("[ERROR]: ", "ERROR! "))]
    return (errors or lines or ["it ended without a message"])[-1].removeprefix("[ERROR]: ").removeprefix("ERROR! ")


def _remedy(problem: str, path: Path) -> str:
    if "role '" in problem and "was not found" in problem:
        return (
            "Put the role beside the playbook in roles/, or name it in a requirements.yml beside the playbook. "
            f"{_NOTHING}"
        )
    if "couldn't resolve module/action" in problem:
        return (
            "Check the module's name. Name its collection in a requirements.yml beside the playbook: collections that "
            f"are installed for your user are not used. {_NOTHING}"
        )
    if "vault" in problem.lower():
        return f"Give the password of the vault with --vault-id. {_NOTHING}"
    return f"Fix it; this shows more: ansible-playbook --syntax-check {sh.quote(str(path))}. {_NOTHING}"


def broken(details: str, output: Sequence[str] = ()) -> str:
    """Why a playbook ended before it was through, from the last lines on Ansible's screen."""
    return _last_error("\n".join([*output, details]))


def search_paths(playbook: Path, installed: Path | None) -> dict[str, str]:
    """Where Ansible looks for roles, collections and plugins, besides what is beside the playbook.

    Args:
        playbook: its path. Of an ``ansible.cfg`` beside it, four paths count; relative ones start at its directory.
        installed: where its ``requirements.yml`` is installed; None: it has none.

    Raises:
        InputError: that ``ansible.cfg`` does not parse.
    """
    found = _configured(playbook.parent / "ansible.cfg")
    if installed is not None:
        for name, directory in (("ANSIBLE_ROLES_PATH", "roles"), ("ANSIBLE_COLLECTIONS_PATH", "collections")):
            found[name] = ":".join(filter(None, (str(installed / directory), found.get(name))))
    return found


def _configured(file: Path) -> dict[str, str]:
    content = read_beside(file)
    if content is None:
        return {}
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None, strict=False)
    try:
        parser.read_string(content.decode("utf-8"))
    except (ValueError, configparser.Error) as error:
        first = str(error).partition("\n")[0]
        raise InputError(f"{file} cannot be read: {first}", remedy=f"Fix it. {_NOTHING}") from error
    defaults = parser["defaults"] if parser.has_section("defaults") else {}
    values = dict(defaults)
    values.setdefault("collections_path", values.get("collections_paths", ""))
    return {
        variable: ":".join(_absolute(each.strip(), file.parent) for each in values[key].split(":") if each.strip())
        for key, variable in PATHS.items()
        if values.get(key, "").strip()
    }


def _absolute(path: str, start: Path) -> str:
    """A path of an ansible.cfg. Source: Ansible's "resolve_path" of its configuration."""
    path = os.path.expandvars(path.replace("{{CWD}}", str(start)))
    return os.path.abspath(start / expanded(path))  # noqa: PTH100 - a link stays a link


def task_limit(seconds: float | None) -> dict[str, str]:
    """The setting by which no task holds up a host for longer than this. Source: Ansible's option ``task_timeout``."""
    return {} if seconds is None else {"ANSIBLE_TASK_TIMEOUT": str(max(1, math.ceil(seconds)))}


def absolute_vault_id(text: str) -> str:
    """A ``--vault-id`` whose path does not depend on the current directory. Source: Ansible's ``split_vault_id``."""
    label, at, source = text.partition("@") if "@" in text else ("", "", text)
    return f"{label}{at}{os.path.abspath(os.path.expanduser(source))}"  # noqa: PTH100, PTH111


def asked_label(text: str) -> str | None:
    """The label of a ``--vault-id`` whose password a person types; None where it is read from a file."""
    label, _, source = text.partition("@") if "@" in text else ("default", "", text)
    return (label or "default") if source in ("prompt", "prompt_ask_vault_pass") else None


def _launchers() -> Path:
    return content_directory() / "launcher"


def _is_utf8(text: str) -> bool:
    return text.encode("utf-8", "ignore").decode() == text
