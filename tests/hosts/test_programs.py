"""Programs of a host: what does not start, which version counts, and what an output says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, User, running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.support.hosts import SshHost


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A host with a user ``dev`` (bash), whose apt offers ``htool``."""
    place = tmp_path_factory.mktemp("apt")
    place.chmod(0o755)
    offered = AptRepository(place / "apt")
    needs = 'test -x /usr/bin/htool-core || { echo "Error: Cannot find module htool-core" >&2; exit 1; }; htool-core'
    offered.add("htool", "2.0", commands={"htool": needs, "htool-core": "echo htool 2.0"})
    offered.add("wide", "1.0", commands={"wide": "echo wide 1.0"})
    with running(layer="tools", users=(User("dev", "sudo"),), repository=offered, lists="fresh") as made:
        yield made


def put(host: SshHost, path: str, code: str, owner: str = "root") -> None:
    """Write a program of the host."""
    host.run(f"mkdir -p $(dirname {path}); cat >{path}; chmod 755 {path}", stdin=f"#!/bin/sh\n{code}\n")
    if owner != "root":
        host.run(f"chown -R {owner}: /home/{owner}")


def asked(host: SshHost, verb: str, *packages: object) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """The steps of a command about these packages, by name, and the command."""
    words = [word for each in packages for word in ("--package", each)]
    done = mngr_ansible(verb, *on(host), *words, "--json")
    return {step["id"].partition(":")[2]: step for step in document(done)["hosts"][0]["steps"]}, done


def test_a_program_that_does_not_start_is_due_with_its_own_line_and_the_remedy_helps(host: SshHost) -> None:
    host.run("apt-get install -y -qq htool && rm /usr/bin/htool-core")
    why = "/usr/bin/htool does not start (Error: Cannot find module htool-core) and must be installed again"

    planned, done = asked(host, "plan", "htool")
    assert (planned["htool"]["status"], planned["htool"]["reason"]) == ("missing", why)
    assert {"text": f"htool: {why}"} in document(done)["notices"]
    applied, done = asked(host, "apply", "htool")
    assert done.returncode == 1
    assert applied["htool"]["status"] == "failed"
    assert why in applied["htool"]["reason"]

    host.run("apt-get install -y -qq --reinstall htool")
    again, done = asked(host, "apply", "htool>=2")
    assert (done.returncode, again["htool"]["status"]) == (0, "ok")


def test_a_program_that_does_not_start_is_blocked_with_its_own_line_where_nothing_offers_it(host: SshHost) -> None:
    put(host, "/usr/local/bin/agentx", "exec missing-helper --version")
    host.run("printf '#!/usr/bin/no-such-python\\n' >/usr/local/bin/agenty; chmod 755 /usr/local/bin/agenty")
    steps, _ = asked(host.as_user("dev"), "plan", "agentx", "agenty")
    assert [step["status"] for step in steps.values()] == ["blocked", "blocked"]
    assert "agentx does not start (/usr/local/bin/agentx: " in steps["agentx"]["reason"]
    assert "agentx cannot be installed" in steps["agentx"]["reason"]
    assert "/usr/bin/no-such-python does not exist" in asked(host, "plan", "agenty")[1].stdout
    assert "(the interpreter that its first line names, or its loader, is missing)" in steps["agenty"]["reason"]


def test_a_version_that_is_not_certain_is_unknown_until_a_pattern_says_which_it_is(
    host: SshHost, tmp_path: Any
) -> None:
    put(host, "/usr/local/bin/docker", "echo Emulate Docker CLI using podman. >&2; echo podman version 4.6.1")
    put(host, "/usr/local/bin/parts", "echo Versions of all parts:; echo ' engine 5.1'; echo ' client 2.0'")
    put(host, "/usr/local/bin/proxied", "echo Picked up -Dhost=10.203.1.2, 172.17.0.1 >&2; echo proxied 1.4")
    pattern = {"kind": "command", "value": "parts", "pattern": "client ([0-9.]+)"}
    (tmp_path / "host.json").write_text(
        json.dumps({"packages": [{"name": "own", "version": ">=2", "checks": [pattern]}]})
    )

    steps, _ = asked(host, "plan", "docker>=4", "parts>=2", "proxied<2")
    assert {name: (step["status"], step["current"]) for name, step in steps.items()} == {
        "docker": ("unknown", None),
        "parts": ("unknown", None),
        "proxied": ("ok", "1.4"),
    }
    done = mngr_ansible("plan", *on(host), "--manifest", tmp_path / "host.json", "--json")
    assert document(done)["hosts"][0]["steps"][0]["current"] == "2.0"


