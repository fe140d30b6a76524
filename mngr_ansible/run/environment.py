"""What Ansible's processes get of the world: an environment built from an allow-list, and ssh's options.

Nothing of the user's Ansible settings is among it, so they neither change nor break a run
(docs/decisions.md "Ansible and ansible-runner");
ssh's own configuration and agent are honoured.
"""

import os
import shlex
import sys
from pathlib import Path

_INHERITED = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TZ")
_PLUGINS = (
    *("ACTION", "BECOME", "CACHE", "CALLBACK", "CONNECTION", "FILTER"),
    *("INVENTORY", "LOOKUP", "STRATEGY", "TEST", "VARS"),
)
_PATHS = ("LIBRARY", "MODULE_UTILS", "ROLES_PATH", "COLLECTIONS_PATH", *(f"{kind}_PLUGINS" for kind in _PLUGINS))
"""Where Ansible looks for more, ``/usr/share/ansible`` included; what lies beside the playbook it finds anyway."""


def environment(private: Path, sockets: Path, ssh_args: str, remote_tmp: str) -> dict[str, str]:
    """The whole environment of a run.

    PATH loses its relative entries, which would be looked up beside the playbook. What is not UTF-8 is left out:
    ansible-runner cannot carry it.

    Args:
        private: the run's own directory.
        sockets: another one with a short path: Ansible binds a socket below TMPDIR, and breaks where that is deep.
        ssh_args: see :func:`ssh_arguments`.
        remote_tmp: where Ansible keeps its temporary files on a host.
    """
    path = [entry for entry in os.environ.get("PATH", "").split(":") if entry.startswith("/") and _is_utf8(entry)]
    return {
        **{name: value for name in _INHERITED if (value := os.environ.get(name)) and _is_utf8(value)},
        "TMPDIR": str(sockets),
        "PATH": ":".join(path) or os.defpath,
        "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        **{f"ANSIBLE_{name}": str(private / "none") for name in _PATHS},
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "False",
        "ANSIBLE_CONFIG": str(private / "ansible.cfg"),
        "ANSIBLE_HOME": run_marker(private),
        "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        "ANSIBLE_REMOTE_TEMP": remote_tmp,
        "ANSIBLE_FORKS": "20",
        "ANSIBLE_INJECT_FACT_VARS": "False",  # a module's answer, which a host may forge, replaces no variable of ours
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # where nobody says so, ansible-runner switches it off
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_ARGS": ssh_args,
        "ANSIBLE_SSH_RETRIES": "0",  # a retry may run a module twice
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "MAX_EVENT_RES": "50000000",  # characters; ansible-runner replaces a larger result by an empty one
    }


def run_marker(private: Path) -> str:
    """The value of ANSIBLE_HOME, by which every process of a run can be told."""
    return str(private / "home")


def ssh_arguments(control_path: str) -> str:
    """ssh's options: no questions, a bound for silence (20 s), and one connection a host.

    A master that is open at ``control_path`` already is used; ``ControlPersist`` is there all the same, since Ansible
    ignores the path without it.
    """
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ControlMaster": "auto",
        "ControlPersist": "30",
        "ControlPath": f'"{control_path}"',
    }
    return " ".join(f"-o {shlex.quote(f'{name}={value}')}" for name, value in options.items())


def _is_utf8(text: str) -> bool:
    return text.encode("utf-8", "ignore").decode() == text
