"""``Source``: where a requirement can be installed from: a package manager, a vendor's repository or a download.

The classes are frozen and check themselves when they are made; a wrong value raises ``InputError`` with class, field
and value.
"""

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict
from urllib.parse import urlsplit

from mngr_ansible.errors import InputError
from mngr_ansible.portable import managers, requirements
from mngr_ansible.spec.validation import as_checked, from_mapping, refusals, set_checked, short_repr
from mngr_ansible.values import fields_of, frozen

DOWNLOADS = managers.DOWNLOADS
"""The managers that are not programs: these sources are downloaded from an address."""

Manager = Literal["apt", "dnf", "zypper", "pacman", "apk", "brew", "npm", "uv", "pipx", "pip", "installer", "archive"]
"""What a source may name as its manager."""


class WhenFields(TypedDict, total=False):
    """The fields of :class:`When` as a mapping."""

    os: Sequence[str]
    release: str
    arch: Sequence[str]


class _RepositoryNames(TypedDict):
    name: str
    url: str
    key: str
    fingerprint: str


class RepositoryFields(_RepositoryNames, total=False):
    """The fields of :class:`Repository` as a mapping."""

    suite: str
    component: str


@frozen
class When:
    """The hosts for which a source is meant. Every condition that is given must be met; an empty one always is.

    ``os``: names of os-release's ``ID`` or ``ID_LIKE``, or ``linux`` or ``macos``; ``release``: a range over its
    ``VERSION_ID``; ``arch``: machine names such as ``x86_64`` and ``aarch64``.
    """

    os: tuple[str, ...] = ()
    release: str = ""
    arch: tuple[str, ...] = ()

    if TYPE_CHECKING:  # what may be given; the fields say what it becomes

        def __init__(self, os: Sequence[str] = ..., release: str = ..., arch: Sequence[str] = ...) -> None: ...

    def __post_init__(self) -> None:
        set_checked(self, requirements.when)

    def matches(self, ids: Sequence[str], release: str, arch: str) -> bool:
        """Whether a host is one of these. ``ids``: all names of its system; ``release``: empty if it is unknown."""
        return requirements.is_for_host(fields_of(self), ids, release, arch)


@frozen
class Repository:
    """A third party's package repository, and the key that signs it.

    ``name`` is the name of its files on the host. ``suite`` and ``component`` are apt's; a flat repository has a suite
    that ends in ``/`` and no component (sources.list(5)). ``key``: the armored text and nothing else, or its https
    address; ``fingerprint``: its 40 hexadecimal digits, compared before anything is written on the host.

    Raises:
        InputError: a field has a wrong type or value.
    """

    name: str
    url: str
    key: str
    fingerprint: str
    suite: str = ""
    component: str = ""

    def __post_init__(self) -> None:
        set_checked(self, requirements.repository)


@frozen
class Source:
    """One way to install a requirement.

    ``packages``: its package names for ``manager``; of an ``archive``, the programs in it that are installed.
    ``version``: the upstream version that this source gives. It pins npm, uv, pipx and pip, replaces ``{version}`` in
    ``url``, and is used instead of the package's own version number where that differs. ``repository``: a third
    party's, added first. ``url`` and ``sha256``: of an ``installer`` or ``archive``. ``scope``: ``system`` for all
    users of the host, ``user`` for the remote user only; uv, pipx, pip and brew always install for the remote user.
    ``requires``: requirements that must be met first, such as ``node>=20``. ``when``: the hosts for which it is meant.
    Source: docs/contract.md "Data".

    Raises:
        InputError: a field has a wrong type or value.
    """

    manager: str
    packages: tuple[str, ...] = ()
    version: str | None = None
    repository: Repository | None = None
    url: str | None = None
    sha256: str | None = None
    scope: str = "system"
    requires: tuple[str, ...] = ()
    when: When | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            manager: Manager,
            packages: Sequence[str] = ...,
            version: str | None = ...,
            repository: Repository | RepositoryFields | None = ...,
            url: str | None = ...,
            sha256: str | None = ...,
            scope: Literal["system", "user"] = ...,
            requires: Sequence[str] = ...,
            when: When | WhenFields | None = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        self._convert("repository", Repository, ("name", "url", "key", "fingerprint"))
        self._convert("when", When, ())
        set_checked(self, requirements.source)

    def _convert(self, field: str, kind: type[Any], required: Sequence[str]) -> None:
        value = getattr(self, field)
        if isinstance(value, Mapping):
            object.__setattr__(self, field, from_mapping(kind, value, required=required))
        elif isinstance(value, kind):
            object.__setattr__(self, field, as_checked(kind, value))
        with refusals():
            requirements.check_mapping(field, getattr(self, field), kind)

    @property
    def address(self) -> str:
        """The address of a download, with the version filled in."""
        return requirements.address(self.url, self.version)

    @property
    def is_of_user(self) -> bool:
        """Whether it installs into a directory that the user's shell may search before those of version managers."""
        return self.scope == "user" or self.manager in ("npm", "uv", "pipx", "pip")

    @property
    def label(self) -> str:
        """Its name for people: ``apt``, ``nodesource, apt``, ``installer of claude.ai``."""
        name = self.repository.name if self.repository is not None else None
        return requirements.label(self.manager, name, self.address)

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A source from a ``Source`` or a mapping."""
        if isinstance(value, Mapping):
            return from_mapping(cls, value, required=("manager",))
        if isinstance(value, cls):
            return as_checked(cls, value)
        raise InputError(
            f"Source: {short_repr(value)} is not a source", remedy="Give a mapping with manager and packages."
        )


def file_name(source: Source) -> str:
    """The name of a download's file on disk."""
    return posixpath.basename(urlsplit(source.address).path) or source.manager
