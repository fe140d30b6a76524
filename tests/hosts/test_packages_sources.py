"""Sources in order of preference, on real hosts: the choice is made from what is offered, before anything changes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible import provision
from tests.support.hosts import AptRepository, SshHost, User
from tests.support.https_server import HttpsServer, https_server
from tests.support.registries import served
from tests.support.signing import gpg, sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mngr_ansible import Report
    from tests.conftest import StartHost


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("nodejs", "12.22.9~dfsg-1", commands={"node": "echo v12.22.9"})
    made.add("other", "1.0", commands={"other": "echo other 1.0"})
    return made


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(tmp_path_factory.mktemp("https")) as running:
        yield running


def bring(host: SshHost, *packages: object, **options: Any) -> Report:
    return provision([host.address], packages=packages, key=host.key, known_hosts=host.known_hosts, **options)


def statuses(report: Report) -> dict[str, tuple[str, str | None]]:
    return {each.name: (str(each.status), each.current) for each in report.hosts[0].outcomes}


def reason(report: Report) -> str:
    return report.hosts[0].outcomes[0].reason


def installed(host: SshHost) -> str:
    return host.run("dpkg-query -W; find /etc/apt /usr/local/bin /opt -type f | sort").stdout


def vendor(key: Any, url: str = "file:/srv/vendor") -> dict[str, Any]:
    return {"name": "vendor", "url": url, "suite": "./", "key": key.text, "fingerprint": key.fingerprint}


@pytest.mark.parametrize("lists", ["empty", "stale", "fresh"])
@pytest.mark.parametrize("login", ["root", "dev"])
def test_where_the_system_offers_too_little_the_next_source_a_vendors_repository_is_added_and_taken(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, lists: str, login: str
) -> None:
    theirs = AptRepository(tmp_path / "vendor")
    theirs.add("nodejs", "22.1.0-1nodesource1", commands={"node": "echo v22.1.0"})
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"),), repository=repository, lists=lists)
    with gpg() as program:
        key = program.key()
        sign(theirs, key, program)
    shutil.copytree(theirs.path, host.root_path / "srv/vendor")
    node = {
        "name": "node",
        "version": ">=20",
        "sources": [
            {"manager": "apt", "packages": ["nodejs"]},
            {"manager": "apt", "packages": ["nodejs"], "version": "22", "repository": vendor(key)},
        ],
    }
    refused = bring(host.as_user(login), node, settings={"allow_third_party_repositories": False})
    before = installed(host)
    report, again = bring(host.as_user(login), node, "other"), bring(host.as_user(login), node, "other")

    assert statuses(refused) == {"node": ("blocked", None)}
    assert (
        "offers nodejs 12.22.9, needed >=20; the repository vendor is not allowed"
        in refused.hosts[0].outcomes[0].reason
    )
    assert "vendor" not in before
    assert "nodejs" not in before
    assert statuses(report) == {"node": ("changed", "22.1.0"), "other": ("changed", "1.0")}, report.to_dict()
    assert any("12.22.9, needed >=20: node comes from vendor, apt" in each for each in report.hosts[0].notices)
    assert {status for status, _ in statuses(again).values()} == {"ok"}


def test_a_repository_with_another_key_is_not_added_and_nothing_is_installed(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="python", repository=repository)
    before = installed(host)
    with gpg() as program:
        wrong = vendor(program.key()) | {"fingerprint": "0" * 40}
    report = bring(host, {"name": "node", "sources": [{"manager": "apt", "packages": ["nodejs"], "repository": wrong}]})
    assert not report.ok
    assert statuses(report) == {"node": ("failed", None)}
    assert "the package repository of node cannot be added: its key cannot be trusted" in reason(report)
    assert "fingerprint" in reason(report)
    assert installed(host) == before


def test_what_a_source_requires_is_installed_before_it_in_the_same_run(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    import uv

    host = ssh_host(layer="languages", repository=repository, users=(User("dev", root_by="sudo"),))
    shutil.copy(uv.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    with served() as registries:
        registries.add_wheel("wtool", "2.0", "wtool")
        registries.tell(host)
        wtool = {"name": "wtool", "sources": [{"manager": "uv", "requires": ["other>=1"]}]}
        report = bring(host.as_user("dev"), wtool)
        again = bring(host.as_user("dev"), wtool)
    assert statuses(report) == {"other": ("changed", "1.0"), "wtool": ("changed", "2.0")}, report.to_dict()
    assert statuses(again) == {"wtool": ("ok", "2.0")}


def test_downloads_and_packages_are_installed_in_one_run(
    ssh_host: StartHost, repository: AptRepository, server: HttpsServer
) -> None:
    host = ssh_host(layer="python", repository=repository)
    server.trusted_by(host)
    offer = server.offer("/btool-2.0", b"#!/bin/sh\necho btool 2.0\n") | {"url": server.url("/btool-{version}")}
    btool = {"name": "btool", "version": ">=2", "sources": [{"manager": "archive", "version": "2.0", **offer}]}
    report, again = bring(host, btool, "other"), bring(host, btool, "other")
    assert statuses(report) == {"btool": ("changed", "2.0"), "other": ("changed", "1.0")}, report.to_dict()
    assert statuses(again) == {"btool": ("ok", "2.0"), "other": ("ok", "1.0")}


def test_a_wrong_checksum_fails_the_step_and_leaves_nothing(
    ssh_host: StartHost, repository: AptRepository, server: HttpsServer
) -> None:
    host = ssh_host(layer="python", repository=repository)
    server.trusted_by(host)
    before = installed(host)
    offer = server.offer("/btool", b"#!/bin/sh\necho btool 2.0\n") | {"sha256": "0" * 64}
    report = bring(host, {"name": "btool", "sources": [{"manager": "archive", **offer}]})
    assert statuses(report) == {"btool": ("failed", None)}
    assert "0" * 64 in report.hosts[0].outcomes[0].reason
    assert installed(host) == before


def test_a_manager_that_fails_does_not_change_the_outcome_of_another(
    ssh_host: StartHost, repository: AptRepository, server: HttpsServer
) -> None:
    host = ssh_host(layer="python", repository=repository)
    server.trusted_by(host)
    offer = server.offer("/btool", b"#!/bin/sh\n") | {"sha256": "0" * 64}
    report = bring(host, {"name": "btool", "sources": [{"manager": "archive", **offer}]}, "other")
    assert {name: status for name, (status, _) in statuses(report).items()} == {"btool": "failed", "other": "changed"}


def test_lists_are_fetched_before_the_decision_only_where_they_may_help(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="python", repository=repository, lists="fresh")
    stamp = "stat -c %Y%y /var/lib/apt/lists/partial"
    before = host.run(stamp).stdout
    bring(host, "other")
    untouched = host.run(stamp).stdout
    blocked = bring(host, "other>=2")
    assert untouched == before
    assert statuses(blocked) == {"other": ("blocked", "1.0")}
    assert host.run(stamp).stdout != before


def test_a_virtual_package_is_reported_and_no_provider_is_chosen_by_chance(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    for name in ("first", "second"):
        repository.add(name, "1.0", provides="virtual")
    host = ssh_host(layer="python", repository=repository)
    before = installed(host)
    report = bring(host, "virtual")
    assert statuses(report) == {"virtual": ("blocked", None)}
    assert "virtual is a virtual package" in report.hosts[0].outcomes[0].reason
    assert installed(host) == before


def test_a_dependency_that_nobody_offers_is_reported_and_nothing_is_installed(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    repository.add("broken", "1.0", depends="nowhere-to-be-found")
    host = ssh_host(layer="python", repository=repository)
    before = installed(host)
    report = bring(host, "broken", "other")
    assert not report.ok
    assert "apt cannot satisfy what the packages depend on" in report.hosts[0].outcomes[0].reason
    assert installed(host) == before


def test_a_host_without_any_package_source_is_not_said_to_have_no_such_package(
    ssh_host: StartHost, repository: AptRepository
) -> None:
    host = ssh_host(layer="python", repository=repository)
    host.run("rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*")
    report = bring(host, "other")
    assert statuses(report) == {"other": ("failed", None)}
    assert "apt has no lists of packages, so the host may name no package source" in reason(report)
