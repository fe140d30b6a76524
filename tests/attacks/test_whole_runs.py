"""Whole runs of the command, while a user of the host attacks everything that they do there."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attacks.scene import NEW, OWNER, ROOT, SECRET, USERS, Attack, Scene, sources
from tests.support.command_line import document, mngr_ansible, on

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.hosts import SshHost

SECONDS = 150
"""A run has to end within this time, on a busy machine too; without an attacker it takes two or three."""

TRANSFERS: dict[str, dict[str, Any]] = {
    "create": {"local_path": "new", "remote_path": "new"},
    "replace": {"local_path": "new", "remote_path": "conf"},
    "keep": {"local_path": "new", "remote_path": "new", "if_exists": "keep"},
    "backup": {"local_path": "new", "remote_path": "conf", "if_exists": "backup"},
    "parents": {"local_path": "new", "remote_path": "a/b/new"},
    "mirror": {"local_path": "tree", "remote_path": "", "mirror": True},
    "mirror-backup": {"local_path": "tree", "remote_path": "", "mirror": True, "if_exists": "backup"},
    "mode": {"local_path": "new", "remote_path": "conf", "mode": "0600"},
    "secret": {"local_path": "secret", "remote_path": "token", "is_secret": True},
    "large": {"local_path": "large", "remote_path": "large", "mode": "0600"},
}
OWNED: dict[str, dict[str, Any]] = {
    "owner": {"local_path": "new", "remote_path": "conf", "owner": "ATTACKER"},
    "owner-tree": {"local_path": "tree", "remote_path": "", "owner": "ATTACKER", "directory_mode": "0755"},
}
"""What root does for the attacker."""
WHO: dict[str, tuple[Scene, str, tuple[str, ...]]] = {
    "root": (ROOT, "root", ()),
    "sudo": (ROOT, "ops", ("--become",)),
    "owner": (OWNER, "dev", ()),
}
"""Whose place it is, who logs in, and with which options."""


def places(scene: Scene, names: list[str]) -> dict[str, Scene]:
    """A place for each transfer, with the same victim."""
    return {name: replace(scene, area=f"{scene.area}-{name}") for name in names}


def manifest(scenes: dict[str, Scene], directory: Path, files: Path) -> str:
    """A manifest with a transfer to each place."""
    made = []
    for name, scene in scenes.items():
        transfer = {**TRANSFERS, **OWNED}[name]
        more = {"owner": scene.attacker} if transfer.get("owner") else {}
        path = f"{scene.top}/{transfer['remote_path']}".rstrip("/")
        made.append({**transfer, **more, "local_path": str(files / transfer["local_path"]), "remote_path": path})
    (directory / "manifest.yml").write_text(json.dumps({"files": made}))
    return str(directory / "manifest.yml")


def once(scenes: dict[str, Scene], *names: str) -> list[list[Any]]:
    """The moves of these names in every place."""
    return [move for scene in scenes.values() for name in names for move in scene.moves()[name]]


ABOVE = "the directory above is a link to the victim's"
ITSELF = "the directory is a link to the victim's"
PROGRAM = ["zlib.decompress", "BECOME-SUCCESS"]
"""How the list of processes of a host shows that a task begins, after the look: every user can read it."""
ATTACKS: dict[str, Callable[[dict[str, Scene]], dict[str, Any]]] = {
    "after the look, above": lambda scenes: {"when": PROGRAM, "moves": once(scenes, ABOVE)},
    "after the look, itself": lambda scenes: {"when": PROGRAM, "moves": once(scenes, ITSELF)},
    "again and again": lambda scenes: {
        "loop": [move for each in once(scenes, ITSELF, ABOVE) for move in (each, ["sleep", 0.003], each)]
    },
    "temporary files": lambda scenes: {
        "loop": [
            *once(scenes, "the temporary file is a link to the victim's", "whatever can be read is taken"),
            *once(scenes, "the file is a second name of a file of root's"),
            ["sleep", 0.002],
        ]
    },
    "fifos": lambda scenes: {"loop": [*once(scenes, "the file is a fifo"), ["sleep", 0.05]]},
}
"""What the attacker does during a run."""


@pytest.fixture
def attack(ssh_host: Callable[..., SshHost], tmp_path: Path) -> Attack:
    return Attack(ssh_host(layer="tools", users=USERS), sources(tmp_path / "sources"))


def run(
    attack: Attack, who: str, tmp_path: Path, order: Callable[[dict[str, Scene]], dict[str, Any]] | None
) -> tuple[Any, dict[str, Scene]]:
    """Run the command once, with an attacker or without; nothing is harmed."""
    scene, user, options = WHO[who]
    names = [*TRANSFERS, *(OWNED if who != "owner" else ())]
    scenes = places(scene, names)
    for each in scenes.values():
        attack.put_up(each)
    watched = replace(scene, area=f"{scene.area}-create")
    before = attack.look(watched)["there"]
    argv = ["apply", "--json", "--manifest", manifest(scenes, tmp_path, tmp_path / "sources"), *options]
    since = time.monotonic()
    if order is None:
        done = mngr_ansible(*argv, *on(attack.host.as_user(user)), timeout=SECONDS * 2)
    else:
        with attack.attacker(scene, order(scenes)):
            done = mngr_ansible(*argv, *on(attack.host.as_user(user)), timeout=SECONDS * 2)
    assert time.monotonic() - since < SECONDS
    after = attack.look(watched)["there"]
    changed = [
        f"{path}: {before[key][path]} {after[key].get(path)}"
        for key in before
        for path in before[key]
        if before[key][path] != after[key].get(path)
    ]
    changed += [path for key in after for path in after[key] if path not in before[key]]
    assert changed == [], done.stdout
    for each in scenes.values():
        assert attack.look(each, [SECRET])["secrets"] == [], done.stdout
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return document(done), scenes


@pytest.mark.parametrize("who", WHO)
def test_without_an_attacker_every_file_arrives(attack: Attack, tmp_path: Path, who: str) -> None:
    said, scenes = run(attack, who, tmp_path, None)
    assert said["ok"], said
    names = {"replace": "conf", "create": "new", "backup": "conf", "parents": "a/b/new", "mirror": "fresh/file"}
    for name, path in names.items():
        assert attack.host.run(f"cat {scenes[name].top}/{path}").stdout == NEW, name
    assert "victim" not in attack.host.run(f"ls {scenes['mirror'].top}").stdout.split()


@pytest.mark.parametrize("order", ATTACKS)
@pytest.mark.parametrize("who", WHO)
def test_a_run_under_attack_harms_nobody_and_ends(attack: Attack, tmp_path: Path, who: str, order: str) -> None:
    run(attack, who, tmp_path, ATTACKS[order])
