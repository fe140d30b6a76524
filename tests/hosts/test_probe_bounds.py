"""What somebody puts in the way while a host is asked neither holds the plan up nor leaves a program of ours there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import tree, write
from tests.support.command_line import document, mngr_ansible, on
from tests.support.hosts import User
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost

SWAP = """
cd /home/dev/d
until pgrep -x "sha256sum|openssl" >/dev/null; do :; done
{swap}
echo done >/home/dev/swapped
"""

SWAPS = {
    "a fifo": "mkfifo n; mv -f n b",
    "a device": "ln -s /dev/zero n; mv -f n b",
    "a fifo for ever": "while :; do mkfifo n 2>/dev/null; mv -f n b; echo x >m; mv -f m b; done",
}


@pytest.mark.parametrize("case", SWAPS)
def test_a_file_that_is_exchanged_while_it_is_read_does_not_hold_a_plan_up(
    ssh_host: StartHost, tmp_path: Path, case: str
) -> None:
    host = ssh_host(layer="tools", users=(User("dev"),))
    host.run("mkdir ~dev/d; cd ~dev/d; truncate -s 500M a; echo x >b; echo c >c; chown -R dev ~dev/d")
    source = tree(tmp_path / "d", "a", "b")
    write(source / "c", "c\n")
    host.run(f"nohup runuser -u dev -- sh -c '{SWAP.format(swap=SWAPS[case])}' >/dev/null 2>&1 </dev/null &")

    began = time.monotonic()
    done = mngr_ansible("plan", "--json", "--file", f"{source}:/home/dev/d", *on(host), timeout=200)

    assert time.monotonic() - began < 90
    wait_until(lambda: not host.run("pgrep -x 'sha256sum|openssl'", check=False).stdout)
    if case != "a fifo for ever":
        assert host.run("cat /home/dev/swapped").stdout == "done\n"
        (step,) = document(done)["hosts"][0]["steps"]
        assert (step["status"], step["files"]) == ("differs", {"total": 3, "due": 2})
    elif done.returncode:
        assert "Run again: something on the host may have changed" in done.stdout


def test_no_program_is_left_where_the_time_is_up(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="tools", users=(User("dev"),))
    host.run("mkdir ~dev/d; cd ~dev/d; truncate -s 900G a; echo x >b; chown -R dev ~dev/d")
    source = tree(tmp_path / "d", "a", "b")

    done = mngr_ansible("plan", "--json", "--timeout", 10, "--file", f"{source}:/home/dev/d", *on(host), timeout=200)

    wait_until(lambda: not host.run("pgrep -x 'sha256sum|openssl'", check=False).stdout)
    (step,) = document(done)["hosts"][0]["steps"]
    assert step["status"] == "differs"


def test_many_links_that_lead_far_do_not_hold_a_plan_up(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="tools", users=(User("dev"),))
    host.run(
        "cd ~dev; mkdir d; p=.; for n in $(seq 50); do p=$p/deep$n; done; mkdir -p $p/x; "
        "for n in $(seq 400); do ln -s ../$p/../deep50/x d/l$n; done; chown -hR dev ."
    )
    sources = [write(tmp_path / "files" / f"l{number}" / "f", "x\n") for number in range(1, 401)]
    words = [word for number, each in enumerate(sources, 1) for word in ("--file", f"{each}:/home/dev/d/l{number}/f")]

    began = time.monotonic()
    done = mngr_ansible("plan", "--json", *words, *on(host), timeout=200)

    assert time.monotonic() - began < 60
    steps = document(done)["hosts"][0]["steps"]
    assert {step["status"] for step in steps} == {"missing"}
    assert len({step["real_path"] for step in steps}) == 1
