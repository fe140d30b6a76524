"""A host that is like Alpine: BusyBox is its whole userland, ash its shell, apk its package manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.alpine_like import make_alpine_like
from tests.support.command_line import document, mngr_ansible, on, statuses
from tests.support.hosts import User

if TYPE_CHECKING:
    from tests.conftest import StartHost


def test_files_and_packages_come_to_it_with_busyboxs_userland_by_sudo_and_by_doas(ssh_host: StartHost) -> None:
    host = ssh_host(layer="tools", users=(User("dev", "sudo"), User("rick", "doas")))
    make_alpine_like(host, mtool="2.40.1-r0", other="1.0-r1")
    words = ["--package", "mtool>=2", "--file", "/etc/hostname:/tmp/x/f", "--json"]

    planned = mngr_ansible("plan", *words, "--package", "nowhere-to-be-found", *on(host.as_user("dev")))
    done = mngr_ansible("apply", *words, *on(host.as_user("dev")))
    again = mngr_ansible("apply", *words, *on(host.as_user("dev")))
    other = mngr_ansible("apply", "--package", "other", "--json", *on(host.as_user("rick")))

    assert statuses(planned)["package:mtool"] == "missing"
    assert "Alpine Linux v3.20 offers no package nowhere-to-be-found" in planned.stdout
    assert (done.returncode, statuses(done)) == (0, {"file:/tmp/x/f": "changed", "package:mtool": "changed"})
    assert document(done)["hosts"][0]["steps"][1]["current"] == "2.40.1"
    assert (again.returncode, statuses(again)) == (0, {"file:/tmp/x/f": "ok", "package:mtool": "ok"})
    assert (other.returncode, statuses(other)) == (0, {"package:other": "changed"})
