"""Where the content of a transfer comes from: a file that is looked for, a vault, a template, or the variable itself.

What only Ansible can do (its search path, its vault, its templates) is done by a :class:`Controller`, which the action
plugin provides. Runs on the controller; standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .mngr_ansible_portable import trees
    from .mngr_files_protocol import Entry

VAULT_HEADER = b"$ANSIBLE_VAULT;"
"""How everything begins that Ansible Vault has encrypted. Source: Ansible's "Encrypting content with Ansible Vault"."""
MOST_PLACES = 6
"""Places that a message names."""
LEAST_VALUE = 6
"""Characters of a value that is looked for in a content: shorter ones are in everything."""
_ENCRYPTED_TYPES = frozenset(("AnsibleVaultEncryptedUnicode", "EncryptedString"))
"""What ansible-core, up to 2.18 and from 2.19 on, makes of a value that has the tag ``!vault``."""
_SOURCE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: a fifo that took the file's place must not block."""


class SourceError(Exception):
    """A source cannot be used; the message is a predicate without a full stop, such as ``is encrypted``."""


class Controller:
    """What only Ansible can do with sources; the action plugin does it."""

    base: str

    def places(self, folders: Sequence[str], name: str) -> list[str]:
        """Where a relative name is looked for, in this order; ``folders`` are such as ``files``."""
        raise NotImplementedError

    def decrypt(self, data: bytes) -> bytes:
        """What Ansible Vault has encrypted.

        Raises:
            SourceError: it cannot be decrypted.
        """
        raise NotImplementedError

    def render(self, path: str, name: str, destination: str) -> str:
        """What a template at this path becomes, with the variables of the host.

        ``name`` and ``destination`` are how the user names it, and where it goes.

        Raises:
            SourceError: it is no template, or needs what is not there.
        """
        raise NotImplementedError

    def has_vaulted_value(self, content: bytes) -> bool:
        """Whether a value that Ansible Vault has encrypted is in this content, as it is in its variable."""
        raise NotImplementedError


