"""The words that plugins speak: what an agent needs on its host.

Every class is frozen and checks itself when it is made; a wrong value raises ``InputError`` with class, field and
value. Whoever asked the plugin adds the plugin's name.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from mngr_ansible.spec.patterns import Patterns
from mngr_ansible.spec.validation import (
    check_choices,
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


@dataclass(frozen=True, slots=True)
class FileTransferSpec:
    """A file or a directory of this machine that the agent needs on its host.

    ``remote_path``: relative to the agent's ``work_dir``; a leading ``~/`` is the remote home; absolute stays. A
    directory's *contents* land in ``remote_path``; a file never lands *in* its destination. Modes are octal strings or
    ints; without ``mode`` the source's own permission bits are kept (secrets: 0600), and ``directory_mode`` is for the
    directories of the tree and the parents that are created. ``exclude``: gitignore patterns on the names inside
    ``local_path``. ``symlinks``: links inside it are kept, followed or refused. ``if_exists``: what stands there is
    replaced, kept as it is, or replaced with a backup beside it. ``mirror`` also deletes what the source no longer has.
    ``owner`` and ``group`` are names or numbers of the host. Source: docs/contract.md "Data".

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
