"""A module that is sent as a program does what it does as a module of Ansible, and leaves no trace of how it came."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.controller import PLAYBOOK, Controller, put, role_module

WAYS = {
    "program": {},
    "module": {"MNGR_ANSIBLE_LIGHT": "off"},
    "without pipelining": {"ANSIBLE_PIPELINING": "false"},
    "files are kept": {"ANSIBLE_KEEP_REMOTE_FILES": "1"},
}
MARK = "the mark of this run "
light_program = role_module("mngr_files", "mngr_ansible_portable.light_program")


def started(*, python: str = sys.executable, **more: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run ``mngr_files_write`` as a program on this machine, in the way of a connection."""
    own = {"check_mode": False, "diff": False, "remote_tmp": "/nonexistent", "environment": {}, "mark": MARK}
    header = json.dumps({"arguments": {}, "has_payload": True, **own, **more}).encode()
    sent = b"".join(b"%d\n%s" % (len(part), part) for part in (light_program.program("mngr_files_write"), header))
    command = light_program._command([python], None)
    return subprocess.run(["/bin/sh", "-c", command], input=sent + b"x" * (4 << 20), capture_output=True)


def answer(done: "subprocess.CompletedProcess[bytes]", python: str = "python3") -> Any:
    """What the action makes of it."""
    printed = {"stdout": done.stdout.decode(), "stderr": done.stderr.decode(), "rc": done.returncode}
    return light_program._result(printed, MARK, [python], pytest.fail, {})


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_as_a_program_where_the_connection_and_the_settings_allow_it(way: str, tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "source", b"content")
    ran = controller.run([{"local_path": "source", "remote_path": f"{tmp_path}/out"}], "-vvv", **WAYS[way])
    assert (tmp_path / "out").read_bytes() == b"content"
    assert ("Using module file" not in ran.output) == (way == "program"), ran.output


def test_it_answers_also_what_it_cannot_read_and_takes_all_that_is_sent() -> None:
    said = answer(started())
    assert said["failed"] is True
    assert said["msg"].startswith("The files that were sent to this host cannot be read: ")


def test_a_program_that_breaks_is_a_failure_with_its_traceback() -> None:
    said = answer(started(arguments=[]))
    assert (said["failed"], said["rc"]) == (True, 1)
    assert said["msg"].startswith("MODULE FAILURE")
    assert said["module_stderr"].splitlines()[-1].startswith("AttributeError: ")


def test_a_program_that_is_killed_is_no_lost_connection(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o755)
    done = started(python=str(python))
    assert done.returncode == 128 + 9  # ssh ends with 255 where the command itself ends by a signal
    assert answer(done)["msg"].startswith("MODULE FAILURE")


def test_a_python_that_is_not_there_is_named_and_all_that_is_sent_is_taken() -> None:
    done = started(python="/opt/no such/python3")
    assert done.returncode == 127
    assert done.stderr.decode() == "/opt/no?such/python3: not found\n"


def test_a_python_may_have_a_blank_in_its_path_or_options_behind_it(tmp_path: Path) -> None:
    (tmp_path / "my tools").mkdir()
    (tmp_path / "my tools/python").symlink_to("/usr/bin/python3")
    for python in (f"{tmp_path}/my tools/python", "/usr/bin/env python3"):
        assert MARK in started(python=python).stdout.decode()


@pytest.mark.parametrize("environment", [None, "/opt/bin"])
def test_the_command_is_one_line_which_every_login_shell_takes(environment: str | None) -> None:
    assert "\n" not in light_program._command(["/usr/bin/python3", "python3"], environment)


