"""The words that plugins speak: what an agent needs on its host.

Every class is frozen and checks itself when it is made; a wrong value raises ``InputError`` with class, field and
value. Whoever asked the plugin adds the plugin's name.
"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from mngr_ansible.errors import InputError
from mngr_ansible.versions import Range

Install = Literal["auto", "print"]

MANAGERS = ("apt", "dnf", "zypper", "pacman", "apk", "brew", "npm", "uv", "pipx", "pip", "installer", "archive")

_CHOICES: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "FileTransferSpec": {"symlinks": ("keep", "follow", "refuse"), "if_exists": ("replace", "keep", "backup")},
    "Check": {"kind": ("command", "package", "file", "python_module", "shell")},
    "Source": {"manager": MANAGERS, "scope": ("system", "user")},
    "PackageRequirement": {"install": (None, "auto", "print")},
}

_NOT_YET: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "FileTransferSpec": {
        "directory_mode": (None,),
        "owner": (None,),
        "group": (None,),
        "exclude": ((),),
        "symlinks": ("keep",),
        "if_exists": ("replace",),
        "mirror": (False,),
    },
    "Check": {"kind": ("command", "package")},
    "Source": {
        "manager": ("apt",),
        "version": (None,),
        "repository": (None,),
        "url": (None,),
        "sha256": (None,),
        "scope": ("system",),
        "requires": ((),),
        "when": (None,),
    },
}
"""What the contract promises and this release does not do yet: class, field, the values that work today."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*(?<!-)")
_REQUIREMENT = re.compile(rf"\s*({_NAME.pattern})\s*((?:[<>=!~].*)?)", re.DOTALL)


def _refuse(owner: object, field: str, value: object, why: str, remedy: str) -> InputError:
    return InputError(f"{type(owner).__name__}.{field}: {value!r} {why}", remedy=remedy)


def _check_choices(owner: Any) -> None:
    kind = type(owner).__name__
    for field, allowed in _CHOICES.get(kind, {}).items():
        if (value := getattr(owner, field)) not in allowed:
            words = ", ".join(str(choice) for choice in allowed if choice is not None)
            raise _refuse(owner, field, value, "is not known", f"Use one of: {words}.")
    for field, allowed in _NOT_YET.get(kind, {}).items():
        if (value := getattr(owner, field)) not in allowed:
            raise _refuse(owner, field, value, "is not supported yet", f"Leave {field} out in this release.")


def _check_types(spec: Any, /, **expected: type | tuple[type, ...]) -> None:
    for field, types in expected.items():
        value = getattr(spec, field)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in _as_tuple(types)):
            names = " or ".join("nothing" if each is type(None) else each.__name__ for each in _as_tuple(types))
            raise _refuse(spec, field, value, f"is not {names}", f"Give {names}.")


def _as_tuple(types: type | tuple[type, ...]) -> tuple[type, ...]:
    return types if isinstance(types, tuple) else (types,)


def _strings(owner: object, field: str, values: object) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        raise _refuse(owner, field, values, "is not a list of strings", "Give a list of strings.")
    return tuple(values)


