"""The entries of a manifest, each checked for everything that is wrong in it, not only for the first thing."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.authoring.manifest_text import ManifestText, Problem
from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.written_numbers import check_numbers
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source

type _Keys = tuple[str | int, ...]

_PARTS: Mapping[str, _Keys] = {"Repository": ("repository",), "When": ("when",)}
"""Kind of specification → where it is in a source."""


class Entries:
    """The entries of one manifest.

    Attributes:
        problems: what is wrong with them.
        transfers: those of ``files`` that are right, each with its number.
        requirements: those of ``packages`` that are right, each with its number.
    """

    def __init__(self, text: ManifestText, directory: Path) -> None:
        self.problems: list[Problem] = []
        self.transfers: dict[int, FileTransferSpec] = {}
        self.requirements: dict[int, PackageRequirement] = {}
        self._text = text
        self._directory = directory

    def add_file(self, number: int, value: object) -> None:
        """Check one entry of ``files``."""

        def made(given: Any) -> FileTransferSpec:
            check_numbers(given, "")
            return manifest.transfer(given, "", self._directory)

        found = self._checked(("files", number), value, made)
        if found is not None:
            self.transfers[number] = found

    def add_package(self, number: int, value: object) -> None:
        """Check one entry of ``packages``, and each of its checks and sources."""
        path: _Keys = ("packages", number)
        given, before = value, len(self.problems)
        if isinstance(value, Mapping):
            given = dict(value)
            for key, read in (("checks", Check.from_value), ("sources", Source.from_value)):
                items = given.get(key)
                if not isinstance(items, Sequence) or isinstance(items, str):
                    continue
                known = len(self.problems)
                for position, each in enumerate(items):
                    self._checked((*path, key, position), each, read)
                if len(self.problems) > known:
                    del given[key]
        found = self._checked(path, given, lambda each: manifest.requirement(each, ""))
        if found is not None and len(self.problems) == before:
            self.requirements[number] = found

    def _checked[T](self, path: _Keys, value: object, read: Callable[[Any], T]) -> T | None:
        """What ``read`` makes of a value; None where it refuses something. What it refuses is left out and the rest is
        read again, so that all of it is known."""
        given: Any = dict(value) if isinstance(value, Mapping) else value
        is_right = True
        places: set[_Keys] = set()
        while True:
            try:
                made = read(given)
            except InputError as error:
                is_right = False
                keys, text = _place(error.problem.removeprefix(": "))
                if keys in places:  # left out, it is missed
                    return None
                places.add(keys)
                self.problems.append(Problem(self._text.place((*path, *keys)), text, error.remedy))
                if not isinstance(given, dict) or not _is_left_out(given, keys):
                    return None
            except TypeError:  # a key that is no text, beside one that was left out
                return None
            else:
                return made if is_right else None


def _is_left_out(given: dict[Any, Any], keys: _Keys) -> bool:
    """Whether what is wrong could be left out of a mapping: not what has to be there."""
    if not keys or keys[0] not in given or keys[0] in ("local_path", "remote_path", "name", "value", "manager"):
        return False
    del given[keys[0]]
    return True


def _place(problem: str) -> tuple[_Keys, str]:
    """The keys that lead to what is wrong, and the words for it without the names of our classes."""
    problem = re.sub(r"^(\w+: \w+ is missing) in .*", r"\1", problem, flags=re.DOTALL)
    unknown = re.match(r"(\w+): unknown key '([^']*)'", problem)
    if unknown:
        return (*_PARTS.get(unknown[1], ()), unknown[2]), problem.partition(": ")[2]
    field = re.match(r"([A-Z]\w+)\.(\w+)((?:\.\w+)*): ", problem)
    if field:
        return (*_PARTS.get(field[1], ()), field[2]), f"{field[2]}{field[3]}: {problem[field.end() :]}"
    kind = re.match(r"([A-Z]\w+): ", problem)
    return (_PARTS.get(kind[1], ()) if kind else ()), problem[kind.end() :] if kind else problem
