"""``plan --diff`` of files on a host that only root may read."""

import json

from tests.support.builders import write
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import User


def test_a_file_of_another_user_is_read_as_root_through_sudo(ssh_host, tmp_path):
    users = (User("agent", root_by="sudo"), User("other"))
    host = ssh_host(layer="tools", users=users)
    host.run("install -d -o other -m 700 /srv/other && echo old >/srv/other/conf && chown other /srv/other/conf")
    files = [
        {
            "local_path": str(write(tmp_path / "conf", "new\n")),
            "remote_path": "/srv/other/conf",
            "owner": "other",
        }
    ]
    manifest = write(tmp_path / "m.json", json.dumps({"files": files}))

    done = mngr_ansible("plan", "--diff", "--manifest", manifest, *on(host.as_user("agent")))

    assert done.returncode == 0, done.stderr
    assert "    -old\n    +new\n" in done.stdout
    assert host.run("cat /srv/other/conf").stdout == "old\n"
