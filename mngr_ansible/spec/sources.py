"""``Source``: where a requirement can be installed from: a package manager, a vendor's repository or a download.

The classes are frozen and check themselves when they are made; a wrong value raises ``InputError`` with class, field
and value.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from mngr_ansible.errors import InputError
from mngr_ansible.portable import addresses, managers, openpgp, validation
from mngr_ansible.portable.versions import Range, is_readable
from mngr_ansible.spec.validation import (
    ONE_PLAIN_NAME,
    REQUIREMENT,
    check_choices,
    check_types,
    field_error,
    from_mapping,
    short_repr,
    strings,
)

DOWNLOADS = ("installer", "archive")
"""The managers that are not programs: these sources are downloaded from an address."""

_UNAMES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "armhf": "armv7l",
    "armv7": "armv7l",
    "armv8l": "armv7l",
    **dict.fromkeys(("i386", "i486", "i586", "x86"), "i686"),
}
"""Debian's, Apple's and other names of an architecture → that of Linux's ``uname -m``."""

_APT_EXAMPLES = {"suite": "bookworm", "component": "main"}


@dataclass(frozen=True, slots=True)
class When:
    """The hosts for which a source is meant. Every condition that is given must be met; an empty one always is.

    ``os``: names of os-release's ``ID`` or ``ID_LIKE``, or ``linux`` or ``macos``; ``release``: a range over its
    ``VERSION_ID``; ``arch``: machine names such as ``x86_64`` and ``aarch64``.
    """

    os: tuple[str, ...] = ()
    release: str = ""
    arch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("os", "arch"):
            value = getattr(self, field)
            object.__setattr__(self, field, strings(self, field, [value] if isinstance(value, str) else value))
        check_types(self, release=str)
        try:
            Range.parse(self.release)
        except ValueError as error:
            raise InputError(f"When.release: {error}", remedy="Write releases such as '>=12,<14'.") from None

    def matches(self, ids: Sequence[str], release: str, arch: str) -> bool:
        """Whether a host is one of these. ``ids``: all names of its system; ``release``: empty if it is unknown."""
        if self.os and not {each.lower() for each in self.os} & {each.lower() for each in ids}:
            return False
        if self.arch and _uname(arch) not in {_uname(each) for each in self.arch}:
            return False
        return not self.release or Range.parse(self.release).contains(release)


@dataclass(frozen=True, slots=True)
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
        check_types(self, name=str, url=str, key=str, fingerprint=str, suite=str, component=str)
        if not validation.is_repository_name(self.name):
            raise field_error(self, "name", self.name, "is not a repository name", "Use a-z, 0-9, '-' and '_'.")
        if not validation.is_repository_url(self.url):
            remedy = "Give an address such as https://example.org/deb, without user and password."
            raise field_error(self, "url", addresses.unreadable(self.url), "is not the address of a repository", remedy)
        plain = validation.fingerprint(self.fingerprint)
        if plain is None:
            remedy = "Copy the whole fingerprint of the key."
            raise field_error(self, "fingerprint", self.fingerprint, "is not 40 hexadecimal digits", remedy)
        object.__setattr__(self, "fingerprint", plain)
        if not (openpgp.is_armored(self.key) or validation.is_https(self.key)):
            remedy = (
                "Give the text from -----BEGIN PGP PUBLIC KEY BLOCK----- to -----END PGP PUBLIC KEY BLOCK-----, "
                "with nothing before or after it, or its https address."
            )
            raise field_error(
                self,
                "key",
                addresses.unreadable(self.key)[:60],
                "is neither an armored key nor an https address",
                remedy,
            )
        for field in ("suite", "component"):
            if (value := getattr(self, field)) and not validation.is_apt_word(value):
                remedy = f"Give one {field}, such as {_APT_EXAMPLES[field]}; see sources.list(5)."
                raise field_error(self, field, value, f"is not a {field} of apt", remedy)


