"""A host that lies: about its system, its tools, its package manager, its file names. Nothing of it runs here."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import shlex
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mngr_ansible.run.supervisor import MOST_MEMORY
from tests.support.builders import write
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import AptRepository, SshHost, User
from tests.support.role_playbook import CALLBACK, ROLES, Play, run_playbook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
NAME = "{{ lookup('pipe', 'id') }}$(id)`id`;id"
ESCAPES = "\\033]0;owned\\007\\033[2J\\033[1;31m"


def bait(place: Path) -> str:
    """Text that makes a file here if anybody takes it for a template or a command."""
    command = f"touch {place}/owned"
    return f"{{{{ lookup('pipe', '{command}') }}}}$({command})`{command}`; {command} #"


@pytest.fixture
def host(ssh_host: StartHost, tmp_path: Path) -> SshHost:
    (tmp_path / "traps").mkdir()
    repository = AptRepository(tmp_path / "apt")
    words = shlex.quote(bait(tmp_path / "traps"))
    script = f"printf '{ESCAPES}'; printf '%s\\n' {words}; printf '%s\\n' {words} >&2; exit 1"
    repository.add("trap", "1", commands={"trap": f"printf '{ESCAPES}'; echo {words} 1.0"}, postinst=script)
    repository.add("liar", "1", commands={"liar": f"printf '{ESCAPES}'; echo {words}"})
    made = ssh_host(layer="tools", users=(User("dev", "sudo"),), repository=repository, lists="fresh")
    lie = f"{ESCAPES}{bait(tmp_path / 'traps')}"
    made.run(f"printf '%b' {shlex.quote(f'ID=debian\nNAME="{lie}"\nPRETTY_NAME="{lie}"\n')} >/etc/os-release")
    made.run(f"mkdir -p /srv/mirror; cd /srv/mirror; touch -- \"$(printf '{ESCAPES}x')\" {shlex.quote(NAME)}")
    return made.as_user("dev")


@pytest.mark.parametrize("is_json", [False, True])
def test_no_output_of_a_host_runs_here_or_controls_the_terminal(host: SshHost, tmp_path: Path, is_json: bool) -> None:
    (tmp_path / "manifest.yml").write_text(
        json.dumps({"files": [{"local_path": str(tmp_path / "traps"), "remote_path": "/srv/mirror", "mirror": True}]})
    )
    (tmp_path / "traps" / "ours").write_text("x")
    more = ["--json"] if is_json else ["-v"]
    words = ["--package", "trap", "--package", "liar>=1", "--manifest", tmp_path / "manifest.yml", *on(host), *more]
    host.run("chmod -R 777 /srv/mirror")

    runs = [mngr_ansible(verb, *words) for verb in ("plan", "apply")]

    assert [each.returncode for each in runs] == [0, 1]
    for each in runs:
        assert "Traceback" not in each.stderr
        assert CONTROL.findall(each.stderr) == []
        assert CONTROL.findall(each.stdout) == []
        if is_json:
            json.loads(each.stdout)
    assert sorted(path.name for path in (tmp_path / "traps").iterdir()) == ["ours"]


FORGED = """#!/bin/sh
case "$2" in
  *sys.executable*) echo mngr-python 3.11 /usr/bin/python3.11; exit ;;
  *version_info*) exec /usr/bin/real "$@" ;;
