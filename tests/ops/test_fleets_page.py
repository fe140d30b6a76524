"""What the page about fleets shows is true: its files are written as they stand there, and each command is run."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.cores import NEWEST, ROOT, Core
from tests.support.hosts import User, running
from tests.support.ops_team import PYTHON, OpsTeam, Played

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hosts import SshHost

PAGE = (ROOT / "docs/fleets.md").read_text()
HOSTS = ("web1", "web2", "db1")
FILES = dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
"""Every file that the page shows, by its name."""


def section(heading: str) -> str:
    """The text below a heading of the page, up to the next heading of its level."""
    level, rest = re.search(rf"^(#+) {heading}\n(.*)", PAGE, re.MULTILINE | re.DOTALL).groups()  # type: ignore[union-attr]
    return str(re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0])


def commands(heading: str) -> list[str]:
    """The command lines of a section."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", section(heading), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None) -> Iterator[SshHost]:
    """One machine, with a login for each host of the page: they share nothing but packages."""
    with running(layer="tools", name="fleet", users=tuple(User(name) for name in HOSTS)) as started:
        yield started


class Team(OpsTeam):
    """The team of the page, in its directory, with both mngr-ansible and Ansible on PATH."""

    def reach(self, host: SshHost, *, by_variables: bool = True) -> None:
        """Say how the hosts are reached, as a team's inventory does; else only where they are."""
        for name in HOSTS:
            every = host.as_user(name).ansible_variables()
            where = {key: every[key] for key in ("ansible_host", "ansible_port", "ansible_user")}
            self.write(f"host_vars/{name}.yml", PYTHON | (every if by_variables else where))
        self.write("known_hosts", host.known_hosts.read_text())

    def drifted(self, played: Played) -> None:
        """Assert that a check found that web1 drifted, and no other host."""
        assert played.code == 2, played.text
        assert "web1" in played.text
        assert "site/index.html" in played.text or "~/site" in played.text or "/site" in played.text


@pytest.fixture
def team(host: SshHost, tmp_path: Path) -> Team:
    """The directory of the page, and hosts that have nothing of it yet."""
    made = Team(tmp_path, Core(NEWEST, Path(sys.prefix)))
    for name, text in FILES.items():
        if not name.startswith(("/", ".git", "group_vars/")):
            made.write(name, text)
    made.write("manifests/settings.toml", "colour = 'blue'\n")
    made.write("manifests/site/index.html", "<p>hello</p>\n")
    (made.directory / "home").mkdir()
    made.reach(host)
    host.run("cd /home && rm -rf */.config */site */site-name")
    return made


def ran(team: Team, heading: str) -> None:
    """Run the commands of a section, all of which end well."""
    lines = commands(heading)
    assert lines, heading
    for line in lines:
        done = team.sh(line)
        assert done.code == 0, (line, done.text)


def drift(host: SshHost) -> None:
    """Change one host by hand."""
    host.run("echo mine >/home/web1/site/index.html")


def contents(host: SshHost) -> dict[str, str]:
    """What the hosts have of the page's files, by login and name."""
    find = "cd /home && find */.config/agent */site* -type f -printf '%p ' -exec cat '{}' \\;"
    found = host.run(find, check=False).stdout
    return dict(line.split(" ", 1) for line in found.splitlines())


WANTED = {f"{name}/.config/agent/settings.toml": "colour = 'blue'" for name in HOSTS} | {
    f"{name}/site/index.html": "<p>hello</p>" for name in ("web1", "web2")
}


def test_a_fleet_is_looked_at_brought_there_and_checked_as_the_page_says(team: Team, host: SshHost) -> None:
    ran(team, "Look first")
    assert contents(host) == {}
    ran(team, "A canary first")
    assert contents(host) == WANTED

    check, names = commands("Check every week")[:2]
    fine = team.sh(check)
    assert fine.code == 0, fine.text
    drift(host)
    team.drifted(team.sh(check))
    assert team.sh(names).text.splitlines()[-1] == "web1"
    assert host.run("cat /home/web1/site/index.html").stdout == "mine\n"


