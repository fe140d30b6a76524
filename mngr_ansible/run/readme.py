"""The text of ``README.md`` in a directory to run later: what it does, how it is run, and what it needs. Pure."""

import re
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mngr_ansible.portable.text import printable
from mngr_ansible.run.bundle import Bundle
from mngr_ansible.run.host_vars import environment
from mngr_ansible.run.playbook import HostRun

_HEAD = """\
# Provision {hosts}

`mngr-ansible render` wrote this directory. It needs ansible-core 2.16 to 2.21 where it is run, and nothing of
mngr-ansible. It can be moved, copied, and kept in git: no secret is in it.

## Run it by hand

In this directory{environment}:

```sh
cd project
ansible-playbook -i ../inventory provision.yml --check --diff
ansible-playbook -i ../inventory provision.yml
```

The first run only shows what would change. `--limit NAME` runs it on one host. A second run reports `changed=0`.
{password}

## Run it with ansible-runner

In this directory (`pip install ansible-core ansible-runner`):

```sh
ansible-runner run . -p provision.yml
```

ansible-runner keeps what it reports in `artifacts/`, which `.gitignore` names.{runner_secrets}{runner_password}

## Run it in AWX

1. Put this directory into a git repository, and make it a project.
2. Make an inventory with a source of the kind *Sourced from a Project*: this project, and the directory `inventory`.
3. Make a job template: this project and inventory, the playbook `project/provision.yml`, and a machine credential with
   the ssh key of the hosts.
{awx_secrets}
`execution-environment.yml` makes an image with ansible-core for AWX and ansible-navigator (`ansible-builder build`).
Any other one with ansible-core 2.16 to 2.21 and ssh does as well. `docs/awx.md` of mngr-ansible has every step.
"""

_RUNNER_SECRETS = (
    "\n\nThere it also keeps its whole environment, in `artifacts/*/command` (mode 0600), and with it the value of "
    "every variable below. No setting of it changes that. {named}Remove what it kept after each run: "
    "`rm -r artifacts`, or with `--ident NAME` in the command above `rm -r artifacts/NAME`.\n"
)

_RUNNER_FILES = "Name the files of secrets instead (`MNGR_SECRET_1_FILE=PATH`): then only the path is kept. "

_AWX_SECRETS = """\
4. Make a custom credential type of `awx/credential-type.json`, and add a credential of that type to the job template.
   It has one secret input for each variable below, and injects them into the environment.
"""

_CONNECTION = """\
## How the hosts are reached

`inventory/host_vars/` says it for every host: address, port and login{files}.{jumps}

Host keys are always checked, also where AWX and ansible-runner would not do so by themselves: the hosts must be in the
`known_hosts` of whoever runs it.
"""

_ENVIRONMENT = """
## What the environment must hold

A run fails with the name of the variable, before anything is changed, if one of these is not set or is empty.

| variable | holds |
|---|---|
{rows}
"""

_SECRETS = """
The value is the content of the file exactly, with its newline at the end if it has one (`$(cat FILE)` cuts that off).
A file can be named instead: `export MNGR_SECRET_1_FILE=PATH` takes the content of that file as it is, of any size and
also if it is empty or not text. A value can have 128 KiB.
"""

_STEPS = """
## What it does

{summary}

| host | step | when this was written |
|---|---|---|
{rows}

`plan.json` says more: which plugin needs what, and why.
"""

_LIMITS = """
## Limits

- Paths, sources of packages and logins are those of the hosts above. Render again for other hosts.
- {scope}
- Where a package's source fails, no other source is tried: `mngr-ansible apply` does that.
{playbooks}{mirrors}- It is as old as its files. What changed on a host or in a source since then is not in it.
"""