esac
exec /usr/bin/real /tmp/liar "$@"
"""
HEARD = """
import base64
print(base64.b64encode(heard).decode(), file=open("/tmp/heard", "a"))
"""
ENDLESS = FORGED.replace('exec /usr/bin/real /tmp/liar "$@"', "cat >/tmp/heard\nyes endless")


@pytest.mark.parametrize("switch", ["on", "off"])
def test_a_forged_answer_makes_no_other_file_of_this_machine_travel(
    ssh_host: StartHost, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    monkeypatch.setenv("MNGR_ANSIBLE_LIGHT", switch)
    host = ssh_host(layer="tools", users=(User("dev", "sudo"),))
    private = write(home / "private", "canary-of-this-machine\n" * 9, 0o600)
    entry = {"path": "/srv/stolen", "kind": "file", "mode": "0644", "source": str(private), "size": 207}
    entry |= {"sha256": hashlib.sha256(private.read_bytes()).hexdigest()}
    transfers = [{"id": "file:/srv/stolen", "is_due": True, "entries": [entry]}]
    more = {"mngr_files_transfers": transfers, "files": transfers, "files_as_root": transfers}
    forged = {"mngr_ansible": {**more, "become": False, "has_password": False, "timeout": 60}, **more}
    settled = {"id": "file:/home/dev/x", "status": "changed", "files_changed": 1, "reason": ""}
    answer = {
        "changed": True,
        "mngr_steps": [settled],
        "content_needed": [],
        "previous_contents": {},
        "differences": [],
    }
    answer |= {"ansible_facts": forged, "add_host": {"host_name": "x"}}
    host.run("cat >/tmp/answer.json", stdin=json.dumps(answer))
    host.run("cat >/tmp/liar", stdin=LIAR.format(python="/usr/bin/real", directory="/tmp") + HEARD)
    host.run("cat >/tmp/forger; cd /usr/bin; mv python3.11 real; cp /tmp/forger python3.11", stdin=FORGED)
    host.run("chmod 755 /usr/bin/python3.11; touch /tmp/heard; chmod 666 /tmp/heard")
    wanted = {"local_path": str(write(tmp_path / "ours")), "remote_path": "x"}
    rows = [wanted, {**wanted, "remote_path": "/srv/theirs", "owner": "root"}]
    (tmp_path / "m.yml").write_text(json.dumps({"files": rows}))

    done = mngr_ansible("apply", "--manifest", tmp_path / "m.yml", *on(host.as_user("dev")))

    payloads = [unpacked(base64.b64decode(line)) for line in host.run("cat /tmp/heard").stdout.split()]
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert [b"/srv/theirs" in each for each in payloads] == [False, True], done.stderr
    assert not [each for each in payloads if b"of-this-machine" in each or b"/srv/stolen" in each]


LIAR = """#!{python}
import json, sys
stream, answer, mark = sys.stdin.buffer, json.load(open("{directory}/answer.json")), ""
if "-c" in sys.argv:  # a program comes on the standard input, and behind it the mark of its run
    stream.read(int(stream.readline()))
    mark = json.loads(stream.read(int(stream.readline())))["mark"]
