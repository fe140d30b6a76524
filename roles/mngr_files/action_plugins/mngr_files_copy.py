# SPDX-License-Identifier: GPL-3.0-or-later
"""The half of ``mngr_files_copy`` that runs on the controller: read the sources, send what the host needs.

A payload travels inside an execution: one round trip. Before a large one the host is asked which contents it does not
have, unless that is known. What is too large for an execution is packed into a file, which is uploaded once and read by
the execution. So the number of round trips never depends on the number of files, and memory never on their size.
Secrets travel inside the execution and not in the uploaded file, unless they alone are too large for that.

An execution is a program that is sent through the open connection (``light_program``), or a module of Ansible where
that is not possible.

A source that cannot be sent stops everything before the host is touched; all such sources are named together.
"""

from __future__ import annotations

import base64
import importlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ansible import constants as C  # noqa: N812
from ansible import release
from ansible.errors import AnsibleError
from ansible.playbook.role_include import IncludeRole
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.display import Display

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ansible.module_utils import mngr_files_bundle as bundle
    from ansible.module_utils import mngr_files_changes as changes
    from ansible.module_utils import mngr_files_look as look
    from ansible.module_utils import mngr_files_parameters as parameters
    from ansible.module_utils import mngr_files_results as results
    from ansible.module_utils import mngr_files_sources as sources
    from ansible.module_utils.mngr_ansible_portable import dead_runs, light_program
    from ansible.module_utils.mngr_files_protocol import Entry, Header, Step
    from ansible.module_utils.mngr_files_transfers import Transfers
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
    look = importlib.import_module(f"{_PACKAGE}.mngr_files_look")
    parameters = importlib.import_module(f"{_PACKAGE}.mngr_files_parameters")
    results = importlib.import_module(f"{_PACKAGE}.mngr_files_results")
    sources = importlib.import_module(f"{_PACKAGE}.mngr_files_sources")
    dead_runs = importlib.import_module(f"{_PACKAGE}.mngr_ansible_portable.dead_runs")
    light_program = importlib.import_module(f"{_PACKAGE}.mngr_ansible_portable.light_program")

UNASKED = 1 << 20
"""The largest payload, in packed bytes, that travels before it is known whether the host needs it."""
LIGHT = 64 << 20
"""The largest payload, in packed bytes, that travels inside a program's execution: it is in memory as a whole."""
LIGHT_SOURCES = 4 * LIGHT
"""How large the sources of such a payload may be, in bytes: more is not packed to see whether it fits."""
SECRETS = 8 << 20
"""The largest secrets, in bytes, that travel inside a module's execution."""
MOST_CHANGED = 100
"""Sources that may change while they are sent: each of them begins the sending anew."""
PART = 4 << 20
"""How much of a payload is sent at once to a user to whom no upload can be given, in bytes."""
MANY_HOSTS = frozenset(("hostvars", "groups", "vars"))
"""Variables that hold those of all hosts, or of this one again."""
VAULT_OPTIONS = "--vault-id, --vault-password-file or --ask-vault-pass"
"""How a run gets a vault password."""

light_program.program("mngr_files_write")

Result = dict[str, Any]
"""The result of an execution or of the task, as Ansible has it: besides our keys it may hold any of Ansible's."""


