"""Whose words a command of mngr is made of: the user's, or those of the repository in which it runs.

mngr lays the settings of the repository over the user's own, and takes options from both. The user's own words are his
settings file, the variables ``MNGR__…`` and what he typed. What else the result holds is the repository's, by whatever
way it came there: ``settings.local.toml``, ``files__extend``, ``[commands.create]``, a template. Source: mngr 0.3,
``imbue.mngr.config.loader.load_config`` and ``imbue.mngr.cli.common_opts.setup_command_context``.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.config.host_dir import read_root_name
from imbue.mngr.config.pre_readers import (
    derive_project_config_dir,
    get_local_config_path,
    get_project_config_path,
    get_user_config_path,
    try_load_toml,
)
from imbue.overlay.operators import parse_scalar_value

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.user import Stranger
from mngr_ansible.mngr.config import NAME, AnsiblePluginConfig
from mngr_ansible.spec.validation import short_repr
from mngr_ansible.values import field, frozen, replace

_OPERATORS = ("", "__extend", "__assign")
"""The suffixes of a key in mngr's settings."""

_RESTRICTIONS: Mapping[str, object] = {
    "install": "print",
    "strict_secrets": True,
    "allow_installers": False,
    "allow_third_party_repositories": False,
    "scope": "user",
    "bootstrap": False,
}
"""Keys of ``[plugins.ansible]`` with the value that allows less: a repository may set it, but not take it back."""

_PLUGIN_RESTRICTIONS: Mapping[str, object] = {"install": "print", "files": False, "secrets": False}
"""The same for the table of one plugin."""


_GRANTS = ("install", "ansible_install", "yes", "become", "ask_become_pass", "report", "junit")
"""Options by which the user grants something: an installation on this machine, an answer, root, a password, or that a
file is written on this machine."""


