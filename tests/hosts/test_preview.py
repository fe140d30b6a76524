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


STORM = """
cd /srv/dev
while [ -e /srv/dev/go ]; do
  mv d away; ln -s /srv/rootonly d; sleep 0.2; rm d; mv away d; sleep 0.4
done
"""


def test_a_directory_that_its_owner_exchanges_for_a_link_shows_nothing_of_root_alone(ssh_host, tmp_path):
    host = ssh_host(layer="tools", users=(User("dev"),))
    host.run(
        "install -d -o dev /srv/dev /srv/dev/d; echo public >/srv/dev/d/victim; install -m 700 -d /srv/rootonly;"
        "echo canary >/srv/rootonly/victim; touch /srv/dev/go; chown dev /srv/dev/go"
    )
    source = write(tmp_path / "victim", "new\n")
    attacker = ["nohup", "runuser", "-u", "dev", "--", "sh", "-c", f"'{STORM}'"]
    host.run(f"{' '.join(attacker)} >/dev/null 2>&1 </dev/null &")

    shown = [
        mngr_ansible("plan", "--diff", "--json", "--file", f"{source}:/srv/dev/d/victim", *on(host)) for _ in range(12)
    ]

    host.run("rm /srv/dev/go")
    assert [done.stdout for done in shown if "canary" in done.stdout + done.stderr] == []
    assert any("-public" in done.stdout for done in shown)
