"""A source that fails at the last moment, for a reason of its own: the next one is tried, and nothing else stops."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, SshHost, User, running
from tests.support.https_server import HttpsServer, https_server
from tests.support.signing import gpg, sign

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

NOWHERE = "https://no-such-host.invalid"


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A host with a vendor's repository in ``/srv/vendor``, of which one package cannot be installed."""
    work = tmp_path_factory.mktemp("work")
    work.chmod(0o755)
    offered = AptRepository(work / "apt")
    for name in ("atool", "btool", "ctool", "dtool", "fine", "htool", "ltool", "other", "third"):
        offered.add(name, "1.0", commands={name: f"echo {name} 1.0"})
    offered.add("broken", "1.0", depends="nowhere-to-be-found")
    theirs = AptRepository(work / "vendor")
    theirs.add("vtool", "2.0", commands={"vtool": "echo vtool 2.0"}, depends="nowhere-to-be-found")
    with running(layer="tools", users=(User("dev", "sudo"),), repository=offered, lists="fresh") as made:
        with gpg() as program:
            key = program.key()
            sign(theirs, key, program)
        shutil.copytree(theirs.path, made.root_path / "srv/vendor")
        (made.root_path / "srv/key").write_text(key.text)
        (made.root_path / "srv/fingerprint").write_text(key.fingerprint)
        yield made


