"""The roles ``mngr_packages`` and ``mngr_bootstrap``, run by the real ansible-playbook on real hosts with a real apt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.hosts import AptRepository, Login, SshHost, offered_packages

if TYPE_CHECKING:
    from tests.conftest import StartHost

ROLES = Path(__file__).parents[1] / "roles"

_CALLBACK = """
import json, os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "notification", "results", True

    def _write(self, result, **more):
        with open(os.environ["RESULTS"], "a") as file:
            print(json.dumps({"task": result.task.name, **result.result}, default=str), file=file)

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_unreachable = _write
"""


class Play(NamedTuple):
    """What one run of a playbook came to."""

    code: int
    text: str
    results: list[dict[str, Any]]

    def result(self, task: str) -> dict[str, Any]:
        """The result of the task whose name ends so."""
        return next(result for result in self.results if result["task"].endswith(task))

    @property
    def apt(self) -> dict[str, Any]:
        return self.result("Install packages with apt")

    @property
    def outcomes(self) -> dict[str, str]:
        """The status of each step that the last task told of."""
        return {step["id"]: step["status"] for step in self.results[-1]["mngr_steps"]}

    @property
    def changed(self) -> int:
        found = re.search(r"changed=(\d+)", self.text)
        assert found, self.text
        return int(found[1])


def play(
    tmp_path: Path, host: SshHost, role: str, *options: str, tasks_from: str = "main", **variables: object
) -> Play:
    """Run one role on one host with the real ansible-playbook."""
    directory = tmp_path / "run"
    (directory / "plugins").mkdir(parents=True, exist_ok=True)
    (directory / "plugins/results.py").write_text(_CALLBACK)
    (directory / "results").write_text("")
    python = {"ansible_python_interpreter": "/usr/bin/python3"}
    inventory = {"all": {"hosts": {"host-1": host.ansible_variables() | python}}}
    (directory / "hosts.yml").write_text(yaml.safe_dump(inventory))
    task = {"name": "Apply the role", "ansible.builtin.import_role": {"name": role, "tasks_from": tasks_from}}
    playbook = [{"name": "Test", "hosts": "all", "gather_facts": False, "tasks": [task | {"vars": variables}]}]
    (directory / "play.yml").write_text(yaml.safe_dump(playbook))
    return run_playbook(directory, directory / "play.yml", *options)


def run_playbook(directory: Path, playbook: Path, *options: str) -> Play:
    environment = {
        "ANSIBLE_CALLBACKS_ENABLED": "results",
        "ANSIBLE_CALLBACK_PLUGINS": str(directory / "plugins"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
        "COLUMNS": "1000",
        "RESULTS": str(directory / "results"),
    }
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", str(directory / "hosts.yml"), *options, str(playbook)]
    done = subprocess.run(
        argv, env={**os.environ, **environment}, cwd=directory, capture_output=True, text=True, timeout=240
    )
    results = [json.loads(line) for line in (directory / "results").read_text().splitlines()]
    return Play(done.returncode, done.stdout + done.stderr, results)


@pytest.fixture
def repository(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("mtool", "1:2.40.1-1+deb12u1", commands={"mtool": "echo mtool version 2.40.1"})
    return made


def packages(
    tmp_path: Path, host: SshHost, *requirements: object, options: tuple[str, ...] = (), **more: object
) -> Play:
    return play(tmp_path, host, "mngr_packages", *options, mngr_packages_requirements=list(requirements), **more)


def test_what_is_missing_is_installed_and_a_second_run_changes_nothing(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    host = ssh_host(apt_repository=repository, apt_lists="empty")
    wanted = [
        {"name": "mtool", "version": ">=2.39,<3"},
        {"name": "fd", "version": ">=8", "checks": ["fd", "fdfind"], "packages": {"apt": ["fd-find"], "dnf": ["fd"]}},
        {"name": "python3"},
    ]
    first = packages(tmp_path, host, *wanted)
    assert first.code == 0, first.text
    assert first.outcomes == {"package:mtool": "changed", "package:fd": "changed", "package:python3": "ok"}
    assert first.apt["installed"] == ["package:mtool", "package:fd"]
    assert first.results[-1]["mngr_steps"][0]["current"] == "2.40.1"
    second = packages(tmp_path, host, *wanted)
    assert (second.code, second.changed) == (0, 0), second.text
    assert set(second.outcomes.values()) == {"ok"}


def test_what_is_too_old_is_upgraded_and_an_epoch_deceives_nobody(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    host.run("apt-get install -y mtool")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool version 3.0"})
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=2.41"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}
    assert host.run("mtool").stdout == "mtool version 3.0\n"


def test_what_nobody_offers_fails_before_anything_changes_and_says_found_wanted_offered(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("other", "1.0")
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    host.run("apt-get install -y mtool")
    before = host.run("dpkg-query -W").stdout
    wanted = [{"name": "other"}, {"name": "mtool", "version": ">=9"}, {"name": "nowhere"}]
    ran = packages(tmp_path, host, *wanted)
    assert ran.code == 2, ran.text
    assert "mtool: found 2.40.1 (/usr/bin/mtool), wanted >=9, apt offers 2.40.1" in ran.apt["msg"]
    assert "nowhere: not found, wanted any version, apt offers no package nowhere" in ran.apt["msg"]
    assert ran.outcomes == {"package:mtool": "failed", "package:nowhere": "failed"}
    assert host.run("dpkg-query -W").stdout == before


def test_a_stale_list_is_refreshed_once_although_another_source_is_dead(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository, apt_lists="stale")
    host.run("echo 'deb [trusted=yes] copy:/srv/nowhere ./' >/etc/apt/sources.list.d/dead.list")
    repository.add("new", "1.0")
    repository.remove(next(repository.path.glob("mtool_*.deb")))
    repository.add("mtool", "1:2.41-1", commands={"mtool": "echo mtool version 2.41"})
    ran = packages(tmp_path, host, {"name": "new"}, {"name": "mtool", "version": ">=2.41"})
    assert ran.code == 0, ran.text
    assert set(ran.outcomes.values()) == {"changed"}
    assert "could not be refreshed entirely" in ran.text


def test_a_package_that_left_the_mirror_since_the_last_refresh_is_found_again(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    repository.remove(next(repository.path.glob("mtool_*.deb")))
    repository.add("mtool", "1:2.41-1", commands={"mtool": "echo mtool version 2.41"})
    ran = packages(tmp_path, host, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}


def test_an_optional_one_that_fails_harms_nothing_and_is_a_warning(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("broken", "1.0", postinst="exit 3")
    host = ssh_host(apt_repository=repository)
    optional = [{"name": name, "is_required": False} for name in ("broken", "nowhere")]
    ran = packages(tmp_path, host, *optional, {"name": "mtool"})
    assert ran.code == 0, ran.text
    expected = {"package:broken": "failed", "package:nowhere": "failed", "package:mtool": "changed"}
    assert ran.outcomes == expected
    assert "The package broken could not be set up" in ran.text
    assert "nowhere: not found, wanted any version, apt offers no package nowhere" in ran.text


def test_a_required_one_that_fails_says_why_and_what_apt_said_and_a_half_configured_one_is_not_there(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("broken", "1.0", postinst="echo it hurts; exit 3")
    host = ssh_host(apt_repository=repository)
    ran = packages(tmp_path, host, {"name": "broken"}, {"name": "mtool"})
    assert ran.code == 2
    assert ran.apt["msg"] == (
        "The package broken could not be set up: its own script failed. "
        "Finish it on the host with: dpkg --configure -a. Then run again."
    )
    assert "it hurts" in ran.apt["output"]
    assert ran.outcomes == {"package:broken": "failed", "package:mtool": "changed"}
    asserted = packages(tmp_path, host, {"name": "broken"}, tasks_from="assert")
    assert "only half installed (iF)" in asserted.results[-1]["msg"]


def test_nothing_is_installed_over_what_is_too_new_or_tells_no_version(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("mute", "1.0")
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    host.run("apt-get install -y mtool; echo 'echo hello' >/usr/local/bin/mute; chmod +x /usr/local/bin/mute")
    wanted = [{"name": "mtool", "version": "<2"}, {"name": "mute", "version": ">=1"}, {"name": "python3"}]
    ran = packages(tmp_path, host, *wanted)
    assert ran.code == 2
    assert "mtool: found 2.40.1 (/usr/bin/mtool), wanted <2" in ran.apt["msg"]
    assert "mute: /usr/local/bin/mute tells no readable version, wanted >=1" in ran.apt["msg"]
    assert "never installed over" in ran.apt["msg"]


@pytest.mark.parametrize("root_by", ["sudo", "doas"])
def test_a_login_with_sudo_or_doas_installs(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, root_by: str
) -> None:
    login = Login("dev", root_by=root_by)  # type: ignore[arg-type]
    host = ssh_host(layer="tools", users=(login,), apt_repository=repository).as_user("dev")
    if root_by == "doas":
        host.run("rm /usr/bin/sudo")
    ran = packages(tmp_path, host, {"name": "mtool"})
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:mtool": "changed"}


@pytest.mark.parametrize("root_by", ["nothing", "sudo with a password"])
def test_a_login_that_cannot_become_root_gets_the_command_for_an_administrator(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path, root_by: str
) -> None:
    login = Login("dev", root_by=root_by)  # type: ignore[arg-type]
    host = ssh_host(layer="tools", users=(login,), apt_repository=repository, apt_lists="fresh").as_user("dev")
    ran = packages(tmp_path, host, {"name": "mtool"}, {"name": "git"})
    assert ran.code == 2
    assert "an administrator must run: sudo apt-get install -y mtool. No package was changed." in ran.apt["msg"]
    assert packages(tmp_path, host, {"name": "git", "version": ">=2"}).code == 0


def test_print_changes_nothing_and_fails_with_the_command(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    ran = packages(tmp_path, host, {"name": "mtool"}, mngr_packages_install="print")
    assert ran.code == 2
    assert "To install it, run: apt-get install -y mtool. No package was changed." in ran.apt["msg"]
    assert host.run("command -v mtool", check=False).returncode


def test_check_mode_says_what_would_change_and_installs_nothing(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository)
    ran = packages(tmp_path, host, {"name": "mtool"}, {"name": "python3"}, options=("--check",))
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert ran.outcomes == {"package:mtool": "changed", "package:python3": "ok"}
    assert host.run("command -v mtool", check=False).returncode


def test_what_apt_would_have_to_remove_or_unhold_stays(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("rival", "1.0", conflicts="mtool")
    host = ssh_host(apt_repository=repository, apt_lists="fresh")
    host.run("apt-get install -y mtool")
    ran = packages(tmp_path, host, {"name": "rival"})
    assert ran.code == 2
    assert "would have to remove other packages, which is never done" in ran.apt["msg"]
    host.run("apt-mark hold mtool")
    repository.add("mtool", "1:3.0-1", commands={"mtool": "echo mtool version 3.0"})
    held = packages(tmp_path, host, {"name": "mtool", "version": ">=3"})
    assert held.code == 2
    assert "on hold" in held.apt["msg"]
    assert host.run("apt-mark showhold; mtool").stdout == "mtool\nmtool version 2.40.1\n"


def test_a_package_that_waits_for_an_answer_is_stopped_on_the_host(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    repository.add("waits", "1.0", postinst="exec sleep 1000")
    host = ssh_host(layer="tools", apt_repository=repository, apt_lists="fresh")
    ran = packages(tmp_path, host, {"name": "waits"}, mngr_packages_timeout=1)
    assert ran.code == 2
    assert "was stopped" in ran.apt["msg"]
    assert host.run("pgrep -l 'apt|dpkg|sleep'", check=False).stdout == ""


def test_a_wrong_name_is_refused_before_anything_is_asked(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    ran = packages(tmp_path, ssh_host(apt_repository=repository), {"name": "m", "packages": {"apt": ["mto*"]}})
    assert ran.code == 2
    assert "m: 'mto*' is no name of a package: a pattern could install anything" in ran.apt["msg"]


def test_another_program_that_answers_instead_is_named_after_the_installation(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(apt_repository=repository)
    host.run("echo 'echo mtool 1.0' >/usr/local/bin/mtool; chmod +x /usr/local/bin/mtool")
    ran = packages(tmp_path, host, {"name": "mtool", "version": ">=2"})
    assert ran.code == 2
    assert "mtool: found 1.0 (/usr/local/bin/mtool), wanted >=2, apt offers 2.40.1" in ran.results[-1]["msg"]
    assert "something else answers" in ran.results[-1]["msg"]


def test_the_example_of_the_readme_runs(ssh_host: StartHost, repository: AptRepository, tmp_path: Path) -> None:
    repository.add("git", "1:2.40-1", commands={"git": "echo git version 2.40"})
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    host = ssh_host(apt_repository=repository)
    play(tmp_path, host, "mngr_packages", mngr_packages_requirements=[])
    example = (ROLES / "mngr_packages/README.md").read_text().split("## Example\n\n```yaml\n")[1].split("```")[0]
    (tmp_path / "run/play.yml").write_text(example)
    (tmp_path / "run/results").write_text("")
    ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml")
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:git": "changed", "package:fd": "changed", "package:ripgrep": "failed"}


@pytest.mark.parametrize("role", ["mngr_packages", "mngr_bootstrap"])
def test_every_variable_has_a_default_and_a_specification_that_agree(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert {name: option["default"] for name, option in specs["main"]["options"].items()} == defaults
    assert set(specs) == {path.stem for path in (ROLES / role / "tasks").iterdir()}


def bootstrap(tmp_path: Path, host: SshHost) -> tuple[Play, dict[str, Any]]:
    ran = play(tmp_path, host, "mngr_bootstrap", tasks_from="python", mngr_bootstrap_timeout=120)
    said = ran.result("Install python3 with apt")["stdout_lines"][-1]
    return ran, json.loads(said)["mngr_steps"][0]


def test_python_is_installed_where_there_is_none_and_only_once(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    host = ssh_host(layer="bare", apt_repository=repository, apt_lists="empty")
    ran, step = bootstrap(tmp_path, host)
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert step["status"] == "changed"
    assert step["current"].startswith("3.")
    ran, step = bootstrap(tmp_path, host)
    assert (ran.code, ran.changed, step["status"]) == (0, 0, "ok")


def test_a_bootstrap_that_cannot_be_done_says_why(
    ssh_host: StartHost, repository: AptRepository, tmp_path: Path
) -> None:
    host = ssh_host(layer="bare", users=(Login("dev"),), apt_repository=repository)
    ran, step = bootstrap(tmp_path, host)
    assert ran.code == 2
    assert step["reason"] == "apt offers no python3. Check the host's package sources"
    assert step["status"] == "failed"
    assert step["current"] is None
    _, step = bootstrap(tmp_path, host.as_user("dev"))
    assert step["reason"].endswith("an administrator must run: sudo apt-get install -y python3")
