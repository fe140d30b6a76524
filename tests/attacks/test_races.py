"""Attackers who do not know when: they repeat what they do as fast as they can, while the role's engine works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attacks.operations import GIVEN, OF_ROOT, OPERATIONS
from tests.support.attacks.scene import OWNER, ROOT, SUDO, USERS, Attack, Scene, sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.attacks.scene import Moves
    from tests.support.hosts import SshHost

ROUNDS = {"root": 3, "sudo": 1, "owner": 3}
"""Rounds of each operation: a start through sudo takes longer."""
SCENES = {"root": ROOT, "sudo": SUDO, "owner": OWNER}


def exchanges(scene: Scene) -> Moves:
    """Directories and files are exchanged for links, and back, each in one step."""
    return [move for name, moves in scene.moves().items() for move in moves if " is a link to the victim's" in name]


def flips(scene: Scene) -> Moves:
    """Directories are moved away, links put in their place, and the other way round: there are gaps."""
    return [
        ["flip", scene.top, f"{scene.victim}/top"],
        ["flip", scene.area, scene.victim],
        ["flip", f"{scene.top}/sub", f"{scene.victim}/top/sub"],
    ]


def storms(scene: Scene) -> Moves:
    """What is in the directories is renamed, taken, and replaced; names of ours are planted, as are fifos."""
    moves = scene.moves()
    return [
        ["storm", scene.top],
        *moves["the temporary file is a link to the victim's"],
        *moves["whatever can be read is taken"],
        *moves["the file is a fifo"],
        *moves["the file is a second name of a file of root's"],
        ["storm", f"{scene.top}/sub"],
        *moves["what is to be made is there already"],
    ]


@pytest.mark.parametrize("race", [exchanges, flips, storms])
@pytest.mark.parametrize("who", SCENES)
def test_no_race_leads_the_engine_to_what_is_not_the_attackers(
    ssh_host: Callable[..., SshHost], tmp_path: Path, who: str, race: Callable[[Scene], Moves]
) -> None:
    attack = Attack(ssh_host(layer="tools", users=USERS), sources(tmp_path / "sources"))
    scene = SCENES[who]
    requests = {name: request for name, request in OPERATIONS.items() if who != "owner" or name not in OF_ROOT}
    if who != "owner":
        requests |= {f"{name} for the attacker": request for name, request in GIVEN.items()}
    harm: list[Any] = []
    loops = 0
    for name, request in requests.items():
        rounds = [{"name": name, "loop": race(scene)}] * ROUNDS[who]
        played = attack.play(scene, request, rounds)
        assert len(played) == len(rounds), "it took too long"
        loops += played[-1]["loops"]
        harm += [json.dumps([name, each["found"], each["steps"]]) for each in played if each["found"]]
    assert harm == []
    assert loops > 5 * len(requests), "the attacker had no time to attack"
