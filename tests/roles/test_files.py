"""The role ``mngr_files``, run by a real ``ansible-playbook`` on this machine: what arrives, and what is reported."""

import base64
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.controller import ROLES, Controller, Run, leftovers, mode, planned, put, role_module, snapshot

SECRET = "do-not-tell-anybody-" + "q7" * 30

HOSTILE = [
    b"{{ lookup('pipe','touch pwned') }}",
    b"$HOME",
    b"${HOME}",
    b"~root",
    b"~",
    b"-dash",
    b"new\nline",
    b"n" * 255,
    b"bad\xff",
    b"with 'quotes\" and spaces ",
    b"*",
    "é".encode(),
]


@dataclass(frozen=True)
class World:
    """What a first run, a check before it and a second one after it did with all kinds of sources."""

    controller: Controller
    out: Path
    check: Run
    existed_after_check: bool
    first: Run
    second: Run
    untouched: bool


@pytest.fixture(scope="module", params=["program", "module"])
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> World:
    way = {"ANSIBLE_PIPELINING": str(request.param == "program")}
    directory = tmp_path_factory.mktemp("world")
    controller, out = Controller(directory), directory / "out"
    source = directory / "source"
    put(source / "plain", b"plain", 0o640)
    put(source / "program", b"#!/bin/sh", 0o755)
    put(source / "private", SECRET.encode(), 0o400)
    put(source / "empty" / "deep" / "x").unlink()
    (source / "empty").chmod(0o2775)
    (source / "link").symlink_to("empty/../plain")
    for name in HOSTILE:
        put(directory / "hostile" / os.fsdecode(name), b"content of " + name)
    put(controller.home / "of-controller", b"home")
    named = planned(
        out / "resolved" / "parents" / os.fsdecode(b"bad\xff"), directory / "hostile" / os.fsdecode(b"bad\xff")
    )
    transfers = [
        {"local_path": "source", "remote_path": f"{out}/tree/"},
        {"local_path": str(source), "remote_path": f"{out}/modes", "mode": "0604", "directory_mode": 0o710},
        {"local_path": "source/program", "remote_path": f"{out}/secret", "is_secret": True, "id": "my-own-id"},
        {"local_path": "hostile", "remote_path": f"{out}/{{{{ lookup('pipe','touch pwned') }}}}/$HOME"},
        {"local_path": "~/of-controller", "remote_path": "~/of-host/~root/copy"},
        {"local_path": "nowhere", "remote_path": f"{out}/nowhere", "is_required": False},
        {"id": "all-planned", "entries": [named, {"path": f"{out}/resolved/l", "kind": "link", "target": "$HOME"}]},
        {"id": "planned-relative", "entries": [{**planned(out / "rel", source / "plain"), "source": "source/plain"}]},
    ]
    check = controller.run(transfers, "--check", "--diff", **way)
    existed = out.exists()
    first = controller.run(transfers, **way)
    before = snapshot(directory / "out")
    second = controller.run(transfers, **way)
    return World(controller, out, check, existed, first, second, snapshot(directory / "out") == before)


def test_check_mode_tells_the_truth_and_writes_nothing(world: World) -> None:
    assert (world.check.code, world.existed_after_check) == (0, False)
    assert world.check.result["mngr_steps"] == world.first.result["mngr_steps"]
    assert world.check.result["diff"]
    assert "diff" not in world.first.result


def test_every_transfer_is_reported_by_its_id(world: World) -> None:
    statuses = {
        f"file:{world.out}/tree/": "changed",
        f"file:{world.out}/modes": "changed",
        "my-own-id": "changed",
        f"file:{world.out}/{{{{ lookup('pipe','touch pwned') }}}}/$HOME": "changed",
        "file:~/of-host/~root/copy": "changed",
        f"file:{world.out}/nowhere": "skipped",
        "all-planned": "changed",
        "planned-relative": "changed",
    }
    assert (world.first.code, world.first.statuses) == (0, statuses), world.first.output
    assert "does not exist" in world.first.reason(f"file:{world.out}/nowhere")


def test_a_second_run_changes_nothing_not_even_a_time(world: World) -> None:
    assert world.second.code == 0
    assert set(world.second.statuses.values()) == {"ok", "skipped"}
    assert world.second.result["changed"] is False
    assert world.untouched


def test_one_task_copies_any_number_of_files(world: World) -> None:
    assert re.findall(r"TASK \[mngr_files : (\w+ \w+)", world.first.output) == ["Validating arguments", "Copy files"]


def test_a_tree_arrives_whole_with_its_modes_and_empty_directories(world: World) -> None:
    tree = world.out / "tree"
    modes = {str(path.relative_to(tree)): mode(path) & 0o777 for path in tree.rglob("*") if not path.is_symlink()}
    assert modes == {"plain": 0o640, "program": 0o755, "private": 0o600, "empty": 0o775, "empty/deep": 0o755}
    assert (tree / "plain").read_bytes() == b"plain"
    assert (tree / "link").readlink() == Path("empty/../plain")


