"""Call the plugins' hooks, each plugin by name and in our own order; refuse results that are not specifications."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError, PluginError, PreconditionError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.inputs.plugin_errors import (
    TRACEBACK,
    exception_remedy,
    fix_or_disable,
    is_meant_for_people,
    is_of_plugin,
    located,
    module_of,
    raised_at,
)
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.validation import as_checked, nearest, short_repr
from mngr_ansible.values import frozen

if TYPE_CHECKING:
    import pluggy

_MOST = 100_000
"""Items that one hook may return."""


@frozen
class Hook:
    """One plugin's implementation of one hook.

    ``rank``: -1 for ``tryfirst``, 1 for ``trylast``, else 0. ``is_in_mngr``: mngr loaded the plugin and can disable it.
    """

    plugin: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    rank: int
    is_in_mngr: bool = False

    def __call__(self, **arguments: Any) -> Any:
        """Call it with those of the arguments that it has."""
        return self.function(**{name: arguments[name] for name in self.arguments})

    @property
    def remedy(self) -> str:
        """What to do about a mistake of the plugin."""
        return fix_or_disable(self.plugin, is_in_mngr=self.is_in_mngr)


def hooks(manager: "pluggy.PluginManager | None", precedence: Sequence[str] = ()) -> Mapping[str, tuple[Hook, ...]]:
    """Every implementation of our hooks in a plugin manager, by hook, lowest precedence first.

    pluggy's own order depends on the order of directories in site-packages. Ours: ``tryfirst``, the rest by name,
    ``trylast``, then the plugins of ``precedence``. Source: docs/contract.md "Hooks".

    ``manager``: None where there is no plugin.

    Raises:
        PluginError: an implementation is a wrapper, async, the function of a class that nobody made an object of, or
            has an argument that its hook does not know.
        ErrorGroup: several implementations are wrong.
    """
    found, errors = usable_hooks(manager, precedence)
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return found


def usable_hooks(
    manager: "pluggy.PluginManager | None", precedence: Sequence[str] = ()
) -> tuple[dict[str, tuple[Hook, ...]], list[PluginError]]:
    """The implementations as :func:`hooks` has them, and what is wrong with those that cannot be called."""
    if manager is None:
        return dict.fromkeys(HOOKS, ()), []
    found: dict[str, tuple[Hook, ...]] = {}
    errors: list[PluginError] = []
    is_in_mngr = manager.has_plugin(OURSELVES)
    for name in HOOKS:
        implementations = []
        caller = getattr(manager.hook, name, None)
        for each in caller.get_hookimpls() if caller is not None else ():
            if each.plugin_name == OURSELVES:
                continue
            try:
                implementations.append(_implementation(name, each, is_in_mngr=is_in_mngr))
            except PluginError as error:
                errors.append(error)
        found[name] = tuple(sorted(implementations, key=lambda hook: sort_key(hook, precedence)))
    return found, errors


def _implementation(name: str, found: "pluggy.HookImpl", *, is_in_mngr: bool) -> Hook:
    plugin, known = found.plugin_name, HOOKS[name]
    wrong = _obstacle(name, found)
    for argument in found.argnames if wrong is None else ():
        if argument not in known:
            problem = f"has the unknown argument {argument!r}{nearest(argument, known)}"
            wrong = problem, f"{name} may have the arguments {', '.join(known)}."
            break
    if wrong is not None:
        problem, remedy = wrong
        raise PluginError(
            f"{plugin}: its {name} {problem}", remedy=f"{remedy} {fix_or_disable(plugin, is_in_mngr=is_in_mngr)}"
        )
    rank = -1 if found.tryfirst else 1 if found.trylast else 0
    return Hook(plugin, name, found.function, tuple(found.argnames), rank, is_in_mngr)


def _obstacle(name: str, found: "pluggy.HookImpl") -> tuple[str, str] | None:
    """Problem and remedy of a function that cannot be called as a hook, or would do nothing; None if it can."""
    import inspect

    if found.wrapper or found.hookwrapper:
        return "is a hook wrapper, which mngr-ansible does not call", "Make it a plain implementation."
    if inspect.isclass(found.plugin) and inspect.isfunction(inspect.getattr_static(found.plugin, name, None)):
        kind = found.plugin.__name__
        return (
            f"belongs to the class {kind}, and is called without an object of it",
            f"Make the plugin an object, such as plugin = {kind}() in its module, and name that in the entry point.",
        )
    if inspect.iscoroutinefunction(found.function) or inspect.isasyncgenfunction(found.function):
        return "is async, and mngr-ansible does not wait for it", "Write def instead of async def."
    if name.startswith("on_") and inspect.isgeneratorfunction(found.function):
        return "contains yield, so nothing in it is run when it is called", "Remove the yield."
    return None


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
        except BaseException as error:
            if not is_of_plugin(error):
                raise
            raised.append((hook, error))
    if raised:
        plugins = "a plugin" if len(raised) == 1 else f"{len(raised)} plugins"
        lines = "\n".join(f"  {hook.plugin}: {located(error, module_of(hook.function))}" for hook, error in raised)
        remedies = [_remedy(hook, error) for hook, error in raised]
        hints = [] if all(is_meant_for_people(error) for _, error in raised) else [TRACEBACK]
        cause = raised[0][1] if len(raised) == 1 else BaseExceptionGroup(plugins, [error for _, error in raised])
        raise PreconditionError(
            f"{plugins} stopped provisioning\n{lines}",
            remedy=" ".join([*dict.fromkeys(filter(None, remedies)), *hints, "Nothing was changed."]),
            host=host,
        ) from cause


def run_after(found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str) -> None:
    """Call every plugin's ``on_after_agent_provisioning``; the first that raises ends it.

    Raises:
        PluginError: a hook raised.
    """
    for hook in found["on_after_agent_provisioning"]:
        try:
            hook(**arguments)
        except BaseException as error:
            if not is_of_plugin(error):
                raise
            raise _failure(hook, error, host) from error


def contributions(
    found: Mapping[str, Sequence[Hook]], arguments: Mapping[str, Any], *, host: str
) -> tuple[Contribution, ...]:
    """Every plugin's transfers, then every plugin's requirements, each in the order of precedence.

    Raises:
        PluginError: a hook raised, or returned what is not a specification; names plugin, hook and value.
    """
    files = [
        Contribution(hook.plugin, transfers=_all_good(transfers_of(hook, arguments, host=host)))
        for hook in found["get_provision_file_transfers"]
    ]
    packages = [
        Contribution(hook.plugin, requirements=_all_good(requirements_of(hook, arguments, host=host)))
        for hook in found["provision_agent"]
    ]
    return (*files, *packages)


def transfers_of(
    hook: Hook, arguments: Mapping[str, Any], *, host: str
) -> Iterator[FileTransferSpec | MngrAnsibleError]:
    """What ``get_provision_file_transfers`` of one plugin returns: each a spec, or what is wrong with it.

    Raises:
        PluginError: the hook raised, or returned no list.
    """
    return _converted(hook, _results(hook, arguments, host), _transfer)


def requirements_of(
    hook: Hook, arguments: Mapping[str, Any], *, host: str
) -> Iterator[PackageRequirement | MngrAnsibleError]:
    """The same for ``provision_agent``."""
    return _converted(hook, _results(hook, arguments, host), PackageRequirement.from_value)


def _all_good[T](values: Iterable[T | MngrAnsibleError]) -> tuple[T, ...]:
    """All of them; raises the first that is an error."""
    good: list[T] = []
    for each in values:
        if isinstance(each, MngrAnsibleError):
            raise each
        good.append(each)
    return tuple(good)


def _results(hook: Hook, arguments: Mapping[str, Any], host: str) -> Sequence[object]:
    """What a hook returns, as a sequence; None is an empty one."""
    try:
        result = hook(**arguments)
        if result is None:
            return ()
        is_list = isinstance(result, Iterable) and not isinstance(result, (str, bytes, Mapping))
        values = tuple(islice(result, _MOST + 1)) if is_list else ()  # a generator runs the plugin's code here
    except MngrAnsibleError as error:
        raise _wrong_result(hook, error, raised_at(error, module_of(hook.function))) from error
    except BaseException as error:
        if not is_of_plugin(error):
            raise
        raise _failure(hook, error, host) from error
    if is_list and len(values) <= _MOST:
        return values
    what = f"more than {_MOST} items" if is_list else f"{short_repr(result)}, which is not a list"
    remedy = "Return a list that ends." if is_list else "Return a list."
    raise PluginError(
        f"{hook.plugin}: its {hook.name} returned {what}", remedy=f"{remedy} {hook.remedy} Nothing was changed."
    )


def _converted[T](
    hook: Hook, values: Sequence[object], convert: Callable[[object], T]
) -> Iterator[T | MngrAnsibleError]:
    """Each value as a specification, or the error that names plugin, hook, value and item."""
    for number, value in enumerate(values, 1):
        place = f"item {number} of what it returned" if len(values) > 1 else ""
        try:
            converted = convert(value)
        except MngrAnsibleError as error:
            yield _caused(_wrong_result(hook, error, place), error)
        except Exception as error:  # noqa: BLE001 - it may run code of the plugin's own objects
            problem = f"{short_repr(value)} is not understood: {error}"
            raised = raised_at(error, module_of(hook.function))
            where = ", ".join(filter(None, (place, raised)))
            yield _caused(_wrong_result(hook, InputError(problem, remedy=TRACEBACK), where), error)
        else:
            yield converted


def _caused(error: MngrAnsibleError, cause: BaseException) -> MngrAnsibleError:
    """The error with its cause, as ``raise … from`` sets it."""
    if error is not cause:
        error.__cause__ = cause
    return error


def _transfer(value: object) -> FileTransferSpec:
    """A spec from a spec, a mapping, mngr's own ``FileTransferSpec`` (``agent_path``), or an object with our fields."""
    if isinstance(value, FileTransferSpec):
        return as_checked(FileTransferSpec, value)
    if isinstance(value, Mapping):
        return FileTransferSpec.from_mapping(value)
    known = FileTransferSpec.__match_args__
    fields = {name: getattr(value, name) for name in known if hasattr(value, name)}
    if "remote_path" not in fields and hasattr(value, "agent_path"):
        fields["remote_path"] = value.agent_path
    if "local_path" not in fields or "remote_path" not in fields:
        raise InputError(f"{short_repr(value)} is not a file transfer", remedy="Return FileTransferSpec objects.")
    return FileTransferSpec(**fields)


def _wrong_result(hook: Hook, error: MngrAnsibleError, place: str) -> MngrAnsibleError:
    """The error for a result that is not a specification: names plugin, hook, and the line or item, if known."""
    if isinstance(error, PluginError):
        return error
    return PluginError(
        f"{hook.plugin}: {hook.name}: {error.problem}{f' ({place})' if place else ''}",
        remedy=f"{error.remedy} {hook.remedy} Nothing was changed.".strip(),
    )


def _failure(hook: Hook, error: BaseException, host: str) -> PluginError:
    """The error for a hook that raised."""
    return PluginError(
        f"{hook.plugin}: {hook.name} failed: {located(error, module_of(hook.function))}",
        remedy=" ".join([_remedy(hook, error) or hook.remedy, *([] if is_meant_for_people(error) else [TRACEBACK])]),
        host=host,
    )


def _remedy(hook: Hook, error: BaseException) -> str:
    """The error's own help if it was written for people, else what to do about a mistake of the plugin."""
    return exception_remedy(error) if is_meant_for_people(error) else hook.remedy
