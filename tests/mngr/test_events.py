"""What programs are told while the real mngr provisions: the events of ``--format jsonl``, and no colour."""

from __future__ import annotations

import json
import os

from imbue.mngr.utils.progress import parse_progress_event

from tools.terminal import run_in_terminal

STEP = "provisioning.ansible"
GONE = "localhost: nowhere is missing (needed by manifest), and was not installed"
REMEDY = "Run `apt-get install -y nowhere`, then the same command again."


def events_of(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_provisioning_is_a_step_that_begins_advances_and_ends(local):
    manifest = local.project / "m.yml"
    manifest.write_text("files:\n  - {local_path: m.yml, remote_path: a.yml}\n")
    done = local.create("one", "--format", "jsonl", "--ansible-manifest", manifest)
    assert done.returncode == 0, done.stderr
    ours = [each for each in events_of(done) if each.get("step") == STEP]
    assert [each["kind"] for each in ours] == ["started", "advanced", "completed"]
    assert (ours[1]["completed"], ours[1]["total"]) == (1, 1)


def test_where_provisioning_fails_it_ends_with_the_problem_and_the_remedy_and_so_does_the_error(local):
    manifest = local.project / "m.yml"
    manifest.write_text("packages: [nowhere]\n")
    done = local.create("one", "--format", "jsonl", "--ansible-manifest", manifest)
    assert done.returncode == 1
    *_, started, failed, error = events_of(done)
    assert (started["kind"], started["step"]) == ("started", STEP)
    assert failed.pop("elapsed_seconds") >= 0
    assert failed == {"event": "progress", "kind": "failed", "step": STEP, "problem": GONE, "remedy": REMEDY}
    assert parse_progress_event(failed) is None  # mngr's own readers pass over it, and take nothing for done
    assert error == {"event": "error", "error_class": "PluginMngrError", "message": f"{GONE}. {REMEDY}"}
    assert done.stderr.splitlines()[-1] == f"Error: {GONE}. {REMEDY}"


def test_the_error_of_a_verb_has_the_remedy_too(local):
    done = local.run("ansible", "catalog", "nowhere", "--format", "jsonl")
    shown, error = events_of(done)
    remedy = shown["errors"][0]["remedy"]
    assert shown["event"] == "ansible_catalog"
    assert remedy
    assert error["message"] == f"{shown['errors'][0]['problem']}. {remedy}"


def test_a_terminal_gets_colours_in_mngr_too_and_a_pipe_none(local):
    words = ("ansible", "plugins", "--package", "git>=2.39")
    environment = {**os.environ, **local.environment()}
    screen, code = run_in_terminal(
        [*map(str, local.program), *words], columns=80, environment=environment, directory=local.project
    )
    shown = screen.lines()
    assert (code, shown[-1].plain.split()) == (0, ["needs", "package:git>=2.39"])
    assert any(line.spans for line in shown)
    piped = local.run(*words)
    assert "\x1b" not in piped.stdout
    assert piped.stdout.splitlines()[-1] == shown[-1].plain.rstrip()