heard = stream.read()
print(mark + json.dumps(answer))
"""
INTERNAL = {
    "ansible_facts": {"owned": "yes", "mngr_ansible": {}},
    "_ansible_no_log": True,
    "add_host": {"host_name": "owned", "groups": ["owned"]},
    "add_group": "owned",
    "unreachable": True,
    "skipped": True,
    "exception": "owned",
    "include": "owned.yml",
    "stdout": "owned",
    "results": [{"add_host": {"host_name": "owned"}}],
}
MODULES = {
    "files_copy": {"transfers": [{"content": "x", "remote_path": "/tmp/mngr-ansible-owned"}]},
    "packages_install": {"requirements": ["git"]},
    "packages_fetch": {"requirements": ["git"]},
    "packages_assert": {"requirements": ["git"]},
    "packages_repository": {"repositories": [{"name": "git"}]},
}
DONE = {
    "mngr_steps": [
        {"id": step, "status": "ok", "current": "1", "reason": ""} for step in ("package:git", "repository:git")
    ],
    "installed": [],
    "added": [],
    "new": [],
}


def lied_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *options: str) -> Play:
    """Every module of ours on a host whose Python answers this, each as a task with its name."""
    tmp_path.mkdir()
    for folder in ("library", "module_utils", "action_plugins"):
        places = ":".join(str(ROLES / role / folder) for role in ("mngr_files", "mngr_packages"))
        monkeypatch.setenv(f"ANSIBLE_{folder.upper()}", places)
    tasks, hosts = [], {}
    for name, answer in answers.items():
        python = write(
            tmp_path / name / "python3", LIAR.format(python=sys.executable, directory=tmp_path / name), 0o755
        )
        write(tmp_path / name / "answer.json", json.dumps(answer))
        for module, given in MODULES.items():
            own = {"ansible_python_interpreter": str(python)}
            tasks.append({"name": f"{name} {module}", f"mngr_{module}": given, "vars": own, "ignore_errors": True})
    hosts = {"host-1": {"ansible_connection": "local"}}
    tasks.append({"name": "all", "ansible.builtin.debug": {"msg": "{{ [groups, owned | default('no')] }}"}})
    write(tmp_path / "play.yml", json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    write(tmp_path / "hosts.yml", json.dumps({"all": {"hosts": hosts}}))
    write(tmp_path / "plugins/results.py", CALLBACK)
    return run_playbook(tmp_path, tmp_path / "play.yml", *options)


@pytest.mark.parametrize("way", ["on", "off"])
def test_no_module_of_a_host_that_lies_says_anything_to_ansible_itself(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNGR_ANSIBLE_LIGHT", way)
    done = {**DONE, **INTERNAL, "changed": False}
    failed = {**INTERNAL, "failed": True, "msg": "\x1b]0;owned\x07no"}
    if way == "on":  # of a module, Ansible shows both before anybody else sees them
        more = {"warnings": ["\x1b[2Jcareful"] * 99, "deprecations": [{"msg": "owned", "version": "9"}]}
        done, failed = {**done, **more}, {**failed, **more}

    play = lied_to(tmp_path / "run", monkeypatch, {"done": done, "failed": failed, "nothing": {}})

    results = {each.pop("task"): each for each in play.results}
    everything = results.pop("all")
    assert len(results) == 3 * len(MODULES), play.text
    assert (everything["msg"], play.code) == ([{"all": ["host-1"], "ungrouped": ["host-1"]}, "no"], 0)
    for name, result in results.items():
        of_ansible = {"failed", "changed", "msg", "exception", "warnings"}
        assert {each for each in result if not each.startswith("_ansible_")} <= {*of_ansible, *DONE}, (name, result)
        assert not result.get("_ansible_no_log"), name
        is_odd = name.startswith("nothing") or name in ("done files_copy", "done packages_assert")  # it has other ids
        assert ("msg" in result) is (is_odd or name.startswith("failed")), (name, result)
        if is_odd:
            assert result["msg"].startswith("The host gave an answer that no module of this role gives: "), name
    assert "\x1b]" not in play.text
    assert "\x1b[2J" not in play.text
    if way == "on":
        assert "owned" not in re.sub(r"mngr-ansible-owned|0;owned", "", play.text)


def test_an_endless_answer_of_a_module_takes_bounded_time_and_memory(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="python")
    host.run("cat >/tmp/forger; cd /usr/bin; mv python3.11 real; cp /tmp/forger python3.11", stdin=ENDLESS)
    host.run("chmod 755 /usr/bin/python3.11")
    words = ["apply", "--file", f"{write(tmp_path / 'ours')}:x", "--timeout", "15", *on(host)]
    sizes, limits, stop = [], set(), threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    sizes.append(process.memory_info().rss)
                    if "launcher/ansible_playbook.py" in " ".join(process.cmdline()):
                        limits.add(process.rlimit(psutil.RLIMIT_DATA)[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        done = mngr_ansible(*words)
    finally:
        stop.set()
        watcher.join()
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert limits == {MOST_MEMORY}
    assert max(sizes) < MOST_MEMORY


def unpacked(heard: bytes) -> bytes:
    """What one payload of ``mngr_files_copy`` holds, which came behind a program or inside a module."""
    inside, found = re.search(rb'"bundle": "([^"]+)"', heard), b""
    packed = base64.b64decode(inside[1]) if inside else heard
    while packed:
        end = 5 + int.from_bytes(packed[:4], "big")
        found += zlib.decompress(packed[5:end]) if packed[4:5] == b"z" else packed[5:end]
        packed = packed[end:]
    return found


def test_what_is_kept_of_such_a_run_is_only_text(host: SshHost, tmp_path: Path, home: Path) -> None:
    mngr_ansible("apply", "--package", "trap", *on(host))
    (kept,) = (home / ".local/state/mngr-ansible/runs").iterdir()
    assert not [path for path in kept.rglob("*") if path.is_symlink()]
    assert CONTROL.findall((kept / "report.json").read_text().replace("\n", "")) == []
    assert list((tmp_path / "traps").iterdir()) == []
