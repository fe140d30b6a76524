"""The hooks of a plugin: which it has, which nobody calls, and what each gives when it is called."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.inputs.hooks import Hook, requirements_of, transfers_of, usable_hooks
from mngr_ansible.inputs.misspelt import MNGR_HOOKS, hook_notices
from mngr_ansible.inputs.plugin_errors import exception_remedy, is_meant_for_people, is_of_plugin, located, module_of
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import frozen

if TYPE_CHECKING:
    import pluggy

_ALL = "hooks: implemented"

_SLOW = 1.0
"""Seconds of a hook that are worth a warning."""


@frozen
class Needs:
    """What the hooks of a plugin returned."""

    transfers: tuple[FileTransferSpec, ...] = ()
    requirements: tuple[PackageRequirement, ...] = ()


def hook_findings(manager: "pluggy.PluginManager", name: str, others: Collection[str]) -> Iterator[Finding]:
    """Which hooks a plugin has, and what is wrong with them. ``others``: names of mngr's own hooks."""
    found, errors = usable_hooks(manager)
    for error in errors:
        yield Finding(*_about_hook(name, error.problem), _own_remedy(error))
    notices = list(hook_notices(manager))
    for notice in notices:
        if "@hookimpl" in notice:
            yield Finding(*_about_hook(name, notice), "Write @hookimpl above it.")
        else:
            text = notice.removeprefix(f"{name}: ")
            yield Finding(_ALL, "warning", text, "Write the name as it is, or remove the function.")
    known = {*HOOKS, *MNGR_HOOKS, *others}
    for hook, caller in sorted(vars(manager.hook).items()):
        is_known = hook in known or any(repr(hook) in each for each in notices)
        if not is_known and caller.get_hookimpls():
            yield Finding(
                _ALL,
                "warning",
                f"{hook!r} is not a hook of mngr or mngr-ansible",
                "Remove it, unless another plugin calls it.",
            )
    if not errors and not any(found.values()):
        yield Finding(
            _ALL,
            "warning",
            "it has no hook that mngr-ansible calls",
            f"Implement one of {', '.join(HOOKS)}, each marked with @hookimpl.",
        )


def _about_hook(plugin: str, problem: str) -> tuple[str, Literal["problem"], str]:
    """Name, status and text of a problem that says ``PLUGIN: its HOOK is …``."""
    text = problem.removeprefix(f"{plugin}: ")
    hook = next((each for each in HOOKS if text.startswith(f"its {each} ")), None)
    if hook is None:
        return _ALL, "problem", text
    return f"hooks: {hook}", "problem", f"it {text.removeprefix(f'its {hook} ')}"


def _own_remedy(error: MngrAnsibleError) -> str:
    """The remedy without what a user of the plugin can do: leave it out."""
    return error.remedy.partition(" Fix the plugin")[0]


def called(
    manager: "pluggy.PluginManager",
    arguments: Mapping[str, Any],
    findings: list[Finding],
    watched: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> Needs:
    """Call the first three hooks as a plan does; what is wrong with what they give is added to ``findings``.

    ``watched``: gets the name of the finding; each hook is called inside of what it gives.
    """
    found, _ = usable_hooks(manager)
    for hook in found["on_before_agent_provisioning"]:
        with watched(f"hooks: {hook.name}"):
            findings.append(_before(hook, arguments))
    transfers: list[FileTransferSpec] = []
    requirements: list[PackageRequirement] = []
    for hook in found["get_provision_file_transfers"]:
        with watched(f"hooks: {hook.name}"):
            transfers += _asked(hook, partial(transfers_of, hook, arguments, host="localhost"), findings)
    for hook in found["provision_agent"]:
        with watched(f"hooks: {hook.name}"):
            requirements += _asked(hook, partial(requirements_of, hook, arguments, host="localhost"), findings)
    findings += [
        Finding(f"hooks: {hook.name}", "ok", "its arguments are right; it is not called here")
        for hook in found["on_after_agent_provisioning"]
    ]
    return Needs(tuple(transfers), tuple(requirements))


def _before(hook: Hook, arguments: Mapping[str, Any]) -> Finding:
    try:
        hook(**arguments)
    except BaseException as error:
        if not is_of_plugin(error):
            raise
        return _raised(hook, error)
    return Finding(f"hooks: {hook.name}", "ok", "it lets provisioning go on")


def _raised(hook: Hook, error: BaseException) -> Finding:
    """A hook that raises: on purpose, because it wants mngr's own objects, or by mistake."""
    message = located(error, module_of(hook.function))
    if is_meant_for_people(error):
        remedy = exception_remedy(error)
        text = f"on this machine it stops provisioning: {message}"
        if not remedy:
            return Finding(
                f"hooks: {hook.name}",
                "warning",
                f"{text}, and it does not say what to do",
                "Set error.user_help_text to a sentence that says what to do.",
            )
        return Finding(f"hooks: {hook.name}", "warning", text, f"Users see: {remedy}")
    if isinstance(error, AttributeError) and _is_of_mngr(error):
        return Finding(
            f"hooks: {hook.name}",
            "warning",
            f"it works only in mngr: {message}",
            "Without mngr, agent has name, work_dir and agent_type; host has name, is_local and "
            "execute_idempotent_command; options and mngr_ctx are None. Use getattr(agent, 'id', None).",
        )
    return Finding(f"hooks: {hook.name}", "problem", f"it fails: {message}", "Fix the hook.")


def _is_of_mngr(error: AttributeError) -> bool:
    """Whether what is missing is an attribute that the arguments of hooks have in mngr."""
    return error.obj is None or type(error.obj).__module__ == "mngr_ansible.inputs.hook_arguments"


def _asked[T](hook: Hook, ask: Callable[[], Iterator[T | MngrAnsibleError]], findings: list[Finding]) -> Sequence[T]:
    """What a hook gives when it is asked twice, as a run may; wrong values are findings."""
    started = time.monotonic()
    try:
        first = list(ask())
        seconds = time.monotonic() - started
        second = list(ask())
    except MngrAnsibleError as error:
        cause = error.__cause__
        if cause is None or isinstance(cause, MngrAnsibleError):
            findings.append(Finding(f"hooks: {hook.name}", "problem", _problem(hook, error), _own_remedy(error)))
        else:
            findings.append(_raised(hook, cause))
        return ()
    wrong = [each for each in first if isinstance(each, MngrAnsibleError)]
    good = [each for each in first if not isinstance(each, MngrAnsibleError)]
    findings += [Finding(f"hooks: {hook.name}", "problem", _problem(hook, each), _own_remedy(each)) for each in wrong]
    if not wrong and first != second:
        findings.append(
            Finding(
                f"hooks: {hook.name}",
                "warning",
                "it returns something else when it is asked again",
                "Return the same each time: it may be asked more than once, and no run would ever find all as planned.",
            )
        )
    elif seconds > _SLOW:
        findings.append(
            Finding(
                f"hooks: {hook.name}",
                "warning",
                f"it takes {seconds:.1f} s, for each host, before anything else is done",
                "Do less in it, or remember what it found.",
            )
        )
    elif not wrong:
        count = len(good)
        findings.append(Finding(f"hooks: {hook.name}", "ok", f"it returns {count} item{'' if count == 1 else 's'}"))
    return good


def _problem(hook: Hook, error: MngrAnsibleError) -> str:
    text = error.problem
    for start in (f"{hook.plugin}: {hook.name}: ", f"{hook.plugin}: its {hook.name} ", f"{hook.plugin}: "):
        text = text.removeprefix(start)
    return text
