"""Agent types that can install their own program: it becomes a requirement by itself, where the catalog knows it."""

from __future__ import annotations

import json

import pytest

from tests.support.hosts import AptRepository
from tests.support.mngr import Mngr, plugins

AGENT = """
from imbue.mngr.agents.base_agent import SendKeysAgent
from imbue.mngr.config.data_types import AgentTypeConfig
from imbue.mngr.interfaces.agent import HasAutoInstallMixin


class ZzConfig(AgentTypeConfig):
    check_installation: bool = True


class ZzAgent(SendKeysAgent[ZzConfig], HasAutoInstallMixin):
    def get_install_binary_name(self):
        return "{binary}"

    def get_install_command(self):
        return "touch /srv/mngr-installed-it"


@hookimpl
def register_agent_type():
    return ("zz", ZzAgent, ZzConfig)
"""


@pytest.fixture
def host(ssh_host, tmp_path):
    repository = AptRepository(tmp_path / "apt")
    repository.add("fd-find", "8.6.0-3", commands={"fdfind": "echo fdfind 8.6.0"})
    repository.add("nowhere-known", "1.0", commands={"nowhere-known": "echo 1.0"})
    return ssh_host(layer="tools", repository=repository)


def mngr(tmp_path, host, binary):
    plugin = plugins.write(tmp_path / "site", zz=AGENT.replace("{binary}", binary))
    return Mngr(tmp_path / "project", host=host, plugins=[plugin])


def test_its_program_is_installed_before_mngr_would_do_so(tmp_path, host):
    remote = mngr(tmp_path, host, "fd")
    done = remote.create("one", "--type", "zz")
    assert done.returncode == 0, done.stdout + done.stderr
    assert host.run("fdfind").stdout == "fdfind 8.6.0\n"
    planned = remote.run("ansible", "plan", "one", "--format", "json")
    (step,) = json.loads(planned.stdout)["hosts"][0]["steps"]
    assert (step["id"], step["status"], step["plugins"]) == ("package:fd", "ok", ["zz"])


def test_what_cannot_be_installed_is_left_to_mngr_with_a_warning(tmp_path, host):
    host.run("rm -r /etc/apt/sources.list.d/*")
    done = mngr(tmp_path, host, "fd").create("one", "--type", "zz")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fd: not found, needed any version" in done.stderr
    assert "It is optional." in done.stderr


def test_a_vendor_that_cannot_be_reached_leaves_the_program_to_mngr_with_the_cause_as_a_warning(tmp_path, host):
    done = mngr(tmp_path, host, "claude").create("one", "--type", "zz", "--ansible-package", "fd")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the name downloads.claude.ai cannot be resolved (DNS). It is optional." in done.stderr
    assert host.run("fdfind; ls /etc/apt/sources.list.d").stdout == "fdfind 8.6.0\ntests.list\n"


def test_a_program_that_the_catalog_does_not_know_is_mngrs_alone(tmp_path, host):
    remote = mngr(tmp_path, host, "nowhere-known")
    assert remote.create("one", "--type", "zz").returncode == 0
    assert host.run("command -v nowhere-known || echo none").stdout == "none\n"


def test_an_agent_type_whose_check_is_switched_off_needs_nothing(tmp_path, host):
    remote = mngr(tmp_path, host, "fd")
    remote.settings(top="[agent_types.quiet]\nparent_type = 'zz'\ncheck_installation = false")
    assert remote.create("one", "--type", "quiet").returncode == 0
    assert host.run("command -v fdfind || echo none").stdout == "none\n"