class PlainController(Controller):
    """Without Ansible: sources are beside the playbook, and are sent as they are."""

    def __init__(self, base: str) -> None:
        self.base = base

    def places(self, folders: Sequence[str], name: str) -> list[str]:  # noqa: ARG002
        """Only in ``base``."""
        return [os.path.join(self.base, name)]

    def decrypt(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def has_vaulted_value(self, content: bytes) -> bool:  # noqa: ARG002
        """Nothing is known of vaults."""
        return False


def find(controller: Controller, name: str, is_template: bool) -> tuple[str, list[str]]:
    """The absolute path of a source, and where else a relative one was looked for if it does not exist."""
    if name.startswith("~/"):
        return os.path.expanduser("~") + name[1:], []
    if os.path.isabs(name):
        return name, []
    places = controller.places(["files"], name)
    if is_template:
        places = controller.places(["templates"], name) + places
    places = list(dict.fromkeys(places))
    for exists in (os.path.exists, os.path.lexists):
        for place in places:
            if exists(place):
                return place, []
    return os.path.join(controller.base, name), places


def missing(path: str, name: str, places: Sequence[str], hint: str) -> str:
    """That a source does not exist: its path, or its name and where it was looked for; and what to know about it."""
    hints = [hint] if hint else []
    if len(places) > 1:
        more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
        hints.append(f"looked for as {', '.join(map(printable, places[:MOST_PLACES]))}{more}")
    known = f" ({'; '.join(hints)})" if hints else ""
    return f"{printable(name if len(places) > 1 else path)}: it does not exist{known}"


def text_content(value: Any) -> bytes:
    """The bytes of ``content``: text as it is, a dictionary or list as JSON, as ``ansible.builtin.copy`` has it.

    Raises:
        SourceError: JSON has no such values.
    """
    try:
        text = json.dumps(value, default=_refuse_value) if isinstance(value, (dict, list)) else str(value)
    except (TypeError, ValueError, RecursionError):
        raise SourceError("has a name that is no text or number, or contains itself; write it in quotes") from None
    return text.encode("utf-8", "surrogateescape")


def _refuse_value(value: Any) -> None:
    """Refuse what JSON does not have."""
    kind = "a date" if isinstance(value, dt.date) else f"a value of the type {type(value).__name__}"
    raise SourceError(f"has {kind}, which JSON does not have; write it in quotes")


def is_vaulted(path: str) -> bool:
    """Whether a file is encrypted with Ansible Vault.

    Raises:
        OSError: it cannot be read.
    """
    with open(os.open(path, _SOURCE), "rb") as file:
        return file.read(len(VAULT_HEADER)) == VAULT_HEADER


def read(path: str) -> bytes:
    """The content of a file.

    Raises:
        OSError: it cannot be read.
    """
    with open(os.open(path, _SOURCE), "rb") as file:
        return file.read()


def encrypted_values(variables: Any) -> set[str]:
    """The plain text of all values with the tag ``!vault`` in these variables, as far as they can be decrypted."""
    found = set()
    for each in _leaves(variables):
        if type(each).__name__ in _ENCRYPTED_TYPES:
            with suppress(Exception):  # Ansible's: there is no password for it
                found.add(str(each))
    return found


def values_of_encrypted_files(paths: Iterable[str], variables: Any, load: Callable[[str], Any]) -> set[str]:
    """The values in the variables files that are encrypted as a whole, as text.

    Args:
        paths: parsed files that are known. Those that ``include_vars`` reads are not among them: other processes read
            them. But a variable knows the file that it is from.
        variables: those that may be from such files.
        load: what a file has, decrypted and parsed; it may raise anything.
    """
    placed = list(_placed(variables))
    encrypted = {each for each in {*paths, *(path for _, path in placed if path)} if _is_vaulted_file(each)}
    found = {_as_text(value) for value, path in placed if path in encrypted}
    for path in encrypted:
        with suppress(Exception):  # Ansible's: it is no YAML
            found |= {_as_text(value) for value in _leaves(load(path))}
    return found - {""}


def holds_one_of(content: bytes, values: Iterable[str]) -> bool:
    """Whether one of these values is in this content, as it is or as JSON has it, or is all of it."""
    plain = content.decode("utf-8", "replace")
    return any(
        each == plain.strip() if len(each) < LEAST_VALUE else each in plain or json.dumps(each)[1:-1] in plain
        for each in map(str.strip, values)
        if each
    )


def _is_vaulted_file(path: str) -> bool:
    try:
        return is_vaulted(path)
    except (OSError, ValueError):
        return False


def _as_text(value: Any) -> str:
    """What a template makes of a value; empty for a boolean and for nothing, which are in everything."""
    is_value = isinstance(value, (str, int, float, dt.date)) and not isinstance(value, bool)
    return str(value) if is_value else ""


def _leaves(variables: Any) -> Iterator[Any]:
    """Everything in dictionaries and lists that is none itself."""
    return (value for value, _ in _placed(variables))


def _placed(variables: Any) -> Iterator[tuple[Any, str]]:
    """Everything in dictionaries and lists that is none itself, and the file that it is from; empty if not known."""
    waiting, seen = [(variables, "")], set()
    while waiting:
        value, path = waiting.pop()
        path = _origin(value) or path
        if isinstance(value, dict):
            inner = [(each, _origin(key) or path) for key, each in value.items()]
        elif isinstance(value, (list, tuple)):
            inner = [(each, path) for each in value]
        else:
            yield value, path
            continue
        if id(value) not in seen:
            seen.add(id(value))
            waiting += inner


def _origin(value: Any) -> str:
    """The file in which a value, or the name of a variable, was read; empty if that is not known.

    Up to ansible-core 2.18 what YAML made has it as ``ansible_pos``, but for numbers; from 2.19 on it is a tag.
    """
    position = getattr(value, "ansible_pos", None)
    if isinstance(position, tuple) and position and isinstance(position[0], str):
        return position[0]
    tags = getattr(value, "_ansible_tags_mapping", None) or {}
    paths = (getattr(tag, "path", None) for kind, tag in tags.items() if kind.__name__ == "Origin")
    return next((str(path) for path in paths if path), "")


class ContentReader:
    """Gives entries the content that their sources become, for one transfer.

    ``name`` is how the user names the source. ``mode`` and ``is_secret`` are what the transfer gives, or None.
    """

    def __init__(
        self,
        controller: Controller,
        name: str,
        mode: int | None,
        is_secret: bool | None,
        *,
        decrypts: bool,
        is_template: bool,
    ) -> None:
        self._controller = controller
        self._name = name
        self._mode = mode
        self._is_secret = is_secret
        self._decrypts = decrypts
        self._is_template = is_template

    def settle(self, entry: Entry, source: trees.Entry) -> None:
        """Decrypt or render the source of a file, where that is to be done.

        Raises:
            SourceError, OSError: that cannot be done.
        """
        if source.kind != "file":
            return
        is_encrypted = self._decrypts and source.size > len(VAULT_HEADER) and is_vaulted(source.source)
        content = self._controller.decrypt(read(source.source)) if is_encrypted else b""
        if is_encrypted:
            self._make_secret(entry)
        if self._is_template:
            name = os.path.join(self._name, source.relative) if source.relative else self._name
            content = self._controller.render(source.source, name, entry["path"]).encode("utf-8", "surrogateescape")
        if is_encrypted or self._is_template:
            self._set_content(entry, content)

    def take(self, entry: Entry, content: bytes) -> None:
        """Give an entry the content that the variable itself has.

        Raises:
            SourceError: it cannot be decrypted.
        """
        if self._decrypts and content.startswith(VAULT_HEADER):
            content = self._controller.decrypt(content)
            self._make_secret(entry)
        self._set_content(entry, content)

    def _set_content(self, entry: Entry, content: bytes) -> None:
        entry["content"] = content
        entry["size"], entry["sha256"] = len(content), hashlib.sha256(content).hexdigest()
        if self._is_secret is None and not entry["is_secret"] and self._controller.has_vaulted_value(content):
            self._make_secret(entry)

    def _make_secret(self, entry: Entry) -> None:
        entry["is_secret"] = True
        if self._mode is None:
            entry["mode"] = 0o700 if entry["mode"] & stat.S_IXUSR else 0o600