def readme(
    runs: Sequence[HostRun],
    plan: Mapping[str, Any],
    bundle: Bundle,
    *,
    is_desired: bool,
    left_out: Sequence[str] = (),
) -> str:
    """The page. It says nothing of the machine on which it is written, and is the same for the same directory.

    Args:
        runs: the hosts, in the order of the plan's.
        plan: the content of ``plan.json``.
        bundle: the files and secrets of the directory.
        is_desired: it holds all that is wanted, not only what is due.
        left_out: the playbooks of the user's own, which it does not have.
    """
    is_asked = any(run.has_password for run in runs)
    needed = {each["name"]: each["unset"] for run in runs for each in environment(run, bundle)}
    is_secret_needed = bool(bundle.secrets)
    text = _HEAD.format(
        hosts=_enumerated([run.alias for run in runs]) if runs else "no host",
        environment=", with the environment that is described below" if needed else "",
        password="sudo asks for a password on the hosts: add `--ask-become-pass`.\n" if is_asked else "",
        runner_secrets=_RUNNER_SECRETS.format(named=_RUNNER_FILES if is_secret_needed else "") if needed else "",
        runner_password="\nGive the password of sudo with `--cmdline --ask-become-pass`." if is_asked else "",
        awx_secrets=_AWX_SECRETS if needed else "",
    ).rstrip("\n")
    text += "\n\n" + _CONNECTION.format(files=_connection_files(runs), jumps=_jumps(runs))
    if needed:
        text += _ENVIRONMENT.format(rows="\n".join(_environment_rows(bundle, list(needed)))).rstrip("\n") + "\n"
    if is_secret_needed:
        text += _SECRETS
    text += _STEPS.format(
        summary="Everything that is needed, also what the hosts already had when this was written:"
        if is_desired
        else "What was missing or different on the hosts when this was written:",
        rows="\n".join(_step_rows(runs, plan, is_desired=is_desired)) or "| | nothing | |",
    )
    has_mirrors = any(due.transfer.mirrors for run in runs for due in run.due.transfers)
    text += _LIMITS.format(
        playbooks=f"- Your own playbooks are not in it: {', '.join(map(_code, left_out))}.\n" if left_out else "",
        mirrors="- A mirrored directory loses only what was seen there when this was written.\n" if has_mirrors else "",
        scope="What a host has of its own is not touched, and what it had already is installed or copied only if it is "
        "missing or different."
        if is_desired
        else "What a host had already is not in it: `mngr-ansible render --desired` writes everything that is needed.",
    )
    return re.sub(r"\n{3,}", "\n\n", "\n".join(map(_wrapped, text.split("\n"))))


def _wrapped(line: str) -> str:
    """A line of at most 120 characters, or several; a row of a table stays one."""
    if line.startswith("|"):
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _connection_files(runs: Sequence[HostRun]) -> str:
    has_files = any(
        "ansible_ssh_private_key_file" in run.variables
        or "File=" in str(run.variables.get("ansible_ssh_common_args", ""))
        for run in runs
    )
    return (
        ", and the files of the ssh key and of the known host keys on the machine that wrote it; correct or remove "
        "these two where they are elsewhere"
        if has_files
        else ""
    )


def _jumps(runs: Sequence[HostRun]) -> str:
    """Which hosts are reached through others, in sentences."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for word in shlex.split(str(run.variables.get("ansible_ssh_common_args", ""))):
            option, _, value = word.partition("=")
            if option in _WAYS:
                found.setdefault(_WAYS[option].format(_code(value)), []).append(run.alias)
    told = [f"{_enumerated(names)} {'is' if len(names) == 1 else 'are'} reached {way}" for way, names in found.items()]
    return "".join(f" {each}." for each in told)


_WAYS = {
    "ProxyJump": "through the jump host {}: whoever runs it must reach that one by this name, know its host key, and "
    "have a login there",
    "ProxyCommand": "by the command {}, which must work where it is run",
}
"""Option of ssh → the words for it."""


def _environment_rows(bundle: Bundle, names: Sequence[str]) -> Iterator[str]:
    secrets = {each.variable: each for each in bundle.secrets.values()}
    for name in names:
        secret = secrets.get(name)
        if secret is None:
            yield f"| `{name}` | the whole address, with login and query |"
            continue
        places = "; ".join(f"{_code(path)} on {host}" for host, path in secret.places)
        form = "base64 of the content (it is not text)" if secret.is_base64 else "the content"
        yield f"| `{name}` | {form} of {places} |"


def _step_rows(runs: Sequence[HostRun], plan: Mapping[str, Any], *, is_desired: bool) -> Iterator[str]:
    for run, host in zip(runs, plan.get("hosts", ()), strict=False):
        if run.stop:
            yield f"| {run.alias} | nothing: the run fails there | {_cell(run.stop)} |"
            continue
        for step in host["steps"]:
            if is_desired or step["status"] not in ("ok", "skipped"):
                yield f"| {run.alias} | {_code(step['id'])} | {step['status']} |"


def _code(text: str) -> str:
    """A name in a table of Markdown; it may hold any character."""
    return f"`{_cell(text).replace('`', chr(39))}`"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")


def _enumerated(names: Sequence[str]) -> str:
    most = 4
    if len(names) > most:
        return f"{', '.join(names[:3])} and {len(names) - 3} more hosts"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
