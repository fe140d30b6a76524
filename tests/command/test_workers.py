"""``--worker`` with a command that is no worker: one message that says what it did and what to do; no host is asked."""

import json
import os
import shlex
import signal
import sys

import pytest

from mngr_ansible.run import worker_stream
from mngr_ansible.run.worker_job import Job
from mngr_ansible.run.worker_stream import WorkerStream
from tests.support.command_line import document, mngr_ansible

SECRET = "canary-of-a-secret"
READS_ALL = "while read -r line; do case $line in '{\"eof\"'*) exit 0 ;; esac; done"

LIES = """
import json, sys
answer = {"code": 0, "stdout": "", "stderr": "", "is_too_long": False, "ansible": "2.20"}
for each in (
    {"status": "starting"},
    {"event": "runner_on_ok", "event_data": {"host": ["x"], "res": {"mngr_answer": answer}}},
    {"event": "runner_on_ok", "event_data": ["x"]},
    {"event": "playbook_on_stats", "event_data": {"processed": [["x"]]}},
    {"status": "successful"},
    {"eof": True},
):
    print(json.dumps(each))
"""

NO_WORKERS = {
    f"{shlex.quote(sys.executable)} -c {shlex.quote(LIES)}": (
        "reports what makes no sense (AttributeError",
        "the oldest that work",
    ),
    "false": ("ended with exit code 1 before it began", "ends in 'ansible-runner worker'"),
    "/nonexistent/worker": ("cannot be started: No such file or directory", "Check its first word"),
    "FOO=1 ansible-runner worker": ("cannot be started", "write 'env FOO=1 …'"),
    "~/ansible-runner worker": ("cannot be started", "the whole path of its first word"),
    "sh -c 'exit 2' worker '|' cat": ("ended with exit code 2", "write sh -c '…' around it"),
    "sh -c 'kill -9 $$'": ("was ended by signal 9 before it began", "Check its memory"),
    "cat": ("sends back what it is sent", "ends in 'ansible-runner worker'"),
    "echo Welcome to bastion": (
        "closed the connection before it began (Welcome to bastion)",
        "what it starts before must print nothing",
    ),
    "sh -c 'yes Welcome'": ("prints something else than an ansible-runner worker does", "must print nothing"),
    "sh": ("before it began (", "this one runs a shell, which reads the job"),
    f"sh -c {shlex.quote(READS_ALL)}": ("closed the connection before it began", "ends in 'ansible-runner worker'"),
    "sh -c 'echo sh: ansible-runner: not found >&2; exit 127'": (
        "ended with exit code 127 before it began (sh: ansible-runner: not found)",
        "Install ansible-runner and ansible-core there",
    ),
    "sh -c 'head -c 3000 >/dev/null; exit 3'": ("ended with exit code 3 before it began", "'ansible-runner worker'"),
    "sh -c 'echo Connection refused. >&2; exit 255'": (
        "ended with exit code 255 before it began (Connection refused)",
        "Run the command by hand",
    ),
    """sh -c 'echo "ansible-runner: error: invalid choice: worker" >&2; exit 2'""": (
        "(ansible-runner: error: invalid choice: worker)",
        "ansible-runner 2.3 and ansible-core 2.16",
    ),
    'sh -c \'read -r a; echo "{\\"status\\": \\"starting\\"}"; exit 1\'': ("was lost", "Check the machine"),
}


@pytest.mark.parametrize("command", NO_WORKERS)
def test_a_command_that_is_no_worker_is_one_error_with_a_remedy(command, tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    words = ["--host", "build-1", "--key", tmp_path / "secret", "--package", "git", "--worker", command]
    done = mngr_ansible("plan", *words, "--json", "-v")
    (error,) = document(done)["errors"]
    problem, remedy = NO_WORKERS[command]
    assert (done.returncode, error["host"]) == (1, "build-1")
    assert error["problem"].startswith(f"the worker {command!r} ")
    assert problem in error["problem"]
    assert remedy in error["remedy"]
    assert "Traceback" not in done.stderr


def test_a_command_that_says_nothing_is_given_up_although_what_it_has_started_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_stream, "FIRST_SECONDS", 0.5)
    with Job(1, 60) as job:
        job.finish()
        order = {
            "name": "silent",
            "words": ["sh", "-c", f"sleep 30 & echo $! >{shlex.quote(str(tmp_path))}/pid; cat >/dev/null"],
            "cwd": str(tmp_path),
            "environment": dict(os.environ),
            "kwargs": job.kwargs,
            "job": os.dup(job.file.fileno()),
            "tasks": "scripts",
        }
        end = WorkerStream(order, lambda _line: None, "mark").run()
    assert end["error"] == "the worker 'silent' gave no answer within 1 s"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # in a run, the supervisor ends it


