"""The words that plugins speak: what an agent needs on its host.

Every class is frozen and checks itself when it is made; a wrong value raises ``InputError`` with class, field and
value. Whoever asked the plugin adds the plugin's name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from mngr_ansible.errors import InputError
from mngr_ansible.portable.versions import Range
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import (
    REQUIREMENT,
    check_choices,
    check_name,
    check_types,
    from_mapping,
    refused,
    strings,
)

Install = Literal["auto", "print"]

_VALUES = {
    "command": r"/[^\s\0]+|[^\s\0/-][^\s\0/]*",
    "package": r"[A-Za-z0-9@](?:[A-Za-z0-9@/+._-]*[A-Za-z0-9+._])?",
    "file": r"(?:~/|/)[^\0\n]+",
    "python_module": r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*",
    "shell": r"[^\0]*\S[^\0]*",
}
_CHECKED = {
    "command": ("is not a command", "Give a name, or an absolute path."),
    "package": ("is not a package's name", "Give one plain name: no option, pattern, path or list."),
    "file": ("is not a path", "Give an absolute path, or one that starts with ~/."),
    "python_module": ("is not a module's name", "Give a name such as yaml or os.path."),
    "shell": ("is not sh code", "Give a line such as 'test -e /etc/ssl/certs'."),
}


@dataclass(frozen=True, slots=True)
class Check:
    """How to find out whether a requirement is met: the first check that tells a version wins.

    ``kind="command"``: ``value`` is a command, asked with ``args``. ``"package"``: an entry of the package database.
    ``"file"``: a path (``~/`` is the home); its content is read where a ``pattern`` is given. ``"python_module"``: a
    module of the host's python3. ``"shell"``: sh code, there if it exits with 0; it must change nothing. ``pattern``: a
    regular expression whose first group is the version.
    """

    kind: str
    value: str
    args: tuple[str, ...] = ("--version",)
    pattern: str | None = None

    def __post_init__(self) -> None:
        check_types(self, kind=str, value=str, pattern=(str, type(None)))
        object.__setattr__(self, "args", strings(self, "args", self.args))
        check_choices(self)
        why, remedy = _CHECKED[self.kind]
        if not re.fullmatch(_VALUES[self.kind], self.value, re.DOTALL):
            raise refused(self, "value", self.value, why, remedy)
        if any("\0" in each for each in self.args):
            raise refused(self, "args", self.args, "hold a NUL", "Leave it out.")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise refused(self, "pattern", self.pattern, f"is no regular expression: {error}", "Mend it.") from None

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A check from a ``Check``, a mapping, or a string (a command that is asked with ``--version``)."""
        if isinstance(value, str):
            return cls("command", value)
        if isinstance(value, Mapping):
            return from_mapping(cls, value, required=("kind", "value"))
        if isinstance(value, cls):
            return value
        raise InputError(f"Check: {value!r} is not a check", remedy="Give a command's name or a mapping.")


@dataclass(frozen=True, slots=True)
class PackageRequirement:
    """A tool that the agent needs, and the versions that will do.

    ``version``: a comma-separated set of ``>= > <= < == !=``, compared on upstream versions. Without ``checks``: the
    catalog's, or the command of that name with ``--version``, else the package database. Without ``sources``: the
    catalog's entry of that name, else the package of that name from the host's system manager.
    Source: docs/contract.md "Data".
    """

    name: str
    version: str = ""
    checks: tuple[Check, ...] = ()
    sources: tuple[Source, ...] = ()
    is_required: bool = True
    install: Install | None = None
    purpose: str = ""

    def __post_init__(self) -> None:
        check_types(self, name=str, version=str, is_required=bool, purpose=str)
        check_name(self, "name", self.name)
        for field, kind in (("checks", Check), ("sources", Source)):
            values = getattr(self, field)
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise refused(self, field, values, "is not a list", "Give a list.")
            object.__setattr__(self, field, tuple(kind.from_value(each) for each in values))
        check_choices(self)
        try:
            versions = Range.parse(self.version)
        except ValueError as error:
            remedy = "Write comparisons with >= > <= < == != and commas between them, such as '>=2.39,<3'."
            raise InputError(f"PackageRequirement.version: {error}", remedy=remedy) from None
        if versions.is_empty:
            raise refused(self, "version", self.version, "allows no version", "Change one of its limits.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """A requirement from its string form, such as ``git>=2.39,<3``.

        Raises:
            InputError: the text is not a name, optionally followed by a version set.
        """
        match = REQUIREMENT.fullmatch(text)
        if match is None:
            remedy = "Write a name and, if needed, a version set: git, git>=2.39, 'git>=2.39,<3'."
            raise InputError(f"requirement {text!r} does not parse", remedy=remedy)
        return cls(match[1], match[2].strip())

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A requirement from a ``PackageRequirement``, its string form, or a mapping."""
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Mapping):
            return from_mapping(cls, value, required=("name",))
        if isinstance(value, cls):
            return value
        raise InputError(f"{value!r} is not a package requirement", remedy="Give a string such as 'git>=2.39'.")

    def __str__(self) -> str:
        return f"{self.name}{self.version}"
