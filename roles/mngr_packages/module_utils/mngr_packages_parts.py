# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of this role for requirements with ``sources``: each does its part, once for each manager it needs.

A function here takes the class that does the work for requirements without sources, and gives it those it can do.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from . import mngr_packages_host
from . import mngr_packages_sources as sources
from .mngr_ansible_portable import fields, managers
from .mngr_ansible_portable.managers import DOWNLOADS
from .mngr_packages_foretold import Foretold
from .mngr_packages_host import SilentHostError
from .mngr_packages_manager import PackageManager
from .mngr_packages_outcomes import Outcomes, outcome
from .mngr_packages_queries import Checked, Requirement, check, complete, look

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_packages_outcomes import StepOutcome
    from .mngr_packages_sources import Choice

_NOTHING = "No package was changed."
_DUE = ("missing", "too-old")
_MODES = ("print", "auto")
"""What is only printed comes first: if it is required, the module fails before anything is changed."""
_ORDER = tuple(managers.TABLE)


class _Work(Protocol):
    """One execution of a module that installs."""

    def run(self, found: Sequence[Checked]) -> None:
        """Do it, and end the module; ``found``: what the host has of each requirement."""


class _Addition(Protocol):
    """One execution of the module that adds repositories."""

    def run(self) -> None:
        """Do it, and end the module."""