def parse_mode(text: object) -> int:
    """A file mode from an octal string (``"0640"``, ``"640"``, ``"0o640"``) or from an int by its value.

    Raises:
        ValueError: it is neither, or has bits above 0777.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        mode = text
    elif isinstance(text, str) and re.fullmatch(r"(0o)?[0-7]{1,5}", text):
        mode = int(text, 8)
    else:
        raise ValueError("is not an octal string such as '0640', nor an int")
    if not 0 <= mode <= 0o777:
        raise ValueError("has bits outside 0777")
    return mode


def normal_remote_path(text: str) -> str:
    """A destination as text: ``..`` and ``.`` and double slashes resolved, no trailing slash, ``~/`` kept in front.

    ``"."`` and ``"~/"`` are work_dir and home themselves. Only a leading ``~/`` means a home; ``~root`` and ``$X`` are
    names. Source: CONTRACT "Data", ``remote_path``.

    Raises:
        ValueError: it is empty, holds NUL or newline, is ``/``, is too long, or leaves work_dir or home.
    """
    if not text:
        raise ValueError("is empty")
    if "\0" in text or "\n" in text:
        raise ValueError("holds a NUL or a newline")
    prefix, rest = ("~/", text[2:]) if text.startswith("~/") else ("", text)
    plain = os.path.normpath(rest.lstrip("/") if prefix else rest) if rest else "."
    if plain.startswith("//"):
        plain = plain[1:]
    if plain == ".." or plain.startswith("../"):
        raise ValueError(f"leaves {'the home directory' if prefix else 'work_dir'} through '..'")
    if plain == "/":
        raise ValueError("is the root directory")
    encoded = os.fsencode(plain)
    if len(encoded) > 4000 or any(len(part) > 255 for part in encoded.split(b"/")):
        raise ValueError("is too long for a path")
    if prefix:
        return "~/" if plain == "." else prefix + plain
    return plain


@dataclass(frozen=True, slots=True)
class FileTransferSpec:
    """A file or a directory of this machine that the agent needs on its host.

    ``remote_path``: relative to the agent's ``work_dir``; a leading ``~/`` is the remote home; absolute stays. A
    directory's *contents* land in ``remote_path``; a file never lands *in* its destination. Modes are octal strings or
    ints; without ``mode`` the source's own permission bits are kept (secrets: 0600). Source: CONTRACT "Data".

    Raises:
        InputError: a field has a wrong type or value, or is not supported yet.
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
        owner: str | None = None,
        group: str | None = None,
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
        _check_types(
            self,
            local_path=(str, os.PathLike),
            remote_path=(str, os.PathLike),
            is_required=bool,
            owner=(str, type(None)),
            group=(str, type(None)),
            is_secret=bool,
            mirror=bool,
        )
        object.__setattr__(self, "exclude", _strings(self, "exclude", exclude))
        self._normalise()
        _check_choices(self)

    def _normalise(self) -> None:
        local, remote = os.fspath(self.local_path), os.fspath(self.remote_path)
        if not local or "\0" in local:
            raise _refuse(self, "local_path", local, "is empty or holds a NUL", "Name a file or a directory.")
        try:
            normal = normal_remote_path(remote)
        except ValueError as error:
            remedy = "Give a path below work_dir, one that starts with ~/, or an absolute one."
            raise _refuse(self, "remote_path", remote, str(error), remedy) from None
        object.__setattr__(self, "local_path", Path(local))
        object.__setattr__(self, "remote_path", PurePosixPath(normal))
        for field in ("mode", "directory_mode"):
            if (value := getattr(self, field)) is not None:
                try:
                    object.__setattr__(self, field, parse_mode(value))
                except ValueError as error:
                    raise _refuse(self, field, value, str(error), "Give a mode such as '0640'.") from None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """A spec from a manifest's or a plugin's mapping; unknown keys are refused with the nearest known one."""
        return _from_mapping(cls, mapping, required=("local_path", "remote_path"))


