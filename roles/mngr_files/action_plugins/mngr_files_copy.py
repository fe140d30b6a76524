# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the controller: read the sources, send what the host needs.

A small payload travels inside the module's own execution: one round trip. For a larger one the host is asked first
which contents it does not have, unless that is known. Only those are packed into a file, which is uploaded once and
read by a second execution. So the number of round trips never depends on the number of files, and memory never on
their size. Secrets travel inside the execution and not in the uploaded file, unless they alone are too large for that.

A source that cannot be sent stops everything before the host is touched; all such sources are named together.
"""

from __future__ import annotations

import base64
import errno
import importlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible import constants as C  # noqa: N812
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible.module_utils import mngr_files_bundle as bundle
    from ansible.module_utils import mngr_files_changes as changes
    from ansible.module_utils import mngr_files_parameters as parameters
    from ansible.module_utils.mngr_ansible_portable import dead_runs, text
    from ansible.module_utils.mngr_files_parameters import Transfers
    from ansible.module_utils.mngr_files_protocol import Comparison, Entry, Header, Step, StepOutcome
else:

    def module_utils_package():
        """The name of a package that holds the role's ``module_utils``.

        Ansible makes those importable for modules, but not for action plugins. The name is made of the path, so that
        two copies of this role do not meet.
        """
        directory = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "module_utils")
        name = f"mngr_files_{os.fsencode(directory).hex()}"
        if name not in sys.modules:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [directory]
            sys.modules[name] = importlib.util.module_from_spec(spec)
        return name

    _PACKAGE = module_utils_package()
    bundle = importlib.import_module(f"{_PACKAGE}.mngr_files_bundle")
    changes = importlib.import_module(f"{_PACKAGE}.mngr_files_changes")
    parameters = importlib.import_module(f"{_PACKAGE}.mngr_files_parameters")
    dead_runs = importlib.import_module(f"{_PACKAGE}.mngr_ansible_portable.dead_runs")
    text = importlib.import_module(f"{_PACKAGE}.mngr_ansible_portable.text")

INLINE = 1 << 20
"""The largest payload, in packed bytes, that travels inside the module's own execution."""
SECRETS_INLINE = 8 << 20
"""The same for a payload of secrets."""
MOST_CHANGED = 100
"""Sources that may change while they are sent: each of them begins the sending anew."""
PART = 4 << 20
"""How much of a payload is sent at once to a user to whom no upload can be given, in bytes."""
MOST_PROBLEMS = 20
"""Problems that a message names."""
MOST_NOTICES = 5
"""Notices that are shown."""
ALLOWED_KEYS = frozenset(
    "mngr_steps content_needed previous_contents differences bundle_path changed failed msg invocation warnings".split()
    + "deprecations rc exception module_stdout module_stderr unreachable skipped".split()
)
"""The keys of a host's result that are used. ``ansible_facts``, for one, could replace variables of the controller."""

Result = dict[str, Any]
"""The result of an execution or of the task, as Ansible has it: besides our keys it may hold any of Ansible's."""


class Transport(NamedTuple):
    """How contents travel to the host.

    ``payload`` is sent inside the execution: the header and some contents, as base64. The contents of the ``uploaded``
    entries are sent as one file before that.
    """

    payload: str
    uploaded: Sequence[Entry]


