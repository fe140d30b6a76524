"""Requirements, checks and sources as people write them, in a manifest and in the variables of the roles alike.

Shared with the roles (Python 3.9, standard library only). The functions named after a specification check its fields
and return them in their normal form; the package makes its classes from these, the roles work with the dictionaries.
All of them raise :class:`~.fields.SpecificationError`. The classes describe the fields: docs/contract.md "Data".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import addresses, fields, managers, openpgp, range_notations, validation
from .fields import SpecificationError, check_choices, check_type, error, strings
from .managers import DOWNLOADS
from .regular_expressions import regex
from .versions import Range, is_readable

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9+._-]*[A-Za-z0-9+._])?"
_REQUIREMENT = regex(rf"\s*({_NAME})\s*((?:[<>=!~^].*)?)", re.DOTALL)
"""The string form of a requirement: a name, and the text of a version set."""

_ONE_PLAIN_NAME = "Give one plain name: no option, pattern, path or list."

_LONGEST_NAME = 250
"""Characters of a package's name: the catalog looks for a file of that name, and a file name has 255 bytes at most."""

KEYS = ("name", "version", "checks", "sources", "packages", "is_required", "install", "purpose")
"""The keys of a requirement that is written as a mapping."""
CHECK_KEYS = ("kind", "value", "args", "pattern")
SOURCE_KEYS = ("manager", "packages", "version", "repository", "url", "sha256", "scope", "requires", "when")
REPOSITORY_KEYS = ("name", "url", "key", "fingerprint", "suite", "component")
WHEN_KEYS = ("os", "release", "arch")

_CHECK_VALUES = {
    "command": r"/[^\s\0]+|[^\s\0/-][^\s\0/]*",
    "package": r"[A-Za-z0-9@_](?:[A-Za-z0-9@/+._-]*[A-Za-z0-9+._])?",
    "file": r"(?:~/|/)[^\0\n]+",
    "python_module": r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*",
    "shell": r"[^\0]*\S[^\0]*",
}
"""Kind of check → the pattern of its value."""

_CHECK_MESSAGES = {
    "command": ("is not a command", "Give a command name or an absolute path; options belong into args."),
    "package": ("is not a package name", _ONE_PLAIN_NAME),
    "file": ("is not an absolute path", "Give an absolute path, or one that starts with ~/."),
    "python_module": ("is not a module name", "Give a name such as yaml or os.path."),
    "shell": ("is not a shell command", "Give a command such as 'test -e /etc/ssl/certs'."),
}
"""Kind of check → problem and remedy for a wrong value."""

_LIST_EXAMPLES = {"checks": '["fd", "fdfind"]', "sources": "[{manager: apt, packages: [fd-find]}]"}
_APT_EXAMPLES = {"suite": "bookworm", "component": "main"}

_UNAMES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "armhf": "armv7l",
    "armv7": "armv7l",
    "armv8l": "armv7l",
    **dict.fromkeys(("i386", "i486", "i586", "x86"), "i686"),
}
"""Debian's, Apple's and other names of an architecture → that of Linux's ``uname -m``."""


def read_text(text: str) -> tuple[str, str]:
    """Name and version set of a requirement in its string form, such as ``git>=2.39,<3``."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        remedy = _spelling(text) or "Write a name, or a name and versions: git, git>=2.39, 'git>=2.39,<3'."
        problem = f"{fields.short_repr(text)} does not parse" if text.strip() else "is empty"
        raise SpecificationError(f"requirement {problem}", remedy)
    return match[1], match[2].strip()


def _spelling(text: str) -> str:
    """What to write instead of a requirement in another tool's notation, as a sentence; empty if it is none known."""
    match = re.match(r"\s*([A-Za-z0-9][\w.+-]*?)\s*(?=[\s@:(\[{\"'=\u2264\u2265\u2260])(.+)", text, re.DOTALL)
    if match is None:
        return ""
    return range_notations.requirement_translation(*match.groups())


def spelled_out(given: Mapping[str, Any], more: Sequence[str] = ()) -> dict[str, Any]:
    """A requirement that is written as a mapping, with ``sources`` where it has ``packages``, their short form.

    Args:
        given: what was written.
        more: keys that it may have beside :data:`KEYS`.
    """
    check_keys(given, (*KEYS, *more))
    made = dict(given)
    named = made.pop("packages", None)
    if named is None:
        return made
    if made.get("sources"):
        problem = "PackageRequirement: packages and sources are given, and say the same in two ways"
        raise SpecificationError(problem, "Remove one of them: packages is short for sources without other fields.")
    made["sources"] = sources_of(str(made["name"]), named)
    return made


