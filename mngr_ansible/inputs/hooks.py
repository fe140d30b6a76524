"""Call the plugins' hooks, each plugin by name and in our own order; refuse results that are not specifications."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pluggy

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError, PluginError, PreconditionError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.hookspecs import HOOKS
from mngr_ansible.inputs.plugin_errors import exception_message, exception_remedy, fix_or_disable
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import nearest, short_repr


@dataclass(frozen=True, slots=True)
class Hook:
    """One plugin's implementation of one hook. ``rank``: -1 for ``tryfirst``, 1 for ``trylast``, else 0."""

    plugin: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    rank: int

    def __call__(self, **arguments: Any) -> Any:
        """Call it with those of the arguments that it has."""
        return self.function(**{name: arguments[name] for name in self.arguments})


def hooks(manager: pluggy.PluginManager, precedence: Sequence[str] = ()) -> Mapping[str, tuple[Hook, ...]]:
    """Every implementation of our hooks in a plugin manager, by hook, lowest precedence first.

    pluggy's own order depends on the order of directories in site-packages. Ours: ``tryfirst``, the rest by name,
    ``trylast``, then the plugins of ``precedence``. Source: docs/contract.md "Hooks".

    Raises:
        PluginError: an implementation is a wrapper, or has an argument that its hook does not know.
        ErrorGroup: several implementations are wrong.
    """
    found: dict[str, tuple[Hook, ...]] = {}
    errors: list[PluginError] = []
    for name in HOOKS:
        implementations = []
        caller = getattr(manager.hook, name, None)
        for each in caller.get_hookimpls() if caller is not None else ():
            if each.plugin_name == OURSELVES:
                continue
            try:
                implementations.append(_implementation(name, each))
            except PluginError as error:
                errors.append(error)
        found[name] = tuple(sorted(implementations, key=lambda hook: sort_key(hook, precedence)))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return found


def _implementation(name: str, found: pluggy.HookImpl) -> Hook:
    plugin, known = found.plugin_name, HOOKS[name]
    if found.wrapper or found.hookwrapper:
        raise PluginError(
            f"{plugin}: its {name} is a hook wrapper, which mngr-ansible does not call",
            remedy=f"Make it a plain implementation. {fix_or_disable(plugin)}",
        )
    for argument in found.argnames:
        if argument not in known:
            raise PluginError(
                f"{plugin}: its {name} has the unknown argument {argument!r}{nearest(argument, known)}",
                remedy=f"{name} may have the arguments {', '.join(known)}. {fix_or_disable(plugin)}",
            )
    rank = -1 if found.tryfirst else 1 if found.trylast else 0
    return Hook(plugin, name, found.function, tuple(found.argnames), rank)


def sort_key(hook: Hook, precedence: Sequence[str]) -> tuple[int, int, str]:
    """The key that sorts implementations of one hook, lowest precedence first."""
    if hook.plugin in precedence:
        return (2, list(precedence).index(hook.plugin), "")
    return (hook.rank, 0, hook.plugin)


def run_before(found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str) -> None:
    """Call every plugin's ``on_before_agent_provisioning``, also after one has raised.

    Raises:
        PreconditionError: one or more raised; all their messages together.
    """
    raised = []
    for hook in found["on_before_agent_provisioning"]:
        try:
            hook(**arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001
            raised.append((hook.plugin, error))
    if raised:
        plugins = "a plugin" if len(raised) == 1 else f"{len(raised)} plugins"
        lines = "\n".join(f"  {plugin}: {exception_message(error)}" for plugin, error in raised)
        remedies = [exception_remedy(error) for _, error in raised]
        raise PreconditionError(
            f"{plugins} stopped provisioning\n{lines}",
            remedy=" ".join([*filter(None, remedies), "Nothing was changed."]),
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
            raise _failure(hook, error, host) from error


def contributions(
    found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str
) -> tuple[Contribution, ...]:
    """Every plugin's transfers, then every plugin's requirements, each in the order of precedence.

    Raises:
        PluginError: a hook raised, or returned what is not a specification; names plugin, hook and value.
    """
    collected: list[Contribution] = []
    for hook in found["get_provision_file_transfers"]:
        transfers = _convert(hook, _results(hook, arguments, host), _transfer)
        collected.append(Contribution(hook.plugin, transfers=transfers))
    for hook in found["provision_agent"]:
        requirements = _convert(hook, _results(hook, arguments, host), PackageRequirement.from_value)
        collected.append(Contribution(hook.plugin, requirements=requirements))
    return tuple(collected)


def _results(hook: Hook, arguments: Mapping[str, Any], host: str) -> Sequence[object]:
    """What a hook returns, as a sequence; None is an empty one."""
    try:
        result = hook(**arguments)
        if result is None:
            return ()
        if isinstance(result, Iterable) and not isinstance(result, (str, bytes, Mapping)):
            return tuple(result)  # inside of the try: a generator runs the plugin's code here
    except MngrAnsibleError as error:
        raise _wrong_result(hook, error) from error
    except (Exception, SystemExit) as error:
        raise _failure(hook, error, host) from error
    raise PluginError(
        f"{hook.plugin}: its {hook.name} returned {short_repr(result)}, which is not a list",
        remedy=f"{fix_or_disable(hook.plugin)} Nothing was changed.",
    )


def _convert[T](hook: Hook, values: Sequence[object], convert: Callable[[object], T]) -> tuple[T, ...]:
    converted = []
    for value in values:
        try:
            converted.append(convert(value))
        except MngrAnsibleError as error:
            raise _wrong_result(hook, error) from error
        except Exception as error:
            problem = f"{short_repr(value)} is not understood: {error}"
            raise _wrong_result(hook, InputError(problem, remedy="")) from error
    return tuple(converted)


def _transfer(value: object) -> FileTransferSpec:
    """A spec from a spec, a mapping, mngr's own ``FileTransferSpec`` (``agent_path``), or an object with our fields."""
    if isinstance(value, FileTransferSpec):
        return value
    if isinstance(value, Mapping):
        return FileTransferSpec.from_mapping(value)
    known = FileTransferSpec.__dataclass_fields__
    fields = {name: getattr(value, name) for name in known if hasattr(value, name)}
    if "remote_path" not in fields and hasattr(value, "agent_path"):
        fields["remote_path"] = value.agent_path
    if "local_path" not in fields or "remote_path" not in fields:
        raise InputError(f"{short_repr(value)} is not a file transfer", remedy="Return FileTransferSpec objects.")
    return FileTransferSpec(**fields)


def _wrong_result(hook: Hook, error: MngrAnsibleError) -> MngrAnsibleError:
    """The error for a result that is not a specification: names plugin and hook."""
    if isinstance(error, PluginError):
        return error
    return PluginError(
        f"{hook.plugin}: {hook.name}: {error.problem}",
        remedy=f"{error.remedy} {fix_or_disable(hook.plugin)} Nothing was changed.".strip(),
    )


def _failure(hook: Hook, error: BaseException, host: str) -> PluginError:
    """The error for a hook that raised."""
    return PluginError(
        f"{hook.plugin}: {hook.name} failed: {exception_message(error)}",
        remedy=exception_remedy(error) or fix_or_disable(hook.plugin),
        host=host,
    )
