"""mngr's objects as ours: its open connection, an agent on its host as a target, its settings as a request."""

import base64
import gzip
import math
import os
import shlex
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.errors import MngrError
from imbue.mngr.interfaces.agent import AgentInterface, HasAutoInstallMixin
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface

from mngr_ansible import catalog, trees
from mngr_ansible.connection import Address, Answer, Connection, LocalShell, OpenSsh, no_answer
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.hookspecs import Agent
from mngr_ansible.mngr_settings import NAME, AnsiblePluginConfig
from mngr_ansible.model import FileTransferSpec, Install, PackageRequirement
from mngr_ansible.patterns import Patterns
from mngr_ansible.plan import Contribution, Only
from mngr_ansible.request import Request, Target
from mngr_ansible.settings import Settings
from mngr_ansible.sources import local_path
from mngr_ansible.standalone import user_contributions
from mngr_ansible.versions import is_readable

_LONGEST_PLAIN_SCRIPT = 30_000
"""Bytes: a longer script travels compressed, since one argument of a program is at most 128 KiB on Linux."""

_LOCK_SECONDS = 300
"""How long mngr 0.3 waits for a host's lock."""

_LONGEST_COMMAND = 120_000
"""Bytes of a command with its script, quoting aside: a little less than one argument may hold."""


@dataclass(frozen=True, slots=True)
class MngrConnection:
    """mngr's open connection to a remote host; Ansible opens its own, with the same user, key and known hosts."""

    host: OnlineHostInterface
    name: str
    is_local: bool = False

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.own(Path()).variables

    def own(self, sockets: Path) -> OpenSsh:
        """A connection of our own to the same host: mngr's shows every script in the host's list of processes."""
        info = self.host.get_ssh_connection_info()
        if info is None:
            raise HostError(
                "mngr does not reach it over ssh, which mngr-ansible needs",
                remedy="Create the agent with --no-ansible, or on a host with ssh.",
                host=self.name,
            )
        user, hostname, port, key = info
        known_hosts = self.host.get_ssh_known_hosts_path()
        return OpenSsh(
            Address(self.name, hostname, user, port),
            sockets=sockets,
            key=None if str(key) in ("", ".") else str(key),
            known_hosts=None if known_hosts is None else str(known_hosts),
        )

    def holds(self, script: str) -> bool:
        return len(_command(script)) <= _LONGEST_COMMAND

    def run(self, script: str, timeout: float) -> Answer:
        """Run it on a thread, for mngr's own bound is not kept where a program there says nothing."""
        seconds, answers = math.ceil(timeout), SimpleQueue[Any]()
        command = _bounded(_command(script), seconds + 1)

        def ask() -> None:
            try:
                answers.put(self.host.execute_idempotent_command(command, timeout_seconds=seconds))
            except BaseException as error:  # noqa: BLE001 - it is raised below
                answers.put(error)

        threading.Thread(target=copy_context().run, args=(ask,), daemon=True).start()
        try:
            said = answers.get(timeout=seconds)
        except Empty:
            raise no_answer(timeout, self.name) from None
        if isinstance(said, (MngrError, OSError)):
            raise HostError(
                " ".join(str(said).split()),
                remedy="See whether it is up and can be reached from here.",
                host=self.name,
            ) from said
        if isinstance(said, BaseException):
            raise said
        return Answer(f"\n{said.stdout}\n", said.stderr, 0 if said.success else 1)

    def stop(self) -> None:
        pass  # mngr asks one host, on its own thread


def _bounded(command: str, seconds: int) -> str:
    """The command, ended on the host too, where that has coreutils' ``timeout``."""
    chosen = f'command -v timeout >/dev/null 2>&1 && exec timeout -k 1 {seconds} sh -c "$1"; exec sh -c "$1"'
    return shlex.join(["sh", "-c", chosen, "sh", command])


def locked(host: OnlineHostInterface, request: Request) -> AbstractContextManager[None]:
    """mngr's lock of a host, waited for as long as mngr does by itself, or as the run may take."""
    return host.lock_cooperatively(min(_LOCK_SECONDS, request.timeout))


def _command(script: str) -> str:
    data = os.fsencode(script)
    if len(data) <= _LONGEST_PLAIN_SCRIPT and script.isascii():
        return script
    return f"printf %s '{base64.b64encode(gzip.compress(data)).decode()}' | base64 -d | gzip -dc | sh"


def target(
    agent: AgentInterface[Any], host: OnlineHostInterface, options: CreateAgentOptions | None, mngr_ctx: MngrContext
) -> Target:
    """An agent on its host; the hooks get mngr's own objects."""
    name, connection = connected(host)
    return Target(name, connection, agent, host, str(agent.work_dir), options, mngr_ctx, own_needs(agent))