@dataclass(frozen=True, slots=True)
class Check:
    """How to find out whether a requirement is met: the first check that answers wins.

    ``kind="command"``: ``value`` is a command, asked with ``args``; ``kind="package"``: an entry of the package
    database. ``pattern``: a regular expression whose first group is the version.
    """

    kind: str
    value: str
    args: tuple[str, ...] = ("--version",)
    pattern: str | None = None

    def __post_init__(self) -> None:
        _check_types(self, kind=str, value=str, pattern=(str, type(None)))
        object.__setattr__(self, "args", _strings(self, "args", self.args))
        _check_choices(self)
        if not re.fullmatch(r"[^\s\0-][^\s\0]*", self.value):
            raise _refuse(self, "value", self.value, f"is not the name of a {self.kind}", "Give one name.")
        if any("\0" in each for each in self.args):
            raise _refuse(self, "args", self.args, "hold a NUL", "Leave it out.")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise _refuse(self, "pattern", self.pattern, f"is no regular expression: {error}", "Mend it.") from None

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A check from a ``Check``, a mapping, or a string (a command that is asked with ``--version``)."""
        if isinstance(value, str):
            return cls("command", value)
        if isinstance(value, Mapping):
            return _from_mapping(cls, value, required=("kind", "value"))
        if isinstance(value, cls):
            return value
        raise InputError(f"Check: {value!r} is not a check", remedy="Give a command's name or a mapping.")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement can come from: a package manager and the names that it has there."""

    manager: str
    packages: tuple[str, ...] = ()
    version: str | None = None
    repository: object = None
    url: str | None = None
    sha256: str | None = None
    scope: str = "system"
    requires: tuple[str, ...] = ()
    when: object = None

    def __post_init__(self) -> None:
        _check_types(self, manager=str)
        object.__setattr__(self, "packages", _strings(self, "packages", self.packages))
        object.__setattr__(self, "requires", _strings(self, "requires", self.requires))
        _check_choices(self)
        for name in self.packages:
            _check_name(self, "packages", name)

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A source from a ``Source`` or a mapping."""
        if isinstance(value, Mapping):
            return _from_mapping(cls, value, required=("manager",))
        if isinstance(value, cls):
            return value
        raise InputError(f"Source: {value!r} is not a source", remedy="Give a mapping with manager and packages.")


@dataclass(frozen=True, slots=True)
class PackageRequirement:
    """A tool that the agent needs, and the versions that will do.

    ``version``: a comma-separated set of ``>= > <= < == !=``, compared on upstream versions. Without ``checks``: the
    command of that name with ``--version``, else the package database. Without ``sources``: the package of that name
    from the host's system manager. Source: CONTRACT "Data".
    """

    name: str
    version: str = ""
    checks: tuple[Check, ...] = ()
    sources: tuple[Source, ...] = ()
    is_required: bool = True
    install: Install | None = None
    purpose: str = ""

    def __post_init__(self) -> None:
        _check_types(self, name=str, version=str, is_required=bool, purpose=str)
        _check_name(self, "name", self.name)
        for field, kind in (("checks", Check), ("sources", Source)):
            values = getattr(self, field)
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise _refuse(self, field, values, "is not a list", "Give a list.")
            object.__setattr__(self, field, tuple(kind.from_value(each) for each in values))
        _check_choices(self)
        try:
            wanted = Range.parse(self.version)
        except ValueError as error:
            remedy = "Give a set such as '>=2.39,<3', made of >= > <= < == !=."
            raise _refuse(self, "version", self.version, f"does not parse: {error}", remedy) from None
        if wanted.is_empty:
            raise _refuse(self, "version", self.version, "leaves no version at all", "Relax one of its ends.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """A requirement from its string form, such as ``git>=2.39,<3``.

        Raises:
            InputError: the text is not a name, optionally followed by a version set.
        """
        match = _REQUIREMENT.fullmatch(text)
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
            return _from_mapping(cls, value, required=("name",))
        if isinstance(value, cls):
            return value
        raise InputError(f"{value!r} is not a package requirement", remedy="Give a string such as 'git>=2.39'.")

    def __str__(self) -> str:
        return f"{self.name}{self.version}"


def _check_name(owner: object, field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _refuse(
            owner, field, name, "is not a package's name", "Give one plain name: no option, pattern, path or list."
        )


def nearest(word: str, known: Sequence[str]) -> str:
    """``" (did you mean X?)"`` for a word that is nearly a known one, else an empty string."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _from_mapping[T](cls: type[T], mapping: Mapping[str, Any], *, required: Sequence[str]) -> T:
    known = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in mapping:
        if key not in known:
            hint = nearest(str(key), known)
            raise InputError(f"{cls.__name__}: unknown key {key!r}{hint}", remedy=f"Known keys: {', '.join(known)}.")
    for key in required:
        if key not in mapping:
            raise InputError(f"{cls.__name__}: {key} is missing in {dict(mapping)!r}", remedy=f"Give {key}.")
    return cls(**mapping)
