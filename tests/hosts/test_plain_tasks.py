"""``render --tasks``: plain tasks of Ansible's own modules end in the state that ``apply`` ends in.

Source: docs/contract.md "Commands"; docs/ops.md "One plain task a step".
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.command_line import mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, LayerError, SshHost, User, running
from tests.support.https_server import https_server
from tests.support.registries import served
from tests.support.signing import gpg, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = '{"token": "geheim8", "many": [1,2]}\n'
"""Ansible before 2.19 takes such a text for JSON, and writes it anew."""
VAULTED = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"
"""What Ansible decrypts by itself where nobody says that it must not, or fails."""
BINARY = b"\x00\xff geheim8 \x01"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> AptRepository:
    directory = tmp_path_factory.mktemp("apt")
    directory.chmod(0o755)
    made = AptRepository(directory / "repository")
    made.add("atool", "1:2.0-1", commands={"atool": "echo atool 2.0"})
    made.add("libplain", "3.1-2")
    return made


@pytest.fixture(scope="module")
def host(packages: AptRepository, _hosts_are_possible: None) -> Iterator[SshHost]:
    with ExitStack() as hosts:
        try:
            made = hosts.enter_context(
                running(layer="languages", users=(User("dev", root_by="sudo"),), repository=packages)
            )
        except LayerError as error:
            pytest.skip(str(error))
        yield made


def by_hand(directory: Path, *options: str, **environment: str) -> str:
    """Run the playbook of a rendered directory as its README says; returns what Ansible prints."""
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", "../inventory", "provision.yml", *options]
    env = {**os.environ, **environment}
    done = subprocess.run(argv, cwd=directory / "project", capture_output=True, text=True, env=env)
    return done.stdout + done.stderr


def recap(output: str) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"(changed|failed|unreachable)=(\d+)", output)}


def modules(directory: Path) -> set[str]:
    """The modules and roles that the playbook names."""
    text = (directory / "project/provision.yml").read_text()
    return set(re.findall(r"^      ([a-z_]+\.[a-z_.]+|import_role|include_role|roles):", text, re.MULTILINE))


def rendered(tmp_path: Path, host: SshHost, wanted: dict[str, Any], *options: str) -> Path:
    manifest = tmp_path / "wanted.yml"
    manifest.write_text(json.dumps(wanted))
    words = ["--tasks", "--manifest", str(manifest), *options, *on(host)]
    done = mngr_ansible("render", tmp_path / "run", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path / "run"


def is_as_planned(tmp_path: Path, host: SshHost) -> bool:
    planned = mngr_ansible("plan", "--json", "--manifest", str(tmp_path / "wanted.yml"), *on(host))
    return set(statuses(planned).values()) == {"ok"}


def test_files_links_and_secrets_are_written_as_planned_and_a_second_run_changes_nothing(
    host: SshHost, tmp_path: Path
) -> None:
    source = tmp_path / "tree"
    (source / "sub").mkdir(parents=True)
    (source / "a").write_text("a")
    (source / "sub/run").write_text("b")
    (source / "sub/run").chmod(0o755)
    (source / "link").symlink_to("a")
    (tmp_path / "odd").write_text("{{ 7*7 }}\n")
    for name, content in (("token", TOKEN.encode()), ("key.bin", BINARY)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    files = [
        {"local_path": str(source), "remote_path": "/opt/new/tree", "owner": "nobody"},
        {"local_path": str(tmp_path / "odd"), "remote_path": "~/{{ 7*7 }} {% x", "mode": "0640"},
        {"local_path": str(tmp_path / "odd"), "remote_path": "~/kept", "if_exists": "keep"},
        {"local_path": str(tmp_path / "odd"), "remote_path": "~/saved", "if_exists": "backup"},
        {"local_path": str(tmp_path / "token"), "remote_path": "~/.token", "is_secret": True},
        {"local_path": str(tmp_path / "key.bin"), "remote_path": "~/keys/key.bin", "is_secret": True},
    ]
    dev = host.as_user("dev")
    host.run("cd /home/dev; echo own >kept; echo old >saved; chown dev: kept saved")
    run = rendered(tmp_path, dev, {"files": files, "packages": ["libplain>=3"]})
    secrets = {"MNGR_SECRET_1": TOKEN, "MNGR_SECRET_2": base64.b64encode(BINARY).decode()}

    unset = by_hand(run, MNGR_SECRET_1=TOKEN)
    encoded = by_hand(run, MNGR_SECRET_1=TOKEN, MNGR_SECRET_2="no-base64")
    checked = by_hand(run, "--check", "--diff", **secrets)
    looked = host.run("ls -A /opt; cd /home/dev; cat saved; ls -A .token keys 2>&1 || true").stdout
    outputs = [by_hand(run, **secrets) for _ in range(2)]

    assert "MNGR_SECRET_2 is not set in the environment" in unset
    assert recap(unset) == {"changed": 0, "failed": 1, "unreachable": 0}
    assert "MNGR_SECRET_2 is not base64" in encoded
    assert recap(encoded) == {"changed": 0, "failed": 1, "unreachable": 0}
    assert "tree" not in looked
    assert "old" in looked
    assert [recap(each) for each in outputs] == [
        {"changed": recap(outputs[0])["changed"], "failed": 0, "unreachable": 0},
        {"changed": 0, "failed": 0, "unreachable": 0},
    ], outputs
    assert recap(checked)["changed"] == recap(outputs[0])["changed"], checked
    assert is_as_planned(tmp_path, dev)
    assert host.run("cd /home/dev; cat kept; cat saved; cat saved.*").stdout == "own\n{{ 7*7 }}\nold\n"
    assert host.run("stat -c '%U %a' /opt/new/tree/sub/run; readlink /opt/new/tree/link").stdout == "nobody 755\na\n"
    assert host.run("cat /home/dev/.token").stdout == TOKEN
    kept = {path.name: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    kept["screen"] = "".join([unset, checked, *outputs]).encode()
    assert [name for name, content in kept.items() if b"geheim8" in content or b"Z2VoZWlt" in content] == []
    assert modules(run) == {f"ansible.builtin.{name}" for name in ("assert", "copy", "template", "file", "command")}
    assert not (run / "project/roles").exists()


def test_secrets_are_taken_from_files_that_variables_name_and_nothing_is_decrypted(
    host: SshHost, tmp_path: Path
) -> None:
    for name, content in (("token", VAULTED), ("key.bin", BINARY)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    files = [{"local_path": str(tmp_path / name), "remote_path": f"/srv/s/{name}"} for name in ("token", "key.bin")]
    (tmp_path / "plain").write_bytes(VAULTED)
    plain = {"local_path": str(tmp_path / "plain"), "remote_path": "/srv/s/plain"}
    run = rendered(tmp_path, host, {"files": [*(each | {"is_secret": True} for each in files), plain]})
    named = {"MNGR_SECRET_1_FILE": str(tmp_path / "key.bin"), "MNGR_SECRET_2_FILE": str(tmp_path / "token")}

    outputs = [by_hand(run, **named) for _ in range(2)]

    assert [recap(each)["failed"] for each in outputs] == [0, 0], outputs
    assert recap(outputs[1])["changed"] == 0
    assert is_as_planned(tmp_path, host)


def test_packages_of_every_kind_of_source_are_installed_once_and_checked_again(
    host: SshHost, packages: AptRepository, tmp_path: Path
) -> None:
    import uv

    shutil.copy(uv.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    host.run("touch /mark; sleep 0.1")
    with served() as registries, https_server(tmp_path) as server, gpg() as program:
        registries.add_npm("mtool", "2.3.0", "mtool")
        registries.add_npm("@vendor/ntool", "1.0.0", "ntool")
        registries.add_wheel("wtool", "2.3.0", "wtool")
        registries.tell(host)
        server.trusted_by(host)
        host.run("rm -f /etc/apt/sources.list.d/*")
        host.run("cat >>/etc/ssl/certs/ca-certificates.crt", stdin=server.authority.read_text())
        key = program.key()
        sign(packages, key, program)
        url = server.offer("/key.asc", key.text.encode())["url"]
        vendor = {"name": "vendor", "url": "copy:/srv/apt", "suite": "./", "key": url, "fingerprint": key.fingerprint}
        archive = server.offer("/ctool.tar.gz?sig=geheim9", archive_of("ctool"))
        sources: dict[str, list[dict[str, Any]]] = {
            "atool": [{"manager": "apt", "version": "2.0", "repository": vendor}],
            "ctool": [{"manager": "archive", "packages": ["ctool"], **archive}],
            "mtool": [{"manager": "npm"}],
            "ntool": [{"manager": "npm", "packages": ["@vendor/ntool"], "scope": "user"}],
            "wtool": [{"manager": "uv"}],
        }
        wanted = [{"name": name, "version": ">=1,<9", "sources": each} for name, each in sources.items()]
        dev = host.as_user("dev")
        run = rendered(tmp_path, dev, {"packages": wanted})
        address = {"MNGR_URL_CTOOL": archive["url"]}

        checked = by_hand(run, "--check", **address)
        before = host.run("ls /usr/local/bin; command -v atool ctool mtool ntool wtool || true").stdout
        outputs = [by_hand(run, **address) for _ in range(2)]

        assert before == "uv\n"
        assert recap(checked) == {"changed": 6, "failed": 0, "unreachable": 0}, checked  # five, and the repository
        assert [recap(each) for each in outputs] == [
            {"changed": 6, "failed": 0, "unreachable": 0},
            {"changed": 0, "failed": 0, "unreachable": 0},
        ], outputs
        assert is_as_planned(tmp_path, dev)
        assert modules(run) == {"ansible.builtin.assert", "ansible.builtin.command"}
        kept = "".join([checked, *outputs, *(each.read_text() for each in run.rglob("*.*") if each.is_file())])
        assert "geheim9" not in kept
        found = host.run("find / -xdev -newer /mark -type f -print0 | xargs -0 -r grep -lF geheim9", check=False)
        assert found.stdout == ""


def test_all_that_is_wanted_changes_nothing_restores_what_is_lost_and_pleases_ansible_lints_production_profile(
    host: SshHost, tmp_path: Path
) -> None:
    (tmp_path / "tree").mkdir()
    for name in ("a", "b", "token"):
        (tmp_path / "tree" / name).write_text(name)
    files: list[dict[str, Any]] = [{"local_path": str(tmp_path / "tree"), "remote_path": "/srv/lint/deep"}]
    files.append({"local_path": str(tmp_path / "tree/token"), "remote_path": "/srv/token", "is_secret": True})
    wanted = {"files": files, "packages": ["libplain>=3.1,<4", {"name": "atool", "is_required": False}]}
    run = rendered(tmp_path, host, wanted, "--desired")
    assert recap(by_hand(run, MNGR_SECRET_1="token"))["failed"] == 0
    shutil.rmtree(run)
    run = rendered(tmp_path, host, wanted, "--desired")
    unchanged = by_hand(run, MNGR_SECRET_1="token")
    host.run("rm -r /srv/lint")
    restored = by_hand(run, MNGR_SECRET_1="token")
    assert (recap(unchanged)["changed"], recap(restored)["changed"], recap(restored)["failed"]) == (0, 3, 0), restored
    (run / "project/.ansible-lint").write_text(yaml.safe_dump({"profile": "production", "offline": True}))

    lint = shutil.which("ansible-lint", path=str(Path(sys.executable).parent))
    if lint is None:
        pytest.skip("ansible-lint is not installed: pip install ansible-lint")
    words = [lint, "--offline", "--strict", "provision.yml"]
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=run / "project", capture_output=True, text=True, env=env)

    assert done.returncode == 0, done.stdout + done.stderr


def archive_of(name: str) -> bytes:
    packed = io.BytesIO()
    code = f"#!/bin/sh\necho {name} 2.0\n".encode()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo(f"{name}-2.0/bin/{name}")
        entry.size = len(code)
        tar.addfile(entry, io.BytesIO(code))
    return packed.getvalue()
