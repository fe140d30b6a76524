"""``PackageRequirement``: a tool that an agent needs on its host; ``Check``: how to find its version there.

The classes are frozen and check themselves when they are made: a wrong value raises ``InputError`` with class, field
and value. The caller adds the name of the plugin.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Self

from mngr_ansible.errors import InputError
from mngr_ansible.portable import requirements
from mngr_ansible.spec.sources import Source
from mngr_ansible.spec.validation import as_checked, from_mapping, refusals, set_checked, short_repr
from mngr_ansible.values import frozen

Install = Literal["auto", "print"]
"""``auto``: missing packages are installed; ``print``: the commands are shown instead."""


@frozen
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

    if TYPE_CHECKING:  # what may be given; the fields say what it becomes

        def __init__(
            self,
            kind: Literal["command", "package", "file", "python_module", "shell"],
            value: str,
            args: Sequence[str] = ...,
            pattern: str | None = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        set_checked(self, requirements.check)

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A check from a ``Check``, a mapping (of kind ``command`` if it has none), or a command's name."""
        if isinstance(value, str):
            return cls("command", value)
        if isinstance(value, Mapping):
            return from_mapping(cls, {"kind": "command", **value}, required=("value",))
        if isinstance(value, cls):
            return as_checked(cls, value)
        raise InputError(
            f"Check: {short_repr(value)} is not a check",
            remedy="Give a command name, or a mapping with kind and value.",
        )


@frozen
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

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            version: str = ...,
            checks: Sequence[Check | str] = ...,
            sources: Sequence[Source] = ...,
            is_required: bool = ...,
            install: Install | None = ...,
            purpose: str = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        set_checked(self, requirements.requirement)
        object.__setattr__(self, "checks", tuple(Check.from_value(each) for each in self.checks))
        object.__setattr__(self, "sources", tuple(Source.from_value(each) for each in self.sources))

    @classmethod
    def parse(cls, text: str) -> Self:
        """A requirement from its string form, such as ``git>=2.39,<3``.

        Raises:
            InputError: the text is not a name, or a name and a version set.
        """
        with refusals():
            name, version = requirements.read_text(text)
        return cls(name, version)

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A requirement from a ``PackageRequirement``, its string form, or a mapping.

        A mapping may have ``packages: {apt: [fd-find]}`` instead of ``sources``.
        """
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Mapping):
            with refusals():
                given = requirements.spelled_out(value)
            return cls(**given)
        if isinstance(value, cls):
            return as_checked(cls, value)
        raise InputError(
            f"{short_repr(value)} is not a package requirement",
            remedy="Give a string such as 'git>=2.39', or a mapping with name.",
        )

    def __str__(self) -> str:
        return f"{self.name}{self.version}"