@frozen
class Words:
    """Who says what in one command of mngr.

    Attributes:
        command: its name in mngr's settings, such as ``create`` or ``ansible-plan``.
        repository: the repository that the user does not trust; None: there is none, or he trusts it.
        own: what the user says, as documents like mngr's settings, lowest precedence first.
        theirs: the same of the repository, by the file.
        typed: the options that the user typed, by the names of click's parameters.
    """

    command: str
    repository: Path | None
    own: tuple[Mapping[str, Any], ...] = ()
    theirs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    typed: Mapping[str, Any] = field(default_factory=dict)

    def are_own(self, key: str, value: object) -> bool:
        """Whether the user says this value of a key of ``[plugins.ansible]``: the whole of it, or an item of a list."""
        return self.repository is None or not self.theirs or _holds(_values(self.own, ("plugins", NAME, key)), value)

    def is_own_option(self, option: str, value: object) -> bool:
        """Whether the user gives this value to an option of the command: typed it, or has it in settings of his own."""
        if self.repository is None or not self.theirs or _holds([self.typed.get(option)], value):
            return True
        paths = (("commands", self.command, option), ("create_templates", "*", option))
        return any(_holds(_values(self.own, path), value) for path in paths)

    def stranger(self, options: Mapping[str, str]) -> Stranger | None:
        """The repository as a source of contributions; ``options``: parameters of the command by option."""
        if self.repository is None:
            return None

        def says(key: str, value: object) -> bool:
            if key.startswith("--"):
                return not self.is_own_option(options.get(key, ""), value)
            return not self.are_own(key, value)

        return Stranger(self.repository, says)

    def settings(self, config: AnsiblePluginConfig) -> dict[str, Any]:
        """The settings that count: mngr's, without what only the user himself may say.

        The repository cannot trust itself, cannot let packages be installed on this machine, and cannot allow what the
        user's own settings forbid.
        """
        merged = dict(config.as_mapping())
        merged.pop("trusted", None)
        if trusted := list(self.trusted()):
            merged["trusted"] = trusted
        if self.repository is None or not self.theirs:
            return merged
        _restrict(merged, _RESTRICTIONS, self._last)
        tables = merged.get("plugins", {})
        if isinstance(tables, Mapping):
            own = [each for each in _values(self.own, ("plugins", NAME, "plugins")) if isinstance(each, Mapping)]
            names = dict.fromkeys([*tables, *(name for each in own for name in each)])
            merged["plugins"] = {name: self._plugin_table(str(name), tables.get(name, {})) for name in names}
        return merged

    def _plugin_table(self, name: str, table: object) -> object:
        if not isinstance(table, Mapping):
            return table
        kept = dict(table)
        if self._lets_install({name: table}, name):
            del kept["install"]
        _restrict(kept, _PLUGIN_RESTRICTIONS, lambda key: self._last("plugins", name, key))
        path = ("plugins", NAME, "plugins", name, "exclude_files")
        if patterns := [each for value in _values(self.own, path) for each in _items(value)]:
            there = [each for each in _items(kept.get("exclude_files")) if each not in patterns]
            kept["exclude_files"] = [*there, *patterns]
        return kept

    def _last(self, *path: str) -> object:
        """What the user himself says of a key of ``[plugins.ansible]``; None if nothing."""
        return next(reversed(list(_values(self.own, ("plugins", NAME, *path)))), None)

    def trusted(self) -> Iterator[object]:
        """The repositories that the user trusts, as he wrote them."""
        for value in _values(self.own, ("plugins", NAME, "trusted")):
            yield from _items(value)

    def forbids_remote_installation(self) -> bool:
        """Whether the user's own settings say that mngr installs nothing on remote hosts."""
        said = list(_values(self.own, ("is_remote_agent_installation_allowed",)))
        return self.repository is not None and False in said[-1:]

    def is_granted(self, option: str, value: object) -> bool:
        """Whether an option of :data:`_GRANTS` counts: what grants a right on this machine only the user may say."""
        return not _is_grant(option, value) or self.is_own_option(option, value)

    def require_own(self, options: Mapping[str, Sequence[object]]) -> None:
        """Refuse what names programs that run on this machine, where the repository gives it.

        Args:
            options: values by the names of click's parameters.

        Raises:
            InputError: a value is not the user's own.
        """
        for option, values in options.items():
            for value in values:
                if not self.is_own_option(option, value):
                    name = f"--{option.replace('_', '-')}"
                    raise InputError(
                        f"the settings of this repository give {name} {short_repr(value)}, which runs programs on this "
                        "machine, and you have not said that you trust them",
                        remedy=f'Give {name} yourself, or write trusted = ["{self.repository}"] into '
                        "[plugins.ansible] of your own settings.",
                    )

    def ignored(self) -> list[str]:
        """What the settings of the repository say, but only the user may say, for people."""
        if self.repository is None:
            return []
        documents = list(self.theirs.values())
        found = ["trusted" for _ in _values(documents, ("plugins", NAME, "trusted"))]
        for tables in _values(documents, ("plugins", NAME, "plugins")):
            names = tables if isinstance(tables, Mapping) else ()
            found += [f'install = "auto" for {name}' for name in names if self._lets_install(tables, name)]
        for option in _GRANTS:
            given = _options(documents, self.command, option)
            found += [f"{option} = {short_repr(value)}" for value in given if not self.is_granted(option, value)]
        return list(dict.fromkeys(found))

    def _lets_install(self, tables: Mapping[str, Any], name: str) -> bool:
        """Whether the table of a plugin lets its packages be installed on this machine, and the user does not."""
        table = tables[name]
        is_auto = isinstance(table, Mapping) and "auto" in _values([table], ("install",))
        return is_auto and self._last("plugins", name, "install") != "auto"

    def where_named(self, path: str) -> str:
        """The settings files of the repository in which a path stands, for people; empty if it is in none."""
        if self.repository is None:
            return ""
        below = os.path.relpath(path, self.repository)
        spellings = {path, below, f"./{below}", f"~/{os.path.relpath(path, Path.home())}"}
        return " and ".join(
            name for name, table in self.theirs.items() if any(_is_in(table, each) for each in spellings)
        )


def words_of(command: str, mngr_ctx: MngrContext) -> Words:
    """Who says what in this command; it reads the settings files once more.

    Raises:
        InputError: ``trusted`` in the user's own settings is not a list of absolute paths.
    """
    root, config = mngr_ctx.project_root, derive_project_config_dir(read_root_name(), mngr_ctx.project_root)
    repository = root or (None if config is None else config.parent)
    if repository is None or config is None:
        return Words(command, None, typed=_typed())
    profile, home = mngr_ctx.profile_dir, Path.home()
    if _is_inside(home, repository):
        return Words(command, None, typed=_typed())  # the user's own settings are files of it too
    theirs = {
        f"{config.name}/{path.name}": document
        for path in (get_project_config_path(config), get_local_config_path(config))
        if (document := try_load_toml(path)) is not None
    }
    typed = _typed()
    written = None if _is_inside(profile, repository) else try_load_toml(get_user_config_path(profile))
    own = [written or {}, _of_environment(os.environ), _of_settings(_items(typed.get("setting")))]
    own[1:1] = [_of_settings(_options(own, command, "setting"))]
    words = Words(command, repository, tuple(own), theirs, typed)
    if any(_is_same(each, repository) for each in words.trusted()):
        return replace(words, repository=None)
    return words


