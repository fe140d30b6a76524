"""Package managers that cannot say what they offer, and everything else that a plan or a run could only guess.

"Could not be asked" is never taken for "has none": the cause is the reason, in plans, in runs and in JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command_line import document, mngr_ansible, on
from tests.support.hosts import AptRepository, User
from tests.support.registries import served

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

SOURCE = "/etc/apt/sources.list.d/x.list"
DEAD = f"echo 'deb [trusted=yes] http://127.0.0.1:9/x ./' >{SOURCE}"


@pytest.fixture
def offered(tmp_path: Path) -> AptRepository:
    tmp_path.chmod(0o755)
    made = AptRepository(tmp_path / "apt")
    made.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    return made


def bring(verb: str, host: SshHost, *words: object) -> subprocess.CompletedProcess[str]:
    return mngr_ansible(verb, "--json", *words, *on(host))


def steps(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """The status and the reason of every step, by id."""
    return {each["id"]: (each["status"], each["reason"]) for each in document(done)["hosts"][0]["steps"]}


def notices(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(each["text"] for each in document(done)["notices"])


def manifest(tmp_path: Path, *requirements: dict[str, Any]) -> Path:
    tmp_path.mkdir(exist_ok=True)
    file = tmp_path / "manifest.yml"
    file.write_text(json.dumps({"packages": list(requirements)}))
    return file


@pytest.mark.parametrize("login", ["root", "dev"])
def test_with_empty_lists_and_a_dead_mirror_the_mirror_is_the_reason(ssh_host: StartHost, login: str) -> None:
    host = ssh_host(layer="tools", users=(User("dev", "sudo"),)).as_user(login)
    host.run(DEAD)
    done = bring("apply", host, "--package", "tree")
    status, reason = steps(done)["package:tree"]
    assert (done.returncode, status) == (1, "failed")
    assert "the package lists of apt could not be fetched: 127.0.0.1:9 refuses the connection" in reason
    assert "offers no package" not in done.stdout + done.stderr
    assert "package source that has it" not in done.stdout + done.stderr


def test_with_empty_lists_and_a_dead_mirror_the_next_source_is_taken(ssh_host: StartHost, tmp_path: Path) -> None:
    host = ssh_host(layer="languages", users=(User("dev"),))
    host.run(DEAD)
    with served() as registries:
        registries.add_npm("ntool", "2.0.0", "ntool")
        registries.tell(host)
        file = manifest(tmp_path, {"name": "ntool", "sources": [{"manager": "apt"}, {"manager": "npm"}]})
        done = bring("apply", host, "--manifest", file)
    assert steps(done)["package:ntool"][0] == "changed", done.stdout + done.stderr
    assert "the package lists of apt could not be fetched: 127.0.0.1:9 refuses the connection" in notices(done)


def test_what_a_failed_refresh_said_before_the_decision_is_in_the_reason(
    ssh_host: StartHost, offered: AptRepository
) -> None:
    host = ssh_host(layer="tools", users=(User("dev", "sudo"),), repository=offered, lists="fresh").as_user("dev")
    host.run(DEAD)
    dead = bring("apply", host, "--package", "tree", "--package", "mtool")
    with_mtool = bring("apply", host, "--package", "mtool")
    host.run(
        "echo 'export https_proxy=http://p.invalid:1' | cat - /home/dev/.bashrc >/tmp/rc; cp /tmp/rc /home/dev/.bashrc"
    )
    proxy = bring("apply", host, "--package", "tree")
    made = "mkdir /srv/l; cd /srv/l; touch Packages; date -Ru | sed 's/^/Date: /' >Release; "
    made += """(echo Label: a; echo SHA256:; echo " $(sha256sum Packages | cut -d' ' -f1) 0 Packages") >>Release; """
    made += f"echo 'deb [trusted=yes] copy:/srv/l ./' >{SOURCE}; apt-get update; sed -i 's/: a$/: b/' Release"
    host.run(made)
    label = bring("apply", host, "--package", "tree")
    host.run("apt-get update -qq --allow-releaseinfo-change")  # the remedy
    accepted = bring("apply", host, "--package", "tree")
    host.run(f"echo 'debb a b c' >{SOURCE}")
    broken = bring("plan", host, "--package", "tree")

    fetched = "offers no package tree, and not all of its package lists could be fetched: "
    assert steps(dead)["package:tree"][0] == "blocked"
    assert f"{fetched}127.0.0.1:9 refuses the connection" in steps(dead)["package:tree"][1]
    assert steps(with_mtool)["package:mtool"][0] == "changed"
    assert "the login has a proxy, https_proxy, and sudo does not pass it on to root" in steps(proxy)["package:tree"][1]
    assert f"{fetched}a package source changed its Label from 'a' to 'b'" in steps(label)["package:tree"][1]
    assert "not all of its package lists" not in steps(accepted)["package:tree"][1]
    status, reason = steps(broken)["package:tree"]
    assert (broken.returncode, status) == (0, "missing")
    assert f"line 1 of {SOURCE} is wrong" in reason
    assert f"line 1 of {SOURCE} is wrong" in notices(broken)


def test_npm_is_asked_as_it_installs_and_says_soon_that_its_registry_cannot_be_reached(
    ssh_host: StartHost, tmp_path: Path
) -> None:
    host = ssh_host(layer="languages", users=(User("dev", "sudo"),)).as_user("dev")
    file = manifest(tmp_path, {"name": "ntool", "sources": [{"manager": "npm"}]})
    own = manifest(tmp_path / "own", {"name": "ntool", "sources": [{"manager": "npm", "scope": "user"}]})
    with served() as registries:
        registries.add_npm("ntool", "2.0.0", "ntool")
        registries.tell(host)
        host.run("echo registry=http://127.0.0.1:9/ >/root/.npmrc")
        as_root, as_login = bring("plan", host, "--manifest", file), bring("plan", host, "--manifest", own)
        applied = bring("apply", host, "--manifest", file)
    why = "npm could not fetch what it needs: 127.0.0.1:9 refuses the connection"
    assert steps(as_root)["package:ntool"] == ("missing", why)
    assert why in notices(as_root)
    assert why not in as_login.stdout
    status, reason = steps(applied)["package:ntool"]
    assert (applied.returncode, status) == (1, "failed")
    assert why in reason


def test_packages_that_are_blocked_for_one_cause_are_told_it_once(ssh_host: StartHost, offered: AptRepository) -> None:
    for name in ("atool", "btool", "ctool"):
        offered.add(name, "1")
    host = ssh_host(layer="tools", users=(User("pete"),), repository=offered, lists="fresh")
    words = [word for name in ("atool", "btool", "ctool") for word in ("--package", name)]
    powerless = mngr_ansible("plan", *words, *on(host.as_user("pete"))).stdout
    unknown = mngr_ansible("plan", *[word + "x" if "tool" in word else word for word in words], *on(host)).stdout
    catalog = mngr_ansible("plan", "--package", "ripgrep", "--package", "uv", *on(host)).stdout
    assert powerless.count("pete is not root and has no sudo without a password") == 1
    assert "an administrator must run: sudo apt-get install -y atool btool ctool\n" in powerless
    assert unknown.count("cannot be installed") == 1
    assert "atoolx, btoolx and ctoolx cannot be installed: " in unknown
    assert "offers none of the packages atoolx, btoolx and ctoolx\n" in unknown
    assert "brew" not in catalog

    host.run("rm /usr/bin/apt-get; printf 'ID=azurelinux\\nPRETTY_NAME=Azure\\n' >/etc/os-release")
    foreign = mngr_ansible("plan", "--package", "ripgrep", *on(host)).stdout
    assert "Azure installs with tdnf, a package manager that we do not know" in foreign
    assert "brew;" not in foreign


def test_an_empty_package_of_ubuntu_that_installs_a_snap_is_no_offer_and_satisfies_nothing(
    ssh_host: StartHost, offered: AptRepository
) -> None:
    offered.add("firefox", "1:1snap1-0ubuntu5")
    host = ssh_host(layer="python", repository=offered, lists="fresh")
    plan = bring("plan", host, "--package", "firefox")
    host.run("apt-get install -y -qq firefox")
    again = bring("plan", host, "--package", "firefox")
    for done in (plan, again):
        status, reason = steps(done)["package:firefox"]
        assert status == "blocked"
        assert "apt offers firefox only as a snap" in reason


def test_a_module_whose_python_breaks_is_a_failed_step_with_the_last_line_of_the_traceback(
    ssh_host: StartHost, offered: AptRepository
) -> None:
    host = ssh_host(layer="python", repository=offered, lists="fresh")
    library = "/usr/lib/python3.11"
    words = ["--package", "mtool", "--file", f"{__file__}:/tmp/x/file"]
    host.run(f"mv {library}/hashlib.py /root")
    files = bring("apply", host, *words)
    host.run(f"mv /root/hashlib.py {library}; mv {library}/fnmatch.py /root")
    packages = bring("apply", host, *words[:2])
    for done, step, module in ((files, "file:/tmp/x/file", "hashlib"), (packages, "package:mtool", "fnmatch")):
        status, reason = steps(done)[step]
        assert (done.returncode, status) == (1, "failed"), done.stdout
        assert f"ModuleNotFoundError: No module named '{module}'" in reason
        assert f"the host's python3 is not complete: it has no module {module}" in reason
        assert "dmesg" not in done.stdout + done.stderr
    assert steps(files)["package:mtool"] == ("not-reached", "")
