"""The modules of mngr_packages answer as a program what they answer as a module of Ansible. No host: this machine."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.controller import role_module
from tests.support.role_playbook import CALLBACK, ROLES, Play, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = {"name": "shown", "version": ">=1", "checks": [{"kind": "shell", "value": 'echo "shown 1.$MINOR"'}]}
ABSENT = {"name": "mngr-absent", "packages": {"zypper": ["mngr-absent"]}}
ADDRESS = "https://user:hidden1@127.0.0.1:1/tool.tar.gz?token=hidden2"
DOWNLOAD = {"name": "tool", "url": ADDRESS, "sha256": "0" * 64, "scope": "user", "packages": {"archive": ["tool"]}}
REPOSITORY = {"manager": "apt", "name": "third", "url": "https://user:hidden3@example.org/deb", "suite": "stable"}
KEY = {"component": "main", "key": "no key", "fingerprint": "0" * 40}

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "a wrong choice": ("install", {"requirements": ["git"], "manager": "yum"}),
    "no number": ("install", {"requirements": ["git"], "timeout": "soon"}),
    "an unknown key": ("install", {"requirements": [{"name": "git", "verison": "2"}]}),
    "an unknown argument": ("assert", {"requirements": [], "strict": True}),
    "numbers as texts": ("install", {"requirements": [SHOWN], "timeout": "30", "lock_timeout": "5"}),
    "what is there": ("assert", {"requirements": [SHOWN, "sh"], "installed": ["package:sh"]}),
    "what is not": ("assert", {"requirements": [SHOWN, ABSENT, {**SHOWN, "version": ">=2"}]}),
    "what nobody requires": ("assert", {"requirements": [{**ABSENT, "is_required": "no"}]}),
    "only the command": ("install", {"requirements": [ABSENT], "install": "print", "manager": "npm"}),
    "a download": ("fetch", {"requirements": "{{ downloads }}"}),
    "a key that is none": ("repository", {"repositories": "{{ repositories }}"}),
}


def ran(path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Every task on this machine; ``way``: the value of the switch."""
    path.mkdir()
    for folder, setting in (
        ("library", "LIBRARY"),
        ("module_utils", "MODULE_UTILS"),
        ("action_plugins", "ACTION_PLUGINS"),
    ):
        monkeypatch.setenv(f"ANSIBLE_{setting}", str(ROLES / "mngr_packages" / folder))
    monkeypatch.setenv("MNGR_ANSIBLE_LIGHT", way)
    tasks = [
        {"name": name, f"mngr_packages_{module}": given, "ignore_errors": True, "environment": {"MINOR": "2"}}
        for name, (module, given) in TASKS.items()
    ]
    (path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    own: dict[str, Any] = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    own |= {"downloads": [DOWNLOAD], "repositories": [{**REPOSITORY, **KEY}]}  # Ansible shows lines of a playbook
    (path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"host-1": own}}}))
    (path / "plugins").mkdir()
    (path / "plugins/results.py").write_text(CALLBACK)
    return run_playbook(path, path / "play.yml", "-vvv")


def ignored(play: Play) -> list[str]:
    """How many tasks failed."""
    return re.findall(r"ignored=(\d+)", play.text)


def told(play: Play) -> dict[str, Any]:
    """By task, what a user is told: the result without what Ansible adds to that of a module or of an action."""
    own = ("msg", "changed", "installed", "changes", "mngr_steps", "found", "added", "new", "output")
    return {each["task"]: {key: each[key] for key in own if key in each} for each in play.results}


def test_both_ways_give_the_same_results_and_warnings_and_hide_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    light, module = ran(tmp_path / "on", "on", monkeypatch), ran(tmp_path / "off", "off", monkeypatch)

    wrong = ("a wrong choice", "no number", "an unknown argument")  # the module says what is wrong with them
    assert list(told(light)) == list(told(module)) == list(TASKS), light.text
    for name in TASKS:
        assert told(light)[name] == told(module)[name], name
    assert ignored(light) == ignored(module) == ["8"]
    for play in (light, module):
        assert "mngr-absent: not found, needed any version. It is optional." in " ".join(play.text.split())
        assert not re.search("hidden[123]", play.text)
    assert light.text.count("Using module file") == len(wrong), light.text
    assert module.text.count("Using module file") == len(TASKS)


def test_a_text_that_was_evaluated_stops_the_task_before_the_host_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = 'mngr-json: {"canary": "49", "list": []}'
    monkeypatch.setitem(TASKS, "only the command", ("install", {"requirements": changed}))
    for name in [each for each in TASKS if each != "only the command"]:
        monkeypatch.delitem(TASKS, name)
    play = ran(tmp_path / "run", "on", monkeypatch)
    assert ignored(play) == ["1"]
    assert "did not arrive as it was sent" in told(play)["only the command"]["msg"]


@pytest.mark.parametrize("role", ["mngr_files", "mngr_packages"])
def test_the_files_of_a_program_are_those_of_the_role_without_what_is_for_people_and_type_checkers(role: str) -> None:
    light_program = role_module(role, "mngr_ansible_portable.light_program")
    files = [*(ROLES / role / "module_utils").rglob("*.py"), *(ROLES / role / "library").glob("*.py")]
    shorter = 0
    for path in files:
        text, whole = light_program._slim(str(path)), path.read_text()
        assert code(text) == code(whole), path
        shorter += len(whole) - len(text)
    assert shorter > 50_000


def code(text: str) -> str:
    """What Python does with a file, without texts and imports that have no effect there."""

    def has_effect(node: ast.stmt) -> bool:
        if isinstance(node, ast.If):
            return ast.unparse(node.test) != "TYPE_CHECKING"
        if isinstance(node, (ast.ImportFrom, ast.Assign)):
            written = ast.unparse(node)
            is_documentation = written.startswith(("DOCUMENTATION = ", "EXAMPLES = ", "RETURN = "))
            return not is_documentation and written not in (
                "from typing import TYPE_CHECKING",
                "TYPE_CHECKING = False",
            )
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        return not is_text and not isinstance(node, ast.Pass)

    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if has_effect(each)]  # type: ignore[attr-defined]
    return ast.dump(tree)
