"""What messages advise, done word for word on a host: the same command works then, and nothing else was harmed."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import AptRepository, SshHost, User, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def host(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A host with a user ``dev``, whose apt offers ``mtool`` 1.0 and 2.0, of which 1.0 is installed."""
    place = tmp_path_factory.mktemp("apt")
    place.chmod(0o755)
    offered = AptRepository(place / "apt")
    offered.add("mtool", "1.0", commands={"mtool": "echo mtool 1.0"})
    offered.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    with running(layer="python", users=(User("dev"),), repository=offered, lists="fresh") as made:
        made.run("apt-get install -y -qq mtool=1.0")
        yield made


def error(host: SshHost, *words: object) -> dict[str, str]:
    """The error of a plan for the user ``dev``."""
    (found,) = document(mngr_ansible("plan", *(words or ("--package", "mtool")), *on(host), "--json"))["errors"]
    return found


def works(host: SshHost, *words: object) -> bool:
    """Whether files are copied."""
    done = mngr_ansible("apply", *words, *on(host))
    assert done.returncode == 0, done.stderr
    return True


def found(pattern: str, text: str) -> str:
    """What the group of this pattern finds in a text."""
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def test_a_shell_in_a_start_up_file_is_left_to_terminals(host: SshHost) -> None:
    dev = host.as_user("dev")
    host.run("cat >/home/dev/.bashrc", stdin="PS1=x\nexec bash --norc\n")
    said = error(dev)
    line = found(r"line (\d+) ", said["problem"])
    guard = found(r"put this line before it: (.+ esac)\. Nothing", said["remedy"])
    host.run(f"cat >/tmp/line; sed -i '{line}{{e cat /tmp/line\n}}' /home/dev/.bashrc", stdin=f"{guard}\n")
    assert works(dev, "--file", "/etc/hostname:guarded")
    host.run("rm /home/dev/.bashrc")


def test_a_start_up_file_reads_from_elsewhere(host: SshHost) -> None:
    dev = host.as_user("dev")
    host.run("echo 'read -r line' >/home/dev/.bashrc")
    said = error(dev)
    host.run(f"echo 'read -r line {found('(< /dev/null)', said['remedy'])}' >/home/dev/.bashrc")
    assert works(dev, "--file", "/etc/hostname:read")
    host.run("rm /home/dev/.bashrc")


def test_the_line_for_the_profile_puts_a_tool_into_the_path(host: SshHost) -> None:
    dev = host.as_user("dev")
    host.run("mkdir -p /home/dev/.local/odd/bin /home/dev/.local/bin")
    host.run("printf '#!/bin/sh\\necho own 1.0\\n' >/home/dev/.local/bin/own; chmod 755 /home/dev/.local/bin/own")
    host.run("chown -R dev: /home/dev; rm -f /home/dev/.profile /home/dev/.bash_profile")
    words = ("plan", "--package", "own", *on(dev), "--json")
    (notice,) = document(mngr_ansible(*words))["notices"]
    host.run("cat >/home/dev/.profile", stdin=found(r"add to ~/\.profile: (.+)$", notice["text"]) + "\n")
    again = mngr_ansible(*words)
    assert (document(again)["notices"], statuses(again)) == ([], {"package:own": "ok"})


def test_a_protected_file_is_written_after_the_command_that_is_shown(host: SshHost) -> None:
    host.run("echo theirs >/srv/kept; chattr +i /srv/kept")
    words = ("--file", "/etc/hostname:/srv/kept")
    (step,) = document(mngr_ansible("plan", *words, *on(host), "--json"))["hosts"][0]["steps"]
    assert step["status"] == "blocked"
    host.run(found(r"run on the host: (chattr -i /srv/kept)", step["reason"]))
    assert works(host, *words)


def test_a_package_on_hold_is_found_as_advised_and_upgraded_when_it_is_released(host: SshHost) -> None:
    host.run("apt-mark hold mtool")
    held = mngr_ansible("apply", "--package", "mtool>=2", *on(host), "--json")
    reason = document(held)["hosts"][0]["steps"][0]["reason"]
    assert held.returncode == 1
    named = host.run(found(r"on the host with: (apt-mark showhold)", reason)).stdout.split()
    assert named == ["mtool"]
    host.run("apt-mark unhold mtool")
    assert works(host, "--package", "mtool>=2")


def test_an_old_and_an_unknown_host_key_are_replaced_as_advised(host: SshHost, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    mine = host.known_hosts.read_text()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    other = (tmp_path / "other.pub").read_text().rsplit(" ", 1)[0]
    known.write_text(f"{mine.split(' ', 1)[0]} {other}\n")
    words = ("--package", "mtool", "--host", host.address, "--key", str(host.key), "--known-hosts", str(known))

    def said() -> dict[str, str]:
        (only,) = document(mngr_ansible("plan", *words, "--json"))["errors"]
        return only

    changed = said()
    assert "is not the one in known_hosts" in changed["problem"]
    subprocess.run(["sh", "-c", found(r"(ssh-keygen -R .+?)\. Nothing", changed["remedy"])], check=True)
    unknown = said()
    assert "is not known" in unknown["problem"]
    scan = found(r"(ssh-keyscan [^.]*127\.0\.0\.1)", unknown["remedy"])
    keys = subprocess.run(["sh", "-c", scan], capture_output=True, text=True, check=True).stdout
    assert mine.split()[2] in keys
    known.write_text(keys)
    assert mngr_ansible("plan", *words).returncode == 0
