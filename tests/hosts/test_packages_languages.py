"""Languages' managers on a real host: npm, pipx, pip and uv, each with a registry of the test's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible import provision
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import SshHost, User
from tests.support.registries import Registries, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mngr_ansible import Report
    from tests.conftest import StartHost


@pytest.fixture(scope="session")
def registries() -> Iterator[Registries]:
    with served() as made:
        for version in ("1.2.0", "2.0.1", "2.3.0", "3.0.0"):
            made.add_npm("mtool", version, "mtool")
            made.add_npm("@vendor/ntool", version, "ntool")
            made.add_wheel("wtool", version, "wtool")
        yield made


@pytest.fixture
def host(ssh_host: StartHost, registries: Registries) -> SshHost:
    started = ssh_host(layer="languages", users=(User("dev", root_by="sudo"), User("pete")))
    registries.tell(started)
    return started


def wanted(manager: str, package: str, name: str, range_: str = "", **source: Any) -> dict[str, Any]:
    return {"name": name, "version": range_, "sources": [{"manager": manager, "packages": [package], **source}]}


def bring(host: SshHost, *packages: dict[str, Any], **settings: Any) -> Report:
    return provision([host.address], packages=packages, key=host.key, known_hosts=host.known_hosts, settings=settings)


def statuses(report: Report) -> dict[str, tuple[str, str | None]]:
    return {each.name: (str(each.status), each.current) for each in report.hosts[0].outcomes}


def test_npm_installs_the_newest_version_in_the_range_for_everybody_through_root(host: SshHost) -> None:
    dev = host.as_user("dev")
    need = wanted("npm", "@vendor/ntool", "ntool", ">=2,<3")
    first, second = bring(dev, need), bring(dev, need)
    assert statuses(first) == {"ntool": ("changed", "2.3.0")}, first.to_dict()
    assert statuses(second) == {"ntool": ("ok", "2.3.0")}
    assert host.run("command -v ntool", user="pete").stdout.strip() == "/usr/local/bin/ntool"


def test_npm_in_user_scope_needs_no_root_and_touches_nothing_else(host: SshHost) -> None:
    pete = host.as_user("pete")
    need = wanted("npm", "mtool", "mtool", ">=2", scope="user")
    report = bring(pete, need)
    assert statuses(report) == {"mtool": ("changed", "3.0.0")}, report.to_dict()
    assert host.run("ls /home/pete/.local/bin").stdout == "mtool\n"
    assert host.run("ls /usr/local/bin").stdout == ""
    told = bring(pete, need).hosts[0].notices
    assert [each for each in told if "mtool is in /home/pete/.local/bin" in each] == list(told)


def test_npm_brings_what_is_too_old_up_to_date(host: SshHost, registries: Registries) -> None:
    host.run(f"cd /root && npm install -g --registry {registries.url}/ mtool@1.2.0")
    assert statuses(bring(host, wanted("npm", "mtool", "mtool", ">=2"))) == {"mtool": ("changed", "3.0.0")}


def test_a_source_that_pins_a_version_gets_that_one(host: SshHost) -> None:
    need = wanted("npm", "mtool", "mtool", ">=2", version="2.0.1")
    assert statuses(bring(host, need)) == {"mtool": ("changed", "2.0.1")}


@pytest.mark.parametrize(
    ("package", "version", "reason"),
    [("mtool", ">=9", "npm offers no package mtool"), ("nowhere", "", "npm offers no package nowhere")],
)
def test_what_the_registry_does_not_offer_is_blocked_before_anything_changes(
    host: SshHost, package: str, version: str, reason: str
) -> None:
    report = bring(host, wanted("npm", package, "nosuch", version))
    assert statuses(report) == {"nosuch": ("blocked", None)}
    assert reason in report.hosts[0].outcomes[0].reason
    assert host.run("ls /usr/local/bin").stdout == ""


def test_pipx_installs_for_the_user_a_version_in_the_range(host: SshHost) -> None:
    pete = host.as_user("pete")
    report = bring(pete, wanted("pipx", "wtool", "wtool", ">=2,<3"))
    assert statuses(report) == {"wtool": ("changed", "2.3.0")}, report.to_dict()
    assert statuses(bring(pete, wanted("pipx", "wtool", "wtool", ">=3"))) == {"wtool": ("changed", "3.0.0")}


def test_neither_pipx_nor_uv_replaces_a_program_of_the_other_or_of_somebody_else_and_the_next_source_is_tried(
    host: SshHost,
) -> None:
    import uv

    pete = host.as_user("pete")
    shutil.copy(uv.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    mine = "#!/bin/sh\necho mine 0.1\n"
    host.run("mkdir -p ~/.local/bin; cat >~/.local/bin/wtool; chmod 755 ~/.local/bin/wtool", user="pete", stdin=mine)
    sources = [{"manager": "pipx"}, {"manager": "uv"}, {"manager": "npm", "packages": ["mtool"], "scope": "user"}]
    need = {"name": "wtool", "checks": ["mtool"], "sources": sources}
    report = bring(pete, need)

    assert statuses(report) == {"wtool": ("changed", "3.0.0")}, report.to_dict()
    assert host.run("/home/pete/.local/bin/wtool").stdout == "mine 0.1\n"
    notices = " ".join(report.hosts[0].notices)
    assert "wtool could not be installed from pipx (" in notices
    assert "wtool could not be installed from uv (" in notices
    assert "--force" not in notices
    assert (
        "wtool" not in host.run("pipx list --short; ls ~/.local/share/uv/tools 2>/dev/null; true", user="pete").stdout
    )


def test_where_pip_may_only_use_virtual_environments_the_next_source_is_chosen_in_the_plan(host: SshHost) -> None:
    host.run("rm /usr/lib/python3*/EXTERNALLY-MANAGED; echo 'require-virtualenv = true' >>/etc/pip.conf")
    report = bring(host.as_user("pete"), {"name": "wtool", "sources": [{"manager": "pip"}, {"manager": "pipx"}]})

    assert statuses(report) == {"wtool": ("changed", "3.0.0")}, report.to_dict()
    assert "PIP_REQUIRE_VIRTUALENV" in " ".join(report.hosts[0].notices)


def test_pip_never_breaks_a_python_that_belongs_to_the_distribution(host: SshHost) -> None:
    report = bring(host.as_user("pete"), wanted("pip", "wtool", "wtool"))
    assert statuses(report) == {"wtool": ("blocked", None)}
    assert "(PEP 668)" in report.hosts[0].outcomes[0].reason
    assert host.run("ls -A /home/pete/.local 2>/dev/null || true").stdout == ""


def test_pip_installs_for_the_user_where_the_distribution_does_not_manage_python(host: SshHost) -> None:
    host.run("rm /usr/lib/python3*/EXTERNALLY-MANAGED")
    report = bring(host.as_user("pete"), wanted("pip", "wtool", "wtool", ">=2,<3"))
    assert statuses(report) == {"wtool": ("changed", "2.3.0")}, report.to_dict()
    assert host.run("ls /home/pete/.local/bin").stdout == "wtool\n"


@pytest.fixture
def uv(host: SshHost) -> SshHost:
    import uv as package

    shutil.copy(package.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    return host


def test_uv_installs_and_updates_for_the_user(uv: SshHost) -> None:
    pete = uv.as_user("pete")
    report = bring(pete, wanted("uv", "wtool", "wtool", ">=2,<3"))
    assert statuses(report) == {"wtool": ("changed", "2.3.0")}, report.to_dict()
    assert statuses(bring(pete, wanted("uv", "wtool", "wtool", ">=3"))) == {"wtool": ("changed", "3.0.0")}
    blocked = bring(pete, wanted("uv", "wtool", "wtool", ">=9"))
    assert statuses(blocked) == {"wtool": ("blocked", "3.0.0")}
    assert "uv offers no package wtool" in blocked.hosts[0].outcomes[0].reason


def test_a_tool_that_is_not_on_the_users_path_is_reported_with_the_line_to_add(uv: SshHost) -> None:
    uv.run("rm -f /home/pete/.profile /home/pete/.bash*")
    pete = uv.as_user("pete")
    assert statuses(bring(pete, wanted("uv", "wtool", "wtool", ">=2,<3"))) == {"wtool": ("changed", "2.3.0")}
    planned = mngr_ansible("plan", "--package", "wtool", *on(pete))
    line = 'add to ~/.profile: export PATH="/home/pete/.local/bin:$PATH"'
    assert planned.returncode == 0, planned.stderr
    assert f"wtool is in /home/pete/.local/bin, which is not in the PATH of a login shell; {line}" in planned.stderr


def test_with_become_a_users_own_installation_stays_the_users(uv: SshHost) -> None:
    dev = uv.as_user("dev")
    report = provision(
        [dev.address],
        packages=[wanted("uv", "wtool", "wtool")],
        key=dev.key,
        known_hosts=dev.known_hosts,
        become=True,
    )
    assert report.ok, report.to_dict()
    assert uv.run("stat -c %U /home/dev/.local/bin/wtool").stdout == "dev\n"


def test_two_managers_and_two_scopes_are_one_run(uv: SshHost) -> None:
    report = bring(
        uv.as_user("dev"),
        wanted("npm", "mtool", "mtool"),
        wanted("npm", "@vendor/ntool", "ntool", scope="user"),
        wanted("uv", "wtool", "wtool"),
    )
    assert {name: status for name, (status, _) in statuses(report).items()} == dict.fromkeys(
        ("mtool", "ntool", "wtool"), "changed"
    ), report.to_dict()
