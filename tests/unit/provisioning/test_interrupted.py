"""A signal that stops a run: one exception of ours with the report of what was reached, and never a lost report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mngr_ansible
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.request import Dialog, build_request
from mngr_ansible.provisioning.targets import open_targets
from mngr_ansible.report.report import Interrupted

if TYPE_CHECKING:
    from pathlib import Path


class Peer:
    """A plugin that is interrupted in its last hook."""

    @mngr_ansible.hookimpl
    def on_after_agent_provisioning(self) -> None:
        raise KeyboardInterrupt


def test_a_signal_after_the_run_leaves_with_the_report_of_the_run(tmp_path: Path) -> None:
    request = build_request(plugins=[Peer()])
    with open_targets((), work_dir=tmp_path) as (targets, _), pytest.raises(Interrupted) as stop:
        provisioner.provision(gathering.gather(targets, request), request, Dialog())
    assert [host.host for host in stop.value.report.hosts] == ["localhost"]
    assert isinstance(stop.value.signal, KeyboardInterrupt)


def test_callers_of_the_library_get_pythons_own_exception(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        mngr_ansible.provision(plugins=[Peer()], work_dir=tmp_path)


def test_no_request_of_a_dialog_means_that_nobody_is_asked(tmp_path: Path) -> None:
    request = build_request(packages=["no-such-tool-anywhere"])
    with open_targets((), work_dir=tmp_path) as (targets, _):
        done = provisioner.provision(gathering.gather(targets, request), request)
    assert done.report.hosts[0].outcomes[0].status in ("advised", "blocked")
