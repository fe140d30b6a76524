"""Where root, and an ordinary user, let other people's links and directories lead them, with whole runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.attacks.scene import (
    NEW,
    ROOT,
    SECRET,
    SUDO,
    USERS,
    Attack,
    Request,
    planted,
    sources,
)
from tests.support.command_line import document, mngr_ansible, on

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.hosts import SshHost


class Place:
    """A host, and a directory of sources for it."""

    def __init__(self, host: SshHost, directory: Path) -> None:
        self.host = host
        self.sources = sources(directory / "sources")
        self._manifest = directory / "manifest.json"
        host.run("mkdir -p /srv/public && chmod 0700 /home/dev /home/other")

    def run(
        self, verb: str, *files: dict[str, Any], user: str = "root", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the whole command with these transfers; ``local_path`` is a name in ``sources``."""
        made = [{"local_path": "new", **each} for each in files]
        made = [{**each, "local_path": str(self.sources / each["local_path"])} for each in made]
        self._manifest.with_suffix(".yml").write_text(json.dumps({"files": made}))
        manifest = ["--manifest", str(self._manifest.with_suffix(".yml"))]
        return mngr_ansible(verb, "--json", *manifest, *options, *on(self.host.as_user(user)), timeout=240)

    def look(self, *paths: str) -> list[str]:
        """Owner, group, mode, kind and name of what is there, without following links."""
        return self.host.run(f"stat -c '%U:%G %a %F %n' {' '.join(paths)} 2>&1", check=False).stdout.splitlines()

    def everything(self) -> set[str]:
        """What could be changed, and how it is: path, owner, group, mode, size, number of names, time of change."""
        places = "/etc/profile.d /srv /home/other /home/dev /tmp/*"
        form = "%p %U %G %m %s %n %T@ %C@\\n"
        return set(self.host.run(f"find {places} -xdev -printf '{form}' 2>/dev/null; true").stdout.splitlines())


