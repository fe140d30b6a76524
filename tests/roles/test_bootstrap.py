"""The role ``mngr_bootstrap`` on hosts without Python; and what every role of packages must keep."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from tests.support.hosts import AptRepository, SshHost, User, offered_packages
from tests.support.role_playbook import ROLES, Play, play, run_playbook
from tests.support.shellcheck import shellcheck

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost


def test_the_script_that_installs_python_is_clean_sh() -> None:
    assert shellcheck((ROLES / "mngr_bootstrap/files/python.sh").read_text()) == []


def test_the_script_that_gives_a_program_its_environment_is_clean_sh() -> None:
    executor = (ROLES / "mngr_packages/module_utils/mngr_packages_executor.py").read_text()
    script = executor.partition('_WITH_ENVIRONMENT = """\\\n')[2].partition('"""')[0]
    assert script.startswith("while IFS= read -r line")
    assert shellcheck(script) == []


def test_of_the_scripts_answer_only_what_it_prints_is_taken_and_no_word_controls_the_terminal() -> None:
    path = ROLES / "mngr_bootstrap/action_plugins/mngr_bootstrap_python.py"
    spec = importlib.util.spec_from_file_location("mngr_bootstrap_action", path)
    assert spec is not None
    assert spec.loader is not None
    action = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(action)
    step = {"id": "bootstrap:python3", "status": "failed", "current": None, "reason": "no\x1b[2J"}
    said = action._said(f"noise\n{json.dumps({'mngr_steps': [{**step, 'odd': 1}], 'add_host': {}, 'offered': '3'})}\n")
    assert said == {"mngr_steps": [{**step, "reason": "no\\x1b[2J"}], "offered": "3"}
    for odd in ({"status": "done"}, {"id": "package:git"}, {"reason": 5}, {"current": 3}, {"status": ["ok"]}):
        assert action._said(json.dumps({"mngr_steps": [{**step, **odd}]})) is None, odd
    for text in ("", "5", "{}", "[" * 100_000, json.dumps({"mngr_steps": [step], "offered": ["3"]})):
        assert action._said(text) is None, text[:9]


def bootstrap(tmp_path: Path, host: SshHost, *options: str) -> tuple[Play, dict[str, Any]]:
    ran = play(tmp_path, host, "mngr_bootstrap", *options, tasks_from="python", mngr_bootstrap_timeout=120)
    last_line = ran.result("Install python3")["stdout_lines"][-1]
    return ran, json.loads(last_line)["mngr_steps"][0]


def test_python_is_installed_where_there_is_none_and_only_once(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    host = ssh_host(layer="bare", repository=repository, lists="empty")
    look = "command -v python3; find /var/lib/apt /etc /tmp -type f | sort"
    before = host.run(look, check=False).stdout
    ran, foretold = bootstrap(tmp_path, host, "--check", "--diff")
    assert (ran.code, ran.changed, foretold["status"]) == (0, 1, "changed"), ran.text
    assert "+python3 3." in ran.text
    assert host.run(look, check=False).stdout == before
    ran, step = bootstrap(tmp_path, host)
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert step["status"] == "changed"
    assert step["current"].startswith("3.")
    ran, step = bootstrap(tmp_path, host)
    assert (ran.code, ran.changed, step["status"]) == (0, 0, "ok")


def test_a_bootstrap_that_fails_says_why(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    host = ssh_host(layer="bare", users=(User("dev"),), repository=AptRepository(tmp_path / "apt"))
    ran, foretold = bootstrap(tmp_path, host, "--check")
    ran, step = bootstrap(tmp_path, host)
    assert ran.code == 2
    assert foretold == step
    assert step["reason"] == "apt offers no python3. Check the host's package sources"
    assert step["status"] == "failed"
    assert step["current"] is None
    _, step = bootstrap(tmp_path, host.as_user("dev"))
    assert step["reason"].endswith("an administrator must run: sudo apt-get install -y python3")


def test_check_mode_goes_on_where_python_is_still_missing_and_foretells_every_task(
    ssh_host: StartHost, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    for name in ("git", "jq"):
        repository.add(name, "1:2.40-1", commands={name: f"echo {name} version 2.40"})
    host = ssh_host(layer="bare", repository=repository)
    prepared = {"name": "mngr_bootstrap"}, {"mngr_bootstrap_packages": [{"name": "git"}]}
    needed = [
        {"name": "git", "version": ">=2.39"},
        {"name": "python3"},
        {"name": "jq"},
        {"name": "nowhere", "is_required": False},
        {
            "name": "the file of git",
            "checks": [{"kind": "file", "value": "/usr/bin/git"}],
            "packages": {"apt": ["git"]},
        },
        {"name": "json", "checks": [{"kind": "python_module", "value": "json"}], "packages": {"apt": ["nowhere"]}},
        {"name": "git-new", "checks": ["git"], "packages": {"apt": ["git"]}, "version": ">=9", "is_required": False},
    ]
    then = {"name": "mngr_packages"}, {"mngr_packages_requirements": needed}
    tasks = [{"ansible.builtin.import_role": role, "vars": variables} for role, variables in (prepared, then)]
    play(tmp_path, host, "mngr_bootstrap", "--list-tasks", tasks_from="python")  # the files of a run
    book = [{"name": "Test", "hosts": "all", "gather_facts": False, "check_mode": True, "tasks": tasks}]
    told = []
    for is_check_mode in (True, False):
        book[0]["check_mode"] = is_check_mode
        (tmp_path / "run/play.yml").write_text(yaml.safe_dump(book))
        (tmp_path / "run/results").write_text("")
        ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml", "--diff")
        assert ran.code == 0, ran.text
        assert bool(host.run("command -v git", check=False).returncode) == is_check_mode
        every = [each for one in ran.results for each in one.get("mngr_steps", ()) if each["id"] != "package:json"]
        steps = [
            (each["id"], each["status"], each["current"], re.sub(r" \([^)]*\)", "", each["reason"])) for each in every
        ]
        told.append((ran.changed, steps, [one.get("changes") for one in ran.results]))
    assert told[0] == told[1]
    assert ("package:git", "ok", "2.40", "") in told[0][1]
    assert ran.outcomes["package:json"] == "ok"


def test_the_example_of_the_readme_runs(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    repository = AptRepository(tmp_path / "apt")
    repository.adopt(offered_packages("bare"))
    repository.add("git", "1:2.40-1", commands={"git": "echo git version 2.40"})
    host = ssh_host(layer="bare", repository=repository)
    bootstrap(tmp_path, host)
    example = (ROLES / "mngr_bootstrap/README.md").read_text().split("## Example\n\n```yaml\n")[1].split("```")[0]
    (tmp_path / "run/play.yml").write_text(example)
    (tmp_path / "run/results").write_text("")
    ran = run_playbook(tmp_path / "run", tmp_path / "run/play.yml")
    assert ran.code == 0, ran.text
    assert ran.outcomes == {"package:git": "changed", "package:flock": "ok"}
