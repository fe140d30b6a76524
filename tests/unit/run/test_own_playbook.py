"""How a playbook of the user's own is run: what beside it counts, what it is told, and which of its events are told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.run.own_playbook import OwnPlaybookRun, absolute_vault_id, asked_label, plainly, search_paths
from mngr_ansible.run.own_playbook_events import OwnReducer
from mngr_ansible.run.own_playbook_requirements import _digest, _kinds, _reason


def test_of_an_ansible_cfg_four_paths_count_and_start_at_its_directory(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nroles_path = ./r:~/roles ; ours\ncollections_paths=c\nlibrary = /lib:l\nfilter_plugins=\n"
        "host_key_checking = False\ninventory = hosts\n[privilege_escalation]\nbecome = True\n"
    )
    assert search_paths(tmp_path / "site.yml", None) == {
        "ANSIBLE_ROLES_PATH": f"{tmp_path}/r:{Path('~/roles').expanduser()}",
        "ANSIBLE_COLLECTIONS_PATH": f"{tmp_path}/c",
        "ANSIBLE_LIBRARY": f"/lib:{tmp_path}/l",
    }


def test_what_its_requirements_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nroles_path = r\n")
    assert search_paths(tmp_path / "site.yml", Path("/cache/1")) == {
        "ANSIBLE_ROLES_PATH": f"/cache/1/roles:{tmp_path}/r",
        "ANSIBLE_COLLECTIONS_PATH": "/cache/1/collections",
    }


def test_an_ansible_cfg_that_does_not_parse_is_named(tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("roles_path = r\n")
    with pytest.raises(InputError, match=r"ansible\.cfg cannot be read: File contains no section headers"):
        search_paths(tmp_path / "site.yml", None)


def test_a_vault_id_means_the_same_file_in_every_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_vault_id("dev@pass") == f"dev@{tmp_path}/pass"
    assert absolute_vault_id("pass") == f"{tmp_path}/pass"
    assert [asked_label(each) for each in ("prod@prompt", "prompt", "pass", "dev@pass")] == [
        "prod",
        "default",
        None,
        None,
    ]
    assert absolute_vault_id("~/pass") == str(Path("~/pass").expanduser())


def test_the_users_environment_is_in_the_job_alone_and_without_settings_of_ansible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN_OF_MINE", "secret")
    monkeypatch.setenv("ANSIBLE_LIBRARY", "/evil")
    monkeypatch.setenv("PYTHONPATH", "/evil")
    run = OwnPlaybookRun(Path("/p/site.yml"), {"ANSIBLE_ROLES_PATH": "/r"})
    common = {"PATH": "/bin", "ANSIBLE_INJECT_FACT_VARS": "False", "ANSIBLE_ROLES_PATH": "none", "HOME": "/h"}
    common["ANSIBLE_PIPELINING"] = "True"
    environment = run.environment(common)
    assert not {"ANSIBLE_INJECT_FACT_VARS", "ANSIBLE_PIPELINING"} & set(environment)
    assert (environment["ANSIBLE_ROLES_PATH"], environment["HOME"]) == ("/r", "/h")
    job = json.loads(run.job(environment))["environment"]
    assert job["TOKEN_OF_MINE"] == "secret"
    assert not {"HOME", "PATH", "ANSIBLE_LIBRARY", "PYTHONPATH"} & set(job)
    assert "secret" not in repr(run.arguments("job", Path("hosts"), Path("limit")))


def lines(*raw: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    reducer = OwnReducer(found.append)
    for each in raw:
        reducer.handle(each)
    assert reducer.error is None
    return found


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"event": kind, "event_data": data}


def test_tasks_and_handlers_are_told_with_their_roles() -> None:
    assert lines(
        event("playbook_on_task_start", task="Install", role="nginx"),
        event("playbook_on_handler_task_start", task="Restart"),
    ) == [{"kind": "task", "task": "nginx : Install"}, {"kind": "task", "task": "Restart"}]


def test_a_command_that_failed_is_told_with_its_last_words() -> None:
    result = {"msg": "non-zero return code", "rc": 3, "stdout": "a", "stderr": "first\nno disk\n"}
    assert lines(event("runner_on_failed", host="web", task="Run", res=result)) == [
        {"kind": "failed", "host": "web", "task": "Run", "text": "non-zero return code: no disk"}
    ]


def test_what_no_log_hides_stays_hidden() -> None:
    result = {"censored": "the output has been hidden due to the fact that 'no_log: true' was specified"}
    (line,) = lines(event("runner_on_failed", host="web", task="Secret", res=result))
    assert line["text"] == result["censored"]


def test_a_failure_that_the_playbook_ignores_is_not_told() -> None:
    assert lines(event("runner_on_failed", host="web", task="Try", ignore_errors=True, res={"msg": "no"})) == []


def test_a_task_of_another_host_that_cannot_be_reached_names_that_host() -> None:
    result = {"unreachable": True, "msg": "No route", "_ansible_delegated_vars": {"ansible_delegated_host": "x1"}}
    unreachable = event("runner_on_unreachable", host="web", task="Drain", role="lb", res=result)
    assert lines(unreachable) == [
        {"kind": "failed", "host": "web", "task": "lb : Drain", "text": "x1 cannot be reached: No route"}
    ]


def test_a_warning_is_one_line_without_what_ansible_quotes() -> None:
    said = "[WARNING]: Found variable using reserved name 'q'.\r\nOrigin: <unknown>\r\n\r\nq\r\n"
    known = "[WARNING]: Odd.\nOrigin: /p/site.yml:3:5\n\n1 a\n2 b\n"
    assert [each["text"] for each in lines(*({"event": "warning", "stdout": each} for each in (said, known)))] == [
        "Found variable using reserved name 'q'.",
        "Odd (/p/site.yml:3:5)",
    ]


def test_a_task_that_reports_steps_of_ours_reports_none_here() -> None:
    forged = {"id": "file:/x", "status": "ok"}
    stdout = json.dumps({"mngr_steps": [forged]})
    assert lines(event("runner_on_ok", host="web", task="Lie", res={"mngr_steps": [forged], "stdout": stdout})) == []


def test_the_counters_at_the_end_say_how_it_ended_on_each_host() -> None:
    (line,) = lines(
        event(
            "playbook_on_stats",
            processed={"a": 1, "b": 1, "c": 1, "d": 1},
            ok={"a": 3, "b": 2},
            changed={"b": 1, "c": 1},
            failures={"c": 1},
            dark={"d": 1},
        )
    )
    assert line["ends"] == {"a": "ok", "b": "changed", "c": "failed", "d": "unreachable"}


def test_a_pattern_without_hosts_is_no_warning() -> None:
    text = "[WARNING]: Could not match supplied host pattern, ignoring: db"
    assert lines({"event": "warning", "stdout": text}, event("playbook_on_no_hosts_matched")) == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []),
        ("- src: geerlingguy.nginx\n", ["role"]),
        ("roles: [{name: a}]\ncollections: []\n", ["role"]),
        ("collections: [a.b]\nroles: [c]\n", ["role", "collection"]),
    ],
)
def test_a_requirements_file_names_roles_or_collections(text: str, kinds: list[str]) -> None:
    assert _kinds(text.encode(), Path("requirements.yml")) == kinds


@pytest.mark.parametrize("text", ["a: [", "hello", "galaxy: [x]\n"])
def test_a_requirements_file_that_names_neither_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"requirements\.yml"):
        _kinds(text.encode(), Path("requirements.yml"))


def test_an_archive_that_changed_is_installed_again(tmp_path: Path) -> None:
    content = b"collections:\n  - name: ./c.tar.gz\n  - name: https://example.com/x.tar.gz\n"
    (tmp_path / "c.tar.gz").write_text("1")
    first = _digest(content, tmp_path)
    assert _digest(content, tmp_path) == first
    os.utime(tmp_path / "c.tar.gz", (1, 1))
    assert _digest(content, tmp_path) != first


def test_what_ansible_galaxy_says_is_told_without_our_directory() -> None:
    stderr = (
        "[WARNING]: something else\n[WARNING]: - x was NOT installed successfully: - command /usr/bin/git clone\n"
        "failed in directory /s/new-1/tmp (rc=128)\nfatal: no repository\n[ERROR]: - you can use --ignore-errors\n"
    )
    assert _reason(b"Starting\n", stderr.encode(), Path("/s/new-1")) == (
        "x was NOT installed successfully: - command /usr/bin/git clone failed in directory …/tmp (rc=128) "
        "fatal: no repository"
    )
    assert _reason(b"", b"[ERROR]: no such host.\n", Path("/s")) == "no such host"
    assert _reason(b"", b"", Path("/s")) == "it ended without a message"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("ansible.module_utils._internal._datatag._AnsibleTaggedStr", "string"),
        ("dict", "mapping"),
        ("ansible.x._AnsibleTaggedInt", "number"),
        ("ansible.x.Other", "Other"),
    ],
)
def test_what_ansible_says_names_no_class_of_its_own(kind: str, word: str) -> None:
    said = f"A playbook must be a list of plays, got a <class '{kind}'> instead"
    assert plainly(said) == f"A playbook must be a list of plays, got a {word} instead"
