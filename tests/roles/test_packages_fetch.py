"""The module ``mngr_packages_fetch``: downloads by real hosts from a real https server."""

from __future__ import annotations

import io
import re
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hosts import SshHost, User
from tests.support.https_server import HttpsServer, http_server, https_server
from tests.support.role_playbook import Play, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartHost

_TOOL = b"#!/bin/sh\necho tool 2.0\n"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(tmp_path_factory.mktemp("https")) as running:
        yield running


@pytest.fixture
def start(ssh_host: StartHost, server: HttpsServer) -> StartHost:
    """Start hosts that trust the server."""

    def started(**options: Any) -> SshHost:
        host = ssh_host(**options)
        server.trusted_by(host)
        return host

    return started


def fetch(tmp_path: Path, host: SshHost, *requirements: object, options: tuple[str, ...] = (), **more: Any) -> Play:
    variables = {"mngr_packages_install": "auto", "mngr_packages_timeout": 60, **more}
    downloads = {"mngr_packages_downloads": list(requirements)}
    return play(tmp_path, host, "mngr_packages", *options, tasks_from="fetch", **downloads, **variables)


def archive(offer: dict[str, str], *programs: str, **more: Any) -> dict[str, Any]:
    requirement = {"name": "tool", "version": ">=2", "packages": {"archive": list(programs or ("tool",))}}
    return {**requirement, **offer, **more}


def installer(offer: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"name": "tool", "version": ">=2", "packages": {"installer": []}, **offer, **more}


