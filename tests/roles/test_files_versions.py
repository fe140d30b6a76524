"""The role on the oldest Python that it promises for hosts, and with the oldest ansible-core for controllers."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.controller import RECORDER, ROLES, mode, put, snapshot, unsafe
from tests.support.cores import CORES, HOST_PYTHONS, OLDEST, Core, NotHere, interpreter, make_core

CANARY = "canary-of-a-secret"


@dataclass(frozen=True)
class Versions:
    """The Python that runs ansible-playbook, and the one that the role finds on the host."""

    controller: Path
    host: Path


@pytest.fixture(scope="module")
def old_python() -> Path:
    try:
        return interpreter(HOST_PYTHONS[0])
    except NotHere as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def old_core(tmp_path_factory) -> Core:
    try:
        return make_core(OLDEST, CORES[OLDEST][0], tmp_path_factory.mktemp("core") / "venv")
    except NotHere as error:
        pytest.skip(str(error))


@dataclass(frozen=True)
class Played:
    code: int
    output: str
    result: dict[str, object]

    @property
    def statuses(self) -> list[str]:
        steps = self.result["mngr_steps"]
        assert isinstance(steps, list)
        return [step["status"] for step in steps]


def play(directory: Path, versions: Versions, *options: str) -> Played:
    """Run the role on this machine by plain variables."""
    tree = {"local_path": "source", "remote_path": str(directory / "out/tree"), "directory_mode": "0750"}
    secret = {"local_path": "source/key", "remote_path": str(directory / "out/key"), "is_secret": True}
    kept = {"local_path": "source/plain", "remote_path": str(directory / "out/state"), "if_exists": "keep"}
    motd = {"local_path": "motd.j2", "remote_path": str(directory / "out/motd"), "template": True}
    text = {"content": CANARY, "remote_path": str(directory / "out/text"), "is_secret": True}
    transfers = [tree, secret, kept, motd, text]
    host = {"ansible_connection": "local", "ansible_python_interpreter": str(versions.host)}
    put(directory / "inventory", b"agents:\n  hosts:\n    host-1:\n")
    put(directory / "callback_plugins/recorder.py", RECORDER.encode())
    put(directory / "host_vars/host-1.json", json.dumps(unsafe({**host, "transfers": transfers})).encode())
    book = """
        - hosts: all
          gather_facts: false
          roles:
            - role: mngr_files
              mngr_files_transfers: "{{ transfers }}"
    """
    put(directory / "book.yml", textwrap.dedent(book).encode())
    record = directory / "record"
    record.unlink(missing_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(directory / "ansible"),
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_VAULT_PASSWORD_FILE": str(put(directory / "password", b"password")),
        "ANSIBLE_CONFIG": str(put(directory / "ansible.cfg", b"")),
        "RECORD": str(record),
    }
    command = [str(versions.controller), "-P", "-m", "ansible", "playbook", "-i", "inventory", "book.yml", *options]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    results = record.read_text().splitlines() if record.exists() else []
    output = done.stdout + done.stderr
    assert results, output
    return Played(done.returncode, output, json.loads(results[-1]))


def lived_through(directory: Path, versions: Versions) -> None:
    """A check, a first run, a second one, and a small and a large change, each with what it has to say."""
    source = directory / "source"
    put(source / "plain", b"plain\n", 0o644)
    put(source / "program", b"#!/bin/sh\n", 0o755)
    put(source / "key", VaultLib([("default", VaultSecret(b"password"))]).encrypt(f"{CANARY}\n".encode()), 0o644)
    put(directory / "templates/motd.j2", b"{# gone #}\n{% if true %}\n{{ inventory_hostname }} {{ [1] }}\n{% endif %}")
    put(source / "empty" / "x").unlink()
    (source / "link").symlink_to("plain")
    out = directory / "out"

    check = play(directory, versions, "--check", "--diff")
    assert (check.code, check.statuses, out.exists()) == (0, ["changed"] * 5, False), check.output
    assert "+plain" in check.output

    first = play(directory, versions)
    assert (first.code, first.statuses) == (0, ["changed"] * 5), first.output
    assert (out / "tree/plain").read_text() == "plain\n"
    modes = {name: oct(mode(out / name) & 0o777) for name in ("tree", "tree/empty", "tree/program", "key")}
    assert modes == {"tree": "0o750", "tree/empty": "0o750", "tree/program": "0o755", "key": "0o600"}
    assert (out / "tree/link").readlink() == Path("plain")
    found = {name: (out / name).read_text() for name in ("key", "tree/key", "text", "motd")}
    assert found == {"key": f"{CANARY}\n", "tree/key": f"{CANARY}\n", "text": CANARY, "motd": "host-1 [1]\n"}

    before = snapshot(out)
    second = play(directory, versions)
    assert (second.code, second.statuses) == (0, ["ok"] * 5), second.output
    assert snapshot(out) == before

    (source / "plain").write_text("other\n")
    check = play(directory, versions, "--check", "--diff")
    assert check.statuses == ["changed", *["ok"] * 4]
    assert "-plain" in check.output
    assert "+other" in check.output

    (source / "large").write_bytes(os.urandom(3 << 20))
    third = play(directory, versions, "--diff")
    assert (third.code, third.statuses) == (0, ["changed", *["ok"] * 4]), third.output
    assert (out / "tree/large").read_bytes() == (source / "large").read_bytes()
    assert (out / "state").read_text() == "plain\n"
    for run in (check, first, second, third):
        assert CANARY not in run.output + json.dumps(run.result)


def test_the_role_works_on_a_host_with_python_3_9(tmp_path, old_python):
    lived_through(tmp_path, Versions(Path(sys.executable), old_python))


@pytest.mark.slow
def test_the_role_works_with_the_oldest_ansible_core(tmp_path, old_core):
    python = Path(old_core.program("python"))
    asked = [python, "-c", "import ansible.release; print(ansible.release.__version__)"]
    assert subprocess.run(asked, capture_output=True, text=True).stdout.startswith(f"{OLDEST}.")

    lived_through(tmp_path, Versions(python, Path(sys.executable)))
