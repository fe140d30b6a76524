"""Check mode of the role ``mngr_files`` on a host without Python says what a run does that has one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.controller import put, role_module
from tests.support.hosts import SshHost, User
from tests.support.role_playbook import Play, play
from tests.support.shellcheck import shellcheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartHost

SECRET = "canary-of-a-secret"

STATES = r"""
set -e
mkdir -p "$1" && cd "$1" && umask 022
echo new >equal; echo old >differs; echo new >mode; chmod 600 mode; echo old >kept; echo old >old; echo old >file
echo old >private; chmod 600 private
echo theirs >theirs; chmod 604 theirs
mkdir directory fifo-parent tree tree/sub emptied mirrored mirrored/sub; ln -s directory to-directory
ln -s differs link
mkfifo fifo; echo a >tree/a; echo old >tree/sub/b; chmod 700 tree/sub; ln -s nowhere tree/l
echo x >emptied/x; echo a >mirrored/a; echo old >mirrored/stale; echo old >mirrored/sub/stale
echo old >mirrored/x.mngr-backup-20260101T000000Z; echo "old" >'mirrored/two
lines'
echo old >"it's \$HOME"; mkdir same; echo a >same/a; echo new >same/b; ln -s a same/l; chmod 755 same
mkdir mirrored/hollow mirrored/hollow/in; ln -s a mirrored/extra-link
mkdir backed-up backed-up/hollow backed-up/full; echo old >backed-up/full/old; echo a >backed-up/a
ln -s nowhere/at-all dangling
"""

OF_DEV = r"""
mkdir /srv/real /srv/of-dev; chown dev /srv/of-dev; cd /srv/states
ln -s /srv/real foreign; ln -s ../of-dev theirs-to-theirs; ln -s /srv/real of-root-to-root; ln -s foreign to-foreign
ln -s real /srv/of-dev/in-theirs; chown -h dev foreign theirs-to-theirs
echo old >of-another; chown dev of-another; printf canary-of-a-secret >secret-of-dev; chown dev secret-of-dev
"""
"""What the user dev has where root is to write."""

OF_ROOT = r"""
mkdir -m 755 /srv/of-root; echo old >/srv/of-root/old; mkdir -m 1777 /srv/sticky
echo old >/srv/sticky/of-root; echo old >/srv/sticky/of-dev; chown dev /srv/sticky/of-dev
cd /srv/states; echo new >mode-of-root; chmod 604 mode-of-root; mkdir -m 500 opened; chown dev opened
"""
"""What root has where the user dev is to write."""


def transfers(top: str, **more: Any) -> list[dict[str, Any]]:
    """One transfer for each state."""
    names = ["equal", "differs", "mode", "private", "theirs", "directory", "to-directory", "link", "fifo", "missing"]
    names += ["above/parents/missing", "file/below-a-file", "it's $HOME"]
    found: list[dict[str, Any]] = [{"local_path": "new", "remote_path": f"{top}/{name}", **more} for name in names]
    return [
        *found,
        {"local_path": "new", "remote_path": f"{top}/kept", "if_exists": "keep"},
        {"local_path": "new", "remote_path": f"{top}/nobody", "owner": "nobody-knows"},
        {"local_path": "nowhere", "remote_path": f"{top}/nowhere", "is_required": False},
        {"local_path": "tree", "remote_path": f"{top}/tree"},
        {"local_path": "tree", "remote_path": f"{top}/old", "id": "tree-to-a-file"},
        {"local_path": "tree", "remote_path": f"{top}/new-tree", "mode": "0640", "directory_mode": "0750"},
        {"local_path": "same", "remote_path": f"{top}/same"},
        {"local_path": "same", "remote_path": f"{top}/same", "id": "with-mode", "directory_mode": "0700"},
        {"local_path": "same", "remote_path": f"{top}/mirrored", "mirror": True},
        {"local_path": "empty", "remote_path": f"{top}/emptied", "mirror": True},
        {"local_path": "empty", "remote_path": f"{top}/nothing-there", "mirror": True},
        {"content": SECRET, "remote_path": f"{top}/differs-secretly", "is_secret": True},
        {"content": SECRET, "remote_path": "~/secret", "is_secret": True},
        {"local_path": "same", "remote_path": f"{top}/backed-up", "mirror": True, "if_exists": "backup"},
        {"content": "", "remote_path": f"{top}/new-empty"},
        {"content": "x", "remote_path": f"{top}/dangling/x"},
        {"content": "x", "remote_path": "~/", "id": "home"},
        {"local_path": "tree", "remote_path": "~/", "id": "mirror", "mirror": True},
    ]


@pytest.fixture
def host(ssh_host: StartHost) -> Iterator[SshHost]:
    return ssh_host(layer="python", users=(User("dev"),))


def sources(directory: Path) -> None:
    put(directory / "new", b"new\n")
    put(directory / "tree/a", b"a\n")
    put(directory / "tree/sub/b", b"b\n")
    (directory / "tree/l").symlink_to("a")
    put(directory / "same/a", b"a\n")
    put(directory / "same/b", b"new\n")
    (directory / "same/l").symlink_to("a")
    put(directory / "empty/x").unlink()


def outcomes(ran: Play) -> dict[str, tuple[str, int, str]]:
    steps = ran.results[-1]["mngr_steps"]
    return {step["id"]: (step["status"], step["files_changed"], step.get("reason", "")) for step in steps}


def shown(ran: Play) -> list[str]:
    return sorted(map(str, ran.results[-1]["diff"]))


@pytest.mark.parametrize("login", ["root", "dev"])
def test_check_mode_without_python_foretells_what_a_run_does(host: SshHost, tmp_path: Path, login: str) -> None:
    sources(tmp_path / "run")
    top = "/srv/states"
    host.run(f"sh -s {top}", stdin=STATES)
    if login == "dev":
        host.run(f"chown -R dev {top}; chown -h dev {top}/* {top}/*/*; chown dev {top}/same/l")
        host.run(OF_ROOT)
    given = transfers(top)
    if login == "dev":
        given += [
            {"local_path": "new", "remote_path": "/srv/of-root/new"},
            {"local_path": "new", "remote_path": "/srv/of-root/below/new"},
            {"local_path": "new", "remote_path": "/srv/of-root/old"},
            {"local_path": "new", "remote_path": "/srv/sticky/of-root"},
            {"local_path": "new", "remote_path": "/srv/sticky/of-dev"},
            {"local_path": "new", "remote_path": f"{top}/mode-of-root"},
            {"local_path": "new", "remote_path": f"{top}/given", "owner": "root"},
            {"local_path": "new", "remote_path": f"{top}/own", "owner": "dev", "group": "dev"},
            {"local_path": "same", "remote_path": f"{top}/opened", "directory_mode": "0755"},
        ]
    else:
        host.run(OF_DEV)
        given += [
            {"local_path": "new", "remote_path": f"{top}/{name}/x"}
            for name in ("foreign", "foreign/missing", "theirs-to-theirs", "of-root-to-root", "to-foreign")
        ]
        given += [
            {"local_path": "new", "remote_path": "/srv/of-dev/in-theirs/x"},
            {"local_path": "new", "remote_path": f"{top}/foreign/given", "owner": "dev"},
            {"local_path": "new", "remote_path": f"{top}/theirs-to-theirs/given", "owner": "dev", "mode": "0600"},
            {"local_path": "new", "remote_path": f"{top}/of-another", "owner": "0", "mode": "0600"},
            {"content": SECRET, "remote_path": f"{top}/secret-of-dev", "is_secret": True},
        ]
    before = host.run(f"find {top} -printf '%p %m %U %T@ %l\\n' | sort").stdout
    user = host if login == "root" else host.as_user(login)

    host.run("mv /usr/bin/python3 /usr/bin/hidden-python3")
    looked = play(tmp_path, user, "mngr_files", "--check", "--diff", mngr_files_transfers=given)
    host.run("mv /usr/bin/hidden-python3 /usr/bin/python3")
    assert host.run(f"find {top} -printf '%p %m %U %T@ %l\\n' | sort").stdout == before
    checked = play(tmp_path, user, "mngr_files", "--check", "--diff", mngr_files_transfers=given)
    ran = play(tmp_path, user, "mngr_files", mngr_files_transfers=given)

    assert "host-1: it has no Python 3.9, so check mode looked with sh" in looked.text.replace("\n", " "), (
        looked.results
    )
    differing = {step: (found, outcomes(checked)[step]) for step, found in outcomes(looked).items()}
    assert {step: found for step, found in differing.items() if found[0] != found[1]} == {}
    if login == "root":
        assert "root does not follow it" in outcomes(ran)[f"file:{top}/foreign/x"][2]
        deleted = {each["before_header"]: each["after"] for each in checked.results[-1]["diff"] if "after" in each}
        assert deleted[f"{top}/backed-up/full/old"] == "renamed to a backup\n"
        assert f"{top}/backed-up/full" not in deleted
        assert deleted[f"{top}/new-empty"] == "file 0644\n"
        assert {"file 0644, owner dev\n", "file 0600, owner root\n"} <= {
            each.get(key) for each in checked.results[-1]["diff"] for key in ("before", "after")
        }
    found = {step: (status, count) for step, (status, count, _) in outcomes(looked).items() if status != "failed"}
    assert found == {step: each[:2] for step, each in outcomes(ran).items() if each[0] != "failed"}
    assert looked.code == ran.code == 2  # some of these fail
    assert looked.results[-1]["changed"] is True
    diff = looked.results[-1]["diff"]
    assert {"before": "old\n", "after": "new\n"}.items() <= next(each for each in diff if "old" in str(each)).items()
    assert shown(looked) == shown(checked)
    assert SECRET not in looked.text + str(looked.results)


def test_a_link_that_leads_to_another_users_directory_is_refused_whatever_its_name_is() -> None:
    way = role_module("mngr_files", "mngr_files_way").Way()
    place = role_module("mngr_files", "mngr_files_permissions").Place(True, 0o755, 0)
    way.add("link", ["7:dev", "0:root", "/srv/zu", "größe"])
    way.add("real", ["12", "/srv/größe", "0:root", "0:root", "0:root"])

    with pytest.raises(Exception, match="root does not follow it") as refused:
        way.refuse_foreign(0, None, place)
    path, why = refused.value.args
    assert path == "/srv/zu größe".encode()
    assert why.startswith("is a link of dev to /srv/größe, which belongs to root")


def test_the_script_that_looks_is_clean_sh() -> None:
    look = role_module("mngr_files", "mngr_files_look")
    assert (
        shellcheck("#!/bin/sh\n" + look.BEGIN + look.HAS_PYTHON + look.END, exclude=["SC2012", "SC2016"]) == []
    )  # ls shows modes everywhere


def test_what_ansible_adds_to_the_script_does_not_break_it() -> None:
    look = role_module("mngr_files", "mngr_files_look")
    script = look.Look([], shows_diff=False).first_script
    done = subprocess.run(["sh", "-n", "-c", f"{script} && sleep 0"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_where_there_is_a_python_its_own_failure_is_reported(host: SshHost, tmp_path: Path) -> None:
    put(tmp_path / "run/new")
    broken = '#!/bin/sh\n[ "$2" = -c ] && exec /usr/bin/real-python3 "$@"\necho \'broken on purpose\' >&2; exit 127\n'
    host.run("cd /usr/bin; cat >broken; chmod 755 broken; mv python3 real-python3; mv broken python3", stdin=broken)
    given = [{"local_path": "new", "remote_path": "/srv/new"}]

    ran = play(tmp_path, host, "mngr_files", "--check", mngr_files_transfers=given)

    assert ran.code == 2
    assert "broken on purpose" in ran.text