class Transport(NamedTuple):
    """How contents travel to the host: those of ``inline`` entries inside the execution, of ``uploaded`` ones in a file
    that is sent before.
    """

    inline: Sequence[Entry]
    uploaded: Sequence[Entry] = ()


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
        found = AnsibleSources(self, self._task_vars)
        transfers = parameters.read(self._task.args.get("transfers"), found.base, found)
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
                transfers.add_problem(None, results.local_problem(error))
        for notice in results.shortened(transfers.notices):
            Display().warning(notice)  # ansible-core 2.21 drops `warnings` of an action's own result
        if transfers.problems:
            return {**result, **results.refusal(transfers)}
        comparison = results.taken_comparison(answer)
        if "mngr_steps" not in answer:
            return {**result, **answer}
        if self._task.diff:
            answer["diff"] = changes.ansible_diff(transfers.steps, comparison, answer["mngr_steps"])
        answer["mngr_steps"] = results.in_order(transfers, answer["mngr_steps"])
        for step in answer["mngr_steps"]:
            if step["id"] in transfers.left and step["status"] in ("ok", "changed"):
                step["reason"] = "; ".join(results.shortened(transfers.left[step["id"]]))
        return {**result, **answer, **results.failure(answer["mngr_steps"])}

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
            answer = self._compare(steps)
            return answer if "mngr_steps" in answer else self._look(steps) or answer
        files = [entry for entry in results.all_entries(steps) if entry["kind"] == "file"]
        is_known = all(step["is_due"] for step in steps)
        done = self._try_inline(steps, files, LIGHT if is_known and self._is_light else UNASKED)
        if done is None and not is_known:
            answer = self._compare(steps)
            if "content_needed" not in answer:
                return answer
            needed = set(answer["content_needed"])
            files = [entry for index, entry in enumerate(results.all_entries(steps)) if index in needed]
            done = self._try_inline(steps, files, LIGHT if self._is_light else UNASKED)
        return self._send(steps, self._choose_transport(files)) if done is None else done

    def _compare(self, steps: Sequence[Step]) -> Result:
        """Let the host say what would change; nothing is changed, and no content travels."""
        return self._apply(steps, Transport(()), is_dry_run=True)

    def _try_inline(self, steps: Sequence[Step], files: Sequence[Entry], limit: int) -> Result | None:
        """Let the host apply these contents, all inside one execution; None if they are more than ``limit`` bytes."""
        if sum(entry["size"] for entry in files) > LIGHT_SOURCES:
            return None
        try:
            return self._apply(steps, Transport(files), limit=limit)
        except bundle.TooBigError:
            return None

    def _look(self, steps: Sequence[Step]) -> Result | None:
        """What would change on a host without Python, found out with sh; None if that is not what is missing."""
        found = look.Look(steps, shows_diff=bool(self._task.diff))
        try:
            self._ask(found, found.first_script)
            for script in found.scripts():
                self._ask(found, script)
            outcomes = found.outcomes()
            for script in found.scripts_for_diff():
                self._ask(found, script)
            found.describe_deletions()
        except look.BadAnswerError:
            return None
        Display().warning(f"{(self._task_vars or {}).get('inventory_hostname', 'The host')}: {look.NOTICE}")
        is_changed = any(each["status"] == "changed" for each in outcomes)
        return results.looked({"changed": is_changed, "mngr_steps": outcomes, **found.comparison})

    def _ask(self, found: look.Look, script: str) -> None:
        """Run a script of a look on the host.

        Raises:
            BadAnswerError: it failed, or its answer cannot be understood.
        """
        done = self._low_level_execute_command(script, sudoable=True, executable=light_program.shell(self))
        if done.get("rc") != 0:
            raise look.BadAnswerError
        found.add_answer(done.get("stdout", ""))

    def _choose_transport(self, files: Sequence[Entry]) -> Transport:
        """Only the secrets inside the execution, if they are small enough for that; else all as a file."""
        secret = [entry for entry in files if entry["is_secret"]]
        if sum(entry["size"] for entry in secret) > (LIGHT if self._is_light else SECRETS):
            return Transport((), files)
        return Transport(secret, [entry for entry in files if not entry["is_secret"]])

    def _send(self, steps: Sequence[Step], transport: Transport) -> Result:
        """Send the contents, and let the host apply them.

        Raises:
            NotSentError: they did not reach the host.
        """
        if not transport.uploaded:
            return self._apply(steps, transport)
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP, prefix="mngr-ansible-") as file:
            bundle.pack(file, transport.uploaded, is_compressed=not self._is_local())
            file.flush()
            remote = self._upload(file.name)
        answer = self._apply(steps, transport, remote=remote)
        self._remove_task_directory()
        return answer

    def _apply(
        self,
        steps: Sequence[Step],
        transport: Transport,
        *,
        limit: int | None = None,
        remote: str | None = None,
        is_dry_run: bool = False,
    ) -> Result:
        """Run the host's half with these steps and the contents that travel with them.

        ``remote``: where the others were uploaded to.

        Raises:
            TooBigError: they are more than ``limit`` bytes.
        """
        for entry in results.all_entries(steps):
            entry["packed"] = None
        for entry in transport.inline:
            entry["packed"] = "inline"
        for entry in transport.uploaded:
            entry["packed"] = "file"
        header: Header = {"is_dry_run": is_dry_run, "shows_diff": bool(self._task.diff), "steps": list(steps)}

        def pack(stream: IO[bytes]) -> None:
            bundle.pack(stream, transport.inline, header, limit, is_compressed=not self._is_local())

        if self._is_light:
            return results.checked(self._execute({"bundle_path": remote}, results.APPLIED, pack), steps)
        packed = io.BytesIO()
        pack(packed)
        payload = base64.b64encode(packed.getvalue()).decode("ascii")
        arguments = {"bundle": payload, "bundle_path": remote} if remote else {"bundle": payload}
        return results.checked(self._execute(arguments, results.APPLIED), steps)

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
            message = results.upload_problem(directory, str(error))
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
                answer = self._execute({"part": part, "bundle_path": remote}, results.RECEIVED)
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
        line = f"{shell.remove(shell.tmpdir, recurse=True)}{more}; true"
        self._low_level_execute_command(line, sudoable=False, executable=light_program.shell(self))
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

    def _is_local(self) -> bool:
        """Whether the host is this machine."""
        return str(self._connection.transport) == "local"

    @cached_property
    def _is_light(self) -> bool:
        """Whether the host's half is sent as a program; else it is a module of Ansible.

        It is asked for inside ``_pipelined``, and takes milliseconds: Ansible parses the options of ssh for it.
        """
        return light_program.is_possible(self)

    def _execute(
        self,
        arguments: Mapping[str, str | None],
        kinds: Mapping[str, Any],
        pack: Callable[[IO[bytes]], None] | None = None,
    ) -> Result:
        """Run the host's half; only what we expect of its result, and nothing that was sent.

        ``kinds``: what it gives. ``pack``: writes the payload of a program.
        """
        module, variables, warn = "mngr_files_write", self._task_vars, Display().warning
        if self._is_light:
            found = light_program.execute(self, module, arguments, variables, C, warn, kinds, pack)
        else:
            found = light_program.execute_as_module(self, module, arguments, variables, warn, kinds)
        return results.hidden(found, arguments)


