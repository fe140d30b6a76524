"""Files of a directory to run later for ansible-builder, ansible-navigator and AWX. Pure.

Source: docs/awx.md; ansible-builder's documentation, "Execution environment definition"; AWX's documentation, "Custom
credential types" and "Surveys".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mngr_ansible.run.bundle import Bundle, Secret
from mngr_ansible.run.host_vars import environment
from mngr_ansible.run.playbook import HostRun

_EXECUTION_ENVIRONMENT = """\
---
# An image in which AWX and ansible-navigator can run this directory: ansible-builder build --tag NAME
# Any other one with ansible-core 2.16 to 2.21 and an ssh client does as well; no collection is needed.
version: 3
images:
  base_image:
    name: quay.io/centos/centos:stream10
dependencies:
  python_interpreter:
    package_system: python3
    python_path: /usr/bin/python3
  ansible_core:
    package_pip: ansible-core>=2.16,<2.22
  ansible_runner:
    package_pip: ansible-runner>=2.4,<3
  system:
    - openssh-clients [platform:rpm]
"""

IGNORED = """\
# What programs that run this directory leave in it. ansible-runner writes its whole environment into
# artifacts/*/command, also the values of MNGR_SECRET_1 and so on.
/artifacts/
/env/
/context/
*-artifact-*.json
ansible-navigator.log
*.retry
"""
"""The text of ``.gitignore``. Source: ansible-runner's documentation, "Runner Artifacts Directory Hierarchy", and
``ansible_runner/runner.py`` of 2.4.3, which has no setting that leaves the environment out of ``command``;
ansible-navigator's and ansible-builder's documentation."""

_QUESTIONS = {
    "mngr_packages_timeout": (
        "Seconds for one package transaction",
        "A package manager that needs longer on a host is stopped, and the host fails.",
    ),
    "mngr_packages_lock_timeout": (
        "Seconds to wait for another package manager",
        "How long a task waits while another program, such as unattended upgrades, holds the lock of packages.",
    ),
}
"""Variable of the role ``mngr_packages`` → question and description. A survey's variable overrides the playbook's."""


def controller_files(runs: Sequence[HostRun], bundle: Bundle, timeout: int, *, is_plain: bool) -> dict[str, str]:
    """The files by their paths in the directory.

    Args:
        runs: the hosts.
        bundle: the secrets of the directory.
        timeout: seconds for a package transaction on a host.
        is_plain: the directory has plain tasks, which read no variables.

    Returns:
        ``execution-environment.yml``; ``awx/credential-type.json`` where the environment of a run must hold something;
        ``awx/survey.json`` where packages are installed by the roles.
    """
    files = {"execution-environment.yml": _EXECUTION_ENVIRONMENT}
    needed = dict.fromkeys(each["name"] for run in runs for each in environment(run, bundle))
    if needed:
        files["awx/credential-type.json"] = _document(_credential_type(_hosts(runs), list(needed), bundle))
    if not is_plain and any(run.due.installs for run in runs):
        lock = max(run.lock_seconds for run in runs)
        files["awx/survey.json"] = _document(
            _survey({"mngr_packages_timeout": timeout, "mngr_packages_lock_timeout": lock})
        )
    return files


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, indent=2) + "\n"


def _hosts(runs: Sequence[HostRun]) -> str:
    """The hosts of the directory, in few words."""
    others = len(runs) - 1
    return f"{runs[0].alias} and {others} more" if others else runs[0].alias


def _credential_type(hosts: str, names: Sequence[str], bundle: Bundle) -> dict[str, Any]:
    """The body of a request that makes a credential type: a secret field for each variable of the environment."""
    secrets = {each.variable: each for each in bundle.secrets.values()}
    fields = [field for name in names for field in _fields(name, secrets.get(name))]
    env: dict[str, str] = {}
    for name in names:
        field = name.lower()
        env[name] = f"{{{{ {field} | default('') }}}}" if name in secrets else f"{{{{ {field} }}}}"
        if name in secrets:
            env[f"{name}_FILE"] = f"{{{{ '/dev/null' if {field}_is_empty | default(false) else '' }}}}"
    return {
        "name": f"mngr-ansible: {hosts}",
        "description": "What the directory that mngr-ansible rendered leaves out; its README.md says what each holds.",
        "kind": "cloud",
        "inputs": {"fields": fields, "required": [name.lower() for name in names if name not in secrets]},
        "injectors": {"env": env},
    }


def _fields(name: str, secret: Secret | None) -> Iterator[dict[str, Any]]:
    """The fields of one variable. A secret that is empty has to be named as that.

    AWX takes no empty value for a required field, so a secret's is not required: a run fails where it is not given.
    """
    made = {"id": name.lower(), "label": name, "type": "string", "secret": True}
    if secret is None:
        yield made | {"help_text": "The whole address, with login and query."}
        return
    places = "; ".join(f"{path} on {host}" for host, path in secret.places)
    content = f"The {'base64 of the ' if secret.is_base64 else ''}content of {places}."
    yield made | {"help_text": content, "multiline": True}
    text = "Only for a file that is to have no content: leave the field above empty then."
    yield {"id": f"{name.lower()}_is_empty", "label": f"{name} is empty", "help_text": text, "type": "boolean"}


def _survey(defaults: Mapping[str, int]) -> dict[str, Any]:
    """The body of a request that gives a job template its survey."""
    spec = [
        {
            "variable": variable,
            "question_name": _QUESTIONS[variable][0],
            "question_description": _QUESTIONS[variable][1],
            "type": "integer",
            "required": True,
            "default": seconds,
            "min": 1,
            "max": 86400,
        }
        for variable, seconds in defaults.items()
    ]
    return {"name": "", "description": "", "spec": spec}
