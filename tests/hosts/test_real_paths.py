"""A plan says where a destination really is, and refuses what a run would refuse: links of other users on its way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import write
from tests.support.command_line import document, mngr_ansible, on
from tests.support.hosts import User

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

USERS = (User("dev"), User("eve"), User("ops", root_by="sudo"))
OPS = {"as_user": "ops"}
BY = 'by() { user=$1; shift; runuser -u "$user" -- "$@"; }\n'

BLOCKED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a link to a directory of root's": (
        "install -d /srv/system; by dev ln -s /srv/system ~dev/.config",
        {"remote_path": "/home/dev/.config/x"},
        "/home/dev/.config is a link of dev to /srv/system, which belongs to root; root does not follow it",
    ),
    "the same for another owner": (
        "install -d /srv/system; by dev ln -s /srv/system ~dev/.config",
        {"remote_path": "/home/dev/.config/x", "owner": "eve"},
        "/home/dev/.config is a link of dev to /srv/system, which belongs to root; root does not follow it",
    ),
    "the owner's link to where the owner may not write": (
        "install -d /srv/system; by dev ln -s /srv/system ~dev/.bashrc.d",
        {"remote_path": "/home/dev/.bashrc.d/x", "owner": "dev"},
        "/home/dev/.bashrc.d is a link of dev to /srv/system, where dev may not write",
    ),
    "a link out of a directory that is the user's own": (
        "by dev ln -s /home/dev/../../etc/profile.d ~dev/d",
        {"remote_path": "/home/dev/d/x"},
        "/home/dev/d is a link of dev to /etc/profile.d, which belongs to root",
    ),
    "a relative link": (
        "by dev ln -s ../../etc ~dev/d",
        {"remote_path": "/home/dev/d/profile.d/x"},
        "/home/dev/d is a link of dev to /etc/profile.d, which belongs to root",
    ),
    "a link to a third user's": (
        "by dev ln -s /home/eve ~dev/d",
        {"remote_path": "/home/dev/d/x"},
        "/home/dev/d is a link of dev to /home/eve, which belongs to eve",
    ),
    "a link to a link of a third user": (
        "by dev ln -s /home/eve/d ~dev/d; by eve ln -s /srv ~eve/d",
        {"remote_path": "/home/dev/d/x"},
        "is a link that depends on dev and eve; root follows no link of two users",
    ),
    "what does not exist there yet": (
        "by dev ln -s /srv ~dev/d",
        {"remote_path": "/home/dev/d/new/deep/x"},
        "/home/dev/d is a link of dev to /srv, which belongs to root",
    ),
    "root's link in a directory of the user": (
        "ln -s /etc ~dev/d",
        {"remote_path": "/home/dev/d/x"},
        "/home/dev/d is a link of dev to /etc, which belongs to root",
    ),
    "an ordinary user and a link of another": (
        "install -d -m 777 /srv/all; by dev ln -s /srv/all /tmp/d",
        {"remote_path": "/tmp/d/x", **OPS},
        "/tmp/d is a link of dev, and we are not that user; it is not followed",
    ),
}

FREE: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "no link": ("true", {"remote_path": "/srv/x"}, None),
    "root's directory in a home": ("install -d ~dev/d", {"remote_path": "/home/dev/d/x"}, None),
    "a link of the system": ("true", {"remote_path": "/var/run/mine/x"}, "/run/mine/x"),
    "a home that root linked": (
        "mv /home/dev /srv/dev; ln -s /srv/dev /home/dev",
        {"remote_path": "/home/dev/.x"},
        "/srv/dev/.x",
    ),
    "a user's link to that user's directory": (
        "install -d -o dev /srv/dots; by dev ln -s /srv/dots ~dev/.config",
        {"remote_path": "/home/dev/.config/x"},
        "/srv/dots/x",
    ),
    "the owner's link to where the owner may write": (
        "install -d -m 1777 /srv/all; by dev ln -s /srv/all ~dev/.config",
        {"remote_path": "/home/dev/.config/x", "owner": "dev"},
        "/srv/all/x",
    ),
    "a link of one's own": (
        "install -d -o ops /srv/mine; by ops ln -s /srv/mine ~ops/d",
        {"remote_path": "/home/ops/d/x", **OPS},
        "/srv/mine/x",
    ),
}


def plan(host: SshHost, tmp_path: Path, given: dict[str, Any], *words: str) -> dict[str, Any]:
    """The document of a plan of one file."""
    wanted = {key: value for key, value in given.items() if key != "as_user"}
    source = str(write(tmp_path / "x", "x\n"))
    manifest = write(tmp_path / "m.json", json.dumps({"files": [{"local_path": source, **wanted}]}))
    login = host.as_user(given["as_user"]) if "as_user" in given else host
    done = mngr_ansible("plan", "--json", "--manifest", manifest, *words, *on(login))
    assert done.returncode == 0, done.stdout
    return document(done)


@pytest.mark.parametrize("case", BLOCKED)
def test_a_link_of_a_user_to_what_is_not_that_users_blocks_the_step(
    ssh_host: StartHost, tmp_path: Path, case: str
) -> None:
    before, given, reason = BLOCKED[case]
    host = ssh_host(layer="tools", users=USERS)
    host.run(BY + before)

    (step,) = plan(host, tmp_path, given)["hosts"][0]["steps"]

    assert (step["status"], reason in step["reason"]) == ("blocked", True), step


@pytest.mark.parametrize("case", FREE)
def test_every_other_way_is_free_and_a_plan_says_where_it_leads(ssh_host: StartHost, tmp_path: Path, case: str) -> None:
    before, given, real = FREE[case]
    host = ssh_host(layer="tools", users=USERS)
    host.run(BY + before)

    found = plan(host, tmp_path, given)

    (step,) = found["hosts"][0]["steps"]
    assert (step["status"], step.get("real_path")) == ("missing", real), step
    notices = [each["text"] for each in found["notices"] if "is a link to" in each["text"]]
    assert [given["remote_path"] in each for each in notices] == ([True] if real else [])
