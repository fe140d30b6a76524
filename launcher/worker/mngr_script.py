# SPDX-License-Identifier: GPL-3.0-or-later
"""The action ``mngr_script``: run a script on a host and take its answer, whatever that is, on a worker.

It travels with the job, beside the playbook, so a worker needs nothing of ours. The script of a host is
``../scripts/NAME`` of the playbook's directory, and goes through the connection as the input of a shell: no Python is
needed on the host. The result has the key ``mngr_answer``; a connection that fails has ssh's exit code 255 in it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.release import __version__

LONGEST_STDERR = 65536
"""Bytes of stderr that are kept."""


class ActionModule(ActionBase):
    """Runs ``command`` on the host, with the host's script as its input; an answer has at most ``longest`` bytes."""

    _VALID_ARGS = frozenset({"command", "longest"})
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer; it never fails because of the host."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        name = str((task_vars or {})["inventory_hostname"])
        script = Path(self._loader.get_basedir(), "..", "scripts", name).read_bytes()
        try:
            code, stdout, stderr = self._connection.exec_command(
                str(self._task.args["command"]), in_data=script, sudoable=False
            )
        except AnsibleConnectionFailure as error:
            code, stdout, stderr = 255, b"", str(error).encode("utf-8", "surrogateescape")
        except AnsibleError as error:
            code, stdout, stderr = 254, b"", str(error).encode("utf-8", "surrogateescape")
        is_too_long = len(stdout) > int(self._task.args["longest"])
        answer = {
            "code": code,
            "stdout": "" if is_too_long else base64.b64encode(stdout).decode("ascii"),
            "stderr": base64.b64encode(stderr[:LONGEST_STDERR]).decode("ascii"),
            "is_too_long": is_too_long,
            "ansible": __version__,
        }
        return {**result, "changed": False, "mngr_answer": answer}