def packed(mode: str, **members: bytes | tarfile.TarInfo) -> bytes:
    """A tar of these members; a name's ``__`` is a slash."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=f"w:{mode}") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size, member.mode = len(content), 0o4777
            tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def zipped(**members: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return whole.getvalue()


def message(ran: Play) -> str:
    assert ran.code == 2, ran.text
    text: str = ran.results[-1]["msg"]
    return text


def statuses(ran: Play) -> dict[str, str]:
    return {step["id"]: step["status"] for step in ran.results[-1]["mngr_steps"]}


def absent(host: SshHost, *places: str) -> bool:
    """Whether there is none of these, and no part of one beside it."""
    return all(host.run(f"ls -A {place} 2>/dev/null | grep tool", check=False).stdout == "" for place in places)


_PLACES = ("/usr/local/bin", "/root/.local/bin", "/home/dev/.local/bin")


@pytest.mark.parametrize("kind", ["tar", "gz", "xz", "bz2", "zip", "plain"])
def test_a_program_is_taken_out_of_each_kind_of_archive_and_a_second_run_downloads_nothing(
    start: StartHost, server: HttpsServer, tmp_path: Path, kind: str
) -> None:
    members = {"tool-2.0__bin__tool": _TOOL, "tool-2.0__README": b"read me", "tool-2.0__share__tool.1": b"manual"}
    made = {"zip": lambda: zipped(**members), "plain": lambda: _TOOL}
    content = made.get(kind, lambda: packed("" if kind == "tar" else kind, **members))()
    host = start()
    requirement = archive(server.offer(f"/tool.{kind}", content))
    first = fetch(tmp_path, host, requirement)
    assert (first.code, first.changed) == (0, 1), first.text
    assert first.results[-1]["installed"] == ["package:tool"]
    made_as = host.run("stat -c '%a %u %g' /usr/local/bin/tool; ls -A /usr/local/bin").stdout
    assert made_as == "755 0 0\ntool\n"
    server.requests.clear()
    second = fetch(tmp_path, host, requirement)
    assert (second.code, second.changed, server.requests) == (0, 0, []), second.text


def test_an_old_program_is_replaced_and_several_come_from_one_archive(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    host.run("echo 'echo tool 1.0' >/usr/local/bin/tool; chmod 755 /usr/local/bin/tool")
    offer = server.offer("/tool.tgz", packed("gz", tool=_TOOL, toolx=b"#!/bin/sh\necho toolx 2.0\n"))
    ran = fetch(tmp_path, host, archive(offer, "tool", "toolx"))
    assert ran.code == 0, ran.text
    assert host.run("tool; toolx").stdout == "tool 2.0\ntoolx 2.0\n"


def test_after_a_wrong_checksum_nothing_is_run_or_left_and_both_checksums_are_named(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    wrong = server.offer("/install.sh", b"touch /root/has-run")
    right = server.offer("/other", b"#!/bin/sh\necho other 1.0\n")
    other = {"name": "other", "packages": {"archive": ["other"]}, **right}
    ran = fetch(tmp_path, host, other, installer({**wrong, "sha256": "ab" * 32}))
    reason = f"/install.sh has the SHA-256 {wrong['sha256']}, expected {'ab' * 32}; nothing of it was run"
    assert reason in message(ran)
    assert message(ran).endswith("Nothing was changed.")
    assert statuses(ran) == {"package:tool": "failed"}
    assert ran.results[-1]["changed"] is False
    left = "ls -A /root/has-run /usr/local/bin /tmp /root/.ansible/tmp 2>/dev/null; true"
    assert host.run(left).stdout.replace("/usr/local/bin:", "").split() in (["/tmp:"], ["/root/.ansible/tmp:", "/tmp:"])


def test_a_redirect_away_from_https_is_refused_and_one_to_https_is_followed(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    offer = server.offer("/tool", _TOOL)
    with http_server(_TOOL) as (plain, asked):
        server.redirects |= {"/down": "/further", "/further": f"{plain}/tool", "/up": server.url("/tool")}
        ran = fetch(tmp_path, host, archive({**offer, "url": server.url("/down")}))
        assert f"it redirects to {plain}/tool, which is not https" in message(ran)
        assert asked == []
    assert absent(host, *_PLACES)
    followed = fetch(tmp_path, host, archive({**offer, "url": server.url("/up")}))
    assert followed.code == 0, followed.text


def test_a_server_with_an_untrusted_certificate_is_refused(
    ssh_host: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    ran = fetch(tmp_path, ssh_host(), archive(server.offer("/tool", _TOOL)))
    assert "the host does not trust the server's certificate" in message(ran)
    assert server.requests == []


def test_an_endless_or_silent_download_is_stopped(start: StartHost, server: HttpsServer, tmp_path: Path) -> None:
    host = start()
    server.endless.add("/endless")
    server.silent.add("/silent")
    for path in ("/endless", "/silent"):
        ran = fetch(tmp_path, host, archive({"url": server.url(path), "sha256": "0" * 64}), mngr_packages_timeout=2)
        assert f"{server.url(path)}: it took too long and was stopped" in message(ran)
    missing = fetch(tmp_path, host, archive({"url": server.url("/nowhere"), "sha256": "0" * 64}))
    assert f"{server.url('/nowhere')}: the server answered 404" in message(missing)


def test_a_password_in_the_address_is_sent_to_that_server_only_and_never_shown(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    offer = server.offer("/tool", _TOOL)
    server.redirects["/private"] = "/tool"
    url = server.url("/private").replace("https://", "https://joe:hunter22@") + "?token=sesame77"
    server.redirects["/private?token=sesame77"] = "/tool"
    failing = fetch(tmp_path, host, archive({"url": url, "sha256": "0" * 64}), options=("-vvv",))
    assert "has the SHA-256" in message(failing)
    ran = fetch(tmp_path, host, archive({**offer, "url": url}), options=("-vvv",))
    assert ran.code == 0, ran.text
    assert server.logins == ["Basic am9lOmh1bnRlcjIy", None] * 2
    for each in (failing, ran):
        shown = str(each.results)
        assert "hunter22" not in shown
        assert "sesame77" not in shown


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"url": "http://127.0.0.1/tool"}, "its url is no https address"),
        ({"sha256": None}, "an archive without a SHA-256 of 64 hexadecimal digits is never fetched"),
        ({"packages": {"archive": []}}, "archive must name the programs"),
        ({"packages": {"archive": ["../tool"]}}, "a path or an address is not a name"),
        ({"packages": {"archive": ["tool"], "installer": []}}, "either archive or installer"),
    ],
)
def test_an_unsafe_download_is_refused_before_anything_is_done(
    shared_host: SshHost, tmp_path: Path, given: dict[str, Any], reason: str
) -> None:
    ran = fetch(tmp_path, shared_host, {**archive({"url": "https://127.0.0.1:1/tool", "sha256": "0" * 64}), **given})
    assert reason in message(ran)
    assert "Nothing was changed." in message(ran)


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed("gz", up=link("tool", "/etc/shadow", tarfile.SYMTYPE)), "its tool is a link or device"),
        (packed("gz", other=_TOOL, up=link("tool", "other", tarfile.LNKTYPE)), "its tool is a link or device"),
        (packed("gz", **{"..__..__root__tool": _TOOL}), "'../../root/tool', a path that leads out of it"),
        (packed("gz", __root__tool=_TOOL), "'/root/tool', a path that leads out of it"),
        (packed("gz", a__tool=_TOOL, b__tool=_TOOL), "it contains 2 files called tool, and only one is expected"),
        (packed("gz", other=_TOOL), "it contains no file called tool (it contains other)"),
        (zipped(**{"..__tool": _TOOL}), "'../tool', a path that leads out of it"),
        (b"<html>not found</html>", "it is neither a tar (gz, bz2, xz), nor a zip, nor a program"),
        (packed("gz", tool=_TOOL)[:-20], "it cannot be unpacked"),
    ],
    ids=["symlink", "hard link", "up", "absolute", "two", "none", "zip up", "page", "cut off"],
)
def test_nothing_is_taken_out_of_a_malicious_archive(
    start: StartHost, server: HttpsServer, tmp_path: Path, content: bytes, reason: str
) -> None:
    host = start()
    ran = fetch(tmp_path, host, archive(server.offer("/tool.bin", content)))
    assert reason in message(ran)
    assert "tool: not found, needed >=2" in message(ran)
    assert absent(host, *_PLACES, "/root")
    assert ran.results[-1]["changed"] is False


def test_a_symlink_in_a_zip_is_no_program(start: StartHost, server: HttpsServer, tmp_path: Path) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as made:
        info = zipfile.ZipInfo("tool")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/shadow")
    ran = fetch(tmp_path, start(), archive(server.offer("/tool.zip", whole.getvalue())))
    assert "its tool is a link or device" in message(ran)


@pytest.mark.parametrize("root_by", ["nothing", "sudo", "doas"])
def test_the_scope_decides_where_a_program_goes_and_only_system_needs_root(
    start: StartHost, server: HttpsServer, tmp_path: Path, root_by: str
) -> None:
    login = User("dev", root_by=root_by)  # type: ignore[arg-type]
    host = start(layer="tools", users=(login,)).as_user("dev")
    if root_by == "doas":
        host.run("rm /usr/bin/sudo")
    offer = server.offer("/tool.tgz", packed("gz", tool=_TOOL))
    own = fetch(tmp_path, host, archive(offer, scope="user"))
    assert own.code == 0, own.text
    assert host.run("stat -c '%U %a' /home/dev/.local/bin/tool").stdout == "dev 755\n"
    host.run("rm /home/dev/.local/bin/tool")
    everybody = fetch(tmp_path, host, archive(offer))
    if root_by == "nothing":
        expected = f"an administrator must download {offer['url']}, see that its SHA-256 is {offer['sha256']}, "
        assert expected + "and put tool from it into /usr/local/bin as root" in message(everybody)
        assert absent(host, *_PLACES)
    else:
        assert everybody.code == 0, everybody.text
        assert host.run("stat -c '%U %a' /usr/local/bin/tool").stdout == "root 755\n"


@pytest.mark.parametrize("scope", ["system", "user"])
def test_an_installer_runs_as_root_or_as_the_remote_user_with_its_own_interpreter_and_without_a_terminal(
    start: StartHost, server: HttpsServer, tmp_path: Path, scope: str
) -> None:
    host = start(layer="tools", users=(User("dev", root_by="sudo"),)).as_user("dev")
    place = {"system": "/usr/local/bin", "user": "$HOME/.local/bin"}[scope]
    script = f"""#!/usr/bin/env bash
