"""What ``render`` writes: the same for everybody, nothing of this machine, and no green run where a step is blocked.

Source: docs/ops.md "A run directory".
"""

from __future__ import annotations

import base64
import filecmp
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, SshHost, running

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "correct-horse-7"


@pytest.fixture(scope="module")
def r1(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A host that offers mtool 2.1. Every test writes below a directory of its own."""
    place = tmp_path_factory.mktemp("apt")
    place.chmod(0o755)
    offered = AptRepository(place / "apt")
    offered.add("mtool", "2.1", commands={"mtool": "echo mtool 2.1"})
    offered.add("btool", "1", commands={"btool": "echo btool 1"})
    with running(layer="python", name="r1", repository=offered, lists="fresh") as made:
        yield made


@pytest.fixture
def alias(r1: SshHost, home: Path) -> SshHost:
    """The host, as ``r1`` in the user's ssh configuration."""
    user, _, address = r1.address.rpartition("@")
    name, _, port = address.rpartition(":")
    words = {
        "HostName": name,
        "Port": port,
        "User": user,
        "IdentityFile": str(r1.key),
        "UserKnownHostsFile": str(r1.known_hosts),
    }
    (home / ".ssh").mkdir(exist_ok=True)
    lines = "".join(f"  {option} {value}\n" for option, value in words.items())
    (home / ".ssh/config").write_text(f"Host r1\n{lines}")
    return r1


def by_hand(directory: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a rendered directory as its page says."""
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", "../inventory", "provision.yml", *words]
    env = {**os.environ, **environment}
    return subprocess.run(argv, cwd=directory / "project", capture_output=True, text=True, env=env)


def files(directory: Path) -> list[str]:
    """The files of a directory, without those of the roles."""
    found = (str(each.relative_to(directory)) for each in directory.rglob("*") if each.is_file())
    return sorted(each for each in found if not each.startswith("project/roles/"))


def test_two_renders_of_one_state_are_identical_and_hold_nothing_of_this_machine(r1, tmp_path):
    made = []
    for name, seed in (("one", "1"), ("two", "2")):
        top = tmp_path / name
        (top / "home").mkdir(parents=True)
        (top / "tmp").mkdir()
        (top / "etc").mkdir()
        (top / "etc/app.conf").write_text("x = 1\n")
        (top / "token").write_text(SECRET)
        (top / "token").chmod(0o600)
        words = [["--file", f"{top}/etc:/srv/one/etc"], ["--file", f"{top}/token:/srv/one/token"]]
        words += [["--file", f"{top}/none:/srv/none"], ["--package", "mtool"], ["--package", "btool"]]
        (top / "m.yml").write_text(f"files: [{{local_path: {top}/gone, remote_path: /srv/gone, is_required: false}}]\n")
        (top / "none").write_text("")
        ordered = words if name == "one" else reversed(words)
        env = {"HOME": str(top / "home"), "TMPDIR": str(top / "tmp"), "PYTHONHASHSEED": seed}
        given = [*(word for each in ordered for word in each), "--manifest", top / "m.yml", *on(r1)]
        done = mngr_ansible("render", top / "run", *given, env=env, cwd=top / "etc")
        assert done.returncode == 0, done.stderr
        made.append(top / "run")

    assert files(made[0]) == files(made[1])
    _, different, errors = filecmp.cmpfiles(*made, files(made[0]), shallow=False)
    assert (different, errors) == ([], [])
    assert "project/files/etc/app.conf" in files(made[0])
    outside = [each for each in files(made[0]) if not each.startswith("inventory/")]
    texts = {each: (made[0] / each).read_text() for each in outside}
    assert [each for each, text in texts.items() if str(tmp_path) in text or os.uname().nodename in text] == []
    variables = (made[0] / "inventory/host_vars/host-1.json").read_text()
    assert [word for word in ("-F ", "BatchMode", "Control", str(tmp_path), SECRET) if word in variables] == []


def test_what_is_known_to_fail_fails_with_its_reason_and_the_other_host_gets_its_files(r1, alias, tmp_path, home):
    (tmp_path / "x").write_text("x")
    (tmp_path / "all.yml").write_text("files: [{local_path: x, remote_path: /srv/two/x}]\n")
    too_new = ["--manifest", tmp_path / "all.yml", "--package", "mtool>=9", "--package", "no-a", "--package", "no-b"]

    blocked = mngr_ansible("render", tmp_path / "run", *too_new, "--host", "r1", "--json")
    run = by_hand(tmp_path / "run")
    with (home / ".ssh/config").open("a") as config:
        config.write("Host gone\n  HostName 127.0.0.1\n  Port 1\n")
    two = mngr_ansible(
        "render", tmp_path / "two", "--file", f"{tmp_path}/x:/srv/two/y", "--host", "r1", "--host", "gone"
    )
    both = by_hand(tmp_path / "two", "--limit", "r1,gone")

    assert (blocked.returncode, json.loads(blocked.stdout)["ok"]) == (1, False)
    assert statuses(blocked) == {"file:/srv/two/x": "missing"} | {
        f"package:{name}": "blocked" for name in ("mtool", "no-a", "no-b")
    }
    assert (tmp_path / "run/README.md").read_text().count("no-a and no-b cannot be installed") == 1
    assert run.returncode == 2, run.stdout
    assert "offers mtool 2.1, needed >=9" in run.stdout
    assert "Nothing was changed on this host. Fix this and render again." in run.stdout
    assert alias.run("ls /srv/two", check=False).stdout == "y\n"
    assert (two.returncode, both.returncode) == (1, 2)
    assert "fatal: [gone]" in both.stdout
    assert "could not be looked at" in both.stdout
    assert "r1                         : ok=" in both.stdout


def test_a_secret_comes_from_the_environment_exactly_and_is_missed_before_anything_changes(alias, tmp_path):
    contents = {"token": f"{SECRET}\n".encode(), "json": b'{"a": [1, 2]}', "key": b"\x00\xff\n", "empty": b""}
    words = ["--file", f"{tmp_path}/plain:/srv/three/plain"]
    (tmp_path / "plain").write_text("plain")
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        words += ["--file", f"{tmp_path}/{name}:/srv/three/{name}"]

    mngr_ansible("render", tmp_path / "run", *words, "--host", "r1")
    page = (tmp_path / "run/README.md").read_text()
    numbers = {
        name: page.partition(f"`/srv/three/{name}`")[0].rpartition("`MNGR_")[2].split("`")[0] for name in contents
    }
    values = {f"MNGR_{numbers[name]}": contents[name].decode() for name in ("token", "json")}
    values[f"MNGR_{numbers['empty']}_FILE"] = os.devnull
    for name in contents:
        (tmp_path / name).unlink()
    (tmp_path / "given").write_bytes(contents["token"])
    unset = by_hand(tmp_path / "run", **{**values, f"MNGR_{numbers['json']}": ""})
    there = alias.run("ls /srv/three", check=False).stdout
    values[f"MNGR_{numbers['key']}"] = base64.b64encode(contents["key"]).decode()
    run = by_hand(tmp_path / "run", "--diff", "-vvv", **values)
    token = f"MNGR_{numbers['token']}"
    del values[token]
    again = by_hand(tmp_path / "run", **values, **{f"{token}_FILE": str(tmp_path / "given")})

    assert sorted(numbers.values()) == ["SECRET_1", "SECRET_2", "SECRET_3", "SECRET_4"]
    assert unset.returncode == 2
    assert f"MNGR_{numbers['json']} is not set in the environment. It must contain the content of /srv/three/json" in (
        unset.stdout
    )
    assert there == ""
    assert run.returncode == 0, run.stdout
    assert SECRET not in run.stdout + run.stderr
    for name, content in contents.items():
        assert alias.run(f"base64 -w0 /srv/three/{name}; stat -c :%a /srv/three/{name}").stdout == (
            f"{base64.b64encode(content).decode()}:600\n"
        )
    assert "changed=0" in again.stdout
    everything = b"".join(each.read_bytes() for each in (tmp_path / "run").rglob("*") if each.is_file())
    assert SECRET.encode() not in everything
    assert base64.b64encode(contents["key"]) not in everything


def test_all_that_is_desired_is_there_after_an_apply_and_changes_nothing(alias, tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/a").write_text("a")
    words = ["--file", f"{tree}:/srv/four", "--package", "mtool", "--host", "r1"]
    assert mngr_ansible("apply", *words).returncode == 0

    nothing = mngr_ansible("render", tmp_path / "due", *words)
    desired = mngr_ansible("render", tmp_path / "run", *words, "--desired")
    page = (tmp_path / "run/README.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("ansible-runner run"))
    runner = [sys.executable, "-m", "ansible_runner", *line.split()[1:]]
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    run = subprocess.run(runner, cwd=tmp_path / "run", capture_output=True, text=True, env=env)
    alias.run("rm -r /srv/four && dpkg --purge mtool")
    repaired = by_hand(tmp_path / "run", "--limit", "r1")

    assert (nothing.returncode, desired.returncode, run.returncode) == (0, 0, 0), run.stdout + run.stderr
    assert not (tmp_path / "due/project/files").exists()
    assert "changed=0" in run.stdout
    assert "changed=2" in repaired.stdout, repaired.stdout
    assert alias.run("cat /srv/four/sub/a; mtool --version").stdout.startswith("a")


def test_its_tasks_are_ordinary_tasks_with_the_same_names_in_both_ways(r1, tmp_path):
    (tmp_path / "x").write_text("x")
    words = ["--file", f"{tmp_path}/x:/srv/ways/x", "--package", "btool"]
    rendered = mngr_ansible("render", tmp_path / "run", *words, *on(r1))
    assert rendered.returncode == 0, rendered.stderr

    ways = [by_hand(tmp_path / "run", "--check", "-vvv", ANSIBLE_PIPELINING=is_on).stdout for is_on in ("1", "0")]
    ran = by_hand(tmp_path / "run", "-vvv", ANSIBLE_PIPELINING="1").stdout

    tasks = [re.findall(r"^TASK \[(.*?)\]", each, re.MULTILINE) for each in (*ways, ran)]
    assert tasks[0] == tasks[1]
    names = [name.rpartition(" : ")[2] for name in tasks[2]]
    assert [name for name in names if name in ("Copy files", "Install packages with apt", "Assert versions")] == [
        *("Copy files", "Install packages with apt", "Assert versions")
    ], names
    assert ["Using module file" in each for each in (*ways, ran)] == [False, True, False]
    assert r1.run("cat /srv/ways/x; btool").stdout == "xbtool 1\n"
