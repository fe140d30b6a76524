"""An ops team that has ansible-core and nothing else takes the roles along: as copies, as a collection, as a directory.

Each way goes word by word as its page says: check mode first, a run, a second run that changes nothing, on hosts of two
families.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.cores import ROOT
from tests.support.ops_team import Fleet, OpsTeam, Played, commands

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cores import Core

SECRET = "canary-of-a-secret\n"


@pytest.fixture
def team(newest_core: Core, offering: Fleet, tmp_path: Path) -> OpsTeam:
    """A team with an empty directory, but for its inventory and the sources of its files."""
    made = OpsTeam(tmp_path, newest_core)
    made.write("files/motd", "hello\n")
    made.write("token", SECRET).chmod(0o600)
    return made


@pytest.fixture(scope="module")
def offering(hosts: Fleet) -> Fleet:
    """The hosts, with a tool for each way."""
    hosts.offer("tool-copies", "tool-collection", "tool-bundle")
    return hosts


def wants(team: OpsTeam, hosts: Fleet, way: str) -> None:
    """Write ``inventory.yml`` with what the hosts are to have."""
    transfers = [
        {"local_path": "{{ inventory_dir }}/files", "remote_path": f"~/{way}"},
        {"local_path": "{{ inventory_dir }}/token", "remote_path": f"~/{way}/token", "is_secret": True},
    ]
    wanted = [f"tool-{way}>=2,<3", {"name": "nobody-has-it", "is_required": False}]
    team.inventory(hosts.hosts, mngr_files_transfers=transfers, mngr_packages_requirements=wanted)


def assert_all_is_well(hosts: Fleet, way: str, ran: tuple[Played, ...]) -> None:
    """Check mode foretold the first run, the second one changed nothing, and each host has what was wanted."""
    foretold, first, second = ran
    assert (foretold.code, foretold.changed) == (0, dict.fromkeys(hosts.hosts, 2)), foretold.text
    assert (first.code, first.changed) == (0, dict.fromkeys(hosts.hosts, 2)), first.text
    assert (second.code, second.changed) == (0, dict.fromkeys(hosts.hosts, 0)), second.text
    for host in hosts.hosts.values():
        shown = host.run(f"cd /root/{way} && cat motd token && stat -c %a token && tool-{way}").stdout
        assert shown == f"hello\n{SECRET}600\ntool-{way} 2.1\n"
    for each in ran:
        assert SECRET.strip() not in each.text


def test_the_copied_roles_work_as_their_page_says(team: OpsTeam, offering: Fleet) -> None:
    copy, check, run, verify = commands(ROOT / "docs/ops.md", "content --copy")
    copied = mngr_ansible(*copy.split()[1:], cwd=team.directory)
    assert copied.returncode == 0, copied.stderr
    wants(team, offering, "copies")

    due = team.sh(verify)
    assert due.code == 2, due.text
    assert due.count("failed") == dict.fromkeys(offering.hosts, 1), due.text
    assert "Something has to change on this host" in due.text
    assert_all_is_well(offering, "copies", (team.sh(check), team.sh(run), team.sh(run)))
    found = team.sh(verify)
    assert (found.code, found.count("failed")) == (0, dict.fromkeys(offering.hosts, 0)), found.text


def test_the_collection_works_as_its_page_says(team: OpsTeam, offering: Fleet, tmp_path: Path) -> None:
    built = mngr_ansible("content", "--collection", tmp_path)
    assert built.returncode == 0, built.stderr
    page = ROOT / "collection/README.md"
    (install,) = commands(page, "collection install")
    check, run, verify = commands(page, "ansible-playbook")
    wants(team, offering, "collection")

    installed = team.sh(install)
    assert installed.code == 0, installed.text
    assert_all_is_well(offering, "collection", (team.sh(check), team.sh(run), team.sh(run)))
    found = team.sh(verify)
    assert (found.code, found.count("failed")) == (0, dict.fromkeys(offering.hosts, 0)), found.text


def test_a_rendered_directory_works_as_its_page_says(team: OpsTeam, offering: Fleet, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    files = [f"{tmp_path}/files:bundle", f"{tmp_path}/token:bundle/token"]
    what = [word for file in files for word in ("--file", file)]
    rendered = mngr_ansible("render", bundle, *what, "--package", "tool-bundle>=2,<3", *on(*offering.hosts.values()))
    assert rendered.returncode == 0, rendered.stderr
    (team.directory / "token").unlink()
    move, check, run = commands(bundle / "README.md", "ansible-playbook")
    at_bundle = OpsTeam(bundle, team.core)

    unset = at_bundle.sh(f"{move}; {run}")
    assert (unset.code, unset.count("ok") and sum(unset.changed.values())) == (2, 0), unset.text
    assert "MNGR_SECRET_1" in unset.text
    ran = tuple(at_bundle.sh(f"{move}; {line}", MNGR_SECRET_1=SECRET) for line in (check, run, run))
    renamed = dict(zip(ran[0].changed, offering.hosts.values(), strict=True))
    assert_all_is_well(Fleet(renamed, offering.repositories), "bundle", ran)
