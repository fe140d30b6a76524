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
        given: Any = _copied(value)
        is_right = True
        places: set[_Keys] = set()
        while True:
            try:
                made = read(given)
            except InputError as error:
                is_right = False
                keys, text = _place(error.problem.removeprefix(": "))
                missing = re.match(r"(\w+) is missing", text)
                if missing and (*keys, missing[1]) in places:  # it was wrong, and is left out
                    if not keys:
                        return None
                    given.pop(keys[0], None)
                    continue
                mark = (*keys, missing[1]) if missing else keys
                if mark in places:
                    return None
                places.add(mark)
                place = self._text.place((*path, *keys))
                self.problems.append(Problem(place, self._in_its_words(text, (*path, *keys)), _plain(error.remedy)))
                if not isinstance(given, dict) or not _is_mended(given, mark):
                    return None
            except TypeError:  # a key that is no text, beside one that was left out
                return None
            else:
                return made if is_right else None

    def _in_its_words(self, text: str, path: _Keys) -> str:
        """The words for what is wrong without those of Python: what is written there for its ``True`` and ``None``."""
        text = re.sub(r"\b(\w+)='(\w+)'", r"\1: \2", text)
        found = re.match(r"((?:\w+: )?)(True|False|None)\b", text)
        if found is None:
            return text
        field = found[1].removesuffix(": ")
        written = self._text.written(path)
        if found[2] == "None":
            return f"{field} is missing" if field else f"an empty entry{text[found.end() :]}"
        return f"{found[1]}{written or found[2].lower()}{text[found.end() :]}"


_RIGHT: Mapping[str, str] = {"local_path": "/x", "remote_path": "x", "name": "x", "value": "x"}
"""What stands for a key that has to be there, and is wrong or missing, while the rest is read."""


def _copied(value: object) -> Any:
    """A value in which keys can be left out: of a mapping, and of the mappings in it."""
    if not isinstance(value, Mapping):
        return value
    return {key: dict(each) if isinstance(each, Mapping) else each for key, each in value.items()}


def _is_mended(given: dict[Any, Any], keys: _Keys) -> bool:
    """Whether what is wrong could be left out of a mapping, or something right put there."""
    if not keys or keys[0] == "manager":  # it decides what the others mean
        return False
    if len(keys) > 1 and isinstance(given.get(keys[0]), dict):
        return given[keys[0]].pop(keys[1], None) is not None or given.pop(keys[0], None) is not None
    if len(keys) == 1 and keys[0] in _RIGHT:
        given[keys[0]] = _RIGHT[str(keys[0])]
        return True
    return given.pop(_key(given, keys[0]), _RIGHT) is not _RIGHT


def _key(given: Mapping[Any, Any], name: object) -> object:
    """The key of that name, which may be no text: ``1``."""
    return next((each for each in given if each == name or str(each) == name), name)


def _plain(remedy: str) -> str:
    """A remedy without what it says of Python."""
    return re.sub(r" \(in Python: [^)]*\)", "", remedy)


def _place(problem: str) -> tuple[_Keys, str]:
    """The keys that lead to what is wrong, and the words for it without the names of our classes."""
    problem = re.sub(r"^(\w+: \w+ is missing) in .*", r"\1", problem, flags=re.DOTALL)
    unknown = re.match(r"(\w+): unknown key (?:'([^']*)'|(\S+))", problem)
    if unknown:
        return (*_PARTS.get(unknown[1], ()), unknown[2] or unknown[3]), problem.partition(": ")[2]
    field = re.match(r"([A-Z]\w+)\.(\w+)((?:\.\w+)*): ", problem)
    if field:
        return (*_PARTS.get(field[1], ()), field[2]), f"{field[2]}{field[3]}: {problem[field.end() :]}"
    kind = re.match(r"([A-Z]\w+): ", problem)
    return (_PARTS.get(kind[1], ()) if kind else ()), problem[kind.end() :] if kind else problem