@dataclass(frozen=True, slots=True)
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

    def __post_init__(self) -> None:
        optional = (str, type(None))
        check_types(self, manager=str, version=optional, url=optional, sha256=optional)
        object.__setattr__(self, "packages", strings(self, "packages", self.packages))
        object.__setattr__(self, "requires", strings(self, "requires", self.requires))
        self._convert("repository", Repository, ("name", "url", "key", "fingerprint"))
        self._convert("when", When, ())
        check_choices(self)
        for name in self.packages:
            if why := managers.name_problem(self.manager, name):
                problem = f"is not a package name for {self.manager}: {why}"
                raise field_error(self, "packages", name, problem, ONE_PLAIN_NAME)
        if self.version is not None and not is_readable(self.version):
            raise field_error(self, "version", self.version, "is not one version", "Give one, such as '1.7.7'.")
        for each in self.requires:
            self._check_requirement(each)
        self._check_download()
        if self.manager in managers.SYSTEM and self.scope == "user":
            remedy = "Remove scope, or use npm, uv, pipx, pip, brew, installer or archive."
            raise field_error(self, "scope", "user", f"is not possible with {self.manager}", remedy)
        if self.repository is not None and self.manager not in ("apt", "dnf", "zypper"):
            problem, remedy = f"cannot be used with {self.manager}", "Remove it: only apt, dnf and zypper use one."
            raise field_error(self, "repository", self.repository.name, problem, remedy)

    def _convert(self, field: str, kind: type[Any], required: Sequence[str]) -> None:
        value = getattr(self, field)
        if isinstance(value, Mapping):
            object.__setattr__(self, field, from_mapping(kind, value, required=required))
        elif not isinstance(value, (kind, type(None))):
            raise field_error(self, field, value, "is not a mapping", f"Write {field} as a mapping of its fields.")

    def _check_requirement(self, text: str) -> None:
        match = REQUIREMENT.fullmatch(text)
        if match is None:
            raise field_error(self, "requires", text, "is not a requirement", "Write it like 'node>=20'.")
        try:
            Range.parse(match[2].strip())
        except ValueError as error:
            raise field_error(
                self, "requires", text, f"is not a requirement: {error}", "Write it like 'node>=20'."
            ) from None

    def _check_download(self) -> None:
        if self.manager not in DOWNLOADS:
            for field in ("url", "sha256"):
                if getattr(self, field) is not None:
                    problem, remedy = f"cannot be used with {self.manager}", "Remove it, or use installer or archive."
                    raise field_error(self, field, addresses.unreadable(getattr(self, field)), problem, remedy)
            return
        shown = addresses.unreadable(self.url) if self.url is not None else None
        if self.url is None or not validation.is_https(self.url):
            raise field_error(self, "url", shown, "is not an https address", "Give the address of the download.")
        if "{version}" in self.url and self.version is None:
            raise field_error(self, "url", shown, "contains {version}, but version is missing", "Add version.")
        if self.sha256 is not None and not validation.is_sha256(self.sha256):
            raise field_error(
                self, "sha256", self.sha256, "is not 64 hexadecimal digits", "Give the output of sha256sum."
            )
        if self.manager == "archive" and self.sha256 is None:
            raise InputError("Source.sha256: is missing", remedy="Add it: the output of sha256sum for the archive.")

    @property
    def address(self) -> str:
        """The address of a download, with the version filled in."""
        return (self.url or "").replace("{version}", self.version or "")

    @property
    def is_of_user(self) -> bool:
        """Whether it installs into a directory that the user's shell may search before those of version managers."""
        return self.scope == "user" or self.manager in ("npm", "uv", "pipx", "pip")

    @property
    def label(self) -> str:
        """Its name for people: ``apt``, ``nodesource, apt``, ``installer of claude.ai``."""
        if self.repository is not None:
            return f"{self.repository.name}, {self.manager}"
        if self.manager in DOWNLOADS:
            return f"{self.manager} of {urlsplit(self.address).hostname}"
        return self.manager

    @classmethod
    def from_value(cls, value: object) -> Self:
        """A source from a ``Source`` or a mapping."""
        if isinstance(value, Mapping):
            return from_mapping(cls, value, required=("manager",))
        if isinstance(value, cls):
            return value
        raise InputError(
            f"Source: {short_repr(value)} is not a source", remedy="Give a mapping with manager and packages."
        )


def _uname(architecture: str) -> str:
    return _UNAMES.get(architecture, architecture)


def file_name(source: Source) -> str:
    """The name of a download's file on disk."""
    return posixpath.basename(urlsplit(source.address).path) or source.manager
