"""What ``docs/security.md`` promises and no other test holds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.command_line import mngr_ansible, on
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.conftest import StartHost


def test_with_a_key_no_agent_and_no_other_identity_is_used_and_nothing_is_forwarded(
    ssh_host: StartHost, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ssh_host(layer="python")
    host.run('echo "echo \\${SSH_AUTH_SOCK:-none} >>/srv/seen" >/root/.bashrc')
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    (home / ".ssh").mkdir()
    (home / ".ssh/config").write_text("Host *\n  ForwardAgent yes\n")
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL) as agent:
        try:
            wait_until((tmp_path / "agent").exists)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
            subprocess.run(["ssh-add", "-q", str(host.key)], check=True)
            (tmp_path / "file").write_text("x")
            right = mngr_ansible("apply", "--file", f"{tmp_path}/file:/srv/x", *on(host))
            where = ["--host", host.address, "--known-hosts", str(host.known_hosts)]
            wrong = mngr_ansible("plan", "--package", "sh", *where, "--key", other)
            by_agent = mngr_ansible("plan", "--package", "sh", *where)
            forwarded = set(host.run("cat /srv/seen").stdout.split())
        finally:
            agent.kill()
    assert right.returncode == 0, right.stderr
    assert (wrong.returncode, "it does not accept this user and key" in wrong.stderr) == (1, True)
    assert by_agent.returncode == 0, by_agent.stderr
    assert forwarded == {"none"}
