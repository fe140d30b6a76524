"""What the plugin asks for, and what that means on hosts: no ssh, no container, milliseconds."""

from pathlib import Path

import pytest
from mngr_ansible import MngrAnsibleError
from mngr_ansible.testing import FakeAgent, fake_host, plan_host, plan_of, statuses

import mngr_tutor

SETTINGS = Path(mngr_tutor.__file__).parent / "files/settings.toml"


@pytest.fixture
def token(empty_home: Path) -> Path:
    """The user's token, in a home that has nothing else."""
    path = empty_home / ".config/tutor/token"
    path.parent.mkdir(parents=True)
    path.write_text("example")
    return path


@pytest.mark.usefixtures("token")
def test_a_new_host_gets_everything() -> None:
    report = plan_host(plan_of(mngr_tutor, work_dir="/srv/agent"), fake_host("debian:12"))
    assert statuses(report) == {
        "file:/srv/agent/.tutor": "missing",
        "file:/root/.config/tutor/token": "missing",
        "package:git": "missing",
        "package:jq": "missing",
    }


@pytest.mark.usefixtures("token")
def test_a_host_that_has_everything_is_left_alone() -> None:
    host = fake_host(
        "ubuntu:24.04",
        packages={"git": "2.43.0", "jq": "1.7.1"},
        files={".tutor/settings.toml": SETTINGS.read_text(), "~/.config/tutor/token": ("example", "0600")},
    )
    assert set(statuses(plan_host(plan_of(mngr_tutor, work_dir="/srv/agent"), host)).values()) == {"ok"}


@pytest.mark.usefixtures("token")
def test_an_old_git_is_replaced() -> None:
    report = plan_host(plan_of(mngr_tutor), fake_host(packages={"git": "2.20.1", "jq": "1.7"}))
    assert statuses(report)["package:git"] == "too-old"


@pytest.mark.usefixtures("token")
def test_the_token_is_a_secret() -> None:
    plan = plan_of(mngr_tutor, work_dir="/srv/agent")
    secrets = [transfer.id for transfer in plan.transfers if transfer.is_secret]
    assert secrets == ["file:~/.config/tutor/token"]


@pytest.mark.usefixtures("empty_home")
def test_without_a_token_it_stops_and_says_what_to_do() -> None:
    with pytest.raises(MngrAnsibleError, match="there is no token for tutor") as stopped:
        plan_of(mngr_tutor)
    assert "Write your token into ~/.config/tutor/token" in stopped.value.remedy


def test_it_looks_whether_it_works() -> None:
    agent, command = FakeAgent(work_dir="/srv/agent"), "test -r '/srv/agent/.tutor/settings.toml'"
    mngr_tutor.on_after_agent_provisioning(agent, fake_host(commands={command: True}))
    with pytest.raises(Exception, match="tutor does not work"):
        mngr_tutor.on_after_agent_provisioning(agent, fake_host(commands={command: False}))