class _End(BaseException):
    """A part has ended, with this result; ``failed`` and ``msg`` are in it if it failed."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__()
        self.result = result


class _Part:
    """A module with other parameters, whose end is not the end of the module."""

    def __init__(self, module: AnsibleModule, **parameters: object) -> None:
        self._module = module
        self.params = {**module.params, **parameters}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def exit_json(self, **result: object) -> NoReturn:
        """End this part."""
        raise _End(result)

    def fail_json(self, msg: str, **result: object) -> NoReturn:
        """End this part with a failure."""
        raise _End({**result, "msg": msg, "failed": True})


def _installed(part: _Part, work: Callable[[AnsibleModule], _Work], found: Sequence[Checked]) -> dict[str, Any]:
    """The result of a part that installs."""
    return _result(lambda: work(cast("AnsibleModule", part)).run(found))


def _added(part: _Part, work: Callable[[AnsibleModule], _Addition]) -> dict[str, Any]:
    """The result of a part that adds repositories."""
    return _result(lambda: work(cast("AnsibleModule", part)).run())


def _result(run: Callable[[], None]) -> dict[str, Any]:
    try:
        run()
    except _End as end:
        return end.result
    raise AssertionError("a part has not ended")


def _end(
    module: AnsibleModule, result: dict[str, Any], wanted: Sequence[Requirement], before: Sequence[Checked]
) -> NoReturn:
    """End the module with this result, and with what the host has of each requirement now.

    ``mngr_packages_assert`` need not ask it again then. ``before``: what it had before the module changed something.
    """
    if result.get("failed"):
        module.fail_json(**{key: value for key, value in result.items() if key != "failed"})
    if not module.check_mode:
        with contextlib.suppress(SilentHostError, ValueError):  # then the assertion asks the host
            now = look(mngr_packages_host.of(module), wanted) if result["changed"] else before
            result["found"] = [
                {"id": each.id, "status": each.finding.status, "current": each.finding.current} for each in now
            ]
    module.exit_json(**result)


def install(module: AnsibleModule, work: Callable[[AnsibleModule], _Work]) -> None:
    """Run ``mngr_packages_install``, and end the module."""
    system = mngr_packages_host.of(module).system_manager()
    wanted = [_with_alternatives(each, module.params["manager"], system) for each in complete(module)]
    _warn_of_unknown_repositories(module, wanted)
    if not any(each["sources"] or each["install"] == "print" for each in wanted):
        found = check(module, wanted)
        _end(module, _installed(_Part(module), work, found), wanted, found)
    choice, found = _choose(module, wanted, module.params["repositories"])
    steps = _refuse(module, choice)
    refused = {each.checked.id for each in choice.refused}
    usual = module.params["manager"] or system
    groups: dict[tuple[str, str], list[Requirement]] = {}
    for each in [*choice.before, *(checked.requirement for checked in found if checked.id not in refused)]:
        chosen = choice.chosen.get(each["id"])
        if chosen is not None and chosen.manager in DOWNLOADS:
            continue
        manager = chosen.manager if chosen else _named(each, usual) if each in choice.before else usual
        ready = chosen.requirement if chosen else {**each, "sources": []}
        groups.setdefault((_mode(module, each), manager), []).append(ready)
    result: dict[str, Any] = {"changed": False, "installed": [], "mngr_steps": steps, "chosen": choice.result()}
    if module.check_mode:
        result["foretold"] = [*module.params["foretold"], *choice.looked_up.entries]
    for mode, manager in sorted(groups, key=lambda key: (_MODES.index(key[0]), _ORDER.index(key[1]))):
        group = groups[mode, manager]
        foretold = result.get("foretold", module.params["foretold"])
        part = _Part(module, requirements=group, manager=manager, install=mode, foretold=foretold)
        done = _foreseen(module, choice, group, manager, foretold) or _installed(part, work, check(module, group))
        _add(result, done)
        if done.get("failed"):
            _fail(module, result, str(done["msg"]), manager)
    _end(module, result, wanted, found)


def add_repositories(module: AnsibleModule, work: Callable[[AnsibleModule], _Addition]) -> None:
    """Run ``mngr_packages_repository``, and end the module."""
    wanted = complete(module)
    if not any(each["sources"] for each in wanted):
        work(module).run()
    choice, _ = _choose(module, wanted, {})
    _refuse(module, choice, is_final=False)
    given = {each.get("name"): each for each in module.params["repositories"]}
    printed = {}
    for own, wants in choice.repositories():
        if _mode(module, wants) == "print" and module.params["install"] == "auto":
            if wants["is_required"]:
                printed[own["name"]] = own
            continue
        same = given.setdefault(own["name"], own)
        if any(same.get(key, "") != own.get(key, "") for key in ("manager", "url", "suite", "component")):
            module.fail_json(
                f"The repository {own['name']} is described twice, with different addresses or suites. "
                "Give one of them another name. Nothing was written."
            )
    done: dict[str, Any] = {}
    if printed:
        done = _added(_Part(module, repositories=list(printed.values()), install="print"), work)
    if not done.get("failed"):
        done = _added(_Part(module, repositories=list(given.values())), work)
    done["chosen"] = choice.result()
    if done.get("failed"):
        module.fail_json(str(done.pop("msg")), **done)
    module.exit_json(**done)


def fetch(module: AnsibleModule, work: Callable[[AnsibleModule], _Work]) -> None:
    """Run ``mngr_packages_fetch``, and end the module."""
    wanted = complete(module)
    if not any(each["sources"] or each["install"] == "print" for each in wanted):
        found = check(module, wanted)
        _end(module, _installed(_Part(module), work, found), wanted, found)
    choice, found = _choose(module, wanted, module.params)
    if module.params["chosen"] is None:  # else the module that chose has reported them
        _refuse(module, choice)
    ready = [each.requirement for each in found if not each.requirement["sources"]]
    ready += [each.requirement for each in choice.chosen.values() if each.manager in DOWNLOADS]
    result: dict[str, Any] = {"changed": False, "installed": [], "mngr_steps": []}
    for mode in _MODES:
        group = [each for each in ready if _mode(module, each) == mode]
        if group:
            foretold = result.get("foretold", module.params["foretold"])
            part = _Part(module, requirements=group, install=mode, foretold=foretold)
            done = _installed(part, work, check(module, group))
            _add(result, done)
            if done.get("failed"):
                module.fail_json(str(done["msg"]), **result)
    _end(module, result, wanted, found)


def _choose(
    module: AnsibleModule, wanted: Sequence[Requirement], earlier: Mapping[str, Any]
) -> tuple[Choice, list[Checked]]:
    """The choice for those with sources that the host does not have, and what it has of each requirement."""
    found = check(module, wanted)
    if module.check_mode:
        found = Foretold(module.params["foretold"]).applied(found)
    due = [each for each in found if each.requirement["sources"] and each.finding.status in _DUE]
    return sources.Chooser(module, wanted, earlier).choose(due), found


def _mode(module: AnsibleModule, requirement: Requirement) -> str:
    """Whether a requirement is installed (``auto``), or only the command is shown (``print``)."""
    return "print" if "print" in (module.params["install"], requirement["install"]) else "auto"


def _refuse(module: AnsibleModule, choice: Choice, *, is_final: bool = True) -> list[StepOutcome]:
    """Fail the module if a required one has no source; else return the outcomes of the others, with a warning.

    ``is_final``: no later module warns of them.
    """
    required = [each for each in choice.refused if each.checked.requirement["is_required"]]
    Outcomes(module, _NOTHING).refuse(choice.refused if is_final else required)
    return [outcome(each.checked, "failed", each.reason, is_of_source=True) for each in choice.refused]


def _warn_of_unknown_repositories(module: AnsibleModule, wanted: Sequence[Requirement]) -> None:
    """Warn of requirements that name a repository which the module that adds them was not given."""
    earlier = module.params["repositories"]
    if not earlier:  # that module is not part of this run
        return
    known = [each["id"].partition(":")[2] for each in earlier.get("mngr_steps") or ()]
    for each in wanted:
        name = each["repository"]
        if name and name not in known:
            module.warn(
                f"{each['name']}: its repository {name!r} is not among mngr_packages_repositories"
                f"{fields.nearest(name, known)}; none was added for it."
            )


def _with_alternatives(requirement: Requirement, manager: str, system: str) -> Requirement:
    """The same, with its ``packages`` as sources where these name none of the host's system, but of other managers."""
    named = {name: names for name, names in requirement["packages"].items() if names}
    if manager or requirement["sources"] or system in named:
        return requirement
    others = [name for name in named if name in managers.TABLE and name not in managers.SYSTEM]
    scope, exact = requirement["scope"], requirement["exact"]
    sources = [
        {**_PLAIN, "manager": name, "packages": tuple(named[name]), "scope": scope, "version": exact.get(name)}
        for name in others
    ]
    return cast("Requirement", {**requirement, "sources": sources})


