"""The manners that an ops team expects of roles: tags, handlers, ``become``, ``serial``, ``throttle``, strategies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.ops_team import Fleet, OpsTeam, Played

if TYPE_CHECKING:
    from tests.support.cores import Core

STRATEGIES = {
    "linear": {"strategy": "linear", "serial": 1},
    "free": {"strategy": "ansible.builtin.free"},
    "pinned": {"strategy": "ansible.builtin.host_pinned", "throttle": 1},
}
"""What is said of the play that installs the tool of that name."""

_SLOW = "date +%s%N >/var/tmp/{0}.begin; sleep 0.4; date +%s%N >/var/tmp/{0}.end"
"""What a package does when it is installed: note when, for long enough that two at once would be seen."""


def imported(role: str, handler: str, **variables: object) -> dict[str, object]:
    """A task that applies a role and notifies a handler, as the roles' pages show it."""
    return {
        "name": f"Apply {role}",
        "ansible.builtin.import_role": {"name": role},
        "vars": variables,
        "notify": handler,
    }


def handler(name: str) -> dict[str, object]:
    """A handler that says on which host it runs."""
    return {"name": name, "ansible.builtin.debug": {"msg": f"{name} to {{{{ inventory_hostname }}}}"}}


def play(name: str, **keywords: object) -> dict[str, object]:
    """A play that sends a file and installs the tool of that name, and has a handler for each."""
    files = [{"local_path": "src", "remote_path": f"/srv/{name}"}]
    tasks = [
        imported("mngr_files", "Files came", mngr_files_transfers=files),
        imported("mngr_packages", "Tool came", mngr_packages_requirements=[{"name": f"tool-{name}"}]),
    ]
    if throttle := keywords.pop("throttle", None):
        tasks = [task | {"throttle": throttle} for task in tasks]
    handlers = [handler("Files came"), handler("Tool came")]
    return {"name": name, "hosts": "all", "gather_facts": False, **keywords, "tasks": tasks, "handlers": handlers}


@dataclass(frozen=True)
class Lived:
    """Three runs of the plays of all strategies: in check mode, for the first time, and again."""

    foretold: Played
    first: Played
    second: Played


@pytest.fixture(scope="module")
def team(newest_core: Core, tmp_path_factory: pytest.TempPathFactory, hosts: Fleet) -> OpsTeam:
    """A team with the roles, a directory to send, and one play for each strategy."""
    made = OpsTeam(tmp_path_factory.mktemp("team"), newest_core)
    made.take_roles()
    made.write("src/motd", "hello\n")
    made.inventory(hosts.hosts)
    for name in STRATEGIES:
        for repository in hosts.repositories:
            repository.add(f"tool-{name}", commands={f"tool-{name}": "echo 1.0"}, postinst=_SLOW.format(name))
    made.write("site.yml", [play(name, **keywords) for name, keywords in STRATEGIES.items()])
    return made


@pytest.fixture(scope="module")
def lived(team: OpsTeam) -> Lived:
    """The plays, run in check mode, then twice."""
    return Lived(team.play("site.yml", "--check"), team.play("site.yml"), team.play("site.yml"))


def notified(ran: Played) -> list[str]:
    """What the handlers of a run said."""
    return sorted(re.findall(r'"msg": "(.*)"', ran.text))


def selected(team: OpsTeam, *options: str) -> list[str]:
    """The tasks of ``tags.yml`` that would run, without those with which Ansible checks arguments."""
    listed = team.play("tags.yml", "--list-tasks", *options)
    assert listed.code == 0, listed.text
    names = re.findall(r"^ +\w+ : (.+?)\s+TAGS:", listed.text, re.MULTILINE)
    return [name for name in names if not name.startswith("Validating arguments")]


