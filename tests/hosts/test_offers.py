"""The script that asks package managers what they offer, run here: with this machine's managers and its network."""

from __future__ import annotations

import subprocess

import pytest

from mngr_ansible.portable import managers
from mngr_ansible.portable import offers as manager_offers


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]])
def test_the_script_answers_for_every_manager(shell: list[str]) -> None:
    asked = {name: ["git", "tmux"] for name in managers.TABLE}
    text = manager_offers.script(asked, "root")
    said = subprocess.run(shell, input=text, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}).stdout
    answers = manager_offers.read(said.split("\n"), asked)
    assert set(answers) == set(managers.TABLE)
    assert {each.lists for name, each in answers.items() if name in managers.LANGUAGES} == {"own"}