def _is_inside(path: Path, repository: Path) -> bool:
    return path.resolve().is_relative_to(repository.resolve())


def _is_same(trusted: object, repository: Path) -> bool:
    """Whether an item of ``trusted`` is this repository."""
    if not isinstance(trusted, str) or not trusted.startswith(("/", "~/")):
        problem = f"settings: [plugins.ansible] trusted = {short_repr(trusted)} is not an absolute path"
        raise InputError(problem, remedy='Write absolute paths: trusted = ["~/src/project"]')
    return Path(trusted).expanduser().resolve() == repository.resolve()


def _typed() -> dict[str, Any]:
    """The options of the command line, without those that mngr filled in from its settings.

    In a call without a command line (another program uses mngr as a library) nothing was typed.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return {}
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.PROMPT)
    return {name: value for name, value in context.params.items() if context.get_parameter_source(name) in given}


def _of_environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """The variables ``MNGR__A__B`` as a document. Source: mngr's page "environment variables"."""
    document: dict[str, Any] = {}
    for name, text in variables.items():
        if name.startswith("MNGR__"):
            *path, key = name.removeprefix("MNGR__").lower().split("__")
            if key == "extend" and path:
                key = f"{path.pop()}__extend"
            _put(document, [*path, key], parse_scalar_value(text))
    return document


def _of_settings(settings: Sequence[object]) -> dict[str, Any]:
    """The values of ``--setting KEY=VALUE`` as a document."""
    document: dict[str, Any] = {}
    for each in settings:
        key, sign, text = str(each).partition("=")
        if sign:
            _put(document, key.strip().split("."), parse_scalar_value(text))
    return document


def _put(document: dict[str, Any], path: Sequence[str], value: object) -> None:
    """Set a value in nested tables; below what is no table it is lost, as mngr refuses such settings anyway."""
    for part in path[:-1]:
        below = document.setdefault(part, {})
        if not isinstance(below, dict):
            return
        document = below
    document[path[-1]] = value


def _options(documents: Sequence[Mapping[str, Any]], command: str, option: str) -> list[object]:
    """The items that these documents give to an option of the command."""
    paths = (("commands", command, option), ("create_templates", "*", option))
    return [each for path in paths for value in _values(documents, path) for each in _items(value)]


def _values(documents: Sequence[Mapping[str, Any]], path: Sequence[str]) -> Iterator[Any]:
    """What stands at a path in these documents; ``*`` is any key. The last key may have one of mngr's operators."""
    for document in documents:
        found: list[Any] = [document]
        for position, part in enumerate(path):
            names = {part + each for each in (_OPERATORS if position == len(path) - 1 else ("",))}
            found = [
                value
                for each in found
                if isinstance(each, Mapping)
                for key, value in each.items()
                if part == "*" or _key(key) in {_key(name) for name in names}
            ]
        yield from found


def _key(name: object) -> str:
    """A key as mngr compares it."""
    return str(name).replace("-", "_")


def _items(value: object) -> list[object]:
    """The items of a list; any other value is one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _holds(values: Sequence[object] | Iterator[object], wanted: object) -> bool:
    """Whether one of the values is the wanted one, or a list with it."""
    plain = _plain(wanted)
    return any(plain == known for value in values for known in (_plain(value), *map(_plain, _items(value))))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _is_in(document: object, text: str) -> bool:
    """Whether a document has this text anywhere, also as a part of another one (``--setting``)."""
    if isinstance(document, Mapping):
        return any(_is_in(each, text) for each in document.values())
    if isinstance(document, (list, tuple)):
        return any(_is_in(each, text) for each in document)
    return isinstance(document, str) and (document == text or ("=" in document and text in document))


def _is_grant(option: str, value: object) -> bool:
    return value == "auto" if option in ("install", "ansible_install") else option in _GRANTS and bool(value)


def _restrict(table: dict[str, Any], restrictions: Mapping[str, object], said: Any) -> None:
    """Put back the restrictions that the user himself has set."""
    for key, strict in restrictions.items():
        own = said(key)
        if type(own) is type(strict) and own == strict:
            table[key] = strict
