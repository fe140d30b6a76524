"""Hosts that lie to the real Ansible: each fails alone. Source: docs/security.md "A hostile host"."""

import json
from pathlib import Path

from mngr_ansible.report.outcomes import from_events
from mngr_ansible.run.runner import run
from tests.support.builders import contribution, due, statuses
from tests.support.run_directories import LOCAL, run_directory

STEP = "package:git"
HONEST = json.dumps({"mngr_steps": [{"id": STEP, "status": "changed", "current": "2.39", "reason": ""}]})
LIES = {
    "texts": '{"mngr_steps": ["x"]}',
    "number": '{"mngr_steps": 5}',
    "mapping": '{"mngr_steps": {"id": "package:git"}}',
    "no-id": '{"mngr_steps": [{"status": "changed"}]}',
    "odd-id": '{"mngr_steps": [{"id": ["package:git"], "status": "changed"}]}',
    "unknown-id": '{"mngr_steps": [{"id": "package:other", "status": "changed"}]}',
    "odd-status": '{"mngr_steps": [{"id": "package:git", "status": {"a": 1}}]}',
    "huge": '{"mngr_steps": [{"id": "package:git", "status": "changed", "current": ' + "9" * 5000 + "}]}",
    "deep": '{"mngr_steps": ' + "[" * 900 + "]" * 900 + "}",
    "deeper": '{"mngr_steps": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "warnings": '{"warnings": 5, "deprecations": "x", "exception": []}',
    "nothing": "{}",
    "list": "[1]",
    "names": '{"failed": "x", "unreachable": [1], "rc": "x", "msg": [1], "stderr": 5, "mngr_steps": [null]}',
    "internal": '{"_ansible_delegated_vars": 5, "_ansible_verbose_always": [], "results": 7, "diff": 9}',
    "NaN": '{"mngr_steps": [NaN]}',
    "host": '{"mngr_steps": [{"id": "package:git", "status": "failed"}], "host": "host-1", "add_host": {"a": 1}}',
}
ANSWER = """
# WANT_JSON
import json, sys
arguments = json.load(open(sys.argv[1]))
sys.stdout.write(arguments["text"])
"""


def test_every_lie_is_the_failure_of_its_host_and_the_reports_of_the_others_stand(tmp_path: Path) -> None:
    answers = {"first": HONEST, **LIES, "last": HONEST}
    hosts = {name: {**LOCAL, "answer": text} for name, text in answers.items()}
    directory = run_directory(tmp_path, {"name": "Answer", "answer": {"text": "{{ answer }}"}}, hosts=hosts)
    (directory / "project" / "library" / "answer.py").write_text(f"#!/usr/bin/python\n{ANSWER}")

    result = run(directory, timeout=120, remote_tmp=str(tmp_path / "tmp"))

    made = due(contribution("claude", "git"))
    ends = {name: from_events(made, name, name, result) for name in answers}
    assert (result.status, result.problem) == ("finished", None), result
    for name in ("first", "last"):
        steps, error = ends[name]
        assert (statuses(steps), error) == ({STEP: "changed"}, None), name
    for name in LIES:
        steps, error = ends[name]
        has_failed = statuses(steps)[STEP] in ("failed", "unknown")
        assert error is not None or has_failed, (name, steps)
