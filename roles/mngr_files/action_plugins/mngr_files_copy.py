# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the controller: read the sources, and send what is due as one payload.

A small payload travels inside the module's own execution: one round trip. For a larger one the host is asked first what
it lacks, unless that is known; that alone is packed into a file, uploaded once, and read there by a second execution.
So the number of round trips never depends on the number of files, and memory never on their size. Secrets travel inside
the execution, never in the uploaded file, unless they alone are too many for that.

A source that can not be sent stops everything before the host is touched; all such sources are named together.
"""

from __future__ import annotations

import base64
import errno
import io
import os
import re
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

INLINE = 1 << 20
"""The largest payload, in packed bytes, that travels inside the module's own execution."""
RUN_TMP = re.compile(r"/\.mngr-ansible-[0-9a-f]{16}\Z")
SECRETS = 8 << 20
"""The same for what is secret."""
ANSWERED = frozenset(
    "mngr_steps wanting befores differences bundle_path changed failed msg invocation warnings deprecations".split()
    + "rc exception module_stdout module_stderr unreachable skipped".split()
)
"""What a host may answer. ``ansible_facts``, for one, would replace variables, and with them the sources to be read."""
PART = 4 << 20
"""How much of a payload is sent at once to a user to whom no upload can be given, in bytes."""


def beside(name):
    """Load a file of the role's ``module_utils``: Ansible lets modules import those by name, but not actions.

    What is shared with the package is a package itself: ``mngr_ansible_portable.trees``.
    """
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "module_utils", *name.split("."))
    is_package = os.path.isdir(path)
    if "." in name:
        beside(name.rpartition(".")[0])
    full = f"mngr_files_action_{name}"
    spec = spec_from_file_location(
        full,
        os.path.join(path, "__init__.py") if is_package else f"{path}.py",
        submodule_search_locations=[path] if is_package else None,
    )
    module = sys.modules[full] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bundle = beside("mngr_files_bundle")
changes = beside("mngr_files_changes")
wishes = beside("mngr_files_parameters")


