"""Hosts that outlive the command that starts them: what they offer, and how Ansible finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hosts.kept import WordError, create
from tests.support.hosts.ssh_host import SshHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("_hosts_are_possible")


@contextmanager
def kept_hosts(state: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The command for one state directory; its hosts end with the block."""

    def hosts(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.support.hosts", *words, "--state", str(state)]
        return subprocess.run(command, cwd=ROOT, text=True, capture_output=True)

    try:
        yield hosts
    finally:
        hosts("destroy")


def ansible_inventory(source: Path) -> Any:
    """What Ansible reads from an inventory; a warning is a failure."""
    said = subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", str(source), "--list"], text=True, capture_output=True
    )
    assert said.returncode == 0, said.stderr
    assert "WARNING" not in said.stderr, said.stderr
    return json.loads(said.stdout)


INSTALL = {
    "dnf": "dnf -q install -y",
    "zypper": "zypper -q -n install",
    "pacman": "pacman -Sy --noconfirm",
}


@pytest.mark.parametrize("layer", INSTALL)
def test_a_kept_host_offers_its_packages_to_the_package_manager_of_its_layer(layer: str, tmp_path: Path) -> None:
    with kept_hosts(tmp_path) as hosts:
        created = hosts("create", "one", "--layer", layer, "--package", "mtool=1:2.1-1")
        assert created.returncode == 0, created.stderr
        port = json.loads(created.stdout)["all"]["hosts"]["one"]["ansible_port"]

        said = SshHost("one", port, tmp_path / "one").run(f"{INSTALL[layer]} mtool >/dev/null 2>&1; mtool").stdout

    assert said == "mtool 2.1\n"


def test_the_command_is_a_dynamic_inventory_in_every_way_that_a_script_may_call_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with kept_hosts(state) as hosts:
        hosts("create", "web1", "--layer", "bare", "--group", "web", "--package", "mtool=2.1-1")
        hosts("create", "bare", "--layer", "bare")  # a host with the name of a group
        read = []
        for number, words in enumerate(("list", "")):
            script = tmp_path / f"script{number}"
            command = f"{sys.executable} -m tests.support.hosts {words} --state {state}"
            script.write_text(f'#!/bin/sh\ncd {ROOT} && exec {command} "$@"\n')
            script.chmod(0o755)
            read.append(ansible_inventory(script))
        (tmp_path / "file.json").write_text(hosts("list").stdout)
        read.append(ansible_inventory(tmp_path / "file.json"))
        listed = json.loads(hosts("--list").stdout)
        one = json.loads(hosts("--host", "web1").stdout)
        nobody = json.loads(hosts("list", "--host", "nobody").stdout)

    assert read[0] == read[1] == read[2]
    assert read[0]["web"]["hosts"] == ["web1"]
    assert sorted(read[0]["_meta"]["hostvars"]) == ["bare", "web1"]
    assert listed["_meta"]["hostvars"]["web1"] == one
    assert one["test_host_packages"] == ["mtool=2.1-1"]
    assert nobody == {}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ({"name": "a/b"}, "'a/b' is no name of a host"),
        ({"packages": ["mtool"]}, "'mtool' is no package. Write NAME=VERSION"),
        ({"groups": ["my-group"]}, "'my-group' cannot be a group"),
        ({"layer": "slackware"}, "There is no layer 'slackware'"),
    ],
)
def test_a_host_that_cannot_be_made_is_refused_with_the_wrong_word(
    words: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"name": "one", "layer": "bare", "packages": [], "groups": []}
    with pytest.raises(WordError, match=problem):
        create(tmp_path, **{**asked, **words})


def test_a_package_that_the_package_tool_refuses_is_shown_with_the_words_of_the_tool(tmp_path: Path) -> None:
    with kept_hosts(tmp_path) as hosts:
        refused = hosts("create", "one", "--layer", "python", "--package", "Upper_case=1")

    assert refused.returncode == 1
    assert "Upper_case" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_running_host_is_not_taken_for_one_that_was_asked_for_with_other_packages(tmp_path: Path) -> None:
    with kept_hosts(tmp_path) as hosts:
        first = hosts("create", "one", "--layer", "bare", "--package", "mtool=1")
        again = hosts("create", "one", "--layer", "bare", "--package", "mtool=1")
        other = hosts("create", "one", "--layer", "bare", "--package", "mtool=2")

    assert first.stdout == again.stdout
    assert other.returncode == 1
    assert "Destroy it first." in other.stderr
