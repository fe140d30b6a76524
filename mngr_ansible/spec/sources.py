"""Where a requirement can come from: a package manager's packages, a third party's repository, a vendor's download."""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from mngr_ansible.errors import InputError
from mngr_ansible.portable import managers
from mngr_ansible.portable.versions import Range, is_readable
from mngr_ansible.spec.validation import REQUIREMENT, check_choices, check_types, from_mapping, refused, strings

DOWNLOADS = ("installer", "archive")
"""The managers that are no program: what they install is fetched from an address."""

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_WORD = re.compile(r"\./|[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?/?")


@dataclass(frozen=True, slots=True)
class When:
    """On which hosts a source counts.

    ``os``: names of os-release's ``ID`` or ``ID_LIKE``, or ``linux`` or ``macos``; ``release``: a range over its
    ``VERSION_ID``; ``arch``: machine names such as ``x86_64`` and ``aarch64``. What is empty holds for all.
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
            raise refused(self, "release", self.release, f"does not parse: {error}", "Write '>=12,<14'.") from None

    def holds(self, ids: Sequence[str], release: str, arch: str) -> bool:
        """Whether a host is one of these; ``ids`` are those of its system, ``release`` may be empty."""
        is_os = not self.os or bool({each.lower() for each in self.os} & {each.lower() for each in ids})
        plain = _ARCHITECTURES.get(arch, arch)
        is_arch = not self.arch or plain in {_ARCHITECTURES.get(each, each) for each in self.arch}
        return is_os and is_arch and (not self.release or Range.parse(self.release).contains(release))


@dataclass(frozen=True, slots=True)
class Repository:
    """A third party's package repository, and the key that signs it.

    ``name`` names its files on the host. ``suite`` and ``component`` are apt's; a flat one has a suite that ends in
    ``/`` and no component. ``key``: armored text, or the https address of it; ``fingerprint``: its 40 hexadecimal
    digits, compared before anything is written.
    """

    name: str
    url: str
    key: str
    fingerprint: str
    suite: str = ""
    component: str = ""

    def __post_init__(self) -> None:
        check_types(self, name=str, url=str, key=str, fingerprint=str, suite=str, component=str)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.name):
            raise refused(self, "name", self.name, "cannot name a file", "Use small letters, digits and '-'.")
        if not re.fullmatch(r"(?:https?://|file:/|copy:/)[!-~]+", self.url) or urlsplit(self.url).password:
            raise refused(self, "url", self.url, "is no repository's address", "Give one such as https://…")
        plain = self.fingerprint.replace(" ", "").upper()
        if not re.fullmatch(r"[0-9A-F]{40}", plain):
            raise refused(self, "fingerprint", self.fingerprint, "is not 40 hexadecimal digits", "Copy it in full.")
        object.__setattr__(self, "fingerprint", plain)
        if not (self.key.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----") or _is_https(self.key)):
            raise refused(self, "key", self.key[:60], "is no armored key, nor its https address", "Give one of them.")
        for field in ("suite", "component"):
            if (value := getattr(self, field)) and not _WORD.fullmatch(value):
                raise refused(self, field, value, "is not a word of apt's", "Give a plain name.")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a requirement can come from.

    ``packages``: the names that ``manager`` has for it; of an ``archive``, the programs in it that are installed.
    ``version``: the upstream version that this source gives: it pins npm, uv, pipx and pip, fills ``{version}`` in
    ``url``, and is the truth where a package's own number is another. ``repository``: of a third party, added first.
    ``url`` and ``sha256``: of an ``installer`` or ``archive``. ``scope``: ``system`` for everybody on the host,
    ``user`` for the login alone; uv, pipx, pip and brew always install for the login. ``requires``: what must be there
    first, such as ``node>=20``. ``when``: on which hosts it counts. Source: docs/contract.md "Data".

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
            if why := managers.valid_name(self.manager, name):
                remedy = "Give one plain name: no option, pattern, path or list."
                raise refused(self, "packages", name, f"is not a package of {self.manager}: {why}", remedy)
        if self.version is not None and not is_readable(self.version):
            raise refused(self, "version", self.version, "is not one version", "Give one such as '1.7.7'.")
        for each in self.requires:
            if REQUIREMENT.fullmatch(each) is None:
                raise refused(self, "requires", each, "is not a requirement", "Write 'node>=20'.")
        self._check_download()
        if self.manager in managers.SYSTEM and self.scope == "user":
            remedy = "Leave scope out, or name a manager that has one of the login's own."
            raise refused(self, "scope", "user", f"is nothing that {self.manager} has", remedy)
        if self.repository is not None and self.manager not in ("apt", "dnf", "zypper"):
            remedy = "Only apt, dnf and zypper have repositories that are added."
            raise refused(self, "repository", self.repository.name, f"is of no use to {self.manager}", remedy)

    def _convert(self, field: str, kind: type[Any], required: Sequence[str]) -> None:
        value = getattr(self, field)
        if isinstance(value, Mapping):
            object.__setattr__(self, field, from_mapping(kind, value, required=required))
        elif not isinstance(value, (kind, type(None))):
            raise refused(self, field, value, "is not a mapping", "Give a mapping.")

    def _check_download(self) -> None:
        if self.manager not in DOWNLOADS:
            for field in ("url", "sha256"):
                if getattr(self, field) is not None:
                    remedy = "Only installer and archive have one."
                    raise refused(self, field, getattr(self, field), f"is of no use to {self.manager}", remedy)
            return
        if self.url is None or not _is_https(self.url):
            raise refused(self, "url", self.url, "is not an https address", "Give where it is downloaded from.")
        if "{version}" in self.url and self.version is None:
            raise refused(self, "url", self.url, "holds {version}, and none is given", "Give version.")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise refused(self, "sha256", self.sha256, "is not 64 hexadecimal digits", "Give what sha256sum prints.")
        if self.manager == "archive" and self.sha256 is None:
            raise refused(self, "sha256", None, "is missing", "Give what sha256sum prints of the archive.")

    @property
    def address(self) -> str:
        """Where a download is, with the version filled in."""
        return (self.url or "").replace("{version}", self.version or "")

    @property
    def label(self) -> str:
        """How people know it: ``apt``, ``NodeSource, apt``, ``installer of claude.ai``."""
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
        raise InputError(f"Source: {value!r} is not a source", remedy="Give a mapping with manager and packages.")


def _is_https(text: str) -> bool:
    return bool(re.fullmatch(r"https://[!-~]+", text)) and urlsplit(text).hostname is not None


def file_name(source: Source) -> str:
    """What a download is called on disk."""
    return posixpath.basename(urlsplit(source.address).path) or source.manager
