"""Tools installed from the catalog on real hosts, from Debian's mirror, npm's registry and PyPI.

What no manager here can be given real packages of (dnf, zypper, pacman, apk, brew) stays unproven, and is told as such.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mngr_ansible import provision
from mngr_ansible.catalog.lookup import find_tool, tool_names
from tests.support.hosts import SshHost, User

if TYPE_CHECKING:
    from mngr_ansible import Report
    from mngr_ansible.spec.sources import Source
    from tests.conftest import StartHost

NPM = ("codex", "opencode")
PIPX = ("uv",)
_NOT_IN_DEBIAN_12 = ("ttyd",)
APT = tuple(
    name
    for name in tool_names()
    if name not in _NOT_IN_DEBIAN_12
    and any(each.manager == "apt" and each.repository is None for each in find_tool(name).sources)  # type: ignore[union-attr]
)

_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def configured(host: SshHost) -> SshHost:
    """The host with this machine's own registries and authorities for npm and pip."""
    if _AUTHORITIES.exists():
        host.run(f"mkdir -p {_AUTHORITIES.parent}; cat >{_AUTHORITIES}", stdin=_AUTHORITIES.read_text())
    npm = {name: _told("npm", "config", "get", name) for name in ("registry", "cafile", "proxy", "https-proxy")}
    lines = [f"{name}={value}" for name, value in npm.items() if value not in ("", "null")]
    host.run("for home in /root /home/*; do cat >$home/.npmrc; done", stdin="\n".join(lines) + "\n")
    index = os.environ.get("PIP_INDEX_URL") or _told("pip", "config", "get", "global.index-url")
    pip = [f"index-url = {index}"] * bool(index) + [f"cert = {_AUTHORITIES}"] * _AUTHORITIES.exists()
    host.run("cat >/etc/pip.conf", stdin="\n".join(["[global]", *pip]) + "\n")
    return host


def _told(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def bring(host: SshHost, *packages: str) -> Report:
    return provision([host.address], packages=packages, key=host.key, known_hosts=host.known_hosts, timeout=900)


def statuses(report: Report) -> dict[str, str]:
    return {each.name: str(each.status) for each in report.hosts[0].outcomes}


@pytest.mark.slow
def test_every_tool_that_debian_has_is_installed_from_the_catalog_and_found_again(ssh_host: StartHost) -> None:
    host = ssh_host(layer="python", has_mirror=True)
    first, second = bring(host, *APT), bring(host, *APT)
    told = {each.name: each.reason for each in first.hosts[0].outcomes if each.is_failure}
    assert told == {}, first.to_dict()
    assert set(statuses(first)) >= set(APT)
    assert {each.source for each in first.hosts[0].outcomes if each.status == "changed"} == {"apt"}
    assert set(statuses(second).values()) == {"ok"}
    for name in APT:
        source = next(each for each in _sources(name) if each.manager == "apt")
        state = host.run(f"dpkg-query -W -f '${{db:Status-Abbrev}}' {' '.join(source.packages)}").stdout
        assert set(state.split()) == {"ii"}, name


@pytest.mark.slow
def test_agents_come_through_npm_with_the_node_that_they_need(ssh_host: StartHost) -> None:
    host = configured(ssh_host(layer="languages", users=(User("dev"),), has_mirror=True)).as_user("dev")
    if not any(_told("npm", "view", "@openai/codex", "version") for _ in range(3)):
        pytest.skip("npm's registry is not reached from here")
    first, second = bring(host, *NPM), bring(host, *NPM)
    assert {name: statuses(first).get(name) for name in NPM} == dict.fromkeys(NPM, "changed"), first.to_dict()
    assert set(statuses(second).values()) == {"ok"}


@pytest.mark.slow
def test_what_comes_from_pypi_comes_through_pipx(ssh_host: StartHost) -> None:
    host = configured(ssh_host(layer="languages", users=(User("dev"),), has_mirror=True)).as_user("dev")
    first, second = bring(host, *PIPX), bring(host, *PIPX)
    assert statuses(first) == dict.fromkeys(PIPX, "changed"), first.to_dict()
    assert set(statuses(second).values()) == {"ok"}


def _sources(name: str) -> tuple[Source, ...]:
    tool = find_tool(name)
    assert tool is not None
    return tool.sources
