"""The environment of Ansible's processes, built from an allow-list, and the options of ssh.

The user's Ansible settings are not in it, so they can neither change nor break a run (docs/decisions.md "Ansible and
ansible-runner"). ssh's own configuration and agent are used.
"""

import os
import pwd
import sys
from pathlib import Path

from mngr_ansible.system.descriptors import room

_INHERITED = ("HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TZ", "MNGR_ANSIBLE_LIGHT")
_PLUGINS = (
    "ACTION",
    "BECOME",
    "CACHE",
    "CALLBACK",
    "CONNECTION",
    "FILTER",
    "INVENTORY",
    "LOOKUP",
    "STRATEGY",
    "TEST",
    "VARS",
)
_PATHS = ("LIBRARY", "MODULE_UTILS", "ROLES_PATH", "COLLECTIONS_PATH", *(f"{kind}_PLUGINS" for kind in _PLUGINS))
"""Ansible's search paths for plugins, modules and roles, which by default include ``/usr/share/ansible``. They are set
to nothing; what is beside the playbook is found anyway."""


MOST_FORKS = 50
"""Hosts on which Ansible works at once, at most: each costs a process here. Source: Ansible's option ``forks``."""

_DESCRIPTORS_OF_A_FORK = 4
"""Open files of Ansible's main process for each host on which it works (ansible-core 2.21)."""


_POLL_SECONDS = 0.02
"""How often Ansible looks, where it has several hosts, which of them can go on; its default of 0.001 s costs a whole
processor as long as one of fifty hosts is worked on."""


def configuration(hosts: int) -> str:
    """The ``ansible.cfg`` of a run: what has no environment variable. Source: Ansible's option
    ``internal_poll_interval``."""
    return f"[defaults]\ninternal_poll_interval = {_POLL_SECONDS}\n" if hosts > 1 else ""


def is_pipelining() -> bool:
    """Whether tasks come to a host through the connection that is open, without a file there."""
    return os.environ.get("MNGR_ANSIBLE_PIPELINING") != "off"


def environment(private: Path, sockets: Path, ssh_args: str | None, remote_tmp: str, hosts: int) -> dict[str, str]:
    """The whole environment of a run.

    PATH loses its relative entries, because they would be relative to the playbook's directory. Values that are not
    UTF-8 are left out: ansible-runner cannot pass them on.

    Args:
        private: the run's own directory.
        sockets: a directory with a short path, for TMPDIR: Ansible binds a socket there, and a socket's path is limited
            to about 100 characters. Source: unix(7).
        ssh_args: see :func:`ssh_arguments`; None: the hosts' variables have them.
        remote_tmp: where Ansible keeps its temporary files on a host.
        hosts: how many there are; Ansible works on all at once, up to :data:`MOST_FORKS`,
            or fewer where the limit of open files is low.
    """
    path = [entry for entry in os.environ.get("PATH", "").split(":") if entry.startswith("/") and _is_utf8(entry)]
    return {
        **_home_without_a_name(),
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
        "ANSIBLE_FORKS": str(room(_DESCRIPTORS_OF_A_FORK, max(1, min(hosts, MOST_FORKS)))),
        "ANSIBLE_INJECT_FACT_VARS": "False",  # facts, which a host can forge, must not replace our variables
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # without it, ansible-runner turns the check off
        "ANSIBLE_PIPELINING": str(is_pipelining()),
        **({} if ssh_args is None else {"ANSIBLE_SSH_ARGS": ssh_args}),
        "ANSIBLE_SSH_RETRIES": "0",  # a retry can run a module twice
        "ANSIBLE_NO_TARGET_SYSLOG": "True",
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "MAX_EVENT_RES": "50000000",  # characters; ansible-runner replaces a larger result with an empty one
    }


def _home_without_a_name() -> dict[str, str]:
    """HOME for a user who has neither HOME nor an entry in passwd: the root directory, as the check script takes it."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return {"HOME": "/"}
    return {}


def run_marker(private: Path) -> str:
    """The value of ANSIBLE_HOME, by which every process of this run can be found."""
    return str(private / "home")


def ssh_arguments(control_path: str) -> str:
    """The options of ssh: no questions, 20 s at most without an answer, and one connection for each host.

    How long connecting may take comes from Ansible itself: ``ansible_ssh_timeout`` of the host, else 10 s. A connection
    that is open already at ``control_path`` is used. ``ControlPersist`` is set even then, because Ansible
    ignores the path without it. Source: ssh_config(5).
    """
    import shlex

    from mngr_ansible.host.ssh import OPTIONS, as_arguments, master_options  # heavy, where Ansible is started first

    return shlex.join(as_arguments({**OPTIONS, **master_options(control_path)}))


def _is_utf8(text: str) -> bool:
    return text.encode("utf-8", "ignore").decode() == text