def test_every_strategy_does_what_check_mode_foretold_and_nothing_the_second_time(lived: Lived, hosts: Fleet) -> None:
    every = dict.fromkeys(hosts.hosts, 2 * len(STRATEGIES))
    assert (lived.foretold.code, lived.foretold.changed) == (0, every), lived.foretold.text
    assert (lived.first.code, lived.first.changed) == (0, every), lived.first.text
    assert (lived.second.code, lived.second.changed) == (0, dict.fromkeys(hosts.hosts, 0)), lived.second.text
    for host in hosts.hosts.values():
        for name in STRATEGIES:
            assert host.run(f"cat /srv/{name}/motd; tool-{name}").stdout == "hello\n1.0\n"


def test_a_handler_runs_once_on_each_host_that_changed_and_on_no_other(
    team: OpsTeam, lived: Lived, hosts: Fleet
) -> None:
    once_a_play = sorted((handler, host) for handler in ("Files came", "Tool came") for host in hosts.hosts)
    assert notified(lived.first) == sorted(once_a_play * len(STRATEGIES)), lived.first.text
    assert notified(lived.second) == []
    hosts.hosts["fed"].run("echo mine >/srv/free/motd")
    assert notified(team.play("site.yml")) == ["Files came to fed"]


@pytest.mark.parametrize(
    "name", [name for name, keywords in STRATEGIES.items() if {"serial", "throttle"} & set(keywords)]
)
def test_serial_and_throttle_keep_hosts_apart(lived: Lived, hosts: Fleet, name: str) -> None:
    times = sorted(
        tuple(int(host.run(f"cat /var/tmp/{name}.{moment}").stdout) for moment in ("begin", "end"))
        for host in hosts.hosts.values()
    )
    assert times[0][1] < times[1][0]


def test_become_writes_as_root_and_installs_without_it(team: OpsTeam, lived: Lived, hosts: Fleet) -> None:
    hosts.offer("tool-become")
    tasks = [
        imported("mngr_files", "Done", mngr_files_transfers=[{"local_path": "src", "remote_path": "~/mine"}]),
        imported("mngr_files", "Done", mngr_files_transfers=[{"local_path": "src", "remote_path": "~/roots"}])
        | {"become": True},
        imported("mngr_packages", "Done", mngr_packages_requirements=[{"name": "tool-become"}]),
    ]
    book = [{"name": "Become", "hosts": "all", "gather_facts": False, "tasks": tasks, "handlers": [handler("Done")]}]
    team.write("become.yml", book)
    as_dev = ("-e", "ansible_user=dev")
    foretold, first, second = (team.play("become.yml", *as_dev, *more) for more in (("--check",), (), ()))
    assert (foretold.code, foretold.changed) == (0, dict.fromkeys(hosts.hosts, 3)), foretold.text
    assert (first.code, first.changed) == (0, dict.fromkeys(hosts.hosts, 3)), first.text
    assert notified(first) == [f"Done to {host}" for host in sorted(hosts.hosts)]
    assert (second.code, second.changed) == (0, dict.fromkeys(hosts.hosts, 0)), second.text
    for host in hosts.hosts.values():
        shown = host.run("stat -c '%U %n' /home/dev/mine/motd /root/roots/motd; tool-become").stdout
        assert shown == "dev /home/dev/mine/motd\nroot /root/roots/motd\ntool-become 2.1\n"


def test_each_tag_selects_its_part_and_can_be_skipped(team: OpsTeam) -> None:
    team.write(
        "tags.yml", [{"name": "Tags", "hosts": "all", "gather_facts": False, "roles": ["mngr_bootstrap", "mngr_files"]}]
    )
    everything = selected(team)
    assert everything == selected(team, "--tags", "mngr_files,mngr_packages,mngr_bootstrap")
    assert selected(team, "--tags", "mngr_files") == ["Copy files"]
    verify, install = ["Assert versions"], [
        "Add package repositories", "Install packages with the host's manager", "Install from installers and archives",
    ]  # fmt: skip
    assert selected(team, "--tags", "mngr_packages_verify") == verify
    assert selected(team, "--tags", "mngr_packages_install") == install
    assert selected(team, "--tags", "mngr_packages") == [*install, *verify]
    assert selected(team, "--tags", "mngr_bootstrap") == ["Install python3", *install, *verify]
    assert selected(team, "--skip-tags", "mngr_packages") == ["Install python3", "Copy files"]
