"""The role ``mngr_files`` for a user who neither logs in nor has rights: no acl package, no pipelining configured."""

import os

import pytest

from tests.support.controller import put
from tests.support.hosts import User
from tests.support.role_playbook import play


@pytest.mark.parametrize("size", [10, 6 << 20], ids=["small", "large"])
@pytest.mark.parametrize("become", [None, "root", "third"])
def test_files_arrive_for_root_for_the_remote_user_and_for_a_third_user(ssh_host, tmp_path, size, become):
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"), User("third"))).as_user("dev")
    assert host.run("command -v setfacl", check=False).stdout == ""
    content = os.urandom(size)
    put(tmp_path / "run" / "payload", content, 0o644)
    more = {} if become is None else {"ansible_become": True, "ansible_become_user": become}
    transfer = {"local_path": "payload", "remote_path": "~/down/payload"}

    first = play(tmp_path, host, "mngr_files", mngr_files_transfers=[transfer], **more)
    second = play(tmp_path, host, "mngr_files", mngr_files_transfers=[transfer], **more)

    assert (first.code, first.changed, second.code, second.changed) == (0, 1, 0, 0), first.text + second.text
    home = {None: "/home/dev", "root": "/root", "third": "/home/third"}[become]
    assert host.run(f"stat -c '%U %s' {home}/down/payload").stdout == f"{become or 'dev'} {size}\n"
    left = host.run("find / -xdev \\( -name 'mngr-ansible-bundle' -o -name '.mngr-ansible-*' \\) -type f").stdout
    assert left == ""