_PLAIN = {"repository": None, "url": None, "sha256": None, "requires": (), "when": None}


def _named(requirement: Requirement, usual: str) -> str:
    """The manager of a requirement that names only one."""
    return next(iter(requirement["packages"]), usual)


def _foreseen(
    module: AnsibleModule,
    choice: Choice,
    group: Sequence[Requirement],
    manager: str,
    earlier: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """In check mode, the result of a manager that a run installs first; None if the manager can be asked."""
    is_coming = any(each.source["requires"] for each in choice.chosen.values() if each.manager == manager)
    if not module.check_mode or not is_coming or PackageManager(module, manager).is_present:
        return None
    ids = [each["id"] for each in group]
    steps = [{"id": each, "status": "changed", "current": None, "reason": ""} for each in ids]
    foretold = Foretold(earlier)
    for each in check(module, group):
        foretold.add_package(each, manager, each.requirement["packages"].get(manager, ()), None)
    return {"changed": True, "installed": ids, "mngr_steps": steps, "foretold": foretold.entries}


def _add(result: dict[str, Any], done: Mapping[str, Any]) -> None:
    """Put the result of a part into that of the module."""
    result["changed"] = result["changed"] or bool(done.get("changed"))
    if "foretold" in done:
        result["foretold"] = done["foretold"]  # with what was given to the part
    for key in ("installed", "changes", "mngr_steps", "diff"):
        more = done.get(key)
        if more:
            result[key] = [*result.get(key, []), *(more if isinstance(more, list) else [more])]
    if done.get("output"):
        result["output"] = result.get("output", "") + done["output"]


def _fail(module: AnsibleModule, result: dict[str, Any], message: str, manager: str) -> NoReturn:
    """End the module because of one part; others may have changed something."""
    if result["changed"] and message.endswith(_NOTHING):
        names = ", ".join(each.partition(":")[2] for each in result["installed"])
        message = f"{message[: -len(_NOTHING)]}Nothing was changed with {manager}; before that, {names} was installed."
    module.fail_json(message, **result)
