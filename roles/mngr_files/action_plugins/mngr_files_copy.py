# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the controller: read the sources, and send what is due as one payload.

A small payload travels inside the module's own execution: one round trip. For a larger one the host is asked first what
it lacks; that alone is packed into a file, uploaded once, and read there by a second execution. So the number of round
trips never depends on the number of files, and memory never on their size.

A source that can not be sent stops everything before the host is touched; all such sources are named together.
"""

from __future__ import annotations

import base64
import io
import os
import tempfile
from importlib.util import module_from_spec, spec_from_file_location

from ansible import constants as C  # noqa: N812
from ansible.plugins.action import ActionBase

INLINE = 1 << 20
"""The largest payload, in compressed bytes, that travels inside the module's own execution."""


def beside(name):
    """Load a file of the role's ``module_utils``: Ansible lets modules import those by name, but not actions."""
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "module_utils", f"{name}.py")
    spec = spec_from_file_location(f"mngr_files_action_{name}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bundle = beside("mngr_files_bundle")
wishes = beside("mngr_files_wishes")


class ActionModule(ActionBase):
    """Settle ``transfers``; the result says under ``mngr_steps`` what became of each, and never any content."""

    _VALID_ARGS = frozenset({"transfers"})

    def run(self, tmp=None, task_vars=None):
        """Read, send, and put the host's answer and what was skipped into one result."""
        result = super().run(tmp, task_vars)
        wish = wishes.read(self._task.args.get("transfers"), self._loader.get_basedir(), beside("mngr_ansible_trees"))
        if not wish.problems:
            try:
                answer = self._settle(wish.steps, task_vars) if wish.steps else {"mngr_steps": []}
            except bundle.SourceChangedError as error:
                wish.add_changed(error.path)
            except OSError as error:
                wish.add_problem(None, f"{error.filename or 'a temporary file'}: {error.strerror}")
        if wish.notices:
            result["warnings"] = wish.notices
        if wish.problems:
            return {**result, **refusal(wish)}
        answer.pop("invocation", None)
        answer.pop("wanting", None)
        if "mngr_steps" not in answer:
            return {**result, **answer}
        settled = {step["id"]: step for step in answer["mngr_steps"]}
        answer["mngr_steps"] = [settled.get(step) or wish.skipped[step] for step in wish.order]
        return {**result, **answer, **verdict(answer["mngr_steps"])}

    def _settle(self, steps, task_vars):
        """Bring the host to these steps, in as few round trips as their size allows."""
        if self._task.check_mode:
            return self._ask(steps, task_vars)
        payload = inline(steps)
        if payload is not None:
            return self._execute({"bundle": payload}, task_vars)
        answer = self._ask(steps, task_vars)
        if "wanting" not in answer:
            return answer
        wanting = set(answer["wanting"])
        for index, entry in enumerate(entry for step in steps for entry in step["entries"]):
            entry["packed"] = entry["packed"] and index in wanting
        payload = inline(steps)
        return self._execute({"bundle": payload}, task_vars) if payload is not None else self._upload(steps, task_vars)

    def _ask(self, steps, task_vars):
        """Let the host say what is due; nothing is changed there, and no content travels."""
        header = [{**step, "entries": [{**entry, "packed": False} for entry in step["entries"]]} for step in steps]
        stream = io.BytesIO()
        bundle.pack(stream, header, is_dry=True)
        return self._execute({"bundle": base64.b64encode(stream.getvalue()).decode("ascii")}, task_vars)

    def _upload(self, steps, task_vars):
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP, prefix="mngr-ansible-") as file:
            bundle.pack(file, steps)
            file.flush()
            shell = self._connection._shell
            if shell.tmpdir is None:
                self._make_tmp_path()
            remote = self._transfer_file(file.name, shell.join_path(shell.tmpdir, "mngr-ansible-bundle"))
        self._fixup_perms2((shell.tmpdir, remote), execute=False)
        return self._execute({"bundle_path": remote}, task_vars)

    def _execute(self, arguments, task_vars):
        answer = self._execute_module("mngr_files_copy", arguments, task_vars=task_vars)
        for key in ("module_stdout", "module_stderr"):
            if arguments.get("bundle", "")[:64] in answer.get(key, "") and "bundle" in arguments:
                answer[key] = "(not shown: it holds what was sent)"
        return answer


def inline(steps):
    """The whole payload as base64; None where it is too big to travel as an argument."""
    stream = io.BytesIO()
    try:
        bundle.pack(stream, steps, limit=INLINE)
    except bundle.TooBigError:
        return None
    return base64.b64encode(stream.getvalue()).decode("ascii")


def refusal(wish):
    """The result where nothing was sent: every problem, in the order of the variable."""
    steps = [wish.skipped[step] for step in wish.order if step in wish.skipped]
    reasons = {}
    for step, why in wish.problems:
        reasons.setdefault(step, []).append(why)
    steps += [
        {"id": step, "status": "failed", "files_changed": 0, "reason": "; ".join(why)[:2000]}
        for step, why in reasons.items()
        if step is not None
    ]
    told = [why for _, why in wish.problems]
    more = [f"and {len(told) - 20} more"] if len(told) > 20 else []
    msg = f"Nothing was copied, because of {'; '.join(told[:20] + more)}. Correct that and run again."
    return {"failed": True, "changed": False, "mngr_steps": steps, "msg": msg}


def verdict(steps):
    """Whether the task failed, and the sentence that says so."""
    failed = [step for step in steps if step["status"] == "failed"]
    if not failed:
        return {}
    count = f"{len(failed)} of {len(steps)} transfers failed" if len(steps) > 1 else "The transfer failed"
    first = "; the first: " if len(failed) > 1 else ": "
    return {"failed": True, "msg": f"{count}{first}{failed[0]['reason']}. What is done is not done twice: run again."}
