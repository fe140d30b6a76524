"""The user's settings: the keys of ``[plugins.ansible]``, checked. Source: docs/contract.md "mngr settings"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mngr_ansible.errors import InputError
from mngr_ansible.spec.packages import Install
from mngr_ansible.spec.patterns import DestinationPatterns
from mngr_ansible.spec.validation import is_supported, nearest, short_repr
from mngr_ansible.values import field, frozen


@frozen
class PluginSettings:
    """The settings for one plugin: the keys of ``[plugins.ansible.plugins.NAME]``.

    ``install`` is None if the table does not set it. ``exclude_files``: patterns on destinations, see
    :class:`~mngr_ansible.spec.patterns.DestinationPatterns`. ``files`` and ``secrets``: whether its files, and its
    secret files, are copied.
    """

    check_packages: bool = True
    install: Install | None = None
    files: bool = True
    exclude_files: tuple[str, ...] = ()
    secrets: bool = True


@frozen
class Settings:
    """The settings: ``[plugins.ansible]`` in mngr, or the ``settings`` mapping of the API.

    ``timeout``: seconds for the whole run. ``files``, ``packages`` and ``manifests`` are as the user wrote them;
    :func:`~mngr_ansible.inputs.user.user_contributions` reads them. ``playbooks`` too:
    :func:`~mngr_ansible.inputs.own_playbooks.chosen_playbooks` does. ``allow_…`` and ``scope`` limit the sources of
    packages; with ``scope = "user"`` only sources that install for the remote user alone are used. ``trusted``: the
    repositories whose settings count as the user's own words (docs/contract.md "Trust").
    """

    install: Install = "auto"
    check_packages: bool = True
    precedence: tuple[str, ...] = ()
    packages: tuple[Any, ...] = ()
    files: tuple[Any, ...] = ()
    manifests: tuple[str, ...] = ()
    timeout: float = 600
    strict_secrets: bool = False
    allow_installers: bool = True
    allow_third_party_repositories: bool = True
    scope: Literal["system", "user"] = "system"
    bootstrap: bool = True
    playbooks: tuple[Any, ...] = ()
    trusted: tuple[str, ...] = ()
    plugins: Mapping[str, PluginSettings] = field(default_factory=dict)

    @classmethod
    def parse(cls, mapping: Mapping[str, Any] | None) -> "Settings":
        """Settings from a mapping with the keys of ``[plugins.ansible]``; None gives the defaults.

        Raises:
            InputError: an unknown key, a wrong type or value, or a key that is not supported yet.
        """
        values = dict(_table("plugins.ansible", {} if mapping is None else mapping))
        tables = _table("plugins.ansible.plugins", values.pop("plugins", {}))
        plugins = {str(name): _plugin_settings(str(name), table) for name, table in tables.items()}
        return cls(**_checked(cls, values, "plugins.ansible"), plugins=plugins)

    def plugin(self, name: str) -> PluginSettings:
        """The settings for the plugin of that name; the defaults if it has no table."""
        return self.plugins.get(name, _NO_TABLE)


_NO_TABLE = PluginSettings()
"""The settings of a plugin without a table of its own."""


def _plugin_settings(name: str, table: object) -> PluginSettings:
    place = f"plugins.ansible.plugins.{name}"
    return PluginSettings(**_checked(PluginSettings, _table(place, table), place))


def _table(place: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"settings: {place} = {short_repr(value)} is not a table", remedy=f"Write it as [{place}].")
    return value


@frozen
class _Validator:
    """What a value must be.

    ``expected``: in words; ``example``: a value that is accepted, as TOML. ``item``: what each item of a list must be.
    """

    expected: str
    example: str
    accepts: Callable[[Any], bool]
    item: "_Validator | None" = None

    def rejected(self, value: object) -> "tuple[object, str] | None":
        """The value (or its first item) that is not accepted, and what was expected; None if all is well."""
        if not self.accepts(value):
            return value, self.expected
        if self.item is not None and isinstance(value, Sequence):
            for each in value:
                if not self.item.accepts(each):
                    return each, self.item.expected
        return None


def is_seconds(value: object) -> bool:
    """Whether this is a number of seconds that a run can have: finite and above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_pattern(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        DestinationPatterns([value])
    except ValueError:
        return False
    return True


def _is_playbook(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and "\0" not in value
    if not isinstance(value, Mapping) or not set(value) <= {"path", "when"}:
        return False
    return isinstance(value.get("path"), str) and _is_playbook(value["path"]) and value.get("when") in _MOMENTS


_MOMENTS = (None, "before", "after")


def _boolean(example: str) -> _Validator:
    return _Validator("true or false", example, _is_bool)


def _choice(*words: str) -> _Validator:
    return _Validator(" or ".join(f'"{word}"' for word in words), f'"{words[-1]}"', lambda value: value in words)


def _list(example: str) -> _Validator:
    return _Validator("a list", example, _is_list)


def _list_of_strings(example: str) -> _Validator:
    return _Validator("a list of strings", example, _is_list, _Validator("a string", '"base"', _is_string))


_PATTERN = _Validator("a gitignore pattern", '"*.log"', _is_pattern)

KEYS: Mapping[type, Mapping[str, _Validator]] = {
    Settings: {
        "install": _choice("auto", "print"),
        "check_packages": _boolean("false"),
        "precedence": _list_of_strings('["base", "claude"]'),
        "packages": _list('["tree"]'),
        "files": _list('[{local_path = "a", remote_path = "b"}]'),
        "manifests": _list_of_strings('["~/agent-host.yml"]'),
        "timeout": _Validator("a number of seconds above 0", "600", is_seconds),
        "strict_secrets": _boolean("true"),
        "allow_installers": _boolean("false"),
        "allow_third_party_repositories": _boolean("false"),
        "scope": _choice("system", "user"),
        "bootstrap": _boolean("false"),
        "playbooks": _Validator(
            "a list of paths, or of tables of path and when",
            '["site.yml", {path = "base.yml", when = "before"}]',
            _is_list,
            _Validator('a path, or a table of path and when ("before" or "after")', '"site.yml"', _is_playbook),
        ),
        "trusted": _list_of_strings('["~/src/project"]'),
    },
    PluginSettings: {
        "check_packages": _boolean("false"),
        "install": _choice("auto", "print"),
        "files": _boolean("false"),
        "exclude_files": _Validator("a list of gitignore patterns", '["*.log"]', _is_list, _PATTERN),
        "secrets": _boolean("false"),
    },
}
"""Class → key → what its value must be. ``plugins``, the table of tables, is read by ``Settings.parse``."""


def _checked(cls: type[Settings] | type[PluginSettings], values: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The values of one table, with lists as tuples."""
    validators = KEYS[cls]
    checked = {}
    for key, value in values.items():
        validator = validators.get(key)
        if validator is None:
            known = cls.__match_args__
            raise InputError(
                f"settings: unknown key {short_repr(key)} in [{place}]{nearest(str(key), known)}",
                remedy=f"Known keys: {', '.join(known)}.",
            )
        rejected = validator.rejected(value)
        if rejected is not None:
            wrong, expected = rejected
            raise InputError(
                f"settings: [{place}] {key} = {short_repr(wrong)} is not {expected}",
                remedy=f"{key} must be {validator.expected}: {key} = {validator.example}",
            )
        checked[key] = tuple(value) if _is_list(value) else value
        if not is_supported(cls.__name__, key, checked[key]):
            raise InputError(
                f"settings: [{place}] {key} = {short_repr(value)} is not supported yet",
                remedy=f"Remove {key}; this release does not support it.",
            )
    return checked