set -euo pipefail
[[ -z "$(cat)" ]] && ! (: </dev/tty) 2>/dev/null
case ":$PATH:" in *:"$HOME/.local/bin":*) ;; *) exit 9 ;; esac
mkdir -p "{place}"; echo "here is $(id -un) in $HOME"; pwd >/tmp/where
touch left-behind
printf '#!/bin/sh\\necho tool 2.5\\n' >"{place}/tool"; chmod 755 "{place}/tool"
"""
    ran = fetch(tmp_path, host, installer(server.offer("/install.sh", script.encode()), scope=scope))
    assert ran.code == 0, ran.text
    who = {"system": "root in /root", "user": "dev in /home/dev"}[scope]
    assert f"here is {who}" in ran.results[-1]["output"]
    assert host.run("test -e $(cat /tmp/where)", check=False).returncode, "where it ran, and what it left, is gone"
    again = fetch(tmp_path, host, installer(server.offer("/install.sh", script.encode()), scope=scope))
    assert (again.code, again.changed) == (0, 0), again.text


def test_an_installer_without_a_first_line_is_run_by_sh_and_only_the_check_decides(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    offer = server.offer("/install.sh", b"echo done, all is well")
    ran = fetch(tmp_path, host, installer(offer))
    assert f"tool: not found, needed >=2 after {offer['url']} was installed" in message(ran)
    assert ran.results[-1]["output"] == "done, all is well\n"
    old = server.offer(
        "/old.sh", b"printf '#!/bin/sh\\necho tool 1.5\\n' >/usr/local/bin/tool; chmod +x /usr/local/bin/tool"
    )
    aged = fetch(tmp_path, host, installer(old))
    assert f"tool: found 1.5 (/usr/local/bin/tool), needed >=2 after {old['url']} was installed" in message(aged)


_STUBBORN = b"""#!/bin/bash
trap '' TERM
(trap '' TERM; exec -a stubborn sleep 1000) &
setsid -f bash -c 'trap "" TERM; exec -a escaped sleep 1000'
%s
"""


@pytest.mark.parametrize("scope", ["system", "user"])
@pytest.mark.parametrize("ending", [b"exit 3", b"trap - TERM; exec sleep 1000"], ids=["fails", "hangs"])
def test_an_installer_that_fails_or_hangs_leaves_no_process(
    start: StartHost, server: HttpsServer, tmp_path: Path, scope: str, ending: bytes
) -> None:
    host = start(layer="tools", users=(User("dev", root_by="sudo"),)).as_user("dev")
    requirement = installer(server.offer("/install.sh", _STUBBORN % ending), scope=scope)
    ran = fetch(tmp_path, host, requirement, mngr_packages_timeout=20 if ending == b"exit 3" else 4)
    reason = "its installer ended with status 3" if ending == b"exit 3" else r"did not end within \d+ s and was stopped"
    assert re.search(reason, message(ran))
    assert host.run("pgrep -l 'sleep|bash'", check=False).stdout == ""


def test_an_installer_that_reads_the_terminal_gets_none(start: StartHost, server: HttpsServer, tmp_path: Path) -> None:
    script = b"#!/bin/sh\nread -r answer </dev/tty || { echo there is nobody to ask; exit 4; }\n"
    ran = fetch(tmp_path, start(), installer(server.offer("/install.sh", script)))
    assert "its installer ended with status 4" in message(ran)
    assert "there is nobody to ask" in ran.results[-1]["output"]


def test_check_mode_and_print_say_what_would_change_and_leave_nothing(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    offer = server.offer("/tool", _TOOL)
    printed = fetch(tmp_path, host, archive(offer), mngr_packages_install="print")
    expected = f"To install it, download {offer['url']}, see that its SHA-256 is {offer['sha256']}, and put tool"
    assert expected in message(printed)
    assert server.requests == []
    checked = fetch(tmp_path, host, archive(offer), options=("--check", "--diff"))
    assert (checked.code, checked.changed) == (0, 1), checked.text
    assert checked.results[-1]["installed"] == ["package:tool"]
    assert "+tool (version not known yet)" in checked.text
    wrong = fetch(tmp_path, host, archive(offer, sha256="0" * 64), options=("--check",))
    assert f"expected {'0' * 64}; nothing of it was run, and it was removed" in message(wrong)
    other = fetch(tmp_path, host, archive(server.offer("/x.tar", packed("", x=b"x"))), options=("--check",))
    assert "it contains no file called tool (it contains x)" in message(other)
    assert absent(host, *_PLACES)


def test_an_optional_download_that_fails_is_a_warning_and_the_others_are_installed(
    start: StartHost, server: HttpsServer, tmp_path: Path
) -> None:
    host = start()
    lost = {"name": "lost", "packages": {"archive": ["lost"]}, "url": server.url("/lost"), "sha256": "0" * 64}
    ran = fetch(tmp_path, host, {**lost, "is_required": False}, archive(server.offer("/tool", _TOOL)))
    assert ran.code == 0, ran.text
    assert ran.results[-1]["installed"] == ["package:tool"]
    assert statuses(ran) == {"package:lost": "failed", "package:tool": "changed"}
    assert "lost: not found, needed any version" in ran.text
    assert "It is optional" in ran.text


def test_nothing_is_installed_over_a_newer_version(start: StartHost, server: HttpsServer, tmp_path: Path) -> None:
    host = start()
    host.run("echo 'echo tool 9.0' >/usr/local/bin/tool; chmod 755 /usr/local/bin/tool")
    ran = fetch(tmp_path, host, archive(server.offer("/tool", _TOOL), version=">=2,<3"))
    assert "tool: found 9.0 (/usr/local/bin/tool), needed >=2,<3. It is never installed over" in message(ran)
    assert server.requests == []


def test_a_full_disk_leaves_the_old_program_whole(start: StartHost, server: HttpsServer, tmp_path: Path) -> None:
    host = start()
    host.run("mount -t tmpfs -o size=64k,mode=755 small /usr/local/bin")
    host.run("echo 'echo tool 1.0' >/usr/local/bin/tool; chmod 755 /usr/local/bin/tool")
    ran = fetch(tmp_path, host, archive(server.offer("/tool", _TOOL + b"#" * 200_000)))
    assert "it could not be put into /usr/local/bin" in message(ran)
    assert "No space left on device" in message(ran)
    assert host.run("tool; ls -A /usr/local/bin").stdout == "tool 1.0\ntool\n"


def test_an_empty_list_runs_no_module(shared_host: SshHost, tmp_path: Path) -> None:
    ran = fetch(tmp_path, shared_host)
    assert ran.code == 0, ran.text
    assert not [each for each in ran.results if "mngr_steps" in each]
