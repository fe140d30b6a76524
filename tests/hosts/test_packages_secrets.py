"""What a vendor's address holds besides the place is nowhere: not on the screen, not kept, and not on the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import User
from tests.support.https_server import https_server
from tests.support.signing import gpg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

LOGIN, SIGNATURE = "geheim7login", "geheim7signature"


@pytest.mark.parametrize("login", ["root", "dev"])
def test_login_and_query_of_addresses_are_found_nowhere_whether_a_run_fails_or_not(
    ssh_host: StartHost, home: Path, tmp_path: Path, login: str
) -> None:
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"),))
    host.run("echo 'Defaults logfile=/var/log/sudo.log' >/etc/sudoers.d/log; touch /mark; sleep 0.1; chmod 1777 /srv")
    installer = (
        b"#!/bin/sh\nfor each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$each; echo; done >/srv/seen 2>/dev/null\n"
    )
    installer += b"printf '#!/bin/sh\\necho tool 2.0\\n' >/usr/local/bin/tool; chmod 755 /usr/local/bin/tool\n"
    with https_server(tmp_path) as server, gpg() as maker:
        server.trusted_by(host)
        key = maker.key("vendor")
        server.offer(f"/key?sig={SIGNATURE}", key.content)
        offer = server.offer(f"/install.sh?sig={SIGNATURE}", installer)
        offer["url"] = offer["url"].replace("https://", f"https://joe:{LOGIN}@")
        key_url = server.url(f"/key?sig={SIGNATURE}").replace("https://", f"https://joe:{LOGIN}@")
        vendor = {"name": "vendor", "url": "copy:/srv/nowhere", "suite": "./", "key": key_url}
        added: dict[str, Any] = {"manager": "apt", "repository": {**vendor, "fingerprint": key.fingerprint}}
        tools = {
            "wrong": [{"name": "tool", "sources": [{"manager": "installer", **offer, "sha256": "0" * 64}]}],
            "none": [{"name": "tool", "sources": [{"manager": "installer", "url": offer["url"]}]}],
            "repository": [{"name": "atool", "sources": [added]}],
            "right": [{"name": "tool", "sources": [{"manager": "installer", **offer}]}],
        }
        shown, codes = "", []
        for name, packages in tools.items():
            manifest = tmp_path / f"{name}.yml"
            manifest.write_text(json.dumps({"packages": packages}))
            for words in (["plan", "--json"], ["plan", "--commands"], ["apply", "-v"], ["apply", "--json"]):
                done = mngr_ansible(*words, "--manifest", str(manifest), *on(host.as_user(login)))
                shown += done.stdout + done.stderr
                codes.append((name, words, done.returncode))
        host.run("rm /usr/local/bin/tool")
        for name, variable, address in (
            ("repository", "MNGR_URL_VENDOR_KEY", key_url),
            ("right", "MNGR_URL_TOOL", offer["url"]),
        ):
            words = ["render", str(tmp_path / "rendered" / name), "--manifest", str(tmp_path / f"{name}.yml")]
            shown += mngr_ansible(*words, *on(host.as_user(login))).stderr
            unset, done = (
                by_hand(tmp_path / "rendered" / name),
                by_hand(tmp_path / "rendered" / name, variable, address),
            )
            assert f"Set {variable} in the environment to the whole address" in unset, unset
            shown += unset + done
        kept = [path for path in (tmp_path / "rendered").rglob("*") if path.is_file()]
    assert host.run("tool; ls /etc/apt/keyrings").stdout == "tool 2.0\n"
    assert (codes[-2][2], codes[-1][2]) == (0, 0), shown
    assert "MNGR_URL_TOOL" in shown
    assert "MNGR_URL_VENDOR_KEY" in shown
    kept += [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in kept if path.name == "events.jsonl"], codes
    texts = {str(path): path.read_bytes().decode("latin-1") for path in kept}
    texts |= {"screen": shown, "argv": host.run("cat /srv/seen /var/log/sudo.log", check=False).stdout}
    for secret in (LOGIN, SIGNATURE):
        assert [name for name, each in texts.items() if secret in each] == []
        found = host.run(f"find / -xdev -newer /mark -type f -print0 | xargs -0 -r grep -lF {secret}", check=False)
        assert found.stdout == ""


def by_hand(directory: Path, variable: str = "", value: str = "") -> str:
    """What Ansible prints about a rendered directory."""
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", "../inventory", "provision.yml"]
    environment = {**os.environ, **({variable: value} if variable else {})}
    done = subprocess.run(argv, cwd=directory / "project", capture_output=True, text=True, env=environment)
    return done.stdout + done.stderr
