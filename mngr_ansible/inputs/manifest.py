"""A manifest is one more plugin: files and packages in a YAML or TOML file. Source: docs/contract.md "Manifest"."""

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mngr_ansible.errors import InputError, MngrAnsibleError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import nearest

_KEYS = ("files", "packages")


def read(path: str | os.PathLike[str]) -> Contribution:
    """Read a manifest; relative sources in it are relative to its directory.

    Raises:
        InputError: it cannot be read, does not parse, has an unknown key or a wrong value; names the file.
    """
    file = _expanded(path)
    name = f"manifest ({file.name})"
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"the manifest {path} cannot be read: {error.strerror}", remedy="Name a file.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the manifest {path} is not UTF-8 text", remedy="Save it as UTF-8.") from error
    except ValueError as error:
        raise InputError(f"the manifest {str(path)!r} is no path: {error}", remedy="Name a file.") from error
    return contribution(_parse(file, text), plugin="manifest", origin=name, directory=file.parent)


def _expanded(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    return Path.home() / text[2:] if text.startswith("~/") else Path(text)


def _parse(file: Path, text: str) -> object:
    try:
        return _from_toml(text) if file.suffix == ".toml" else _from_yaml(text)
    except (ValueError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise InputError(
            f"the manifest {file} does not parse: {where}", remedy="Mend the line that it names."
        ) from error


def _from_toml(text: str) -> object:
    import tomllib

    return tomllib.loads(text)


def _from_yaml(text: str) -> object:
    """Read YAML; a key that is given twice is refused, since the first one would be lost without a word.

    Raises:
        ValueError: it does not parse.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise yaml.constructor.ConstructorError(None, None, f"{twice!r} is given twice", node.start_mark)
            made: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return made

    try:
        return yaml.load(text, Loader)  # noqa: S506 - Loader is a safe one
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def contribution(document: object, *, plugin: str, origin: str, directory: Path) -> Contribution:
    """The contribution of a document with ``files`` and ``packages``.

    Raises:
        InputError: an unknown key (with the nearest known one) or a wrong value; names ``origin``.
    """
    if document is None:
        document = {}
    if not isinstance(document, Mapping):
        raise InputError(f"{origin}: it is not a mapping", remedy="Give a mapping with files and packages.")
    for key in document:
        if key not in _KEYS:
            raise InputError(
                f"{origin}: unknown key {key!r}{nearest(str(key), _KEYS)}", remedy=f"Known keys: {', '.join(_KEYS)}."
            )
    return Contribution(
        plugin,
        tuple(transfer(each, origin, directory) for each in _list(document, "files", origin)),
        tuple(requirement(each, origin) for each in _list(document, "packages", origin)),
        origin,
    )


def _list(document: Mapping[str, Any], key: str, origin: str) -> Sequence[Any]:
    values = document.get(key)
    if values is None:
        return ()
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise InputError(f"{origin}: {key} is not a list", remedy=f"Give {key} as a list.")
    return values


def transfer(value: object, origin: str, directory: Path) -> FileTransferSpec:
    """A spec from a mapping (or a spec as it is); a relative ``local_path`` starts at ``directory``."""
    if isinstance(value, FileTransferSpec):
        return value
    if not isinstance(value, Mapping):
        raise InputError(
            f"{origin}: {value!r} is not a file transfer", remedy="Give a mapping with local_path and remote_path."
        )
    try:
        local = value.get("local_path")
        if isinstance(local, str) and local and local != "~" and not local.startswith(("~/", "/")):
            value = {**value, "local_path": str(directory / local)}
        return FileTransferSpec.from_mapping(value)
    except MngrAnsibleError as error:
        raise InputError(f"{origin}: {error.problem}", remedy=error.remedy) from error


def requirement(value: object, origin: str) -> PackageRequirement:
    """A requirement from its string form, a mapping, or a requirement as it is."""
    try:
        return PackageRequirement.from_value(value)
    except MngrAnsibleError as error:
        raise InputError(f"{origin}: {error.problem}", remedy=error.remedy) from error
