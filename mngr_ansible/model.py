"""The words that plugins speak: what an agent needs on its host.

Every class is frozen and checks itself when it is made; a wrong value raises ``InputError`` with class, field and
value. Whoever asked the plugin adds the plugin's name.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from mngr_ansible.errors import InputError
from mngr_ansible.fields import (
    REQUIREMENT,
    check_choices,
    check_name,
    check_owner,
    check_patterns,
    check_types,
    from_mapping,
    normal_local_path,
    normal_remote_path,
    parse_mode,
    refused,
    strings,
)
from mngr_ansible.origins import Source
from mngr_ansible.patterns import Patterns
from mngr_ansible.versions import Range

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
class FileTransferSpec:
    """A file or a directory of this machine that the agent needs on its host.

    ``remote_path``: relative to the agent's ``work_dir``; a leading ``~/`` is the remote home; absolute stays. A
    directory's *contents* land in ``remote_path``; a file never lands *in* its destination. Modes are octal strings or
    ints; without ``mode`` the source's own permission bits are kept (secrets: 0600), and ``directory_mode`` is for the
    directories of the tree and the parents that are created. ``exclude``: gitignore patterns on the names inside
    ``local_path``. ``symlinks``: links inside it are kept, followed or refused. ``if_exists``: what stands there is
    replaced, kept as it is, or replaced with a backup beside it. ``mirror`` also deletes what the source no longer has.
    ``owner`` and ``group`` are names or numbers of the host. Source: CONTRACT "Data".

    Raises:
        InputError: a field has a wrong type or value.
    """

    local_path: Path
    remote_path: PurePosixPath
    is_required: bool = True
    mode: int | None = None
    directory_mode: int | None = None
    owner: str | None = None
    group: str | None = None
    exclude: tuple[str, ...] = ()
    symlinks: str = "keep"
    is_secret: bool = False
    if_exists: str = "replace"
    mirror: bool = False

    def __init__(
        self,
        local_path: str | os.PathLike[str],
        remote_path: str | os.PathLike[str],
        is_required: bool = True,
        mode: int | str | None = None,
        directory_mode: int | str | None = None,
        owner: str | int | None = None,
        group: str | int | None = None,
        exclude: Sequence[str] = (),
        symlinks: Literal["keep", "follow", "refuse"] = "keep",
        is_secret: bool = False,
        if_exists: Literal["replace", "keep", "backup"] = "replace",
        mirror: bool = False,
    ) -> None:
        values = dict(locals())
        del values["self"]
        for field, value in values.items():
            object.__setattr__(self, field, value)
        check_types(
            self,
            local_path=(str, os.PathLike),
            remote_path=(str, os.PathLike),
            is_required=bool,
            owner=(str, int, type(None)),
            group=(str, int, type(None)),
            is_secret=bool,
            mirror=bool,
        )
        object.__setattr__(self, "exclude", strings(self, "exclude", exclude))
        self._normalise()
        check_choices(self)
        check_owner(self, "owner", self.owner)
        check_owner(self, "group", self.group)
        check_patterns(self, "exclude", self.exclude, Patterns)
        if mirror and if_exists == "keep":
            remedy = "Give one of them: mirror deletes what keep would leave alone."
            raise refused(self, "mirror", mirror, "contradicts if_exists='keep'", remedy)

    def _normalise(self) -> None:
        below = "Give a path below work_dir, one that starts with ~/, or an absolute one."
        self._replace("local_path", lambda path: Path(normal_local_path(os.fspath(path))), "Name a file or directory.")
        self._replace("remote_path", lambda path: PurePosixPath(normal_remote_path(os.fspath(path))), below)
        for field in ("owner", "group"):
            if getattr(self, field) is not None:
                object.__setattr__(self, field, str(getattr(self, field)))
        for field in ("mode", "directory_mode"):
            if getattr(self, field) is not None:
                self._replace(field, parse_mode, "Give a mode such as '0640'.")

    def _replace(self, field: str, normal: Callable[[Any], object], remedy: str) -> None:
        value = getattr(self, field)
        try:
            object.__setattr__(self, field, normal(value))
        except ValueError as error:
            shown = os.fspath(value) if isinstance(value, os.PathLike) else value
            raise refused(self, field, shown, str(error), remedy) from None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """A spec from a manifest's or a plugin's mapping; unknown keys are refused with the nearest known one."""
        return from_mapping(cls, mapping, required=("local_path", "remote_path"))


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
    catalog's entry of that name, else the package of that name from the host's system manager. Source: CONTRACT "Data".
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
            wanted = Range.parse(self.version)
        except ValueError as error:
            remedy = "Give a set such as '>=2.39,<3', made of >= > <= < == !=."
            raise refused(self, "version", self.version, f"does not parse: {error}", remedy) from None
        if wanted.is_empty:
            raise refused(self, "version", self.version, "leaves no version at all", "Relax one of its ends.")

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
