"""``PackageRequirement``: a tool that an agent needs on its host; ``Check``: how to find its version there.

The classes are frozen and check themselves when they are made: a wrong value raises ``InputError`` with class, field
and value. The caller adds the name of the plugin.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from mngr_ansible.errors import InputError
from mngr_ansible.portable import range_notations
from mngr_ansible.portable.versions import Range
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import (
    ONE_PLAIN_NAME,
    REQUIREMENT,
    check_choices,
    check_name,
    check_types,
    field_error,
    from_mapping,
    short_repr,
    strings,
)

Install = Literal["auto", "print"]
"""``auto``: missing packages are installed; ``print``: the commands are shown instead."""

_LIST_EXAMPLES = {"checks": '["fd", "fdfind"]', "sources": "[{manager: apt, packages: [fd-find]}]"}

_CHECK_VALUES = {
    "command": r"/[^\s\0]+|[^\s\0/-][^\s\0/]*",
    "package": r"[A-Za-z0-9@](?:[A-Za-z0-9@/+._-]*[A-Za-z0-9+._])?",
    "file": r"(?:~/|/)[^\0\n]+",
    "python_module": r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*",
    "shell": r"[^\0]*\S[^\0]*",
}
"""Kind of check → the pattern of its value."""

_CHECK_MESSAGES = {
    "command": ("is not a command", "Give a command name or an absolute path; options belong into args."),
    "package": ("is not a package name", ONE_PLAIN_NAME),
    "file": ("is not an absolute path", "Give an absolute path, or one that starts with ~/."),
    "python_module": ("is not a module name", "Give a name such as yaml or os.path."),
    "shell": ("is not a shell command", "Give a command such as 'test -e /etc/ssl/certs'."),
}
"""Kind of check → problem and remedy for a wrong value."""


@dataclass(frozen=True, slots=True)
class Check:
    """How to find out whether a requirement is met, and the version. The first check that finds a version decides.

    ``kind="command"``: ``value`` is a command, run with ``args``. ``"package"``: an entry of the package database.
    ``"file"``: a path (``~/`` is the home); its content is read if ``pattern`` is given. ``"python_module"``: a module
    of the host's python3. ``"shell"``: sh code; exit code 0 means that the tool is present; it must change nothing.
    ``pattern``: a regular expression whose first group is the version in the output.

    Raises:
        InputError: a field has a wrong type or value.
    """

    kind: str
    value: str
    args: tuple[str, ...] = ("--version",)
    pattern: str | None = None

    def __post_init__(self) -> None:
        check_types(self, kind=str, value=str, pattern=(str, type(None)))
        object.__setattr__(self, "args", strings(self, "args", self.args))
        check_choices(self)
        if not re.fullmatch(_CHECK_VALUES[self.kind], self.value, re.DOTALL):
            problem, remedy = _CHECK_MESSAGES[self.kind]
            raise field_error(self, "value", self.value, problem, remedy)
        if any("\0" in each for each in self.args):
            raise field_error(self, "args", self.args, "contain a NUL", "Remove it.")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                problem, remedy = f"is not a regular expression: {error}", "Correct it; it is one of Python's re."
                raise field_error(self, "pattern", self.pattern, problem, remedy) from None

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A check from a ``Check``, a mapping, or a string (a command that is run with ``--version``)."""
        if isinstance(value, str):
            return cls("command", value)
        if isinstance(value, Mapping):
            return from_mapping(cls, value, required=("kind", "value"))
        if isinstance(value, cls):
            return value
        raise InputError(
            f"Check: {short_repr(value)} is not a check",
            remedy="Give a command name, or a mapping with kind and value.",
        )


@dataclass(frozen=True, slots=True)
class PackageRequirement:
    """A tool that the agent needs, and the versions that are good enough.

    ``version``: comparisons with ``>= > <= < == !=``, separated by commas; they apply to upstream versions. Without
    ``checks``: those of the catalog, or the command of that name with ``--version``, else the package database. Without
    ``sources``: those of the catalog's tool of that name, else the package of that name from the system's package
    manager. Source: docs/contract.md "Data".

    Raises:
        InputError: a field has a wrong type or value.
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
                remedy = f"{field} must be a list, such as {_LIST_EXAMPLES[field]}."
                raise field_error(self, field, values, "is not a list", remedy)
            object.__setattr__(self, field, tuple(kind.from_value(each) for each in values))
        check_choices(self)
        try:
            versions = Range.parse(self.version)
        except ValueError as error:
            remedy = "Write comparisons with >= > <= < == != and commas between them, such as '>=2.39,<3'."
            raise InputError(f"PackageRequirement.version: {error}", remedy=remedy) from None
        if versions.is_empty:
            raise field_error(self, "version", self.version, "allows no version", "Change one of its limits.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """A requirement from its string form, such as ``git>=2.39,<3``.

        Raises:
            InputError: the text is not a name, or a name and a version set.
        """
        match = REQUIREMENT.fullmatch(text)
        if match is None:
            remedy = _spelling(text) or "Write a name, or a name and versions: git, git>=2.39, 'git>=2.39,<3'."
            raise InputError(f"requirement {short_repr(text)} does not parse", remedy=remedy)
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
        raise InputError(
            f"{short_repr(value)} is not a package requirement",
            remedy="Give a string such as 'git>=2.39', or a mapping with name.",
        )

    def __str__(self) -> str:
        return f"{self.name}{self.version}"


def _spelling(text: str) -> str:
    """What to write instead of a requirement in another tool's notation, as a sentence; empty if it is none known."""
    match = re.match(r"\s*([A-Za-z0-9][\w.+-]*?)\s*(?=[\s@:(\[{\"'=\u2264\u2265\u2260])(.+)", text, re.DOTALL)
    if match is None:
        return ""
    return range_notations.requirement_translation(*match.groups())