@pytest.mark.parametrize(
    ("said", "is_possible"),
    [
        ({}, True),
        ({"async_val": 10}, False),
        ({"SHELL_FAMILY": "powershell"}, False),
        ({"is_pipelined": False}, False),
        ({"switch": "off"}, False),
        ({"environment": {"A": "x=y\n", "": ""}}, False),
        ({"environment": {"A=B": "x"}}, False),
        ({"environment": {"A": "x\0y"}}, False),
        ({"environment": {"A": "\ud800"}}, False),
        ({"environment": {"A": "x=y\n", "ü": 5}}, True),
    ],
    ids=str,
)
def test_a_program_needs_an_input_and_sh_and_a_task_that_is_waited_for(
    said: dict[str, Any], is_possible: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"async_val": 0, "SHELL_FAMILY": "sh", "is_pipelined": True, "switch": "on", "environment": {}, **said}
    monkeypatch.setenv("MNGR_ANSIBLE_LIGHT", given["switch"])
    shell = SimpleNamespace(SHELL_FAMILY=given["SHELL_FAMILY"])
    action = SimpleNamespace(
        _task=SimpleNamespace(async_val=given["async_val"]),
        _connection=SimpleNamespace(_shell=shell),
        _is_pipelining_enabled=lambda style: given["is_pipelined"],
        _compute_environment_string=lambda variables: variables.update(given["environment"]),
    )
    assert light_program.is_possible(action) is is_possible


@pytest.mark.parametrize(
    ("executable", "shell"),
    [("/bin/sh", None), (None, None), ("/usr/local/bin/bash", None), ("/usr/bin/fish", "/bin/sh"), ("tcsh", "/bin/sh")],
)
def test_a_shell_of_another_family_is_not_given_what_is_written_for_sh(
    executable: str | None, shell: str | None
) -> None:
    action = SimpleNamespace(_play_context=SimpleNamespace(executable=executable))
    assert light_program.shell(action) == shell


def test_a_task_runs_where_the_setting_names_a_shell_that_is_not_sh_and_with_any_environment(tmp_path: Path) -> None:
    shell = put(tmp_path / "fish", b"#!/bin/sh\necho 'no sh here' >&2; exit 9\n")
    shell.chmod(0o755)
    controller = Controller(tmp_path)
    transfers = [{"content": "x", "remote_path": f"{tmp_path}/out"}]
    ran = controller.run(transfers, "-e", f"ansible_shell_executable={shell}")
    assert (ran.code, (tmp_path / "out").read_text()) == (0, "x"), ran.output
    put(tmp_path / "odd.yml", controller_playbook({"A=B": "x", "C": "a=b"}))
    ran = controller.run(transfers, "-vvv", playbook="odd.yml")
    assert (ran.code, "Using module file" in ran.output) == (0, True), ran.output


def controller_playbook(environment: dict[str, str]) -> bytes:
    """The playbook of a controller, with these variables in the environment of its task."""
    return PLAYBOOK.replace("  tasks:", f"  environment: {json.dumps(environment)}\n  tasks:").encode()


def test_an_answer_is_taken_only_with_the_mark_of_its_run_and_a_failed_program_has_failed() -> None:
    said = f"noise\n{MARK}{json.dumps({'failed': False, 'changed': True, 'add_host': {}})}\nmore"
    for printed, is_failed in (
        ({"stdout": said, "rc": 0}, False),
        ({"stdout": said, "rc": 1}, True),
        ({"stdout": said.replace(MARK, ""), "rc": 0}, True),
        ({"stdout": MARK + "[" * 100_000, "rc": 0}, True),
    ):
        result = light_program._result(printed, MARK, ["python3"], pytest.fail, {})
        assert (result.get("failed", False), "add_host" in result) == (is_failed, False), result


def test_the_message_names_a_python_that_is_missing_or_too_old(tmp_path: Path) -> None:
    missing = answer(started(python="/opt/ü \x1b/python"), "/opt/ü \x1b/python")
    assert missing["msg"].startswith("/opt/ü \\x1b/python was not found on the host. ")
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\ncat >/dev/null\necho 'Python 3.9 or newer is needed; this is 3.6.8' >&2; exit 1\n")
    python.chmod(0o755)
    old = answer(started(python=str(python)), str(python))
    assert old["msg"].startswith(f"{python} of the host is Python 3.6.8, and Python 3.9 or newer is needed. ")