@pytest.fixture(scope="module")
def server(host: SshHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(tmp_path_factory.mktemp("https")) as running_server:
        running_server.trusted_by(host)
        yield running_server


def vendor(host: SshHost, **changed: str) -> dict[str, Any]:
    texts = {name: (host.root_path / "srv" / name).read_text() for name in ("key", "fingerprint")}
    return {"name": "vendor", "url": "file:/srv/vendor", "suite": "./"} | texts | changed


def bring(host: SshHost, path: Path, *packages: Any) -> subprocess.CompletedProcess[str]:
    path.write_text(yaml.safe_dump({"packages": list(packages)}))
    return mngr_ansible("apply", "--json", "--manifest", path, *on(host))


def notices(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(each["text"] for each in document(done)["notices"])


def left_by_vendors(host: SshHost) -> str:
    return host.run(
        "ls /etc/apt/sources.list.d /etc/apt/keyrings /usr/share/keyrings 2>/dev/null | grep -i -e vendor -e claude",
        check=False,
    ).stdout


def test_an_optional_program_of_a_vendor_that_cannot_be_reached_stops_nothing_else(
    host: SshHost, tmp_path: Path
) -> None:
    done = bring(host.as_user("dev"), tmp_path / "m.yml", {"name": "claude", "is_required": False}, "other")

    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(done)["package:claude"] == "failed"
    assert statuses(done)["package:other"] == "changed"
    reason = document(done)["hosts"][0]["steps"][-2]["reason"]
    assert "the name downloads.claude.ai cannot be resolved (DNS)" in reason
    assert "npm needs node-npm>=22" in reason
    assert "trusted" not in reason
    assert left_by_vendors(host) == ""


def test_a_required_program_of_a_vendor_that_cannot_be_reached_fails_alone(host: SshHost, tmp_path: Path) -> None:
    dead = vendor(host, key=f"{NOWHERE}/key.asc")
    done = bring(
        host, tmp_path / "m.yml", {"name": "vtool", "sources": [{"manager": "apt", "repository": dead}]}, "third"
    )

    assert done.returncode == 1
    assert statuses(done) == {"package:vtool": "failed", "package:third": "changed"}
    assert document(done)["errors"] == []


CASES: dict[str, tuple[dict[str, str], str]] = {
    "atool": ({"fingerprint": "0" * 40}, "its key cannot be trusted: the key has the fingerprint"),
    "btool": ({"url": "http://127.0.0.1:9/vendor"}, "apt offers no package vtool"),
    "ctool": ({}, "cannot satisfy what the packages depend on"),
}
"""By the tool of the next source: what is wrong with the vendor's repository, and what is said about it."""


@pytest.mark.parametrize("name", CASES)
def test_where_a_vendors_repository_fails_the_next_source_is_taken_and_nothing_of_it_stays(
    host: SshHost, tmp_path: Path, name: str
) -> None:
    changed, cause = CASES[name]
    sources = [
        {"manager": "apt", "packages": ["vtool"], "repository": vendor(host, **changed)},
        {"manager": "apt", "packages": [name]},
    ]
    done = bring(host.as_user("dev"), tmp_path / "m.yml", {"name": name, "sources": sources})

    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(done) == {f"package:{name}": "changed"}
    assert document(done)["hosts"][0]["steps"][0]["source"] == "apt"
    assert f"{name} could not be installed from vendor, apt (" in notices(done)
    assert cause in notices(done)
    assert left_by_vendors(host) == ""


def test_a_wrong_checksum_and_a_dead_server_lead_to_the_source_after_them(
    host: SshHost, server: HttpsServer, tmp_path: Path
) -> None:
    wrong = server.offer("/dtool", b"#!/bin/sh\necho dtool 9\n") | {"sha256": "0" * 64}
    dead = {"url": f"{NOWHERE}/dtool", "sha256": "0" * 64}
    sources = [{"manager": "archive", **wrong}, {"manager": "archive", **dead}, {"manager": "apt"}]
    done = bring(host.as_user("dev"), tmp_path / "m.yml", {"name": "dtool", "sources": sources})

    assert done.returncode == 0, done.stdout + done.stderr
    assert document(done)["hosts"][0]["steps"][0] | {"reason": ""} == {
        "id": "package:dtool", "kind": "package", "status": "changed", "current": "1.0", "wanted": "any",
        "plugins": ["manifest"], "reason": "", "source": "apt",
    }  # fmt: skip
    assert "has the SHA-256" in notices(done)
    assert "the name no-such-host.invalid cannot be resolved (DNS)" in notices(done)


def test_where_every_source_fails_the_reason_names_each_of_them(
    host: SshHost, server: HttpsServer, tmp_path: Path
) -> None:
    wrong = server.offer("/etool", b"#!/bin/sh\necho etool 9\n") | {"sha256": "0" * 64}
    sources = [{"manager": "apt", "packages": ["vtool"], "repository": vendor(host)}, {"manager": "archive", **wrong}]
    done = bring(host, tmp_path / "m.yml", {"name": "etool", "sources": sources})
    reason = document(done)["hosts"][0]["steps"][0]["reason"]

    assert done.returncode == 1
    assert "vendor, apt: " in reason
    assert "archive of 127.0.0.1: " in reason or "archive of localhost: " in reason
    assert "has the SHA-256" in reason
    assert left_by_vendors(host) == ""


def test_of_several_optional_packages_one_that_cannot_be_installed_stops_no_other(
    host: SshHost, tmp_path: Path
) -> None:
    broken = {"name": "broken", "sources": [{"manager": "apt", "packages": ["broken"]}]}
    needs = [each | {"is_required": False} for each in (broken, {"name": "fine"})]
    done = bring(host, tmp_path / "m.yml", *needs)

    assert (done.returncode, statuses(done)) == (0, {"package:broken": "failed", "package:fine": "changed"})
    assert not document(done)["hosts"][0]["steps"][0]["reason"].endswith(".")


def test_in_one_transaction_only_what_would_fail_alone_gets_its_next_source(
    host: SshHost, server: HttpsServer, tmp_path: Path
) -> None:
    needs = []
    for name, package in (("gtool", "broken"), ("htool", "htool")):
        program = server.offer(f"/{name}", f"#!/bin/sh\necho {name} 9\n".encode())
        needs.append(
            {"name": name, "sources": [{"manager": "apt", "packages": [package]}, {"manager": "archive", **program}]}
        )
    done = bring(host, tmp_path / "m.yml", *needs)
    steps = {step["id"]: (step["status"], step["source"]) for step in document(done)["hosts"][0]["steps"]}

    assert steps["package:gtool"][0] == steps["package:htool"][0] == "changed"
    assert (steps["package:gtool"][1][:10], steps["package:htool"][1]) == ("archive of", "apt")


def test_a_lock_is_no_reason_to_try_another_source(host: SshHost, tmp_path: Path) -> None:
    hold = (
        "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, 2); "
        "open('/run/held', 'w'); time.sleep(600)"
    )
    host.run(
        f'(python3 -c "{hold}" >/dev/null 2>&1 & echo $! >/run/holder); until test -e /run/held; do sleep 0.1; done'
    )
    sources = [
        {"manager": "apt", "packages": ["ltool"]},
        {"manager": "archive", "url": f"{NOWHERE}/f", "sha256": "0" * 64},
    ]
    path = tmp_path / "m.yml"
    path.write_text(yaml.safe_dump({"packages": [{"name": "ftool", "sources": sources}]}))
    done = mngr_ansible("apply", "--json", "--manifest", path, "--timeout", 40, *on(host))
    host.run("kill $(cat /run/holder)")

    assert done.returncode == 1
    assert "no-such-host" not in done.stdout
    assert "locked" in document(done)["hosts"][0]["steps"][0]["reason"]
