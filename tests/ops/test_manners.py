"""The manners that an ops team expects of roles: tags, handlers, ``become``, ``serial``, ``throttle``, strategies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cores import ROOT
from tests.support.ops_team import Fleet, OpsTeam, Played

if TYPE_CHECKING:
    from tests.support.cores import Core

PLAYS: dict[str, dict[str, Any]] = {
    "linear": {"strategy": "linear", "serial": 1},
    "free": {"strategy": "ansible.builtin.free", "vars": {"ansible_user": "dev"}},
    "pinned": {"strategy": "ansible.builtin.host_pinned", "throttle": 1},
}
"""What is said of the play that sends files to a place of that name and installs the tool of that name."""

_SLOW = "date +%s%N >/var/tmp/{0}.begin; sleep 0.4; date +%s%N >/var/tmp/{0}.end"
"""What a package does when it is installed: note when, for long enough that two at once would be seen."""


def imported(role: str, handler: str, tasks_from: str = "main", **variables: object) -> dict[str, object]:
    """A task that applies a role and notifies a handler, as the roles' pages show it."""
    return {
        "name": f"Apply {role}",
        "ansible.builtin.import_role": {"name": role, "tasks_from": tasks_from},
        "vars": variables,
        "notify": handler,
    }


def handler(name: str) -> dict[str, object]:
    """A handler that says on which host it runs."""
    return {"name": name, "ansible.builtin.debug": {"msg": f"{name} to {{{{ inventory_hostname }}}}"}}


def play(name: str, **keywords: object) -> dict[str, object]:
    """A play that sends files to the login's home and to root's, and installs a tool; a handler for each of the two."""
    files = [{"local_path": "src", "remote_path": f"~/{name}"}]
    as_root = [{"local_path": "src/motd", "remote_path": f"~/{name}-as-root/motd"}]
    tool = {"mngr_packages_requirements": [{"name": f"tool-{name}"}]}
    tasks = [
        imported("mngr_files", "Files came", mngr_files_transfers=files),
        imported("mngr_files", "Files came", mngr_files_transfers=as_root) | {"become": True},
        imported("mngr_packages", "Tool came", tasks_from="install", **tool),
    ]
    if throttle := keywords.pop("throttle", None):
        tasks = [task | {"throttle": throttle} for task in tasks]
    handlers = [handler("Files came"), handler("Tool came")]
    return {"name": name, "hosts": "all", "gather_facts": False, **keywords, "tasks": tasks, "handlers": handlers}


@dataclass(frozen=True)
class Lived:
    """Three runs of all plays: in check mode, for the first time, and again after one file of ``fed`` was changed."""

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
    for name in PLAYS:
        for repository in hosts.repositories:
            repository.add(f"tool-{name}", commands={f"tool-{name}": "echo 1.0"}, postinst=_SLOW.format(name))
    made.write("site.yml", [play(name, **keywords) for name, keywords in PLAYS.items()])
    return made


@pytest.fixture(scope="module")
def lived(team: OpsTeam, hosts: Fleet) -> Lived:
    """The plays, run in check mode, then twice."""
    foretold, first = team.play("site.yml", "--check"), team.play("site.yml")
    hosts.hosts["fed"].run("echo mine >/root/linear/motd")
    return Lived(foretold, first, team.play("site.yml"))


def notified(ran: Played) -> list[str]:
    """What the handlers of a run said."""
    return sorted(re.findall(r'"msg": "(.*)"', ran.text))


def test_every_strategy_does_what_check_mode_foretold_and_nothing_the_second_time(lived: Lived, hosts: Fleet) -> None:
    every = dict.fromkeys(hosts.hosts, 3 * len(PLAYS))
    assert (lived.foretold.code, lived.foretold.changed) == (0, every), lived.foretold.text
    assert (lived.first.code, lived.first.changed) == (0, every), lived.first.text
    assert (lived.second.code, lived.second.changed) == (0, {"deb": 0, "fed": 1}), lived.second.text


def test_a_handler_runs_once_on_each_host_that_changed_and_on_no_other(lived: Lived, hosts: Fleet) -> None:
    once_a_play = [f"{came} came to {host}" for came in ("Files", "Tool") for host in hosts.hosts]
    assert notified(lived.first) == sorted(once_a_play * len(PLAYS)), lived.first.text
    assert notified(lived.second) == ["Files came to fed"]


@pytest.mark.parametrize("name", ["linear", "pinned"])
def test_serial_and_throttle_keep_hosts_apart(lived: Lived, hosts: Fleet, name: str) -> None:
    times = sorted(
        tuple(int(host.run(f"cat /var/tmp/{name}.{moment}").stdout) for moment in ("begin", "end"))
        for host in hosts.hosts.values()
    )
    assert times[0][1] < times[1][0]


def test_become_makes_files_roots_and_packages_need_none(lived: Lived, hosts: Fleet) -> None:
    for host in hosts.hosts.values():
        shown = host.run("stat -c '%U %n' /home/dev/free/motd /root/free-as-root/motd; tool-free").stdout
        assert shown == "dev /home/dev/free/motd\nroot /root/free-as-root/motd\n1.0\n"


def test_the_example_of_the_page_for_ops_teams_runs(team: OpsTeam, hosts: Fleet) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/ops.md").read_text(), re.MULTILINE | re.DOTALL)
    team.write("example.yml", example.replace("hosts: agents", "hosts: all"))
    team.write("agentd.conf", "new\n")
    for host in hosts.hosts.values():
        script = r"#!/bin/sh\necho agentd >>/srv/restarts\n"
        host.run(f"printf '{script}' >/usr/bin/agentctl; chmod +x /usr/bin/agentctl")
    ran = team.play("example.yml")
    assert (ran.code, ran.changed) == (0, dict.fromkeys(hosts.hosts, 2)), ran.text
    for host in hosts.hosts.values():
        assert host.run("cat /etc/agentd.conf /srv/restarts").stdout == "new\nagentd\n"


def test_each_part_has_its_tags(team: OpsTeam) -> None:
    roles = ["mngr_bootstrap", "mngr_files", "mngr_packages"]
    team.write("tags.yml", [{"name": "Tags", "hosts": "all", "gather_facts": False, "roles": roles}])
    listed = team.play("tags.yml", "--list-tasks").text
    tasks = re.findall(r"^ +(\w+) : (.+?)\s+TAGS: \[(.*)\]", listed, re.MULTILINE)
    parts = [(role, task, set(tags.split(", "))) for role, task, tags in tasks if not task.startswith("Validating")]
    of_bootstrap, verifying, installing = {"mngr_bootstrap"}, {"mngr_packages_verify"}, {"mngr_packages_install"}
    for role, task, tags in parts:
        part = verifying if task == "Assert versions" else installing
        expected = {"mngr_files": {"mngr_files"}, "mngr_bootstrap": of_bootstrap}.get(role, {"mngr_packages"} | part)
        assert tags - of_bootstrap == expected - of_bootstrap, task
    assert [of_bootstrap <= tags for _, _, tags in parts].count(True) == 5
    chosen = team.play(
        "tags.yml", "--list-tasks", "--tags", "mngr_packages_verify", "--skip-tags", "mngr_bootstrap"
    ).text
    assert re.findall(r" : ((?!Validating).+?)\s+TAGS:", chosen) == ["Assert versions"]
