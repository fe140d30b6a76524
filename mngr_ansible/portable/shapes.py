"""The dictionaries in which requirements and repositories travel from the plan to a host and to ``mngr_packages``.

Shared with the roles (Python 3.9, standard library only). All of them are plain JSON. :func:`checks.complete` makes a
:class:`CompleteRequirement`. The README of the role describes the same keys.
"""

from __future__ import annotations

from typing import TypedDict


class _CheckFields(TypedDict):
    kind: str
    value: str
    args: list[str]
    pattern: str | None


class CompleteCheck(_CheckFields, total=False):
    """One way to find out whether a tool is installed, and in which version.

    Keys:
        kind: one of ``checks.KINDS``.
        value: a command's name or absolute path, a package, a file, a Python module, or the text of a shell command.
        args: the arguments of a command that make it print its version.
        pattern: a regular expression whose first group, or whole match, is the version; None for the usual rule.
        database: the database that is asked for a package, None for all. Only for the kind ``package``.
    """

    database: str | None


class CompleteRequirement(TypedDict):
    """A requirement with everything spelled out, as the check on a host takes it.

    Keys:
        id: the id of its step, such as ``package:git``.
        version: a range in its normal form, such as ``>=2.39,<3``; empty for any version.
        checks: in the order in which they count.
        packages: by package manager, the names of the packages that contain the tool.
        is_required: whether a host without it cannot be used.
    """

    id: str
    name: str
    version: str
    checks: list[CompleteCheck]
    packages: dict[str, list[str]]
    is_required: bool


class InstallRequest(CompleteRequirement, total=False):
    """A requirement and the one source it is installed from, as the role takes it.

    Keys:
        scope: ``system`` for all users of the host, ``user`` for the remote user alone.
        exact: by package manager, the one version that is installed.
        url, sha256: of a download; without ``sha256`` nothing is known about its content.
        repository: the name of the third party's repository that it comes from.
    """

    scope: str
    exact: dict[str, str]
    url: str
    sha256: str | None
    repository: str


class _RepositoryFields(TypedDict):
    manager: str
    name: str
    url: str
    suite: str
    component: str
    key: str
    fingerprint: str


class RepositoryRequest(_RepositoryFields, total=False):
    """A third party's package repository, as the role takes it.

    Keys:
        manager: one of ``repositories.MANAGERS``.
        name: of its files on the host.
        suite, component: apt only, empty for others.
        key: the signing key as armored text, or its https address.
        fingerprint: of the primary key, 40 hexadecimal digits.
        is_required: whether the other packages are installed only if it can be added; by default they are.
    """

    is_required: bool