def steps(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """The status and the reason of every step, by id."""
    (host,) = document(done)["hosts"]
    return {step["id"]: (step["status"], step.get("reason") or "") for step in host["steps"]}


@pytest.fixture
def place(ssh_host: Callable[..., SshHost], tmp_path: Path) -> Place:
    return Place(ssh_host(layer="tools", users=USERS), tmp_path)


REFUSED = {
    "a link of the owner's to root's directory": (
        "mkdir -p /srv/system; runuser -u dev -- ln -s /srv/system /home/dev/.config",
        {"remote_path": "/home/dev/.config/app", "local_path": "tree", "mirror": True},
    ),
    "a link of the owner's to /etc/profile.d": (
        "runuser -u dev -- ln -s /etc/profile.d /home/dev/.bashrc.d",
        {"remote_path": "/home/dev/.bashrc.d/app.sh"},
    ),
    "a link of the owner's to another user's directory": (
        "runuser -u other -- mkdir /home/other/own; runuser -u dev -- ln -s /home/other/own /home/dev/own",
        {"remote_path": "/home/dev/own/app"},
    ),
    "a link in a directory that everybody can write": (
        "runuser -u mallory -- ln -s /etc/profile.d /tmp/app",
        {"remote_path": "/tmp/app/x.sh"},
    ),
    "a link of a link": (
        "runuser -u dev -- ln -s /etc/profile.d /home/dev/second; runuser -u dev -- ln -s second /home/dev/first",
        {"remote_path": "/home/dev/first/x.sh"},
    ),
    "a link to the directory above": (
        "runuser -u dev -- ln -s ../../../etc/profile.d /home/dev/up",
        {"remote_path": "/home/dev/up/x.sh"},
    ),
    "a link through /proc": (
        "runuser -u dev -- ln -s /proc/self/root/etc/profile.d /home/dev/proc",
        {"remote_path": "/home/dev/proc/x.sh"},
    ),
    "a link of root's in a directory of the owner's": (
        "ln -s /etc/profile.d /home/dev/rooted",
        {"remote_path": "/home/dev/rooted/x.sh"},
    ),
}
"""What a user does, and a transfer that root must not do then."""
SEEN_LATE = ("a link through /proc",)
"""Where such a link leads depends on the process that follows it: no plan can say it, and the reason may name /proc."""


@pytest.mark.parametrize("how", ["root", "sudo"])
@pytest.mark.parametrize("case", REFUSED)
def test_root_does_not_follow_what_others_can_lead_elsewhere(place: Place, case: str, how: str) -> None:
    prepare, transfer = REFUSED[case]
    place.host.run(f"{prepare}; for d in /srv/system /home/other/own; do [ ! -d $d ] || touch $d/kept; done")
    before = place.everything()
    user, options = ("root", ()) if how == "root" else ("ops", ("--become",))

    planned = place.run("plan", transfer, user=user, options=options)
    applied = place.run("apply", transfer, user=user, options=options)

    assert place.everything() - before == set()
    assert before - place.everything() == set()
    assert applied.returncode == 1, applied.stdout
    ((status, reason),) = steps(applied).values()
    assert status in ("blocked", "failed"), applied.stdout
    ((planned_status, planned_reason),) = steps(planned).values()
    if case not in SEEN_LATE:
        assert (planned_status, planned_reason) == ("blocked", reason), "the plan says so beforehand"
        assert transfer["remote_path"].rpartition("/")[0] in reason


@pytest.mark.parametrize("owner", ["dev", "other"])
def test_a_links_target_is_not_given_to_the_owner(place: Place, owner: str) -> None:
    place.host.run("mkdir -p /srv/system/sub; touch /srv/system/kept /srv/system/sub/kept")
    place.host.run("cd /home/dev && ln -s /srv/system .config", user="dev")
    before = place.look("/srv/system", "/srv/system/kept", "/srv/system/sub", "/srv/system/sub/kept")

    tree = {"local_path": "tree", "mirror": True, "owner": owner, "directory_mode": "0700"}
    done = place.run("apply", {**tree, "remote_path": "/home/dev/.config/sub"})

    assert done.returncode == 1, done.stdout
    assert place.look("/srv/system", "/srv/system/kept", "/srv/system/sub", "/srv/system/sub/kept") == before


LEGITIMATE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a link of the system's": ("ln -sfn /run /var/run", {"remote_path": "/var/run/app"}, "/run/app", "root:root"),
    "merged directories": ("ls -d /bin", {"remote_path": "/bin/app"}, "/usr/bin/app", "root:root"),
    "a home that root linked": (
        "mv /home/dev /srv/dev; ln -s /srv/dev /home/dev",
        {"remote_path": "/home/dev/sub/app", "owner": "dev"},
        "/srv/dev/sub/app",
        "dev:",
    ),
    "root's file in a user's home": ("true", {"remote_path": "/home/dev/a/b/app"}, "/home/dev/a/b/app", "root:root"),
    "a user's file in his home": (
        "true",
        {"remote_path": "/home/dev/.config/app/x", "owner": "dev", "group": "dev"},
        "/home/dev/.config/app/x",
        "dev:dev",
    ),
    "a link of the owner's to his own directory": (
        "runuser -u dev -- sh -c 'mkdir /home/dev/dotfiles; ln -s dotfiles /home/dev/.config'",
        {"remote_path": "/home/dev/.config/app", "owner": "dev"},
        "/home/dev/dotfiles/app",
        "dev:",
    ),
    "a link of the owner's to his own directory, for root's file": (
        "runuser -u dev -- sh -c 'mkdir /home/dev/dotfiles; ln -s /home/dev/dotfiles /home/dev/.config'",
        {"remote_path": "/home/dev/.config/app"},
        "/home/dev/dotfiles/app",
        "root:root",
    ),
    "a link of the owner's to where he may write himself": (
        "mkdir -p /srv/drop; chmod 1777 /srv/drop; runuser -u dev -- ln -s /srv/drop /home/dev/drop",
        {"remote_path": "/home/dev/drop/app", "owner": "dev"},
        "/srv/drop/app",
        "dev:",
    ),
    "a directory of a third user's in the owner's": (
        "install -d -o dev -m 0777 /home/dev/shared; install -d -o mallory /home/dev/shared/his",
        {"remote_path": "/home/dev/shared/his/app"},
        "/home/dev/shared/his/app",
        "root:root",
    ),
    "a link at the destination itself": (
        "runuser -u dev -- ln -s /etc/passwd /home/dev/app",
        {"remote_path": "/home/dev/app"},
        "/home/dev/app",
        "root:root",
    ),
    "a directory of everybody's": ("true", {"remote_path": "/tmp/app"}, "/tmp/app", "root:root"),
}
"""What stays possible: how the host is, a transfer of root's, where the file is then, and whose (as a beginning)."""


@pytest.mark.parametrize("case", LEGITIMATE)
def test_what_is_legitimate_stays_possible(place: Place, case: str) -> None:
    prepare, transfer, real, owner = LEGITIMATE[case]
    place.host.run(prepare)

    first = place.run("apply", {**transfer, "mode": "0644"})
    second = place.run("apply", {**transfer, "mode": "0644"})

    assert [status for status, _ in steps(first).values()] == ["changed"], first.stdout
    assert [status for status, _ in steps(second).values()] == ["ok"], second.stdout
    (seen,) = place.look(real)
    assert seen.startswith(owner), seen
    assert seen.endswith(f"644 regular file {real}")
    assert place.host.run(f"cat {real}").stdout == NEW


@pytest.mark.parametrize(
    ("prepare", "status"),
    [
        ("cd /home/dev && mkdir real && ln -s real own", "changed"),
        ("cd /home/dev && ln -s /tmp own", "changed"),
    ],
    ids=["to his own directory", "to everybody's directory"],
)
def test_a_user_follows_his_own_links(place: Place, prepare: str, status: str) -> None:
    place.host.run(prepare, user="dev")
    done = place.run("apply", {"remote_path": "/home/dev/own/app"}, user="dev")
    assert [each for each, _ in steps(done).values()] == [status], done.stdout