def test_the_version_counts_that_the_logins_shell_runs(host: SshHost) -> None:
    home = "/home/dev"
    put(host, "/usr/local/bin/node", "echo v22.1.0")
    for version in ("18.20.4", "20.11.1", "23.0.0"):
        put(host, f"{home}/.nvm/versions/node/v{version}/bin/node", f"echo v{version}")
    host.run(f"mkdir -p {home}/.nvm/alias/lts; cd {home}/.nvm/alias; echo 'lts/*' >default; echo lts/iron >'lts/*'")
    put(host, f"{home}/.pyenv/shims/ptool", "echo ptool 3.1", owner="dev")
    put(host, "/usr/local/bin/ptool", "echo ptool 2.0")
    dev = host.as_user("dev")

    def currents() -> list[str]:
        return [step["current"] for step in asked(dev, "plan", "nodejs", "ptool")[0].values()]

    host.run(f"echo v18.20.4 >{home}/.nvm/alias/lts/iron; chown -R dev: {home}")
    assert currents() == ["22.1.0", "2.0"]
    host.run(f"printf 'export NVM_DIR=~/.nvm\\n. $NVM_DIR/nvm.sh\\neval \"$(pyenv init -)\"\\n' >>{home}/.bashrc")
    assert currents() == ["18.20.4", "3.1"]
    host.run(f"echo 20 >{home}/.nvm/alias/default")
    assert currents() == ["20.11.1", "3.1"]
    blocked = asked(dev, "plan", "node>=22")[0]["node"]
    told = (
        "nvm gives it to the remote user's shell before any package; choose a version with: nvm alias default VERSION"
    )
    assert (blocked["status"], blocked["reason"]) == ("blocked", f"found 20.11.1, needed >=22; {told}")
    host.run(f"echo node >{home}/.nvm/alias/default")
    assert asked(dev, "plan", "node>=22")[0]["node"]["status"] == "ok"


def test_a_source_for_another_architecture_than_that_of_the_programs_is_not_taken(host: SshHost, tmp_path: Any) -> None:
    machine = host.run("uname -m").stdout.strip()
    names = {"x86_64": ("i386", "i686"), "aarch64": ("armhf", "armv7l")}.get(machine)
    if names is None:
        pytest.skip(f"no 32-bit system is known for {machine}")
    wide = {"manager": "apt", "packages": ["wide"], "when": {"arch": [machine]}}
    (tmp_path / "host.json").write_text(json.dumps({"packages": [{"name": "wide", "sources": [wide]}]}))

    def status() -> str:
        done = mngr_ansible("plan", *on(host), "--manifest", tmp_path / "host.json", "--json")
        return str(document(done)["hosts"][0]["steps"][0]["status"])

    assert status() == "missing"
    put(
        host,
        "/usr/local/bin/dpkg",
        f'case $1 in --print-architecture) echo {names[0]} ;; *) exec /usr/bin/dpkg "$@" ;; esac',
    )
    assert status() == "blocked"
    host.run("rm /usr/local/bin/dpkg")


@pytest.mark.usefixtures("_hosts_are_possible")
def test_a_host_with_the_coreutils_of_uutils_is_brought_to_its_plan(tmp_path: Any) -> None:
    tmp_path.chmod(0o755)
    offered = AptRepository(tmp_path / "apt")
    offered.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    (tmp_path / "tree").mkdir()
    for name in ("plain", "with blank", "new\nline", "back\\slash"):
        (tmp_path / "tree" / name).write_text(name)
    words = ["--file", f"{tmp_path}/tree:/srv/tree", "--package", "mtool", "--package", "ls", "--json"]
    with running(layer="uutils", users=(User("dev", "sudo"),), repository=offered, lists="fresh") as made:
        assert "GNU" not in made.run("stat --version").stdout
        first, again = (mngr_ansible("apply", *on(made.as_user("dev")), *words, "--become") for _ in range(2))

    assert statuses(first) == {"file:/srv/tree": "changed", "package:mtool": "changed", "package:ls": "ok"}
    assert set(statuses(again).values()) == {"ok"}