class AnsibleSources(sources.Controller):
    """Sources as Ansible finds, decrypts and renders them."""

    def __init__(self, action: ActionModule, task_vars: dict[str, Any] | None) -> None:
        self.base = action._loader.get_basedir()
        self._loader = action._loader
        self._templar = action._templar
        self._search_path = search_path(action._task)
        self._variables = task_vars or {}
        self._vaulted_values: set[str] | None = None

    def places(self, folders: Sequence[str], name: str) -> list[str]:
        """Where ``ansible.builtin.copy`` looks for a file: ``DataLoader.path_dwim_relative_stack`` has the rules."""
        found = []
        for path in self._search_path:
            above = os.path.dirname(path)
            is_below_tasks = os.path.basename(above) == "tasks"
            found += [os.path.join(os.path.dirname(above), each, name) for each in folders if is_below_tasks]
            found += [os.path.join(above, name)] if is_below_tasks else []
            found += [*_in_folders(path, folders, name), os.path.join(path, name)]
        return [*found, *_in_folders(self.base, folders, name), os.path.join(self.base, name)]

    def decrypt(self, data: bytes) -> bytes:
        """What Ansible Vault has encrypted, with the passwords of this run.

        Raises:
            SourceError: it cannot be decrypted.
        """
        vault = self._loader._vault
        if not vault.secrets:
            why = f"is encrypted with Ansible Vault, and this run has no vault password; give it with {VAULT_OPTIONS}"
            raise sources.SourceError(why)
        try:
            plain: bytes = vault.decrypt(data)
        except AnsibleError as error:
            if "Decryption failed" in str(error):
                why = (
                    "is encrypted with Ansible Vault, and no vault password of this run fits; give the right one with "
                )
                why += VAULT_OPTIONS
            else:
                why = f"is encrypted with Ansible Vault, and cannot be decrypted: {results.short_reason(str(error))}"
            raise sources.SourceError(why) from None
        return plain

    def render(self, path: str, name: str, destination: str) -> str:
        """What Ansible's own ``template`` makes of a file.

        ``name`` and ``destination`` are its ``template_path`` and ``template_destpath``.

        Raises:
            SourceError: it is no template, or needs what is not there.
        """
        template = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        variables = {**self._variables, "ansible_search_path": [*self._search_path, self.base]}
        # Up to ansible-core 2.18, text that looks like YAML would become data.
        options: dict[str, Any] = {"convert_data": False} if is_older_than_2_19() else {}
        options["template_vars"] = {"template_path": name, "template_destpath": destination}
        try:
            rendered = template.run([path], variables, **options)[0]
            return "" if rendered is None else str(rendered)
        except Exception as error:  # whatever a template can raise
            raise sources.SourceError(f"cannot be rendered: {results.short_reason(str(error))}") from None

    def has_vaulted_value(self, content: bytes) -> bool:
        """Whether a value of a vault is in this content: a variable of this host, or of an encrypted file."""
        if self._vaulted_values is None:
            own = {key: value for key, value in self._variables.items() if key not in MANY_HOSTS}
            hosts = getattr(self._variables.get("hostvars"), "_variable_manager", None)
            included = getattr(hosts, "_vars_cache", {})  # by include_vars, of all hosts
            files = list(getattr(self._loader, "_FILE_CACHE", ()))
            found = sources.values_of_encrypted_files(files, [own, included], self._loader.load_from_file)
            self._vaulted_values = sources.encrypted_values(own) | found
        return sources.holds_one_of(content, self._vaulted_values)


def search_path(task: Any) -> list[str]:
    """Where Ansible looks for the files of the task that includes this role; without this role's own directory.

    A role that is listed under ``roles`` or ``dependencies`` has no such task: the roles that depend on it count then.
    """
    role = task._role
    if role is None or role._role_name.rpartition(".")[2] != "mngr_files":
        return [str(each) for each in task.get_search_path()]
    own, parent = role._role_path, task._parent
    while parent is not None:
        if isinstance(parent, IncludeRole) and parent._role_path == own:
            return [str(each) for each in parent.get_search_path()]
        parent = getattr(parent, "_parent", None)
    return [str(each) for each in task.get_search_path() if each != own and not each.startswith(f"{own}{os.sep}")]


def _in_folders(directory: str, folders: Sequence[str], name: str) -> list[str]:
    """A name in these folders of a directory, without those with which the name already begins."""
    return [os.path.join(directory, each, name) for each in folders if not name.startswith(f"{each}/")]


def is_older_than_2_19() -> bool:
    """Whether this ansible-core has the templates of before 2.19."""
    major, minor = release.__version__.split(".")[:2]
    return (int(major), int(minor)) < (2, 19)