def test_given_modes_apply_to_files_directories_and_new_parents(world: World) -> None:
    tree = world.out / "modes"
    assert {mode(path) for path in tree.rglob("*") if path.is_file() and not path.is_symlink()} == {0o604}
    assert {mode(path) for path in [tree, *tree.rglob("*")] if path.is_dir()} == {0o710}


def test_a_secret_is_for_its_owner_alone(world: World) -> None:
    assert mode(world.out / "secret") == 0o700


def test_missing_parents_get_0755_less_the_umask(world: World) -> None:
    umask = os.umask(0)
    os.umask(umask)
    assert mode(world.out / "resolved" / "parents") == 0o755 & ~umask


def test_names_arrive_byte_for_byte_and_nothing_in_them_is_evaluated(world: World) -> None:
    there = world.out / "{{ lookup('pipe','touch pwned') }}" / "$HOME"
    contents = {os.fsencode(path.name): path.read_bytes() for path in there.iterdir()}
    assert contents == {name: b"content of " + name for name in HOSTILE}
    assert (world.controller.home / "of-host" / "~root" / "copy").read_bytes() == b"home"
    assert (world.out / "resolved" / "parents" / os.fsdecode(b"bad\xff")).read_bytes() == b"content of bad\xff"
    assert (world.out / "resolved" / "l").readlink() == Path("$HOME")
    assert not list(world.controller.directory.rglob("pwned"))


def test_nothing_temporary_stays(world: World) -> None:
    assert not leftovers(world.controller.directory)
    assert not list((world.controller.directory / "ansible" / "tmp").iterdir())


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_a_secret_is_in_no_output_even_with_full_verbosity(tmp_path: Path, pipelining: str) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "key", SECRET.encode(), 0o600)
    transfers = [{"local_path": "key", "remote_path": f"{tmp_path}/out/key"}]
    run = controller.run(transfers, "-vvv", "--diff", ANSIBLE_PIPELINING=pipelining)
    assert (run.code, set(run.statuses.values())) == (0, {"changed"})
    for text in (SECRET, "invocation", base64.b64encode(SECRET.encode()).decode()[:20]):
        assert text not in run.output + json.dumps(run.result)
    holders = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert set(holders) == {tmp_path / "key", tmp_path / "out" / "key"}


def test_the_examples_of_the_readme_work(tmp_path: Path) -> None:
    readme = (ROLES / "mngr_files" / "README.md").read_text()
    first, second = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    controller = Controller(tmp_path)
    put(tmp_path / "first.yml", first.encode())
    put(tmp_path / "second.yml", second.encode())
    put(tmp_path / "files" / "npmrc", b"token", 0o644)
    put(tmp_path / "files" / "claude" / "settings.json", b"{}")
    put(tmp_path / "files" / "motd", b"hello", 0o600)
    put(tmp_path / "files" / "key.vault", VaultLib([("default", VaultSecret(b"password"))]).encrypt(b"key"))
    put(tmp_path / "templates" / "agent.conf.j2", b"name={{ inventory_hostname }}")

    run = controller.run([], playbook="first.yml")
    assert list(run.statuses.values()) == ["changed", "changed", "changed", "skipped"], run.output
    assert mode(controller.home / ".npmrc") == 0o600
    assert mode(controller.home / "motd") == 0o644
    assert (controller.home / ".config" / "claude" / "settings.json").read_bytes() == b"{}"
    assert controller.run([], playbook="first.yml").result["changed"] is False

    more = {"ANSIBLE_VAULT_PASSWORD_FILE": str(put(tmp_path / "password", b"password")), "AGENT_TOKEN": SECRET}
    runs = [controller.run([], *options, playbook="second.yml", **more) for options in (("--check",), (), ())]
    assert [run.code for run in runs] == [0, 0, 0], runs[0].output
    agent = controller.home / ".config" / "agent"
    found = {path.name: (path.read_text(), mode(path)) for path in agent.iterdir()}
    assert found == {"token": (SECRET, 0o600), "key": ("key", 0o600), "agent.conf": ("name=host-1", 0o644)}
    assert [run.output.count("RUNNING HANDLER [Restart the agent]") for run in runs] == [1, 1, 0]


def test_every_key_of_a_transfer_is_described_in_the_argument_specs() -> None:
    specs = yaml.safe_load((ROLES / "mngr_files" / "meta" / "argument_specs.yml").read_text())
    transfer = specs["argument_specs"]["main"]["options"]["mngr_files_transfers"]["options"]
    parameters = role_module("mngr_files", "mngr_files_parameters")
    assert set(transfer) == parameters.TRANSFER_KEYS | parameters.PLANNED_KEYS
    described = " ".join(transfer["entries"]["description"])
    assert [key for key in sorted(parameters.ENTRY_KEYS) if f"C({key})" not in described] == []
    assert all(each.get("description") and each.get("type") for each in transfer.values())