def test_a_user_does_not_follow_another_users_links(place: Place) -> None:
    place.host.run("mkdir /home/dev/private", user="dev")
    place.host.run("mkdir -m 0777 /srv/share")
    place.host.run("ln -s /home/dev/private /srv/share/link; mkdir -m 0777 /srv/share/directory", user="mallory")

    led = place.run("apply", {"remote_path": "/srv/share/link/app"}, user="dev")
    shared = place.run("apply", {"remote_path": "/srv/share/directory/app"}, user="dev")

    assert [status in ("blocked", "failed") for status, _ in steps(led).values()] == [True], led.stdout
    assert place.host.run("ls /home/dev/private").stdout == ""
    assert [status for status, _ in steps(shared).values()] == ["changed"], shared.stdout


@pytest.mark.parametrize("if_exists", ["replace", "backup"])
def test_a_secret_does_not_belong_to_whoever_made_the_file_first(place: Place, if_exists: str) -> None:
    place.host.run("umask 0; echo mine >/tmp/token; chmod 0666 /tmp/token", user="dev")
    secret = {"local_path": "secret", "is_secret": True, "if_exists": if_exists}

    done = place.run("apply", {**secret, "remote_path": "/tmp/token"})

    assert [status for status, _ in steps(done).values()] == ["changed"], done.stdout
    assert place.look("/tmp/token") == ["root:root 600 regular file /tmp/token"]
    assert SECRET not in place.host.run("cat /tmp/token", user="dev", check=False).stdout


def test_an_owner_is_kept_only_where_nobody_else_can_write(place: Place) -> None:
    place.host.run("echo old >/tmp/public; echo old >/home/dev/own", user="dev")
    place.host.run("mkdir -m 0775 /srv/team; chgrp mallory /srv/team; echo old >/srv/team/x; chown dev /srv/team/x")

    done = place.run("apply", *({"remote_path": each} for each in ("/tmp/public", "/home/dev/own", "/srv/team/x")))

    assert done.returncode == 0, done.stdout
    owners = [each.split(":")[0] for each in place.look("/tmp/public", "/home/dev/own", "/srv/team/x")]
    assert owners == ["root", "dev", "root"]


@pytest.fixture
def attack(ssh_host: Callable[..., SshHost], tmp_path: Path) -> Attack:
    return Attack(ssh_host(layer="tools", users=USERS), sources(tmp_path / "sources"))


def names(count: int) -> Iterator[str]:
    """Names like those of our temporary files."""
    return (f".mngr-ansible-{number:016x}" for number in range(count))


@pytest.mark.parametrize("kind", ["link", "fifo", "directory", "file"])
def test_names_like_ours_cost_one_wait_however_many_there_are(attack: Attack, kind: str) -> None:
    transfer = {"id": "s", "local_path": "new", "remote_path": "TOP/new", "mode": "0644"}
    more = tuple(planted(f"TOP/{name}", kind, "dev", mode="0600", target="x", content="x") for name in names(40))

    (done,) = attack.play(ROOT, Request((transfer,), more=more), [{"name": "names"}], seconds=60)

    assert done["found"] == []
    assert [step["status"] for step in done["steps"]] == ["changed"]
    assert done["calls"].count("sleep") <= 1, "one wait for all"


def test_names_like_ours_that_come_again_and_again_are_not_waited_for(attack: Attack) -> None:
    transfer = {"id": "s", "local_path": "tree", "remote_path": "TOP", "mirror": True}
    more = tuple(planted(f"TOP/{name}", "link", "dev", target="x") for name in names(40))
    again = [["symlink", "x", f"{ROOT.top}/{name}"] for name in names(40)]

    (done,) = attack.play(ROOT, Request((transfer,), more=more), [{"name": "again", "loop": again}], seconds=60)

    assert done["found"] == []
    assert done["calls"].count("sleep") <= 3, "one wait for each directory"


def test_a_tree_of_any_depth_is_mirrored_or_refused_in_bounded_time(attack: Attack) -> None:
    deep = "import os\nos.chdir('/home/dev')\nos.mkdir('deep')\nos.chdir('deep')\n"
    deep += "for _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\n"
    attack.host.run("python3 -", stdin=deep, user="dev")
    transfer = {"id": "s", "local_path": "tree", "remote_path": "/home/dev/deep", "mirror": True}

    (done,) = attack.play(SUDO, Request((transfer,)), [{"name": "deep"}], seconds=100)

    assert done["found"] == []
    (status,) = [step["status"] for step in done["steps"]]
    assert status == "failed" or (
        status == "changed" and "d" not in os.listdir(attack.host.root_path / "home/dev/deep")
    )
