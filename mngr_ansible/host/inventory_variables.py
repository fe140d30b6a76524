"""The connection variables of a host for an inventory that is taken elsewhere: what leads there, nothing of a run here.

What the user's ssh configuration says about the host is written out, because it is on this machine alone.
Source: ssh_config(5); the options of Ansible's connection ``ssh``.
"""

import os
import re
import shlex
from typing import Any

from mngr_ansible.host.ssh_settings import CONNECT_SECONDS, SshSettings

_WRITTEN_OUT = (
    "ProxyJump",
    "ProxyCommand",
    "HostKeyAlias",
    "UserKnownHostsFile",
    "GlobalKnownHostsFile",
    "CertificateFile",
    "IdentitiesOnly",
    "HostKeyAlgorithms",
    "PubkeyAcceptedAlgorithms",
    "KexAlgorithms",
    "Ciphers",
    "MACs",
    "AddressFamily",
    "BindAddress",
    "BindInterface",
)
"""The options of ssh without which a host may not be reached, or not be recognised."""


def portable_variables(
    name: str,
    user: str | None,
    port: int | None,
    configured: SshSettings,
    plain: SshSettings,
    *,
    key: str | None,
    known_hosts: str | None,
    login_home: str | None,
) -> dict[str, Any]:
    """The variables by which any Ansible reaches a host over ssh. Host keys are checked, whatever its settings say.

    Args:
        name: the host as the user typed it, an alias of the configuration or an address.
        user: that the user typed.
        port: that the user typed.
        configured: what ssh says about the host.
        plain: what ssh says about it with the system's configuration alone.
        key: the private key that the user named.
        known_hosts: the file of known host keys that the user named.
        login_home: the directory that ssh takes for home.
    """

    def own(option: str) -> str:
        value = configured.values.get(option, "")
        return "" if value in ("", "none", plain.values.get(option)) else value

    keys = (
        [key] if key is not None else [each for each in configured.identity_files if each not in plain.identity_files]
    )
    variables: dict[str, Any] = {
        "ansible_connection": "ssh",
        "ansible_host": own("hostname") or name,
        "ansible_user": user or configured.values.get("user"),  # whose home the destinations are in
        "ansible_port": port or (int(own("port")) if own("port").isdigit() else None),
        "ansible_ssh_private_key_file": _in_home(keys[0], "~").replace("%", "%%") if keys else None,
        "ansible_host_key_checking": True,
    }
    options = {"StrictHostKeyChecking": "yes"}
    options |= {option: _words(own(option.lower()), login_home) for option in _WRITTEN_OUT if own(option.lower())}
    if known_hosts is not None:
        options["UserKnownHostsFile"] = _quoted(_for_ssh(known_hosts, login_home))
    if key is not None:
        options.pop("IdentitiesOnly", None)  # the key may come from an agent elsewhere
    arguments = [f"{option}={value}" for option, value in options.items()]
    arguments += [f"IdentityFile={_quoted(_for_ssh(each, login_home))}" for each in keys[1:]]
    variables["ansible_ssh_common_args"] = shlex.join(word for each in arguments for word in ("-o", each))
    if configured.connect_seconds != CONNECT_SECONDS:
        variables["ansible_ssh_timeout"] = configured.connect_seconds
    return {name: value for name, value in variables.items() if value}


def _in_home(path: str, home: str) -> str:
    """A path below the user's home as one that begins with ``home``, so that it is the same for every user."""
    own = os.environ.get("HOME", "").rstrip("/")
    return home + path[len(own) :] if own and path.startswith(f"{own}/") else path


def _for_ssh(path: str, login_home: str | None) -> str:
    """A path in an option of ssh. ``~`` is the login's home for ssh, whatever HOME is, and ``${HOME}`` is HOME."""
    escaped = path.replace("%", "%%")
    return _in_home(escaped, "~" if os.environ.get("HOME", "").rstrip("/") == login_home else "${HOME}")


def _words(value: str, login_home: str | None) -> str:
    """The value of an option as ``ssh -G`` prints it, with the home at the beginning of a word replaced."""
    words = re.split(r"(\s+)", value)
    return "".join(_for_ssh(each, login_home) if each.startswith("/") else each for each in words)


def _quoted(path: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9/._~${}%+,:@=-]+", path):
        return path
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
