"""Find plugins, ask each by name in our own order, and refuse what is not a specification."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pluggy

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError, PluginError, PreconditionError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.hookspecs import HOOKS
from mngr_ansible.inputs.plugins import OURSELVES, exception_message, exception_remedy
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import nearest


@dataclass(frozen=True, slots=True)
class Hook:
    """One plugin's implementation of one hook."""

    plugin: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    rank: int
    """-1 for ``tryfirst``, 1 for ``trylast``, else 0."""

    def __call__(self, **arguments: Any) -> Any:
        return self.function(**{name: arguments[name] for name in self.arguments})


def hooks(manager: pluggy.PluginManager, precedence: Sequence[str] = ()) -> Mapping[str, tuple[Hook, ...]]:
    """Every implementation of our hooks in a plugin manager, by hook, lowest precedence first.

    The order is ours, since pluggy's follows the directory order of site-packages: ``tryfirst``, the rest by name,
    ``trylast``, then the plugins of ``precedence``. Source: docs/contract.md "Hooks".

    Raises:
        PluginError: an implementation is a wrapper, or has an argument that its hook does not know; all of them.
    """
    found: dict[str, tuple[Hook, ...]] = {}
    errors: list[MngrAnsibleError] = []
    for name, known in HOOKS.items():
        implementations = []
        caller = getattr(manager.hook, name, None)
        for each in caller.get_hookimpls() if caller is not None else ():
            plugin = each.plugin_name
            if plugin == OURSELVES:
                continue
            if each.wrapper or each.hookwrapper:
                errors.append(
                    PluginError(
                        f"{plugin}: its {name} is a hook wrapper, which mngr-ansible does not call",
                        remedy=f"Make it a plain implementation, or disable the plugin {plugin}.",
                    )
                )
            elif unknown := [argument for argument in each.argnames if argument not in known]:
                errors.append(
                    PluginError(
                        f"{plugin}: its {name} asks for the argument {unknown[0]!r}{nearest(unknown[0], known)}",
                        remedy=f"{name} may ask for: {', '.join(known)}. Mend or disable the plugin {plugin}.",
                    )
                )
            else:
                rank = -1 if each.tryfirst else 1 if each.trylast else 0
                implementations.append(Hook(plugin, name, each.function, tuple(each.argnames), rank))
        found[name] = tuple(sorted(implementations, key=lambda hook: order(hook, precedence)))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return found


def order(hook: Hook, precedence: Sequence[str]) -> tuple[int, int, str]:
    """What implementations of one hook are sorted by, lowest precedence first."""
    if hook.plugin in precedence:
        return (2, list(precedence).index(hook.plugin), "")
    return (hook.rank, 0, hook.plugin)


def run_before(found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str) -> None:
    """Ask every plugin's ``on_before_agent_provisioning``.

    Raises:
        PreconditionError: one or more refused; all their messages together.
    """
    refusals = []
    for hook in found["on_before_agent_provisioning"]:
        try:
            hook(**arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001
            refusals.append((hook.plugin, error))
    if refusals:
        lines = "\n".join(f"  {plugin}: {exception_message(error)}" for plugin, error in refusals)
        raise PreconditionError(
            f"{'a plugin refuses' if len(refusals) == 1 else f'{len(refusals)} plugins refuse'} to start\n{lines}",
            remedy=" ".join(
                [*filter(None, (exception_remedy(error) for _, error in refusals)), "Nothing was changed."]
            ),
            host=host,
        )


def run_after(found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str) -> None:
    """Call every plugin's ``on_after_agent_provisioning``; the first that raises ends it.

    Raises:
        PluginError: a hook raised.
    """
    for hook in found["on_after_agent_provisioning"]:
        try:
            hook(**arguments)
        except (Exception, SystemExit) as error:
            raise _raised(hook, error, host) from error


def contributions(
    found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str
) -> tuple[Contribution, ...]:
    """Ask every plugin for its transfers and its requirements, in the order of precedence.

    Raises:
        PluginError: a hook raised, or returned what is not a specification; names plugin, hook and value.
    """
    asked: list[Contribution] = []
    for hook in found["get_provision_file_transfers"]:
        answer = _ask(hook, arguments, host)
        asked.append(Contribution(hook.plugin, transfers=tuple(_each(hook, answer, _transfer))))
    for hook in found["provision_agent"]:
        answer = _ask(hook, arguments, host)
        asked.append(Contribution(hook.plugin, requirements=tuple(_each(hook, answer, PackageRequirement.from_value))))
    return tuple(asked)


def _ask(hook: Hook, arguments: Mapping[str, Any], host: str) -> Sequence[object]:
    try:
        answer = hook(**arguments)
        if answer is None:
            return ()
        if isinstance(answer, Iterable) and not isinstance(answer, (str, bytes, Mapping)):
            return tuple(answer)
    except MngrAnsibleError as error:
        raise _blame(hook, error) from error
    except (Exception, SystemExit) as error:
        raise _raised(hook, error, host) from error
    raise PluginError(
        f"{hook.plugin}: its {hook.name} returned {answer!r:.200}, which is not a list",
        remedy=f"Mend or disable the plugin {hook.plugin}. Nothing was changed.",
    )


def _each[T](hook: Hook, values: Sequence[object], convert: Callable[[object], T]) -> Iterable[T]:
    for value in values:
        try:
            yield convert(value)
        except MngrAnsibleError as error:
            raise _blame(hook, error) from error
        except Exception as error:
            raise _blame(hook, InputError(f"{value!r:.200} is not understood: {error}", remedy="")) from error


def _transfer(value: object) -> FileTransferSpec:
    if isinstance(value, FileTransferSpec):
        return value
    if isinstance(value, Mapping):
        return FileTransferSpec.from_mapping(value)
    known = FileTransferSpec.__dataclass_fields__
    fields = {name: getattr(value, name) for name in known if hasattr(value, name)}
    if "remote_path" not in fields and hasattr(value, "agent_path"):
        fields["remote_path"] = value.agent_path
    if "local_path" not in fields or "remote_path" not in fields:
        raise InputError(f"{value!r:.200} is not a file transfer", remedy="Return FileTransferSpec objects.")
    return FileTransferSpec(**fields)


def _blame(hook: Hook, error: MngrAnsibleError) -> MngrAnsibleError:
    if isinstance(error, PluginError):
        return error
    return PluginError(
        f"{hook.plugin}: {hook.name}: {error.problem}",
        remedy=f"{error.remedy} Mend or disable the plugin {hook.plugin}. Nothing was changed.".strip(),
    )


def _raised(hook: Hook, error: BaseException, host: str) -> MngrAnsibleError:
    remedy = exception_remedy(error) or f"Mend or disable the plugin {hook.plugin}."
    return PluginError(f"{hook.plugin}: {hook.name} failed: {exception_message(error)}", remedy=remedy, host=host)
