"""The user's choices: the keys of ``[plugins.ansible]``, validated. Source: docs/contract.md "mngr settings"."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mngr_ansible.errors import InputError
from mngr_ansible.spec.packages import Install
from mngr_ansible.spec.patterns import DestinationPatterns
from mngr_ansible.spec.validation import is_supported, nearest


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """What the user decided about one plugin. ``exclude_files``: patterns on destinations, see ``patterns``."""

    check_packages: bool = True
    install: Install | None = None
    files: bool = True
    exclude_files: tuple[str, ...] = ()
    secrets: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user decided: ``[plugins.ansible]`` in mngr, or the ``settings`` mapping of the API.

    ``timeout`` is in seconds, for the whole run. ``files``, ``packages`` and ``manifests`` are as the user wrote
    them; ``collect`` turns them into the plugins named ``settings`` and ``manifest``. ``allow_…`` and ``scope`` say
    which sources of packages count; ``scope = "user"``: only what installs for the login alone.
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
    playbooks: tuple[str, ...] = ()
    plugins: Mapping[str, PluginSettings] = field(default_factory=dict)

    @classmethod
    def parse(cls, mapping: Mapping[str, Any] | None) -> "Settings":
        """Settings from a mapping with the keys of ``[plugins.ansible]``; None gives the defaults.

        Raises:
            InputError: an unknown key, a wrong type or value, or a key that is not supported yet.
        """
        if not isinstance(mapping, Mapping | None):
            raise _wrong("plugins.ansible", mapping, "a table")
        values = dict(mapping or {})
        tables = values.pop("plugins", {})
        if not isinstance(tables, Mapping):
            raise _wrong("plugins", tables, "a table of tables")
        plugins = {str(name): _plugin_settings(str(name), table) for name, table in tables.items()}
        return cls(**_checked(cls, values, "plugins.ansible"), plugins=plugins)

    def plugin(self, name: str) -> PluginSettings:
        """What the user decided about the plugin of that name; the defaults if nothing."""
        return self.plugins.get(name, _UNDECIDED)


_UNDECIDED = PluginSettings()


def _plugin_settings(name: str, table: object) -> PluginSettings:
    place = f"plugins.ansible.plugins.{name}"
    if not isinstance(table, Mapping):
        raise _wrong(place, table, "a table")
    return PluginSettings(**_checked(PluginSettings, table, place))


def _checked(cls: type, values: Mapping[str, Any], place: str) -> dict[str, Any]:
    known = [each.name for each in dataclasses.fields(cls)]
    checked = {}
    for key, value in values.items():
        if key not in known:
            raise InputError(
                f"settings: unknown key {key!r} in [{place}]{nearest(str(key), known)}",
                remedy=f"Known keys: {', '.join(known)}.",
            )
        checked[key] = _typed(f"[{place}] {key}", key, value)
        if not is_supported(cls.__name__, key, checked[key]):
            raise InputError(
                f"settings: [{place}] {key} = {value!r} is not supported yet",
                remedy=f"Leave {key} out in this release.",
            )
    return checked


_BOOLEANS = frozenset(
    {
        "check_packages",
        "secrets",
        "bootstrap",
        "strict_secrets",
        "allow_installers",
        "allow_third_party_repositories",
    }
)
_CHOICES = {"install": ("auto", "print"), "scope": ("system", "user")}
_STRINGS = frozenset({"precedence", "manifests", "playbooks", "exclude_files"})


def _typed(place: str, key: str, value: Any) -> Any:
    if key in _BOOLEANS or (key == "files" and "plugins.ansible.plugins." in place):
        return value if isinstance(value, bool) else _raise(_wrong(place, value, "true or false"))
    if key in _CHOICES:
        words = " or ".join(f'"{each}"' for each in _CHOICES[key])
        return value if value in _CHOICES[key] else _raise(_wrong(place, value, words))
    if key == "timeout":
        return value if is_seconds(value) else _raise(_wrong(place, value, "a number of seconds above 0"))
    is_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    if not is_list or (key in _STRINGS and not all(isinstance(each, str) for each in value)):
        raise _wrong(place, value, "a list of strings" if key in _STRINGS else "a list")
    if key == "exclude_files":
        _check_patterns(place, value)
    return tuple(value)


def is_seconds(value: object) -> bool:
    """Whether a run can be given that much time: a number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def _check_patterns(place: str, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        try:
            DestinationPatterns([pattern])
        except ValueError:
            raise _wrong(place, pattern, "a pattern as in a .gitignore file") from None


def _wrong(place: str, value: object, wanted: str) -> InputError:
    return InputError(f"settings: {place} = {value!r} is not {wanted}", remedy=f"Give {wanted}.")


def _raise(error: InputError) -> Any:
    raise error