def test_cron_and_systemd_tell_of_drift(team: Team, host: SshHost) -> None:
    ran(team, "A canary first")
    (line,) = re.findall(r"^[\d* ]+ (cd /srv/fleet && .*)$", section("With cron"), re.MULTILINE)
    line = line.replace("/srv/fleet", str(team.directory))
    service = configparser.ConfigParser(interpolation=None)
    service.read_string(FILES["/etc/systemd/system/fleet-drift.service"])
    started = service["Service"]["ExecStart"].replace("/usr/local/bin/", "")

    quiet = team.sh(line)
    assert (quiet.code, quiet.text) == (0, "")
    drift(host)
    mail = team.sh(line)
    team.drifted(mail)
    team.drifted(team.sh(started))


def test_the_jobs_of_gitlab_and_github_tell_of_drift_and_one_repairs_it(team: Team, host: SshHost) -> None:
    ran(team, "A canary first")
    drift(host)
    team.reach(host, by_variables=False)
    key = team.write("key-file", host.key.read_text())
    key.chmod(0o600)
    gitlab, github = yaml.safe_load(FILES[".gitlab-ci.yml"]), yaml.safe_load(FILES[".github/workflows/drift.yml"])
    look = github["jobs"]["drift"]["steps"][-1]
    assert gitlab["drift"]["allow_failure"] == {"exit_codes": 2}

    team.drifted(team.sh(*gitlab["drift"]["script"], FLEET_KEY=str(key)))
    team.drifted(team.sh(look["run"], FLEET_KEY=host.key.read_text().rstrip(), RUNNER_TEMP=str(team.directory)))
    repaired = team.sh(*gitlab["apply"]["script"], FLEET_KEY=str(key))
    assert repaired.code == 0, repaired.text
    assert contents(host) == WANTED


def test_a_fleet_is_checked_with_ansible_core_alone_as_the_page_says(team: Team, host: SshHost) -> None:
    render, compare, check = commands("With ansible-core alone")
    team.write("group_vars/agents.yml", FILES["group_vars/agents.yml"])
    first = team.sh(render)
    assert first.code == 0, first.text
    due = team.sh(compare)
    assert (due.code, due.changed) == (0, dict.fromkeys(HOSTS, 1)), due.text
    due = team.sh(check)
    assert due.code == 2, due.text
    assert due.count("failed") == dict.fromkeys(HOSTS, 1), due.text
    assert contents(host) == {}


def test_workers_do_it_as_the_page_says(team: Team, host: SshHost) -> None:
    (line,) = commands("Through workers")
    local = re.sub(r"ssh bastion-\w ", "", line)
    assert local.count("ansible-runner worker'") == 2
    done = team.sh(f"{local} --known-hosts known_hosts")  # the workers of the page know their hosts
    assert done.code == 0, done.text
    assert contents(host) == WANTED


def test_a_playbook_of_the_teams_own_runs_as_the_page_says(team: Team, host: SshHost) -> None:
    ran(team, "Your own playbooks")
    assert contents(host) == WANTED | {f"{name}/site-name": name for name in ("web1", "web2")}


def test_the_inventories_of_mngr_are_those_that_ansible_is_shown() -> None:
    shown = yaml.safe_load(FILES["mngr_hosts.yml"])
    plugin = ast.parse((ROOT / "collection/plugins/inventory/mngr_hosts.py").read_text())
    (text,) = [ast.literal_eval(each.value) for each in plugin.body if _assigns(each, "DOCUMENTATION")]  # type: ignore[attr-defined]
    assert set(shown) <= {*yaml.safe_load(text)["options"], "compose", "groups"}
    assert shown["plugin"] in yaml.safe_load(text)["options"]["plugin"]["choices"]

    (line,) = [each for each in commands("The hosts of mngr") if not each.startswith("mngr ")]
    assert shlex.split(line)[1:3] == ["--inventory", "$(command -v mngr-ansible-inventory)"]


def _assigns(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and [getattr(each, "id", "") for each in statement.targets] == [name]
