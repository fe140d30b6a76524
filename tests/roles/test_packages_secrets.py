"""No secret of a download or of a proxy is where other users of the host, or its logs, can read it."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hosts import SshHost, User
from tests.support.https_server import HttpsServer, https_server
from tests.support.role_playbook import Play, play
from tests.support.signing import gpg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartHost

LOGINS = (User("dev", root_by="sudo"), User("dora", root_by="doas"), User("eve"))
PASSWORD = "geheim7seven"
INSTALLER = b"""#!/bin/sh
for each in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <"$each"; echo; done >/srv/seen 2>/dev/null
echo "$https_proxy" >/srv/proxy
printf '#!/bin/sh\\necho tool 2.0\\n' >/usr/local/bin/tool
chmod 755 /usr/local/bin/tool
"""


LISTENER = """
import os, socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
with open("/srv/syslog", "ab", 0) as file:
    while True:
        file.write(log.recv(65536) + bytes([10]))
"""


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(tmp_path_factory.mktemp("https")) as running:
        yield running


def fetch(tmp_path: Path, host: SshHost, offer: dict[str, str], kind: str = "installer", *options: str) -> Play:
    packages = {kind: [] if kind == "installer" else ["tool"]}
    tool: dict[str, Any] = {"name": "tool", "version": ">=2", "packages": packages, **offer}
    variables = {"mngr_packages_install": "auto", "mngr_packages_timeout": 60}
    given = {"mngr_packages_downloads": [tool], **variables}
    return play(tmp_path, host, "mngr_packages", *options, tasks_from="fetch", **given)


@pytest.mark.parametrize("login", ["root", "dev", "dora"])
def test_a_proxys_password_is_in_no_list_of_processes_and_not_in_the_log_of_sudo(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path, login: str
) -> None:
    host = ssh_host(layer="tools", users=LOGINS)
    server.trusted_by(host)
    proxy = f"http://joe:{PASSWORD}@proxy.invalid:3128"
    host.run(f"echo 'SetEnv https_proxy={proxy} no_proxy=127.0.0.1' >>/etc/ssh/sshd_config; chmod 1777 /srv")
    host.run("echo 'Defaults logfile=/var/log/sudo.log' >/etc/sudoers.d/log; touch /var/log/sudo.log")
    if login == "dora":
        host.run("rm /usr/bin/sudo")
    host.reload()
    ran = fetch(tmp_path, host.as_user(login), server.offer("/install.sh", INSTALLER))
    assert ran.code == 0, ran.text
    assert host.run("cat /srv/proxy").stdout == f"{proxy}\n"
    seen = host.run("cat /srv/seen /var/log/sudo.log").stdout
    assert "install" in seen or "download" in seen
    assert PASSWORD not in seen


@pytest.mark.parametrize("way", ["login", "query"])
def test_no_part_of_an_address_is_in_the_hosts_log_or_on_the_screen_where_the_role_is_used_alone(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path, way: str
) -> None:
    host = ssh_host(layer="tools", users=LOGINS)
    server.trusted_by(host)
    host.run(f"cat >/srv/listen.py <<'END'\n{LISTENER}\nEND")
    host.run("rm -f /dev/log; setsid python3 /srv/listen.py >/dev/null 2>&1 </dev/null & sleep 1")
    host.run("python3 -c 'import syslog; syslog.syslog(\"it is heard\")'")
    path = "/tool" if way == "login" else f"/tool?signature={PASSWORD}"
    offer = server.offer(path, b"#!/bin/sh\necho tool 2.0\n")
    if way == "login":
        offer["url"] = offer["url"].replace("https://", f"https://joe:{PASSWORD}@")
    ran = fetch(tmp_path, host, offer, "archive", "-vvv")
    assert ran.code == 0, ran.text
    with gpg() as maker:
        key = maker.key("vendor")
    server.offer(path.replace("/tool", "/key"), key.content)
    given = {"manager": "apt", "name": "third", "url": "copy:/srv/apt", "suite": "./", "component": ""}
    repository = {**given, "key": offer["url"].replace("/tool", "/key"), "fingerprint": key.fingerprint}
    variables = {"mngr_packages_install": "auto", "mngr_packages_timeout": 60}
    listed = {"mngr_packages_repositories": [repository], **variables}
    added = play(tmp_path, host, "mngr_packages", "-vvv", tasks_from="repositories", **listed)
    assert added.code == 0, added.text
    heard = host.run("cat /srv/syslog").stdout
    assert "it is heard" in heard
    assert "ansible" not in heard
    wrong = {**repository, "url": "nowhere"}
    listed["mngr_packages_repositories"] = [wrong]
    refused = play(tmp_path, host, "mngr_packages", "-vvv", tasks_from="repositories", **listed)
    assert refused.code == 2, refused.text
    unsafe = fetch(tmp_path, host, {**offer, "sha256": "none"}, "archive", "-vvv")
    assert unsafe.code == 2, unsafe.text
    heard += host.run("cat /srv/syslog").stdout
    results = [*ran.results, *added.results, *refused.results, *unsafe.results]
    assert PASSWORD not in heard + str(results)


ATTACK = """
import os, time
os.umask(0)
until = time.monotonic() + 60
while time.monotonic() < until and not os.path.exists("/srv/over"):
    for name in os.listdir("/usr/local/bin"):
        if name.startswith(".mngr-ansible"):
            try:
                os.unlink("/usr/local/bin/" + name)
                os.symlink("/etc/victim", "/usr/local/bin/" + name)
            except OSError:
                pass
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs test hosts")
def test_whoever_can_write_the_directory_of_a_program_leads_root_to_no_other_file(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = ssh_host(layer="tools", users=LOGINS)
    server.trusted_by(host)
    host.run("echo victim >/etc/victim; chmod 2777 /usr/local/bin; chmod 1777 /srv")
    host.run(f"cat >/srv/attack.py <<'END'\n{ATTACK}\nEND")
    host.as_user("eve").ssh("setsid python3 /srv/attack.py >/dev/null 2>&1 </dev/null & echo started")
    time.sleep(0.5)
    offer = server.offer("/tool", b"#!/bin/sh\necho tool 2.0\n" + b"#" * 3_000_000)
    ran = fetch(tmp_path, host, offer, "archive")
    host.run("touch /srv/over")
    assert host.run("cat /etc/victim; stat -c %a /etc/victim").stdout == "victim\n644\n"
    assert ran.code == 2, ran.text
    why = str(ran.results[-1]["msg"])  # of a directory that others can write, root runs no program either
    assert "somebody else changed the directory of /usr/local/bin/tool" in why or "root did not run" in why, why


def test_a_link_of_a_stranger_on_the_way_to_a_program_is_not_followed(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = ssh_host(layer="tools", users=LOGINS)
    server.trusted_by(host)
    host.run("mkdir /srv/system; mv /usr/local/bin /usr/local/old; chmod 1777 /usr/local")
    host.as_user("eve").ssh("ln -s /srv/system /usr/local/bin")
    offer = server.offer("/tool", b"#!/bin/sh\necho tool 2.0\n")
    ran = fetch(tmp_path, host, offer, "archive")
    assert "a link on the way to /usr/local/bin is not root's, and is not followed" in ran.results[-1]["msg"]
    assert host.run("ls -A /srv/system").stdout == ""
    host.run("chown -h 0:0 /usr/local/bin")
    assert fetch(tmp_path, host, offer, "archive").code == 0
    assert host.run("ls -A /srv/system").stdout == "tool\n"
