"""``FileTransferSpec``: a file or directory that an agent needs on its host."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from mngr_ansible.spec import validation
from mngr_ansible.spec.patterns import Patterns
from mngr_ansible.spec.validation import check_choices, check_patterns, check_type, field_error, from_mapping, strings
from mngr_ansible.values import frozen


@frozen
class FileTransferSpec:
    """A file or a directory of this machine that the agent needs on its host. Frozen; checked when it is made.

    ``remote_path``: relative to the agent's ``work_dir``; a leading ``~/`` is the remote home; absolute paths stay. The
    *contents* of a directory are copied into ``remote_path``; a file is written to exactly that path, never into it.

    ``mode`` and ``directory_mode`` are octal strings or ints. Without ``mode`` the source's permission bits are kept
    (secrets: 0600); ``directory_mode`` is for the directories of the tree and the parents that are created.
    ``owner`` and ``group`` are names or numbers of the host.

    ``exclude``: gitignore patterns on the names inside ``local_path``. ``symlinks``: links inside it are kept, followed
    or refused. ``if_exists``: an existing file is replaced, kept, or replaced with a backup beside it. With ``mirror``,
    files on the host that the source does not have are deleted. Source: docs/contract.md "Data".

    Raises:
        InputError: a field has a wrong type or value; names class, field and value.
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
        check_type(self, "is_required", is_required, (bool,))
        check_type(self, "is_secret", is_secret, (bool,))
        check_type(self, "mirror", mirror, (bool,))
        values = {
            "local_path": Path(validation.local_path(self, "local_path", local_path)),
            "remote_path": PurePosixPath(validation.remote_path(self, "remote_path", remote_path)),
            "is_required": is_required,
            "mode": validation.mode(self, "mode", mode),
            "directory_mode": validation.mode(self, "directory_mode", directory_mode),
            "owner": validation.user_or_group(self, "owner", owner),
            "group": validation.user_or_group(self, "group", group),
            "exclude": strings(self, "exclude", exclude),
            "symlinks": symlinks,
            "is_secret": is_secret,
            "if_exists": if_exists,
            "mirror": mirror,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        check_choices(self)
        check_patterns(self, "exclude", self.exclude, Patterns)
        if mirror and if_exists == "keep":
            remedy = "Remove one of them: mirror deletes files that keep would leave alone."
            raise field_error(self, "mirror", mirror, "cannot be combined with if_exists='keep'", remedy)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """A spec from a mapping with the names of the fields.

        Raises:
            InputError: an unknown key (with the nearest known one), a missing one, or a wrong value.
        """
        return from_mapping(cls, mapping, required=("local_path", "remote_path"))