class NotSentError(Exception):
    """The contents did not reach the host; ``result`` is what the task fails with."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result


class ActionModule(ActionBase):
    """Copy ``transfers``; ``mngr_steps`` in the result says what became of each, and never holds content."""

    _VALID_ARGS = frozenset({"transfers"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        """Read the sources, copy, and put the host's answer and what was skipped into one result."""
        result: Result = super().run(tmp, task_vars)
        self._task_vars = task_vars
        transfers = parameters.read(self._task.args.get("transfers"), self._loader.get_basedir())
        answer: Result = {"mngr_steps": []}
        if transfers.steps and not transfers.problems:
            try:
                with self._pipelined():
                    answer = self._copy_settled(transfers)
            except NotSentError as error:
                answer = error.result
            except bundle.SourceChangedError as error:
                transfers.add_changed_source(error.path)
            except OSError as error:
                transfers.add_problem(None, local_problem(error))
        for notice in shortened(transfers.notices):
            Display().warning(notice)  # ansible-core 2.21 drops `warnings` of an action's own result
        if transfers.problems:
            return {**result, **refusal(transfers)}
        comparison = taken_comparison(answer)
        if "mngr_steps" not in answer:
            return {**result, **answer}
        if self._task.diff:
            answer["diff"] = changes.ansible_diff(transfers.steps, comparison)
        answer["mngr_steps"] = in_order(transfers, answer["mngr_steps"])
        for step in answer["mngr_steps"]:
            if step["id"] in transfers.left and step["status"] in ("ok", "changed"):
                step["reason"] = "; ".join(shortened(transfers.left[step["id"]]))
        return {**result, **answer, **failure(answer["mngr_steps"])}

    def _copy_settled(self, transfers: Transfers) -> Result:
        """Copy; a source that another program has changed meanwhile is taken as it is now, and no other one again.

        Raises:
            SourceChangedError: a source cannot be taken as it is now.
        """
        with tempfile.TemporaryDirectory(dir=C.DEFAULT_LOCAL_TMP, prefix="mngr-ansible-") as directory:
            for number in range(MOST_CHANGED):
                try:
                    return self._copy(transfers.steps)
                except bundle.SourceChangedError as error:
                    if not transfers.settle(error.path, os.path.join(directory, str(number))):
                        raise
            return self._copy(transfers.steps)

    def _copy(self, steps: Sequence[Step]) -> Result:
        """Change the host to these steps, in as few round trips as their size allows."""
        if self._task.check_mode:
            return self._compare(steps)
        files = [entry for entry in all_entries(steps) if entry["kind"] == "file"]
        payload = self._pack_inline(steps, files, INLINE)
        if payload is not None:
            return self._execute({"bundle": payload})
        if not all(step["is_due"] for step in steps):
            answer = self._compare(steps)
            if "content_needed" not in answer:
                return answer
            needed = set(answer["content_needed"])
            files = [entry for index, entry in enumerate(all_entries(steps)) if index in needed]
        return self._send(self._choose_transport(steps, files))

    def _compare(self, steps: Sequence[Step]) -> Result:
        """Let the host say what would change; nothing is changed, and no content travels."""
        return self._execute({"bundle": self._pack_inline(steps, (), None, is_dry_run=True)})

    def _choose_transport(self, steps: Sequence[Step], files: Sequence[Entry]) -> Transport:
        """All inside the execution if that is small enough; else only the secrets, if they are; else all as a file."""
        payload = self._pack_inline(steps, files, INLINE)
        if payload is not None:
            return Transport(payload, ())
        secret = [entry for entry in files if entry["is_secret"]]
        public = [entry for entry in files if not entry["is_secret"]]
        payload = self._pack_inline(steps, secret, SECRETS_INLINE, uploaded=public)
        if payload is not None:
            return Transport(payload, public)
        return Transport(self._pack_inline(steps, (), None, uploaded=files) or "", files)

    def _pack_inline(
        self,
        steps: Sequence[Step],
        inline: Sequence[Entry],
        limit: int | None,
        *,
        uploaded: Sequence[Entry] = (),
        is_dry_run: bool = False,
    ) -> str | None:
        """The header and the contents of the ``inline`` entries, as base64; None if they are more than ``limit`` bytes.

        The header says which contents are in the ``uploaded`` file.
        """
        for entry in all_entries(steps):
            entry["packed"] = None
        for entry in inline:
            entry["packed"] = "inline"
        for entry in uploaded:
            entry["packed"] = "file"
        header: Header = {"is_dry_run": is_dry_run, "shows_diff": bool(self._task.diff), "steps": list(steps)}
        stream = io.BytesIO()
        try:
            bundle.pack(stream, inline, header, limit)
        except bundle.TooBigError:
            return None
        return base64.b64encode(stream.getvalue()).decode("ascii")

    def _send(self, transport: Transport) -> Result:
        """Send the contents, and let the host apply them.

        Raises:
            NotSentError: they did not reach the host.
        """
        if not transport.uploaded:
            return self._execute({"bundle": transport.payload})
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP, prefix="mngr-ansible-") as file:
            bundle.pack(file, transport.uploaded)
            file.flush()
            remote = self._upload(file.name)
        answer = self._execute({"bundle": transport.payload, "bundle_path": remote})
        self._remove_task_directory()
        return answer

    def _upload(self, path: str) -> str:
        """Send a local file to the host, readable for the user of the task; its path there.

        Raises:
            NotSentError: it could not be sent.
        """
        shell = self._connection._shell
        directory = shell.tmpdir or self._make_tmp_path()
        remote = shell.join_path(directory, "mngr-ansible-bundle")
        try:
            if self._is_become_unprivileged():
                # Try with an empty file: what cannot be given to that user is not sent in vain.
                self._transfer_data(remote, b"")
                self._fixup_perms2((directory, remote), execute=False)
            self._transfer_file(path, remote)
            self._fixup_perms2((directory, remote), execute=False)
        except AnsibleError as error:
            if self._is_become_unprivileged():
                return self._send_parts(path)
            message = upload_problem(directory, str(error))
            self._remove_task_directory()
            raise NotSentError({"failed": True, "changed": False, "msg": message}) from None
        return remote

    def _send_parts(self, path: str) -> str:
        """Send a local file through the module's own input; its path on the host.

        It is slower than an upload, and no other user than that of the task ever owns the file.

        Raises:
            NotSentError: a part could not be sent.
        """
        remote: str | None = None
        with open(path, "rb") as file:
            while True:
                block = file.read(PART)
                if not block:
                    return remote or ""
                part = base64.b64encode(block).decode("ascii")
                answer = self._execute({"part": part, "bundle_path": remote})
                if "bundle_path" not in answer:
                    raise NotSentError(answer)
                remote = str(answer["bundle_path"])

    def _remove_task_directory(self) -> None:
        """Remove Ansible's temporary directory of this task, and the run's own one around it, which Ansible leaves."""
        shell = self._connection._shell
        if shell.tmpdir is None or not self._should_remove_tmp_path(shell.tmpdir):
            return
        around = os.path.dirname(shell.tmpdir.rstrip("/"))
        more = f"; rmdir {shell.quote(around)} 2>/dev/null" if dead_runs.is_run_directory(around) else ""
        self._low_level_execute_command(f"{shell.remove(shell.tmpdir, recurse=True)}{more}; true", sudoable=False)
        shell.tmpdir = None

    @contextmanager
    def _pipelined(self) -> Iterator[None]:
        """Send the module through its interpreter's input if another unprivileged user runs it.

        A file could not be given to that user without the acl package. It works with sudo and doas, not with su.
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

    def _execute(self, arguments: Mapping[str, str | None]) -> Result:
        """Run the module on the host; only what we expect of its result, and nothing that was sent."""
        found = self._execute_module("mngr_files_write", dict(arguments), task_vars=self._task_vars)
        answer = {key: value for key, value in found.items() if key in ALLOWED_KEYS or key.startswith("_ansible_")}
        sent = (arguments.get("bundle") or arguments.get("part") or "")[:64]
        for key in ("module_stdout", "module_stderr"):
            if sent in answer.get(key, ""):
                answer[key] = "(not shown: it holds what was sent)"
        return answer


def all_entries(steps: Sequence[Step]) -> list[Entry]:
    """The entries of all steps, in their order, which numbers them."""
    return [entry for step in steps for entry in step["entries"]]


def taken_comparison(answer: Result) -> Comparison:
    """What the host found, taken out of its answer: content does not belong into the task's result."""
    answer.pop("invocation", None)
    return {
        "content_needed": answer.pop("content_needed", None) or [],
        "previous_contents": answer.pop("previous_contents", None) or {},
        "differences": answer.pop("differences", None) or [],
    }


