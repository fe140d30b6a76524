"""Check mode foretells: what it calls changed, ok or failed is what the run then does from the same state."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from mngr_ansible.portable import rehearsals
from tests.support.hosts import AptRepository, PacmanRepository, RpmRepository, User, running
from tests.support.registries import served
from tests.support.role_playbook import CALLBACK, Play, run_playbook
from tests.support.shellcheck import shellcheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosts import SshHost

EXAMPLES = os.environ.get("MNGR_ANSIBLE_FORETOLD_EXAMPLES")
"""How many states each kind of host is tried in, beside the one that has everything: set it to try many."""


class Kind(NamedTuple):
    """A kind of host: its layer, and the commands that bring it into a state."""

    layer: str
    repository: type[AptRepository | RpmRepository | PacmanRepository]
    install: str
    install_file: str
    remove: str
    hold: str
    kept: str
    """What is saved at the beginning and brought back before every example."""


KINDS = {
    "apt": Kind(
        "tools", AptRepository, "apt-get install -y --allow-downgrades {}", "dpkg -i {}/old/{}_*.deb",
        "dpkg --purge --force-all {}", "apt-mark hold {}", "/var/lib/apt",
    ),
    "dnf": Kind(
        "dnf", RpmRepository, "dnf install -y {}", "rpm -i {}/old/{}-*.rpm", "rpm -e --nodeps {}",
        "dnf versionlock add {}", "/var/cache/dnf /etc/dnf",
    ),
    "zypper": Kind(
        "zypper", RpmRepository, "zypper -n install {}", "rpm -i {}/old/{}-*.rpm", "rpm -e --nodeps {}",
        "zypper -n addlock {}", "/var/cache/zypp /etc/zypp",
    ),
    "pacman": Kind(
        "pacman", PacmanRepository, "pacman -S --noconfirm {}", "pacman -U --noconfirm {}/old/{}-*.pkg.tar*",
        "pacman -Rdd --noconfirm {}", r"sed -i 's/^\[options\]/&\nIgnorePkg = {}/' /etc/pacman.conf",
        "/var/lib/pacman/sync /etc/pacman.conf",
    ),
}  # fmt: skip

STATES = ("absent", "old", "new", "held", "own")
"""Of a package: not there, installed in an old or in the newest version, old and on hold, or no package: a program."""
PACKAGES = ("alpha", "beta", "gamma")
NAMES = (*PACKAGES, "late", "orphan", "rival", "nowhere")
REQUIREMENTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "version": st.sampled_from(["", ">=1", ">=2", ">=9", "<2"]),
        "is_required": st.sampled_from([False, False, True]),
    }
)
FILES = st.fixed_dictionaries(
    {
        "local_path": st.sampled_from(["one", "two", "absent"]),
        "remote_path": st.sampled_from(["/srv/files/one", "/srv/files/two", "/srv/files/new/three"]),
        "is_required": st.booleans(),
    },
    optional={"mode": st.sampled_from(["0600", "0644"]), "if_exists": st.sampled_from(["keep", "backup"])},
)
REQUIRED = st.lists(REQUIREMENTS, min_size=1, max_size=4, unique_by=lambda each: each["name"])
ANY_STATE = st.fixed_dictionaries({name: st.sampled_from(STATES) for name in PACKAGES})
ANY_FILES = st.lists(FILES, max_size=2, unique_by=lambda each: each["remote_path"])
ANY_PACKAGES = st.lists(REQUIRED, min_size=2, max_size=2)


class World(NamedTuple):
    """A host, its kind, and where packages of old versions are on it."""

    host: SshHost
    kind: Kind
    place: str
    directory: Path

    def bring(self, state: dict[str, str]) -> None:
        """Bring the host into a state."""
        lines = [f"for each in {' '.join(NAMES)}; do {self.kind.remove.format('$each')} || :; done"]
        lines += ["rm -f /usr/local/bin/* && rm -rf /srv/files && mkdir -p /srv/files && echo 1 >/srv/files/one"]
        lines += [f"rm -rf {each} && cp -a /saved{each} {each}" for each in self.kind.kept.split()]
        for name, what in state.items():
            if what in ("old", "held"):
                lines.append(self.kind.install_file.format(self.place, name))
            if what == "new":
                lines.append(self.kind.install.format(name))
            if what == "held":
                lines.append(self.kind.hold.format(name))
            if what == "own":
                text = shlex.quote(f"#!/bin/sh\necho {name} 1.0\n")
                lines.append(f"printf %s {text} >/usr/local/bin/{name} && chmod 755 /usr/local/bin/{name}")
        self.host.run("\n".join(["set -e", *lines]))

    def play(self, tasks: list[dict[str, Any]], *options: str) -> Play:
        """Run these tasks, each also after one has failed."""
        (self.directory / "play.yml").write_text(
            yaml.safe_dump([{"name": "Test", "hosts": "all", "gather_facts": False, "tasks": tasks}])
        )
        (self.directory / "results").write_text("")
        return run_playbook(self.directory, self.directory / "play.yml", *options)


def role(name: str, **variables: object) -> dict[str, Any]:
    """A task that applies a role, and does not stop the play if it fails."""
    return {"ansible.builtin.import_role": {"name": name}, "vars": variables, "ignore_errors": True}


def told(ran: Play) -> list[dict[str, Any]]:
    """What a play says of every task: what a run must do as check mode foretold it."""
    return [
        {
            "task": each["task"],
            "changed": bool(each.get("changed")),
            "failed": bool(each.get("failed")),
            "steps": {step["id"]: step["status"] for step in each.get("mngr_steps", ())},
            "changes": each.get("changes", []),
            "reasons": [
                re.sub(r" \([^)]*\)", "", step["reason"])  # without the place, which only the run knows
                for step in each.get("mngr_steps", ())
                if each["task"].endswith("Assert versions")
            ],
        }
        for each in ran.results
    ]


def prepare(directory: Path, host: SshHost) -> None:
    """What :meth:`World.play` needs in its directory."""
    (directory / "plugins").mkdir()
    (directory / "plugins/results.py").write_text(CALLBACK)
    python = {"ansible_python_interpreter": "auto_silent"}
    inventory = {"all": {"hosts": {"host-1": host.ansible_variables() | python}}}
    (directory / "hosts.yml").write_text(json.dumps(inventory))
    (directory / "files").mkdir()
    (directory / "files/one").write_text("1\n")
    (directory / "files/two").write_text("2\n")


@pytest.fixture(scope="module", params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _hosts_are_possible: None
) -> Iterator[World]:
    """A host of each kind, which is offered versions 2.0 and has versions 1.0 of the packages at hand."""

    kind = KINDS[request.param]
    directory = tmp_path_factory.mktemp("foretold")
    directory.chmod(0o755)
    own = kind.repository(directory / "repository")
    old = kind.repository(own.path / "old")
    for name in PACKAGES:
        own.add(name, "2.0-1", commands={name: f"echo {name} 2.0"})
        old.add(name, "1.0-1", commands={name: f"echo {name} 1.0"})
    own.add("orphan", "1.0-1", commands={"orphan": "echo orphan 1.0"}, depends="nobody-has-this")
    own.add("rival", "1.0-1", commands={"rival": "echo rival 1.0"}, conflicts="alpha")
    with running(layer=kind.layer, repository=own, lists="fresh", name="foretold") as host:
        own.add("late", "3.0-1", commands={"late": "echo late 3.0"})
        for each in kind.kept.split():
            host.run(f"mkdir -p /saved$(dirname {each}) && cp -a {each} /saved{each}")
        prepare(directory, host)
        yield World(host, kind, own.place, directory)


def optional(name: str, version: str = "") -> dict[str, Any]:
    """A requirement that nothing fails for."""
    return {"name": name, "version": version, "is_required": False}


# zypper writes AutoInstalled whenever it resolves, also in a dry run; SQLite has files of its own for whoever reads.
_FILES = (
    "cd / && find etc var/lib usr srv root home -type f ! -name 'rpmdb.sqlite-*' ! -name AutoInstalled "
    "! -path '*/__pycache__/*' -printf '%p %s %m %T@\\n' | sort"
)


@example(
    state={"alpha": "old", "beta": "held", "gamma": "own"},
    files=[
        {"local_path": "two", "remote_path": "/srv/files/one", "is_required": True, "if_exists": "backup"},
        {"local_path": "absent", "remote_path": "/srv/files/new/three", "is_required": False},
    ],
    packages=[
        [
            *(optional("alpha", ">=9"), optional("beta", ">=2"), optional("late", ">=3"), optional("nowhere")),
            {**optional("latest", ">=9"), "packages": {each: ["late"] for each in KINDS}},
        ],
        [optional("gamma", ">=2"), optional("orphan"), {"name": "alpha", "version": ">=2", "is_required": True}],
        [optional("rival"), optional("late"), {"name": "alpha", "version": ">=1", "is_required": True}],
        [optional("gamma"), {"name": "nowhere", "version": "", "is_required": True}],
    ],
)
@settings(
    max_examples=int(EXAMPLES or 1),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate] if EXAMPLES else [Phase.explicit],
)
@given(state=ANY_STATE, files=ANY_FILES, packages=ANY_PACKAGES)
def test_check_mode_foretells_what_the_run_does_from_the_same_state(
    world: World, state: dict[str, str], files: list[dict[str, Any]], packages: list[list[dict[str, Any]]]
) -> None:
    compare(world, state, files, packages)


@pytest.mark.parametrize("world", ["apt"], indirect=True)
@settings(max_examples=2, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(state=ANY_STATE, files=ANY_FILES, packages=ANY_PACKAGES)
def test_check_mode_foretells_the_run_from_states_that_nobody_chose(
    world: World, state: dict[str, str], files: list[dict[str, Any]], packages: list[list[dict[str, Any]]]
) -> None:
    compare(world, state, files, packages)


def compare(
    world: World, state: dict[str, str], files: list[dict[str, Any]], packages: list[list[dict[str, Any]]]
) -> None:
    """Run the roles in check mode and then in earnest, from one state: both say the same, and only the run changes."""
    transfers = [{**each, "local_path": str(world.directory / "files" / each["local_path"])} for each in files]
    plays = [role("mngr_files", mngr_files_transfers=transfers)]
    plays += [role("mngr_packages", mngr_packages_requirements=each) for each in packages]
    world.bring(state)
    before = world.host.run(_FILES).stdout
    checked = world.play(plays, "--check", "--diff")
    after = world.host.run(_FILES).stdout
    ran = world.play(plays, "--diff")
    assert told(ran) == told(checked), f"{checked.text}\n{ran.text}"
    assert ran.code == checked.code
    assert after == before, "check mode changed the host"


@pytest.mark.usefixtures("_hosts_are_possible")
def test_check_mode_foretells_what_the_managers_of_languages_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("languages")
    kind = KINDS["apt"]._replace(layer="languages")
    mine = "~/.local/bin/taken && chmod 755 ~/.local/bin/taken"
    with served() as registries, running(layer="languages", users=(User("dev"),)) as host:
        registries.add_npm("mtool", "2.0.0", "mtool")
        for name in ("wtool", "taken"):
            registries.add_wheel(name, "2.0.0", name)
        registries.tell(host)
        host.run(f"mkdir -p ~/.local/bin && printf '#!/bin/sh\\necho mine 0.1\\n' >{mine}")
        prepare(directory, host)
        world = World(host, kind, "", directory)
        plays = [
            role("mngr_packages", mngr_packages_manager=manager, mngr_packages_requirements=needed)
            for manager, needed in (
                ("npm", [in_language("npm", "mtool", ">=2"), in_language("npm", "nowhere")]),
                ("pipx", [in_language("pipx", "wtool", ">=2"), in_language("pipx", "nowhere")]),
                ("pipx", [in_language("pipx", "taken", ">=2"), in_language("pipx", "wtool", ">=3")]),
            )
        ]
        checked = world.play(plays, "--check", "--diff")
        assert host.run("ls /usr/local/bin ~/.local/bin").stdout == "/root/.local/bin:\ntaken\n\n/usr/local/bin:\n"
        ran = world.play(plays, "--diff")
    assert told(ran) == told(checked), f"{checked.text}\n{ran.text}"
    assert {"package:mtool", "package:wtool"} <= {each["id"] for one in told(ran) for each in one["changes"]}


def in_language(manager: str, name: str, version: str = "") -> dict[str, Any]:
    """An optional requirement that one manager has."""
    return {**optional(name, version), "packages": {manager: [name]}}


@pytest.mark.parametrize("manager", rehearsals.MANAGERS)
def test_what_lays_out_a_rehearsal_is_clean_sh(manager: str) -> None:
    layout = rehearsals.Rehearsal(manager, "/tmp/a b").layout({"sources/x.repo": "it's\n"})
    assert shellcheck(f"# shellcheck shell=sh\n{layout}") == []