def check_keys(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a requirement with an unknown key, or without a name; says where what belongs to a source is written."""
    for key in given:
        if key not in known and key in (*SOURCE_KEYS, "exact"):
            field = "version" if key == "exact" else key
            value = "" if key == "manager" else f", {field}: …"
            remedy = f"Write it there: sources: [{{manager: …{value}}}]."
            raise SpecificationError(f"PackageRequirement: {key} belongs to a source", remedy)
    fields.check_keys("PackageRequirement", given, known, ("name",))


def sources_of(name: str, named: object) -> list[dict[str, Any]]:
    """The sources that ``packages: {apt: [fd-find]}`` of the requirement of this name is short for.

    Those of systems come first, as in the roles; an empty list means that a manager does not have it.
    """
    by_manager = names_by_manager(name, named)
    order = sorted((each for each in by_manager if by_manager[each]), key=lambda each: each not in managers.SYSTEM)
    if not order:
        problem = f"PackageRequirement.packages: {fields.short_repr(named)} names no package"
        raise SpecificationError(problem, "Name at least one, as in packages: {apt: [fd-find]}, or leave packages out.")
    return [{"manager": each, "packages": by_manager[each]} for each in order]


def names_by_manager(name: str, named: object, more: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """The value of ``packages``, by manager.

    Args:
        name: the requirement's, for the error.
        named: what was written.
        more: managers beside those that are programs of a host.
    """
    kind, field = "PackageRequirement", "packages"
    if not isinstance(named, Mapping):
        remedy = "Give the names by package manager: packages: {apt: [fd-find]}."
        raise error(kind, field, named, "is not a mapping", remedy)
    found = {}
    for manager, names in named.items():
        if manager in DOWNLOADS and manager not in more:
            remedy = f"Write it in sources, with its address: sources: [{{manager: {manager}, url: …, sha256: …}}]."
            raise error(kind, field, manager, "is no package manager", remedy)
        if manager not in more:
            fields.check_choice(kind, field, manager, tuple(managers.TABLE))
        found[manager] = strings(kind, f"{field}.{manager}", names)
        for each in found[manager]:
            why = managers.name_problem(manager, each)
            if why:
                raise SpecificationError(f"{name}: {each!r} is no name of a package: {why}", _ONE_PLAIN_NAME)
    return found


def requirement(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a requirement; the entries of ``checks`` and ``sources`` are left as they are."""
    kind = "PackageRequirement"
    for field in ("name", "version", "purpose"):
        check_type(kind, field, values[field], (str,))
    check_type(kind, "is_required", values["is_required"], (bool,))
    check_name(values["name"])
    made = dict(values)
    for field, example in _LIST_EXAMPLES.items():
        made[field] = tuple(fields.items(kind, field, values[field], example))
    check_choices(kind, values)
    check_versions(values["version"])
    return made


def is_name(text: str) -> bool:
    """Whether a requirement can have this name: that of one package."""
    return len(text) <= _LONGEST_NAME and re.fullmatch(_NAME, text) is not None


def check_name(name: str) -> None:
    """Refuse what is not the plain name of a package, as the name of a requirement."""
    if not is_name(name):
        raise error("PackageRequirement", "name", name, "is not a package name", _name_remedy(name))


def _name_remedy(name: str) -> str:
    with_version = _REQUIREMENT.fullmatch(name)
    if with_version is not None and with_version[2]:
        return f'Give the versions apart: name: {with_version[1]}, version: "{with_version[2].strip()}".'
    if re.fullmatch(r"@[\w.-]+/[\w.-]+", name):
        return 'Give the name of the tool, and this package in its sources: {manager: npm, packages: ["' + name + '"]}.'
    return _ONE_PLAIN_NAME


def check_versions(text: str) -> None:
    """Refuse what is no version set, or one that allows no version."""
    try:
        versions = Range.parse(text)
    except ValueError as wrong:
        remedy = "Write comparisons with >= > <= < == != and commas between them, such as '>=2.39,<3'."
        raise SpecificationError(f"PackageRequirement.version: {wrong}", remedy) from None
    if versions.is_empty:
        raise error("PackageRequirement", "version", text, "allows no version", "Change one of its limits.")


def read_check(value: object) -> dict[str, Any]:
    """A check from a command's name, or a mapping."""
    if isinstance(value, str):
        value = {"kind": "command", "value": value}
    if not isinstance(value, Mapping):
        remedy = "Give a command name, or a mapping with kind and value."
        raise SpecificationError(f"Check: {fields.short_repr(value)} is not a check", remedy)
    fields.check_keys("Check", value, CHECK_KEYS, ("value",))
    return check({"kind": "command", "args": ("--version",), "pattern": None, **value})


def check(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a check."""
    made = dict(values)
    check_type("Check", "kind", values["kind"], (str,))
    check_type("Check", "value", values["value"], (str,))
    check_type("Check", "pattern", values["pattern"], (str, type(None)))
    made["args"] = strings("Check", "args", values["args"])
    check_choices("Check", values)
    kind, value, pattern = values["kind"], values["value"], values["pattern"]
    if not re.fullmatch(_CHECK_VALUES[kind], value, re.DOTALL):
        raise error("Check", "value", value, *_CHECK_MESSAGES[kind])
    if any("\0" in each for each in made["args"]):
        raise error("Check", "args", made["args"], "contain a NUL", "Remove it.")
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as wrong:
            problem, remedy = f"is not a regular expression: {wrong}", "Correct it; it is one of Python's re."
            raise error("Check", "pattern", pattern, problem, remedy) from None
    return made


def read_source(value: object) -> dict[str, Any]:
    """A source from a mapping, with all fields; ``repository`` and ``when`` are dictionaries or None."""
    if not isinstance(value, Mapping):
        problem = f"Source: {fields.short_repr(value)} is not a source"
        raise SpecificationError(problem, "Give a mapping with manager and packages.")
    fields.check_keys("Source", value, SOURCE_KEYS, ("manager",))
    nothing = dict.fromkeys(SOURCE_KEYS)
    made: dict[str, Any] = {**nothing, "packages": (), "scope": "system", "requires": (), **value}
    if isinstance(made["repository"], Mapping):
        fields.check_keys("Repository", made["repository"], REPOSITORY_KEYS, ("name", "url", "key", "fingerprint"))
        made["repository"] = repository({"suite": "", "component": "", **made["repository"]})
    if isinstance(made["when"], Mapping):
        fields.check_keys("When", made["when"], WHEN_KEYS, ())
        made["when"] = when({"os": (), "release": "", "arch": (), **made["when"]})
    for field in ("repository", "when"):
        check_mapping(field, made[field], dict)
    return source(made)


def check_mapping(field: str, value: object, kind: type) -> None:
    """Refuse a field of a source that is neither None nor of the kind that a mapping becomes."""
    if not isinstance(value, (kind, type(None))):
        raise error("Source", field, value, "is not a mapping", f"Write {field} as a mapping of its fields.")


def source(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a source; ``repository`` and ``when`` are left as they are."""
    made = dict(values)
    optional = (str, type(None))
    check_type("Source", "manager", values["manager"], (str,))
    for field in ("version", "url", "sha256"):
        check_type("Source", field, values[field], optional)
    for field in ("packages", "requires"):
        made[field] = strings("Source", field, values[field])
    check_choices("Source", values)
    manager, version = values["manager"], values["version"]
    for name in made["packages"]:
        why = managers.name_problem(manager, name)
        if why:
            raise error("Source", "packages", name, f"is not a package name for {manager}: {why}", _ONE_PLAIN_NAME)
    if version is not None and not is_readable(version):
        raise error("Source", "version", version, "is not one version", "Give one, such as '1.7.7'.")
    for each in made["requires"]:
        _check_required(each)
    _check_download(values)
    if manager in managers.SYSTEM and values["scope"] == "user":
        remedy = "Remove scope, or use npm, uv, pipx, pip, brew, installer or archive."
        raise error("Source", "scope", "user", f"is not possible with {manager}", remedy)
    if values["repository"] is not None and manager not in ("apt", "dnf", "zypper"):
        own = values["repository"]
        name = own["name"] if isinstance(own, Mapping) else own.name
        problem, remedy = f"cannot be used with {manager}", "Remove it: only apt, dnf and zypper use one."
        raise error("Source", "repository", name, problem, remedy)
    return made


def _check_required(text: str) -> None:
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise error("Source", "requires", text, "is not a requirement", "Write it like 'node>=20'.")
    try:
        Range.parse(match[2].strip())
    except ValueError as wrong:
        problem, remedy = f"is not a requirement: {wrong}", "Write it like 'node>=20'."
        raise error("Source", "requires", text, problem, remedy) from None


def _check_download(values: Mapping[str, Any]) -> None:
    manager, url, sha256 = values["manager"], values["url"], values["sha256"]
    if manager not in DOWNLOADS:
        for field in ("url", "sha256"):
            if values[field] is not None:
                problem, remedy = f"cannot be used with {manager}", "Remove it, or use installer or archive."
                raise error("Source", field, addresses.unreadable(values[field]), problem, remedy)
        return
    shown = addresses.unreadable(url) if url is not None else None
    if url is None or not validation.is_https(url):
        raise error("Source", "url", shown, "is not an https address", "Give the address of the download.")
    if "{version}" in url and values["version"] is None:
        raise error("Source", "url", shown, "contains {version}, but version is missing", "Add version.")
    if sha256 is not None and not validation.is_sha256(sha256):
        raise error("Source", "sha256", sha256, "is not 64 hexadecimal digits", "Give the output of sha256sum.")
    if manager == "archive" and sha256 is None:
        raise SpecificationError("Source.sha256: is missing", "Add it: the output of sha256sum for the archive.")


def when(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a condition on hosts."""
    made = dict(values)
    for field in ("os", "arch"):
        value = values[field]
        made[field] = strings("When", field, [value] if isinstance(value, str) else value)
    check_type("When", "release", values["release"], (str,))
    try:
        Range.parse(values["release"])
    except ValueError as wrong:
        raise SpecificationError(f"When.release: {wrong}", "Write releases such as '>=12,<14'.") from None
    return made


def repository(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a third party's repository; the fingerprint without blanks."""
    kind, made = "Repository", dict(values)
    for field in REPOSITORY_KEYS:
        check_type(kind, field, values[field], (str,))
    name, url, key = values["name"], values["url"], values["key"]
    if not validation.is_repository_name(name):
        raise error(kind, "name", name, "is not a repository name", "Use a-z, 0-9, '-' and '_'.")
    if not validation.is_repository_url(url):
        remedy = "Give an address such as https://example.org/deb, without user and password."
        raise error(kind, "url", addresses.unreadable(url), "is not the address of a repository", remedy)
    made["fingerprint"] = validation.fingerprint(values["fingerprint"])
    if made["fingerprint"] is None:
        remedy = "Copy the whole fingerprint of the key."
        raise error(kind, "fingerprint", values["fingerprint"], "is not 40 hexadecimal digits", remedy)
    if not (openpgp.is_armored(key) or validation.is_https(key)):
        remedy = (
            "Give the text from -----BEGIN PGP PUBLIC KEY BLOCK----- to -----END PGP PUBLIC KEY BLOCK-----, "
            "with nothing before or after it, or its https address."
        )
        problem = "is neither an armored key nor an https address"
        raise error(kind, "key", addresses.unreadable(key)[:60], problem, remedy)
    for field, example in _APT_EXAMPLES.items():
        if values[field] and not validation.is_apt_word(values[field]):
            remedy = f"Give one {field}, such as {example}; see sources.list(5)."
            raise error(kind, field, values[field], f"is not a {field} of apt", remedy)
    return made


def is_for_host(condition: Mapping[str, Any], ids: Sequence[str], release: str, arch: str) -> bool:
    """Whether a host is one of those that ``when`` describes.

    Args:
        condition: what :func:`when` returned.
        ids: all names of its system: os-release's ``ID`` and the words of ``ID_LIKE``, and ``linux`` or ``macos``.
        release: os-release's ``VERSION_ID``; empty if it is unknown.
        arch: its machine, as uname(1) names it.
    """
    if condition["os"] and not {each.lower() for each in condition["os"]} & {each.lower() for each in ids}:
        return False
    if condition["arch"] and _uname(arch) not in {_uname(each) for each in condition["arch"]}:
        return False
    return not condition["release"] or Range.parse(condition["release"]).contains(release)


def _uname(architecture: str) -> str:
    return _UNAMES.get(architecture, architecture)


def address(url: str | None, version: str | None) -> str:
    """The address of a download, with the version filled in."""
    return (url or "").replace("{version}", version or "")


def label(manager: str, repository_name: str | None, download: str) -> str:
    """A source's name for people: ``apt``, ``nodesource, apt``, ``installer of claude.ai``."""
    if repository_name is not None:
        return f"{repository_name}, {manager}"
    if manager in DOWNLOADS:
        return f"{manager} of {urlsplit(download).hostname}"
    return manager
