"""The errors of which a page is kept, each as the code that finds it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mngr_ansible.cli.parser import parser
from mngr_ansible.errors import (
    RUN_AGAIN,
    ErrorGroup,
    HostError,
    MngrAnsibleError,
    PluginError,
    PreconditionError,
    RunError,
)
from mngr_ansible.host.ssh_errors import FailedConnection, connection_error
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.inputs import manifest
from mngr_ansible.report import outcomes
from mngr_ansible.report.text import errors_page
from mngr_ansible.run.runner import Event, RunResult
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from mngr_ansible.report.page import Page

DENIED = "dev@192.0.2.7: Permission denied (publickey)."
CHANGED = (
    "@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@@\n"
    "Offending ED25519 key in /home/you/.ssh/known_hosts:7\nHost key verification failed.\n"
)
UNKNOWN = (
    "No ED25519 host key is known for build-1 and you have requested strict checking.\nHost key verification failed.\n"
)
"""Recorded: OpenSSH_9.2p1."""


def raised(call: Callable[[], object]) -> MngrAnsibleError:
    """The error that a call raises."""
    try:
        call()
    except MngrAnsibleError as error:
        return error
    raise AssertionError("nothing was raised")


def usage(*words: str) -> MngrAnsibleError:
    return raised(lambda: parser(words[0]).parse_args(words))


def from_ssh(output: str, host: str = "build-1") -> MngrAnsibleError:
    said = f"hostname {host}\nport 22\nuser dev\nuserknownhostsfile /home/you/.ssh/known_hosts\n"
    return connection_error(FailedConnection(output, host, f"dev@{host}", SshSettings.parse(said)))


def read(document: object) -> MngrAnsibleError:
    from pathlib import Path

    return raised(
        lambda: manifest.contribution(document, plugin="manifest", origin="agent-host.yml", directory=Path("/srv/team"))
    )


def missing() -> MngrAnsibleError:
    wanted = [
        FileTransferSpec("/no/such/claude.json", "~/.claude.json"),
        FileTransferSpec("/no/such/key.pem", "key.pem"),
    ]
    return raised(lambda: plan(contribution("claude", wanted[0]), contribution("manifest", wanted[1])))


def after_run(*events: Event) -> MngrAnsibleError:
    made = due(contribution("manifest", "git>=2.39", "node"))
    result = RunResult("finished", is_complete=True, hosts=frozenset({"host-1"}), events=events)
    _steps, error = outcomes.from_events(made, "host-1", "build-1", result)
    assert error is not None
    return error


def alike(count: int) -> list[MngrAnsibleError]:
    return [
        from_ssh("ssh: connect to host x port 22: Connection refused", f"web-{each:02}") for each in range(1, count + 1)
    ]


def group() -> MngrAnsibleError:
    return ErrorGroup([read({"packages": [{"name": "git", "verson": ">=2"}]}), from_ssh(DENIED)])


PRECONDITION = PreconditionError(
    "2 plugins stopped provisioning:\n  claude: ANTHROPIC_API_KEY is not set\n  codex: you are not logged in",
    remedy="Export ANTHROPIC_API_KEY, or log in once on this machine: claude login. Nothing was changed.",
)
HOOK = PluginError(
    "claude: its hook provision_agent failed: KeyError: 'work_dir'",
    remedy="This is a mistake in the plugin. Report it to its authors, or disable it: mngr plugin disable claude",
    host="build-1",
)
NO_ANSIBLE = RunError(
    "ansible-playbook could not be started: No such file or directory",
    remedy="Install ansible-core beside mngr-ansible: pip install 'ansible-core>=2.20,<2.22'",
)
BUG = MngrAnsibleError(
    "mngr-ansible failed unexpectedly: KeyError: 'hosts'",
    remedy="This is a bug in mngr-ansible: please report it, with the output of -v.",
)
STOPPED = MngrAnsibleError("stopped; the step that was running may or may not have finished", remedy=RUN_AGAIN)
DISK = MngrAnsibleError(
    "this machine: /tmp/mngr-ansible-5x9c2q/inventory: No space left on device",
    remedy="Check this machine's disk, permissions and temporary directory, and run again.",
)
LONG = HostError(
    "its login shell printed something before our script began, which hides the answer: "
    + "Welcome to the build farm of the platform team! " * 3,
    remedy="Let only interactive shells print that: put it behind a test for a terminal in ~/.bashrc on the host. "
    "Try it by hand: ssh -T -o BatchMode=yes -i '/home/you/.ssh/id ed25519' dev@build-1.eu-central.example.org true",
    host="build-1.eu-central.example.org",
)


def pages() -> dict[str, Page]:
    """By the name of their screen."""
    found: dict[str, MngrAnsibleError | list[MngrAnsibleError]] = {
        "usage-unknown-command": usage("pln"),
        "usage-unknown-option": usage("plan", "--hsot", "build-1"),
        "usage-value": usage("plan", "--timeout", "soon"),
        "manifest-unknown-key": read({"packages": [{"name": "git", "verson": ">=2.39"}]}),
        "manifest-mode": read({"files": [{"local_path": "a", "remote_path": "b", "mode": 644}]}),
        "missing-files": missing(),
        "conflict": raised(lambda: plan(contribution("claude", "git>=2.39"), contribution("legacy-tools", "git<2.30"))),
        "precondition": PRECONDITION,
        "plugin-fails": HOOK,
        "host-key-changed": from_ssh(CHANGED),
        "host-key-unknown": from_ssh(UNKNOWN),
        "login-refused": from_ssh(DENIED),
        "host-without-ssh": from_ssh("ssh: connect to host build-1 port 22: Connection refused"),
        "host-without-name": from_ssh("ssh: Could not resolve hostname build-1: Name or service not known"),
        "connection-lost": after_run(Event("unreachable", "host-1", text="Failed to connect to the host via ssh")),
        "three-hosts": alike(3),
        "many-hosts": alike(17),
        "several-errors": group(),
        "ansible-missing": NO_ANSIBLE,
        "disk-full": DISK,
        "bug": BUG,
        "stopped": STOPPED,
        "long": LONG,
    }
    return {f"error-{name}": errors_page(each if isinstance(each, list) else [each]) for name, each in found.items()}