def ended(words, monkeypatch, tmp_path):
    """The end of a job for this command."""
    monkeypatch.setattr(worker_stream, "_LAST_SECONDS", 0.5)
    with Job(1, 60) as job:
        job.finish()
        order = {
            "name": "fake",
            "words": words,
            "cwd": str(tmp_path),
            "environment": dict(os.environ),
            "kwargs": job.kwargs,
            "job": os.dup(job.file.fileno()),
            "tasks": "ours",
        }
        return WorkerStream(order, lambda _line: None, "mark").run()


def test_a_command_that_is_killed_when_it_has_the_job_may_have_begun_elsewhere(tmp_path, monkeypatch):
    assert ended(["sh", "-c", f"{READS_ALL}; kill -9 $$"], monkeypatch, tmp_path)["has_begun"] is True


def test_a_worker_that_has_said_how_its_run_ended_and_never_ends_is_waited_for_no_longer(tmp_path, monkeypatch):
    stats = {"event": "playbook_on_stats", "event_data": {"processed": {"x": 1}}}
    lines = [{"status": "starting"}, stats, {"status": "successful"}, {"zipfile": 99 << 40}]
    script = f"{READS_ALL}; printf '%s\\n' {shlex.join(map(json.dumps, lines))}; sleep 30 & echo $! >pid"
    end = ended(["sh", "-c", script], monkeypatch, tmp_path)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # in a run, the supervisor ends it
    assert (end["code"], end["error"]) == (0, None)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--host", "a", "--worker", "ssh 'bastion"], "cannot be split into words: no closing quotation"),
        (["--host", "a", "--worker", "''"], "names no command"),
        (["--worker", "ssh bastion"], "--worker needs hosts that are reached over ssh"),
    ],
)
def test_what_the_words_themselves_say_wrongly_has_exit_code_64(words, problem):
    done = mngr_ansible("plan", "--package", "git", *words)
    assert done.returncode == 64
    assert problem in done.stderr


def test_hosts_are_asked_in_one_job_and_the_job_has_no_word_outside_of_its_archive(tmp_path):
    """What a shell would make of the lines around the archive does no harm."""
    script = tmp_path / "worker"
    script.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        f"lines = sys.stdin.buffer.readlines()\nopen({str(tmp_path / 'jobs')!r}, 'ab').write(lines[0])\nsys.exit(1)\n"
    )
    script.chmod(0o755)
    hosts = [word for name in ("b", "c", "d") for word in ("--host", name)]
    done = mngr_ansible("plan", "--file", f"{__file__}:$(x)", *hosts, "--worker", script)
    lines = (tmp_path / "jobs").read_text().splitlines()
    assert done.returncode == 1
    assert len(lines) == 1
    assert lines[0] == (
        '{"kwargs": {"ident": "mngr", "binary": "/bin/sh", "cmdline": "run.sh provision.yml", '
        '"fact_cache_type": "none"}}'
    )


@pytest.mark.parametrize(
    ("play", "problem"),
    [
        ('{"vars_files": ["../outside.yml"]}', "it needs {}/outside.yml, which is not in its directory"),
        ("{}", "{}/own/b\\xff has a name that is not UTF-8"),
    ],
)
def test_an_own_playbook_that_cannot_be_sent_is_one_error_before_a_host_is_asked(play, problem, tmp_path):
    own = tmp_path / "own"
    (own / "group_vars").mkdir(parents=True)
    (own / "group_vars/all.yml").symlink_to(tmp_path / "all.yml")
    (tmp_path / "all.yml").write_text("c: d")
    (tmp_path / "outside.yml").write_text("a: b")
    (own / "site.yml").write_text(json.dumps([{"hosts": "all", **json.loads(play)}]))
    if play == "{}":
        (own / os.fsdecode(b"b\xff")).touch()
    done = mngr_ansible("apply", "--host", "build-1", "--worker", "false", "--playbook", own / "site.yml", "--json")
    (error,) = document(done)["errors"]
    assert done.returncode == 1
    assert error["problem"] == f"the playbook {own}/site.yml cannot be sent to a worker: {problem.format(tmp_path)}"
    assert "Nothing of it was run." in error["remedy"]
