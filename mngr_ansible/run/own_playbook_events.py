"""The events of a playbook of the user's own → lines: the task it is at, what failed, how it ended on each host."""

from collections.abc import Iterator, Mapping
from typing import Any

from mngr_ansible.portable.text import clause
from mngr_ansible.run.lines import Line, Reducer, failure_message

_ENDS = (("unreachable", "dark"), ("failed", "failures"), ("changed", "changed"))
"""How a playbook ended on a host, and the counter of Ansible that says so; the first one counts."""


class OwnReducer(Reducer):
    """The same for tasks that are not ours: they report no steps, and a failure that a playbook ignores is none.

    What a playbook rescues is reported when it happens; the counters at the end tell that it was rescued.
    """

    def lines(self, raw: Mapping[str, Any]) -> Iterator[Line]:
        event, data = raw.get("event", ""), raw.get("event_data") or {}
        match event:
            case "playbook_on_task_start" | "playbook_on_handler_task_start":
                self._has_begun = True
                yield {"kind": "task", "task": _title(data)}
            case "runner_on_unreachable" if delegate := _delegate(data):
                text = f"{delegate} cannot be reached: {failure_message(data['res'])}"
                yield {"kind": "failed", "host": str(data["host"]), "task": _title(data), "text": text}
            case "runner_on_unreachable":
                yield from super().lines({**raw, "event_data": {**data, "task": _title(data)}})
            case "playbook_on_stats":
                yield {"kind": "stats", "hosts": sorted(data.get("processed", {})), "ends": _ends(data)}
            case "playbook_on_no_hosts_matched" | "runner_item_on_ok":
                return
            case "verbose" | "warning" | "error" | "system_warning":
                for line in super().lines(raw):
                    if line["kind"] != "warning" or "Could not match supplied host pattern" not in line.get("text", ""):
                        yield line
            case _:
                yield from super().lines(raw)

    def _result_lines(self, host: str, task: str, event: str, data: Mapping[str, Any]) -> Iterator[Line]:  # noqa: ARG002
        if event == "runner_on_failed" and data.get("ignore_errors"):
            return
        result = data.get("res")
        foreign = {**data, "res": _foreign(result)} if isinstance(result, Mapping) else data
        yield from super()._result_lines(host, _title(data), event, foreign)


def _foreign(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without steps. Of a command that failed, its last words belong to the message."""
    words = [str(result.get(name) or "").strip() for name in ("stderr", "stdout")] if result.get("rc") else []
    last = next((text.splitlines()[-1] for text in words if text), "")
    message = result.get("msg")
    if last and isinstance(message, str) and last not in message:
        message = f"{clause(message)}: {last}"
    return {**result, "msg": message, "mngr_steps": None, "stdout": ""}


def _delegate(data: Mapping[str, Any]) -> str:
    """The name of another host to which a task was delegated; empty where there is none."""
    result = data.get("res")
    told = result.get("_ansible_delegated_vars") if isinstance(result, Mapping) else None
    return str(told.get("ansible_delegated_host") or "") if isinstance(told, Mapping) else ""


def _title(data: Mapping[str, Any]) -> str:
    """A task's title, with its role as Ansible shows it: ``nginx : Install``."""
    role, task = data.get("role"), str(data.get("task", ""))
    return f"{role} : {task}" if role else task


def _ends(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        host: next((end for end, counter in _ENDS if (data.get(counter) or {}).get(host)), "ok")
        for host in sorted(data.get("processed", {}))
    }
