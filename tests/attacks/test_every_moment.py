"""Every moment of the role's engine is attacked: it stands still before each of its calls, and the attacker moves.

No luck is needed: what can go wrong between two calls of the operating system goes wrong in one of these rounds.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attacks.operations import GIVEN, OF_ROOT, OPERATIONS
from tests.support.attacks.scene import OWNER, ROOT, USERS, Attack, Request, Scene, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.hosts import SshHost

ROUNDS = int(os.environ.get("MNGR_ANSIBLE_ATTACK_ROUNDS", "180"))
"""At most so many rounds for one operation: set it to 3000 to try every move at every moment."""


def spans(name: str) -> tuple[int, ...]:
    """After how many calls a move has its second one; 0 for none."""
    if name.endswith("is away"):
        return (1, 4, 12)
    return (0, 1, 3) if name.startswith("the directory") else (0,)


def rounds(scene: Scene, calls: int) -> Iterator[dict[str, Any]]:
    """Every move at every moment, some of them with a second one a little later; at most ``ROUNDS`` of all."""
    every = [
        {"name": name, "at": at, "moves": moves, "back": scene.afterwards(name) if span else None, "span": span}
        for name, moves in scene.moves().items()
        for span in spans(name)
        for at in range(calls)
    ]
    step = max(1, -(-len(every) // ROUNDS))
    while step > 1 and math.gcd(step, calls) > 1:
        step += 1  # so that each move gets other moments
    yield from every[::step]


def harm(attack: Attack, scene: Scene, request: Request) -> str:
    """What went wrong in any round, in words; the round in which the attacker stays quiet goes well.

    Raises:
        AssertionError: it does not.
    """
    (quiet,) = attack.play(scene, request, [{"name": "quiet"}])
    assert quiet["found"] == [], json.dumps(quiet)
    assert {step["status"] for step in quiet["steps"]} == {"changed"}, json.dumps(quiet)
    assert len(quiet["calls"]) > 10
    planned = list(rounds(scene, len(quiet["calls"]) + 1))
    played = attack.play(scene, request, planned)
    assert len(played) == len(planned), "it took too long"
    found: dict[str, list[Any]] = {}
    for each in played:
        if each["found"]:
            found.setdefault(each["round"]["name"], []).append([each["round"]["at"], each["found"], each["steps"]])
    return "\n\n".join(f"{name} ({len(each)} rounds), as in {json.dumps(each[0])}" for name, each in found.items())


@pytest.fixture
def attack(ssh_host: Callable[..., SshHost], tmp_path: Path) -> Attack:
    return Attack(ssh_host(layer="tools", users=USERS), sources(tmp_path / "sources"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_at_no_moment_a_user_leads_root_astray(attack: Attack, operation: str) -> None:
    assert harm(attack, ROOT, OPERATIONS[operation]) == ""


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each not in OF_ROOT])
def test_at_no_moment_a_user_leads_another_user_astray(attack: Attack, operation: str) -> None:
    assert harm(attack, OWNER, OPERATIONS[operation]) == ""


@pytest.mark.parametrize("operation", GIVEN)
def test_at_no_moment_root_gives_an_attacker_what_is_not_his(attack: Attack, operation: str) -> None:
    assert harm(attack, ROOT, GIVEN[operation]) == ""