def in_order(transfers: Transfers, outcomes: Sequence[StepOutcome]) -> list[StepOutcome]:
    """The outcomes of the host and of skipped transfers, in the order of the variable."""
    found = {**transfers.skipped, **{outcome["id"]: outcome for outcome in outcomes}}
    return [found[step] for step in transfers.order if step in found]


def local_problem(error: OSError) -> str:
    """What went wrong on this machine, as a sentence without a full stop."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"there is no space for temporary files on this machine ({error.strerror})"
    return f"{error.filename or 'a temporary file on this machine'}: {error.strerror}"


def upload_problem(directory: str, output: str) -> str:
    """What went wrong with an upload: of what ssh, sftp and Ansible wrote, the last line, which says why."""
    if "No space left on device" in output:
        return f"There is no space left in {directory} on the host for the files. Free some space and run again."
    lines = [line for line in map(text.clause, output.splitlines()) if line]
    why = lines[-1] if lines else "no reason was given"
    return f"The files could not be uploaded to {directory}: {why}. Fix this and run again."


def shortened(notices: Sequence[str]) -> list[str]:
    """The first of these notices, and how many more there are."""
    left = len(notices) - MOST_NOTICES
    return [*notices[:MOST_NOTICES], *([f"and {left} more files like these"] if left > 0 else [])]


def refusal(transfers: Transfers) -> Result:
    """The result if nothing was sent: every problem, in the order of the variable."""
    outcomes = [transfers.skipped[step] for step in transfers.order if step in transfers.skipped]
    reasons: dict[str, list[str]] = {}
    for step, why in transfers.problems:
        if step is not None:
            reasons.setdefault(step, []).append(why)
    for step, whys in reasons.items():
        outcomes.append({"id": step, "status": "failed", "files_changed": 0, "reason": "; ".join(whys)[:2000]})
    problems = [why for _, why in transfers.problems]
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], f"and {len(problems) - MOST_PROBLEMS} more"]
    message = f"Nothing was copied: {text.clause('; '.join(problems))}. Fix this and run again."
    return {"failed": True, "changed": False, "mngr_steps": outcomes, "msg": message}


def failure(outcomes: Sequence[StepOutcome]) -> Result:
    """The keys that say that the task failed, and why; empty if it did not."""
    failed = [outcome for outcome in outcomes if outcome["status"] == "failed"]
    if not failed:
        return {}
    count = f"{len(failed)} of {len(outcomes)} transfers failed" if len(outcomes) > 1 else "The transfer failed"
    first = "; the first: " if len(failed) > 1 else ": "
    reason = text.clause(failed[0].get("reason", "no reason was given"))
    return {"failed": True, "msg": f"{count}{first}{reason}. Run again; finished transfers are not repeated."}
