"""Every supported ansible-core and every Python of hosts: the roles and a rendered directory work.

A plain run has the oldest ansible-core with the oldest Python of a host, and the newest with the newest; nox has all of
them (``noxfile.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.cores import HOST_PYTHONS, OLDEST, NotHere
from tests.support.ops_team import Fleet, OpsTeam

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cores import Core

SECRET = "canary-of-a-secret\n"


@pytest.fixture(scope="module")
def offering(hosts: Fleet) -> Fleet:
    """The hosts, with a tool for each name that they get, and one for a rendered directory."""
    hosts.offer(*(f"tool-{name}" for name in (*hosts.hosts, "rendered")))
    for version in HOST_PYTHONS:
        tool = f"tool-{short(version)}"
        hosts.repositories[0].add(tool, "2.1", commands={tool: f"echo {tool} 2.1"})
    return hosts


def short(python: str) -> str:
    """The name of ``deb`` with a Python of its own."""
    return f"py{python.replace('.', '')}"


@pytest.fixture
def team(core: Core, offering: Fleet, tmp_path: Path) -> OpsTeam:
    """A team with sources of files, on hosts that have nothing of it yet."""
    return new_team(core, offering, tmp_path)


def new_team(core: Core, offering: Fleet, tmp_path: Path) -> OpsTeam:
    """A team with this ansible-core."""
    made = OpsTeam(tmp_path, core)
    made.write("src/tree/plain", "plain\n")
    made.write("src/tree/program", "#!/bin/sh\n").chmod(0o755)
    made.write("src/key", SECRET).chmod(0o600)
    for host in offering.hosts.values():
        host.run("rm -rf /srv/team")
    offering.remove("tool-*")
    return made


def interpreters(request: pytest.FixtureRequest, core: Core, hosts: Fleet) -> dict[str, str]:
    """Names for ``deb``, each with a Python that it gets: one for each version where nox chose the core.

    Else ``deb`` has the oldest Python with the oldest core, and the newest with the newest.
    """
    supported = core.host_pythons
    if request.config.getoption("--core"):
        versions = {short(version): version for version in supported}
    else:
        versions = {"deb": supported[0] if core.version == OLDEST else supported[-1]}
    try:
        return {name: hosts.python(version) for name, version in versions.items()}
    except NotHere as error:
        pytest.skip(str(error))


def test_the_roles_foretell_and_do_the_same_with_each_core_and_each_python_of_a_host(
    request: pytest.FixtureRequest, core: Core, hosts: Fleet, team: OpsTeam
) -> None:
    pythons = interpreters(request, core, hosts)
    names = hosts.hosts | dict.fromkeys(pythons, hosts.hosts["deb"])
    team.take_roles()
    team.inventory(names)
    for name, python in pythons.items():
        team.write(f"host_vars/{name}.yml", {"ansible_python_interpreter": python})
    place = "/srv/team/{{ inventory_hostname }}"
    transfers = [
        {"local_path": "src/tree", "remote_path": f"{place}/tree", "mirror": True},
        {"local_path": "src/key", "remote_path": f"{place}/key", "is_secret": True},
    ]
    wanted = [{"name": "tool-{{ inventory_hostname }}", "version": ">=2,<3"}]
    first_task = {"name": "Python", "ansible.builtin.import_role": {"name": "mngr_bootstrap", "tasks_from": "python"}}
    roles = [
        {"role": "mngr_files", "mngr_files_transfers": transfers},
        {"role": "mngr_packages", "mngr_packages_requirements": wanted},
    ]
    play = {"name": "Prepare", "hosts": "all", "gather_facts": False, "pre_tasks": [first_task], "roles": roles}
    team.write("site.yml", [play])

    foretold, first, second = team.play("site.yml", "--check", "--diff"), team.play("site.yml"), team.play("site.yml")

    assert (foretold.code, foretold.changed) == (0, dict.fromkeys(names, 2)), foretold.text
    assert (first.code, first.changed) == (0, dict.fromkeys(names, 2)), first.text
    assert (second.code, second.changed) == (0, dict.fromkeys(names, 0)), second.text
    for name, host in names.items():
        shown = host.run(f"cd /srv/team/{name} && stat -c '%n %a' tree/* key && cat key && tool-{name}").stdout
        assert shown == f"tree/plain 644\ntree/program 755\nkey 600\n{SECRET}tool-{name} 2.1\n"
    for ran in (foretold, first, second):
        assert SECRET.strip() not in ran.text
        assert "DEPRECAT" not in ran.text


def test_a_rendered_directory_runs_with_each_core(  # the newest has it in test_ops_team too
    oldest_core: Core, hosts: Fleet, offering: Fleet, tmp_path: Path
) -> None:
    team = new_team(oldest_core, offering, tmp_path)
    bundle = tmp_path / "bundle"
    wanted = ["--file", f"{tmp_path}/src/tree:/srv/team/tree", "--package", "tool-rendered>=2"]
    rendered = mngr_ansible("render", bundle, *wanted, *on(*hosts.hosts.values()))
    assert rendered.returncode == 0, rendered.stderr

    at_bundle = OpsTeam(bundle / "project", team.core)
    command = ("ansible-playbook", "-i", "../inventory", "provision.yml")
    foretold, first, second = at_bundle.run(*command, "--check"), at_bundle.run(*command), at_bundle.run(*command)

    assert (foretold.code, set(foretold.changed.values())) == (0, {2}), foretold.text
    assert (first.code, set(first.changed.values())) == (0, {2}), first.text
    assert (second.code, set(second.changed.values())) == (0, {0}), second.text
    assert len(second.changed) == 2
    for host in hosts.hosts.values():
        assert host.run("cat /srv/team/tree/plain; tool-rendered").stdout == "plain\ntool-rendered 2.1\n"
