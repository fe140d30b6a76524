"""A rendered directory with ansible-runner, ansible-navigator, ansible-builder, and as AWX uses it.

Source: docs/awx.md; AWX's documentation, "Custom credential types", "Surveys" and "Inventory sources".
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import jsonschema
import pytest
import yaml

from mngr_ansible.run.bundle import Bundle
from mngr_ansible.run.controller_files import controller_files
from mngr_ansible.run.playbook import HostRun
from tests.support.ansible_tools import ToolError, tool
from tests.support.builders import contribution, due
from tests.support.command_line import mngr_ansible

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs/awx.md").read_text()
TOKEN = '{"token": [1,2]}\n'
BINARY = b"\x00\xff\x01"
_TEXT = {"type": "string"}
CREDENTIAL_TYPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "kind", "inputs", "injectors"],
    "properties": {
        "name": {"type": "string", "maxLength": 512},
        "description": _TEXT,
        "kind": {"enum": ["cloud", "net"]},
        "inputs": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "required": {"type": "array", "items": _TEXT},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["id", "label"],
                        "properties": {
                            "id": {"type": "string", "pattern": "^[a-zA-Z_]+[a-zA-Z0-9_]*$"},
                            "type": {"enum": ["string", "boolean"]},
                            "label": _TEXT,
                            "help_text": _TEXT,
                            **{name: {"type": "boolean"} for name in ("secret", "multiline", "ask_at_runtime")},
                        },
                    },
                },
            },
        },
        "injectors": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "env": {
                    "additionalProperties": False,
                    "patternProperties": {"^(?!ANSIBLE_)[A-Za-z_][A-Za-z0-9_]*$": _TEXT},
                }
            },
        },
    },
}
"""What AWX takes as a credential type. Source: AWX's documentation, "Custom credential types"."""
SURVEY = {
    "type": "object",
    "required": ["name", "description", "spec"],
    "properties": {
        "spec": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "question_name", "variable", "required"],
                "properties": {"type": {"const": "integer"}, "default": {"type": "integer"}, "variable": _TEXT},
            },
        }
    },
}
"""Source: AWX's documentation, "Surveys"."""


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """A manifest with a plain file, a secret and one that is no text, all for this machine."""
    (tmp_path / "plain").write_text("plain\n")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "key.bin").write_bytes(BINARY)
    (tmp_path / "void").write_text("")
    for name in ("token", "key.bin", "void"):
        (tmp_path / name).chmod(0o600)
    to = tmp_path / "there {{ 7*7 }}"
    files: list[dict[str, Any]] = [{"local_path": str(tmp_path / "plain"), "remote_path": str(to / "plain")}]
    files += [
        {"local_path": str(tmp_path / name), "remote_path": str(to / name), "is_secret": True}
        for name in ("token", "key.bin", "void")
    ]
    manifest = tmp_path / "agent-host.yml"
    manifest.write_text(json.dumps({"files": files}))
    return manifest


def written(tmp_path: Path) -> dict[str, bytes]:
    there = tmp_path / "there {{ 7*7 }}"
    return {path.name: path.read_bytes() for path in there.iterdir()} if there.is_dir() else {}


WHOLE = {"plain": b"plain\n", "token": TOKEN.encode(), "key.bin": BINARY, "void": b""}


def environment(directory: Path) -> dict[str, str]:
    """What AWX puts into a job's environment for a credential of the directory's type."""
    made = json.loads((directory / "awx/credential-type.json").read_text())
    values: dict[str, Any] = {"mngr_secret_1": base64.b64encode(BINARY).decode(), "mngr_secret_2": TOKEN}
    assert [each["id"] for each in made["inputs"]["fields"] if each.get("secret")] == [*values, "mngr_secret_3"]
    assert made["inputs"]["required"] == []
    values |= {f"mngr_secret_{number}_is_empty": number == 3 for number in (1, 2, 3)}
    render = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).from_string
    return {name: render(text).render(**values) for name, text in made["injectors"]["env"].items()}


