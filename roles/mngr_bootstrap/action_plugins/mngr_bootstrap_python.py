# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the script of the role ``mngr_bootstrap`` on the host, as Ansible's ``raw`` would; it knows check mode, too."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Install python3 on a host that has none; in check mode find out whether that would succeed, and change nothing.

    A playbook may set check mode by itself, which no variable of Ansible tells. So this is no task with ``raw``.
    """

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"script", "timeout", "lock_timeout"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the script, and put the step that it prints in JSON into the result."""
        result = super().run(tmp, task_vars)
        given = self._task.args
        lines = [
            f"seconds={_whole(given, 'timeout')} lock_seconds={_whole(given, 'lock_timeout')}",
            f"check={'yes' if self._task.check_mode else ''}",
            str(given.get("script") or ""),
        ]
        ran = self._low_level_execute_command("\n".join(lines), executable="/bin/sh")
        output = ran.get("stdout") or ""
        result.update(rc=ran["rc"], stdout=output, stdout_lines=output.splitlines(), stderr=ran.get("stderr") or "")
        result["stderr_lines"] = result["stderr"].splitlines()
        said = _said(output)
        if said is None:
            return {**result, "failed": True, "changed": False, "msg": "The host did not run the script to its end."}
        step = said["mngr_steps"][0]
        has_failed = step["status"] == "failed" or ran["rc"] != 0
        result.update(changed=step["status"] == "changed", failed=has_failed, mngr_steps=[step])
        if has_failed:
            result["msg"] = f"{step['reason'] or 'The script ended on the host with exit status ' + str(ran['rc'])}."
        if self._task.check_mode:
            result["foretold"] = _foretold(said)
        if self._task.diff and result["changed"]:
            after = f"python3 {step['current'] or said.get('offered') or '(version not known yet)'}\n"
            header = "packages"
            result["diff"] = {"before_header": header, "before": "", "after_header": header, "after": after}
        return result


def _whole(given: Any, name: str) -> int:
    """An argument as a whole number.

    Raises:
        AnsibleError: it is none.
    """
    try:
        return int(given[name])
    except (KeyError, TypeError, ValueError):
        raise AnsibleError(f"{name} must be a whole number of seconds.") from None


def _said(output: str) -> dict[str, Any] | None:
    """The JSON of the script's last line, of it only what the script prints; None where there is none."""
    last = output.rstrip().rpartition("\n")[2]
    try:
        said = json.loads(last)
        step = said["mngr_steps"][0]
        found = {key: step[key] for key in ("id", "status", "current", "reason")}
        more = {key: said[key] for key in ("foretold", "offered") if said.get(key)}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None
    texts = [found["reason"], *more.values(), *([found["current"]] if found["current"] is not None else [])]
    is_known = found["id"] == "bootstrap:python3" and found["status"] in ("ok", "changed", "failed")
    if not is_known or not all(isinstance(each, str) for each in texts):
        return None
    found = {key: _shown(value) if isinstance(value, str) else value for key, value in found.items()}
    return {"mngr_steps": [found], **{key: _shown(value) for key, value in more.items()}}


def _shown(text: str) -> str:
    """A host's text, of which no character controls a terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def _foretold(said: dict[str, Any]) -> list[dict[str, Any]]:
    """For the role ``mngr_packages``: python3 would be there."""
    manager = said.get("foretold")
    if not manager:
        return []
    packages = ["python" if manager == "pacman" else "python3"]
    entry = {"kind": "package", "id": "bootstrap:python3", "checks": ["python3"], "manager": manager}
    return [{**entry, "packages": packages, "version": said.get("offered") or None}]