def bare_target(host: OnlineHostInterface, mngr_ctx: MngrContext) -> Target:
    """A host that has no agent yet; no hook is asked about it."""
    name, connection = connected(host)
    return Target(name, connection, Agent("mngr", "~"), host, mngr_ctx=mngr_ctx)


def connected(host: OnlineHostInterface) -> tuple[str, Connection]:
    """What a host is called, and the way to it."""
    if host.is_local:
        return "localhost", LocalShell()
    name = str(host.get_name())
    return name, MngrConnection(host, name)


def own_needs(agent: AgentInterface[Any]) -> tuple[Contribution, ...]:
    """The program that an agent's type can install by itself, where the catalog knows it.

    It is optional: what we cannot install, mngr's own provisioning installs, or refuses, right after us. Nothing where
    the type's settings switch the check off (``check_installation``). Source: mngr 0.3, ``HasAutoInstallMixin``.
    """
    if not isinstance(agent, HasAutoInstallMixin) or not getattr(agent.agent_config, "check_installation", True):
        return ()
    tool = catalog.find(agent.get_install_binary_name())
    if tool is None:
        return ()
    pinned = getattr(agent.agent_config, "version", None)
    version = f"=={pinned}" if isinstance(pinned, str) and is_readable(pinned) else ""
    need = PackageRequirement(tool.name, version, is_required=False, purpose="the agent itself")
    return (Contribution(str(agent.agent_type), requirements=(need,)),)


def request(
    mngr_ctx: MngrContext,
    *,
    is_local: bool,
    manifests: Sequence[str] = (),
    files: Sequence[str] = (),
    packages: Sequence[str] = (),
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    become: bool = False,
    timeout: float | None = None,
    password: str | None = None,
    control_path: str | None = None,
) -> Request:
    """What mngr's settings and a command line ask for. Relative paths in the settings start at the repository's root.

    Raises:
        MngrAnsibleError: a setting, a manifest or an option is wrong.
    """
    settings = Settings.parse(mngr_ctx.get_plugin_config(NAME, AnsiblePluginConfig).as_mapping())
    return Request(
        plugins=mngr_ctx.pm,
        settings=settings,
        user=user_contributions(settings, manifests, files, packages, directory=mngr_ctx.project_root),
        install=install,
        check_packages=check_packages,
        only=only,
        become=become,
        timeout=settings.timeout if timeout is None else timeout,
        password=password,
        control_path=control_path,
        is_print_only=not is_local and not mngr_ctx.config.is_remote_agent_installation_allowed,
    )


def private_files(root: Path | None) -> list[str]:
    """The files outside of a repository, readable by their owner alone, that its committed settings would send.

    Whoever clones it did not choose them: mngr reads ``.mngr/settings.toml`` of any project without a question.
    """
    if root is None:
        return []
    try:
        document = tomllib.loads((root / ".mngr" / "settings.toml").read_text("utf-8"))
        table = document["plugins"][NAME]
        own = [each for each in table.get("manifests", ()) if not str(each).startswith(("~/", "/"))]
        chosen = Settings.parse({"files": table.get("files", ()), "manifests": own})
        found = user_contributions(chosen, (), (), (), directory=root)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MngrAnsibleError):
        return []  # there is none, or what is wrong with it is told when it is read for use
    sources = [path for each in found for spec in each.transfers for path in _private_in(spec, root)]
    return list(dict.fromkeys(map(str, sources)))


def _private_in(spec: FileTransferSpec, root: Path) -> Iterator[Path]:
    """What only its owner can read of a source, where that is outside: itself, or what is in it or linked from it."""
    path = Path(local_path(spec))
    is_outside = not path.resolve().is_relative_to(root.resolve())
    if is_outside and _is_private(path):
        yield path
    elif path.is_dir() and (is_outside or spec.symlinks == "follow"):
        try:
            entries = trees.read(str(path), symlinks=spec.symlinks, excluded=Patterns(spec.exclude).excludes).entries
        except trees.TreeError:
            return  # told when it is read for use
        for source in (Path(each.source) for each in entries):
            if _is_private(source) and not source.resolve().is_relative_to(root.resolve()):
                yield source


def _is_private(path: Path) -> bool:
    try:
        return not path.stat().st_mode & 0o044
    except OSError:
        return False


def create_request(mngr_ctx: MngrContext, options: CreateAgentOptions | None, *, is_local: bool) -> Request:
    """What mngr's settings and the options of ``mngr create`` ask for; raises as :func:`request` does."""
    chosen = options.plugin_data if options is not None else {}
    return request(
        mngr_ctx,
        is_local=is_local,
        manifests=chosen.get("ansible_manifest", ()),
        packages=chosen.get("ansible_package", ()),
        install=chosen.get("ansible_install"),
    )
