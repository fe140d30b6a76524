"""Where the content of a transfer comes from: a file that is looked for, a vault, a template, or the variable itself.

What only Ansible can do (its search path, its vault, its templates) is done by a :class:`Controller`, which the action
plugin provides. Runs on the controller; standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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

    def render(self, path: str, name: str) -> str:
        """What a template at this path becomes, with the variables of the host; ``name`` is how the user names it.

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
    """The bytes of ``content``: text as it is, a dictionary or list as JSON, as ``ansible.builtin.copy`` has it."""
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text.encode("utf-8", "surrogateescape")


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


def values_of_encrypted_files(documents: Mapping[str, Any]) -> set[str]:
    """The text in the variables files that are encrypted as a whole; ``documents`` are parsed files, by their path."""
    found: set[str] = set()
    for path, document in documents.items():
        try:
            is_encrypted = is_vaulted(path)
        except (OSError, ValueError):
            continue
        if is_encrypted:
            found.update(str(each) for each in _leaves(document) if isinstance(each, str))
    return found


def holds_one_of(content: bytes, values: Iterable[str]) -> bool:
    """Whether one of these values is in this content, or is all of it."""
    plain = content.decode("utf-8", "replace")
    return any(
        each.strip() == plain.strip() if len(each.strip()) < LEAST_VALUE else each.strip() in plain
        for each in values
        if each.strip()
    )


def _leaves(value: Any) -> Iterator[Any]:
    """Everything in dictionaries and lists that is none itself."""
    waiting, seen = [value], set()
    while waiting:
        each = waiting.pop()
        if isinstance(each, (dict, list, tuple)):
            if id(each) not in seen:
                seen.add(id(each))
                waiting += each.values() if isinstance(each, dict) else each
        else:
            yield each


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
            content = self._controller.render(source.source, name).encode("utf-8", "surrogateescape")
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