def run(argv: list[str], directory: Path, **variables: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("options", [(), ("--tasks",)], ids=["roles", "tasks"])
def test_ansible_runner_runs_a_rendered_directory_a_second_run_changes_nothing_and_git_takes_nothing_that_it_leaves(
    wanted: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert mngr_ansible("render", tmp_path / "run", "--manifest", wanted, *options).returncode == 0
    argv = [sys.executable, "-m", "ansible_runner", "run", str(tmp_path / "run"), "-p", "provision.yml"]

    files = {f"MNGR_SECRET_{n}_FILE": str(tmp_path / name) for n, name in enumerate(("key.bin", "token", "void"), 1)}

    outputs = [run(argv, tmp_path, **environment(tmp_path / "run"))]
    git = f"git init --quiet; git add .; git ls-files artifacts; rm -r {shlex.quote(str(tmp_path / 'run/artifacts'))}"
    in_git = run(["sh", "-c", git], tmp_path / "run")
    outputs.append(run(argv, tmp_path, **files))

    assert written(tmp_path) == WHOLE
    assert in_git == ""
    (kept,) = tmp_path.glob("run/artifacts/*/command")
    assert "geheim8" not in kept.read_text()
    assert base64.b64encode(BINARY).decode() not in kept.read_text()
    assert re.search(r"changed=.*0", outputs[1].splitlines()[-1] or outputs[1].splitlines()[-2]), outputs[1]
    assert "changed=\x1b[0;33m" not in outputs[1]


def test_the_inventory_that_awx_imports_leads_to_the_same_run(wanted: Path, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    assert mngr_ansible("render", directory, "--manifest", wanted).returncode == 0
    ansible = [sys.executable, "-m", "ansible"]
    imported = run([*ansible, "inventory", "-i", "inventory", "--list", "--export"], directory)
    (tmp_path / "imported.json").write_text(imported)
    (tmp_path / "hosts").write_text(f"#!/bin/sh\ncat {shlex.quote(str(tmp_path / 'imported.json'))}\n")
    (tmp_path / "hosts").chmod(0o755)

    words = [*ansible, "playbook", "-i", str(tmp_path / "hosts"), "project/provision.yml"]
    run(words, directory, **environment(directory))

    assert written(tmp_path) == WHOLE


def test_the_survey_has_the_time_limits_of_package_managers_as_awx_takes_them() -> None:
    one = HostRun("r1", {}, due(contribution("p", "git")), None)

    files = controller_files([one], Bundle(), 585, is_plain=False)
    survey = json.loads(files["awx/survey.json"])

    jsonschema.validate(survey, SURVEY)
    asked = {each["variable"]: each["default"] for each in survey["spec"]}
    assert asked == {"mngr_packages_timeout": 585, "mngr_packages_lock_timeout": 60}
    assert sorted(controller_files([one], Bundle(), 585, is_plain=True)) == ["execution-environment.yml"]


def test_every_command_of_the_page_works_and_awx_gets_what_it_takes(
    wanted: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        tools = {name: tool(name) for name in ("ansible-builder", "ansible-navigator")}
    except ToolError as error:
        pytest.skip(str(error))
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    one = HostRun("r1", {}, due(contribution("p", "git")), None)
    survey = controller_files([one], Bundle(), 585, is_plain=False)["awx/survey.json"]
    (tmp_path / "survey.json").write_text(survey)
    (home / ".ssh").mkdir()
    (home / ".ssh/known_hosts").write_text("build-1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    (home / ".awx-token").write_text("Authorization: Bearer t0ken\n")
    # This machine stands for the hosts; it has no packages to install, so the survey is that of another directory.
    programs = {
        "mngr-ansible": f'set -- "$1" "$2" "$3" "$4" "$5"; {shlex.quote(sys.executable)} -m mngr_ansible "$@" && '
        f"cp {shlex.quote(str(tmp_path / 'survey.json'))} agent-hosts/awx/",
        "ansible-navigator": f'{shlex.join(tools["ansible-navigator"])} "$@"',
        # An image can only be built with a container engine.
        "ansible-builder": f'[ "$1" = build ] || {shlex.join(tools["ansible-builder"])} "$@"',
    }
    (tmp_path / "bin").mkdir()
    for name, line in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    path = f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    git = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    secrets = {"MNGR_SECRET_1": base64.b64encode(BINARY).decode(), "MNGR_SECRET_2": TOKEN}
    secrets |= {"MNGR_SECRET_3_FILE": "/dev/null"}
    with awx() as (url, requests):
        env = {**os.environ, **git, **secrets, "PATH": path, "AWX_URL": url}
        script = "set -e\n" + "\n".join(blocks)
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, env=env)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    directory = tmp_path / "agent-hosts"
    assert (directory / "known_hosts").read_text().startswith("build-1 ssh-ed25519")
    assert list(directory.glob("context/*file"))  # Containerfile or Dockerfile: as the engine that is there
    assert written(tmp_path) == {}  # --check
    assert re.search(r"PLAY RECAP.*changed=", done.stdout, re.DOTALL), done.stdout
    sent = {path: (method, login, json.loads(body)) for method, path, login, body in requests}
    assert {login for _, login, _ in sent.values()} == {"Bearer t0ken"}
    jsonschema.validate(sent["/api/v2/credential_types/"][2], CREDENTIAL_TYPE)
    jsonschema.validate(sent["/api/v2/job_templates/7/survey_spec/"][2], SURVEY)
    assert sent["/api/v2/job_templates/7/"] == ("PATCH", "Bearer t0ken", {"survey_enabled": True})
    made = sent["/api/v2/credential_types/"][2]
    readme = (directory / "README.md").read_text()
    variables = [name for name in made["injectors"]["env"] if not name.endswith("_FILE")]
    assert variables == re.findall(r"^\| `(MNGR_\w+)` \|", readme, re.MULTILINE)
    image = yaml.safe_load((directory / "execution-environment.yml").read_text())
    assert image["version"] == 3


@contextmanager
def awx() -> Iterator[tuple[str, list[tuple[str, str, str | None, str]]]]:
    """A stand-in for AWX's API, which only notes what it gets: method, path, login and body."""
    requests: list[tuple[str, str, str | None, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["Content-Type"] == "application/json"
            requests.append((self.command, self.path, self.headers["Authorization"], body))
            self.send_response(201)
            self.end_headers()

        do_PATCH = do_POST  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()
