# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode on a host that has no Python yet, and would have got it from an earlier task: a look in plain sh.

``mngr_packages_action`` calls :func:`look` on the controller. What the modules would find out on the host, the same
code finds out here: it asks a :class:`BareHost`, which runs every question on the host through Ansible's connection.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Callable, NoReturn, cast

from . import mngr_packages_host
from .mngr_ansible_portable import managers, userland

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_packages_queries import Checked

Result = dict[str, Any]
"""The result of a module."""

_PATH = "PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin; export PATH; cd /; "
_ROOTS_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; cd /; "


def is_one(task_vars: Mapping[str, Any]) -> bool:
    """Whether, in check mode, an earlier task of the play would have installed python3: then no module can run."""
    bootstrapped = task_vars.get("mngr_bootstrap_python")
    return isinstance(bootstrapped, dict) and bool(bootstrapped.get("foretold"))


class _Ended(Exception):
    """The module ended with this result."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


class _Module:
    """What this role's code uses of a module, for a module that runs on the controller."""

    check_mode = True

    def __init__(self, params: Mapping[str, Any], host: BareHost, *, has_diff: bool) -> None:
        self.params = dict(params)
        self.host = host
        self._diff = has_diff
        self.warnings: list[str] = []

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def exit_json(self, **result: object) -> NoReturn:
        raise _Ended({"changed": False, **result})

    def fail_json(self, msg: str, **result: object) -> NoReturn:
        raise _Ended({"changed": False, **result, "failed": True, "msg": msg})


class BareHost(mngr_packages_host.Host):
    """A host that is asked in sh alone.

    Args:
        execute: runs a line of sh on the host; its exit status and its standard output.
    """

    def __init__(self, execute: Callable[[str], tuple[int, str]]) -> None:
        self._execute = execute
        self._path = _ROOTS_PATH if self._said("id -u") == "0" else _PATH
        self.home = self._said('printf %s "$HOME"') or "/"

    def _said(self, line: str) -> str:
        return self._execute(line)[1].strip()

    def find_programs(self) -> None:
        """Nothing: every question has its PATH."""

    def has(self, program: str) -> bool:
        return not self._execute(f"{self._path}command -v {shlex.quote(program)} >/dev/null")[0]

    def captured(self, argv: Sequence[str]) -> tuple[int, str]:
        return self._execute(f"{self._path}{{ {shlex.join(argv)}; }} </dev/null 2>&1")

    def answer(self, script: str) -> str:
        return self._execute(f"{self._path}exec /bin/sh -c {shlex.quote(script)} </dev/null 2>/dev/null")[1]

    def new_directory(self) -> str:
        return self._said("TMPDIR=/tmp mktemp -d")

    def privilege(self) -> str:
        if self._said("id -u") == "0":
            return "root"
        programs = (each for each in ("sudo", "doas") if self.has(each))
        return next((each for each in programs if not self.captured([each, "-n", "true"])[0]), "none")

    def system(self) -> mngr_packages_host.System:
        words = mngr_packages_host.read_os_release(self._said("cat /etc/os-release").split("\n"))
        kernel, machine, bits, *_ = [*self._said("uname -s; uname -m; getconf LONG_BIT").split("\n"), "", "", ""]
        return mngr_packages_host.System(words, kernel, userland.userland_architecture(machine, "", bits or "64"))

    def system_manager(self) -> str:
        words = self.system().words
        names = f"{words.get('ID', '')} {words.get('ID_LIKE', '')}".split()
        looks = "; ".join(f"command -v {row.program} >/dev/null && echo {name}" for name, row in managers.TABLE.items())
        present = self._said(f"{self._path}{looks}").split()
        return managers.of_host(names, present) or "apt"


def look(
    module: str, params: Mapping[str, Any], execute: Callable[[str], tuple[int, str]], *, has_diff: bool
) -> tuple[Result, list[str]]:
    """What a module of this role would report in check mode, and its warnings.

    Args:
        module: the last word of its name: ``repository``, ``install``, ``fetch`` or ``assert``.
        params: its arguments.
        execute: see :class:`BareHost`.
        has_diff: whether differences are shown.
    """
    defaults: dict[str, Any] = {
        "manager": "",
        "install": "auto",
        "timeout": 900,
        "lock_timeout": 60,
        "repositories": {},
        "foretold": [],
        "requirements": [],
        "chosen": None,
        "installed": [],
        "failed": [],
    }
    made = _Module({**defaults, **params}, BareHost(execute), has_diff=has_diff)
    for name in ("timeout", "lock_timeout"):
        made.params[name] = int(made.params[name])
    try:
        _LOOKS[module](cast("AnsibleModule", made))
    except _Ended as end:
        return end.result, made.warnings
    raise AssertionError(module)


def _install(module: AnsibleModule) -> None:
    from . import mngr_packages_parts as parts
    from .mngr_packages_installation import Installation

    parts.install(module, Installation)


def _assert(module: AnsibleModule) -> None:
    from .mngr_packages_assertion import run

    run(module)


def _repository(module: AnsibleModule) -> None:
    from . import mngr_packages_parts as parts

    parts.add_repositories(module, _Additions)


class _Additions:
    """What ``Additions`` of :mod:`mngr_packages_additions` does, without Python on the host."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def run(self) -> None:
        """Look at every repository, and end the module."""
        module = self._module
        from . import mngr_packages_keys as keys
        from . import mngr_packages_repositories as repositories
        from .mngr_ansible_portable import openpgp
        from .mngr_packages_foretold import Foretold

        foretold = Foretold(module.params["foretold"])
        steps, problems, added = [], [], []
        for given in module.params["repositories"]:
            try:
                repository = repositories.complete(given, module.host.has)  # type: ignore[attr-defined]
                key = repository["key"]
                if openpgp.is_armored(key):
                    key = keys.only(key.encode(), repository["fingerprint"])
                else:
                    module.warn(f"{repository['name']}: its key is compared when the host has python3.")
            except (repositories.InvalidRepositoryError, keys.KeyFileError) as error:
                reason = f"its key cannot be trusted: {error}" if isinstance(error, keys.KeyFileError) else str(error)
                steps.append(
                    {"id": f"repository:{given.get('name')}", "status": "failed", "current": None, "reason": reason}
                )
                if given.get("is_required", True):
                    problems.append(f"{given.get('name')}: {reason}")
                continue
            if foretold.has_repository(repository):
                status = "ok"
            else:
                status = "changed"
                added.append(repository["name"])
                foretold.add_repository(repository, key)
            steps.append({"id": f"repository:{repository['name']}", "status": status, "current": None, "reason": ""})
        more = {"added": added, "new": [], "mngr_steps": steps, "foretold": foretold.entries}
        if problems:
            module.fail_json(f"{'; '.join(problems)}. Nothing was written.", **more)
        module.exit_json(changed=bool(added), **more)


def _fetch(module: AnsibleModule) -> None:
    from . import mngr_packages_parts as parts
    from .mngr_packages_fetching import Fetching

    class Looking(Fetching):
        """Downloads nothing."""

        def run(self, found: Sequence[Checked]) -> None:
            self.foretell_without_download(found)

    parts.fetch(module, Looking)


_LOOKS: dict[str, Callable[[AnsibleModule], None]] = {
    "repository": _repository,
    "install": _install,
    "fetch": _fetch,
    "assert": _assert,
}
