"""``plan --diff`` of files on a host that only root may read."""

import json

from tests.support.builders import write
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import Login


def test_of_another_user_it_is_root_who_looks_through_sudo(ssh_host, tmp_path):
    users = (Login("agent", root_by="sudo"), Login("other"))
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