class ActionModule(ActionBase):
    """Settle ``transfers``; the result says under ``mngr_steps`` what became of each, and never any content."""

    _VALID_ARGS = frozenset({"transfers"})

    def run(self, tmp=None, task_vars=None):
        """Read, send, and put the host's answer and what was skipped into one result."""
        result = super().run(tmp, task_vars)
        wish = wishes.read(
            self._task.args.get("transfers"), self._loader.get_basedir(), beside("mngr_ansible_portable.trees")
        )
        if not wish.problems:
            try:
                with self._pipelined():
                    answer = self._settle(wish.steps, task_vars) if wish.steps else {"mngr_steps": []}
            except bundle.SourceChangedError as error:
                wish.add_changed(error.path)
            except OSError as error:
                wish.add_problem(None, trouble(error))
        if wish.notices:
            result["warnings"] = wish.notices
        if wish.problems:
            return {**result, **refusal(wish)}
        told = {key: answer.pop(key, None) for key in ("invocation", "wanting", "befores", "differences")}
        if "mngr_steps" not in answer:
            return {**result, **answer}
        if self._task.diff:
            answer["diff"] = changes.described(wish.steps, told)
        settled = {step["id"]: step for step in answer["mngr_steps"]}
        steps = (settled.get(step) or wish.skipped.get(step) for step in wish.order)
        answer["mngr_steps"] = [step for step in steps if step is not None]
        return {**result, **answer, **verdict(answer["mngr_steps"])}

    def _settle(self, steps, task_vars):
        """Bring the host to these steps, in as few round trips as their size allows."""
        entries = [entry for step in steps for entry in step["entries"]]
        if self._task.check_mode:
            return self._ask(steps, task_vars)
        for entry in entries:
            entry["packed"] = "inline" if entry["kind"] == "file" else None
        payload = self._inline(steps, INLINE)
        if payload is not None:
            return self._execute({"bundle": payload}, task_vars)
        if not all(step["is_due"] for step in steps):
            answer = self._ask(steps, task_vars)
            if "wanting" not in answer:
                return answer
            wanting = set(answer["wanting"])
            for index, entry in enumerate(entries):
                entry["packed"] = "inline" if index in wanting else None
            payload = self._inline(steps, INLINE)
            if payload is not None:
                return self._execute({"bundle": payload}, task_vars)
        for entry in entries:
            entry["packed"] = entry["packed"] and ("inline" if entry["is_secret"] else "file")
        payload = self._inline(steps, SECRETS)
        if payload is None:
            for entry in entries:
                entry["packed"] = entry["packed"] and "file"
            payload = self._inline(steps, None)
        return self._upload(payload, [entry for entry in entries if entry["packed"] == "file"], task_vars)

    def _ask(self, steps, task_vars):
        """Let the host say what is due; nothing is changed there, and no content travels."""
        for entry in (entry for step in steps for entry in step["entries"]):
            entry["packed"] = None
        return self._execute({"bundle": self._inline(steps, None, is_dry=True)}, task_vars)

    def _inline(self, steps, limit, is_dry=False):
        """The header and what travels with it as base64; None where it is more than ``limit``."""
        stream = io.BytesIO()
        header = {"is_dry": is_dry, "wants_before": bool(self._task.diff), "steps": steps}
        inline = [entry for step in steps for entry in step["entries"] if entry["packed"] == "inline"]
        try:
            bundle.pack(stream, inline, header, limit)
        except bundle.TooBigError:
            return None
        return base64.b64encode(stream.getvalue()).decode("ascii")

    def _upload(self, payload, entries, task_vars):
        """Send these entries' contents as one file, and let the host read it."""
        if not entries:
            return self._execute({"bundle": payload}, task_vars)
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP, prefix="mngr-ansible-") as file:
            bundle.pack(file, entries)
            file.flush()
            shell = self._connection._shell
            if shell.tmpdir is None:
                self._make_tmp_path()
            remote = shell.join_path(shell.tmpdir, "mngr-ansible-bundle")
            try:
                if self._is_become_unprivileged():
                    # Try with the empty file: what can not be given to that user is not sent in vain.
                    self._transfer_data(remote, b"")
                    self._fixup_perms2((shell.tmpdir, remote), execute=False)
                self._transfer_file(file.name, remote)
                self._fixup_perms2((shell.tmpdir, remote), execute=False)
            except AnsibleError as error:
                if not self._is_become_unprivileged():
                    msg = not_uploaded(shell.tmpdir, error)
                    self._forget_tmp_path()
                    return {"failed": True, "changed": False, "msg": msg}
                remote = self._send_parts(file.name, task_vars)
        if not isinstance(remote, str):
            return remote
        answer = self._execute({"bundle": payload, "bundle_path": remote}, task_vars)
        self._forget_tmp_path()
        return answer

    def _forget_tmp_path(self):
        """Remove Ansible's temporary directory for this task, and a run's own one around it, which Ansible leaves."""
        shell = self._connection._shell
        if shell.tmpdir is None or not self._should_remove_tmp_path(shell.tmpdir):
            return
        root = os.path.dirname(shell.tmpdir.rstrip("/"))
        more = f"; rmdir {shell.quote(root)} 2>/dev/null" if RUN_TMP.search(root) else ""
        self._low_level_execute_command(f"{shell.remove(shell.tmpdir, recurse=True)}{more}; true", sudoable=False)
        shell.tmpdir = None

    def _send_parts(self, path, task_vars):
        """Send a file through the module's own input: slower, and no user but that one ever owns it."""
        remote = None
        with open(path, "rb") as file:
            while True:
                block = file.read(PART)
                if not block:
                    return remote
                part = base64.b64encode(block).decode("ascii")
                answer = self._execute({"part": part, "bundle_path": remote}, task_vars)
                if "bundle_path" not in answer:
                    return answer
                remote = str(answer["bundle_path"])

    @contextmanager
    def _pipelined(self):
        """Let the module come through its interpreter's input where another user without rights runs it.

        Its file could not be given to that user without the acl package. sudo and doas take it so; su does not.
        """
        connection = self._connection
        if not self._is_become_unprivileged() or not connection.has_pipelining:
            yield
            return
        before = connection.get_option("pipelining")
        connection.set_option("pipelining", True)
        try:
            yield
        finally:
            connection.set_option("pipelining", before)

    def _execute(self, arguments, task_vars):
        answer = self._execute_module("mngr_files_copy", arguments, task_vars=task_vars)
        answer = {key: value for key, value in answer.items() if key in ANSWERED or key.startswith("_ansible_")}
        sent = (arguments.get("bundle") or arguments.get("part"))[:64]
        for key in ("module_stdout", "module_stderr"):
            if sent in answer.get(key, ""):
                answer[key] = "(not shown: it holds what was sent)"
        return answer


def trouble(error):
    """What went wrong on this machine, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no room for temporary files on this machine ({error.strerror})"
    return f"{error.filename or 'a temporary file on this machine'}: {error.strerror}"


def not_uploaded(directory, error):
    """What went wrong with the upload; of what three programs said about it, the part that tells why."""
    if "No space left on device" in str(error):
        return f"There is no room in {directory} on the host for what is to be copied. Make room there and run again."
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"What is to be copied could not be uploaded to {directory}: {said[-1] if said else 'no reason was given'}."


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
