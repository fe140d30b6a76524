"""A host whose answer to the probe breaks us fails alone. Source: docs/security.md "A hostile host"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.host.connection import LocalShell, ShellResult
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import build_request
from mngr_ansible.provisioning.targets import host_target
from tests.support.builders import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Liar:
    """A connection whose answers are what ``answer`` makes of the honest ones."""

    is_local = False
    patience = 0.0
    variables: Mapping[str, Any] = {}

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def holds(self, script: str) -> bool:
        del script
        return True

    def run(self, script: str, timeout: float) -> ShellResult:
        honest = LocalShell().run(script, timeout)
        return ShellResult(self.answer(honest.stdout), "", 0)

    def stop(self) -> None:
        pass


def broken(error: Exception) -> Any:
    def answer(_text: str) -> str:
        raise error

    return answer


LIES = {
    "nothing": lambda _text: "",
    "huge uid": lambda text: text.replace("\nuid ", "\nuid " + "9" * 5000),
    "no number": lambda text: text.replace("\nuid ", "\nuid x"),
    "IndexError": broken(IndexError("nothing there")),
    "RecursionError": broken(RecursionError()),
    "UnicodeError": broken(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_to_the_probe_is_the_failure_of_its_host_and_the_others_are_planned(tmp_path: Path, lie: str) -> None:
    file = {"local_path": str(write(tmp_path / "file")), "remote_path": str(tmp_path / "there")}
    request = build_request(files=[file])
    connections = {"first": LocalShell(), "liar": Liar(LIES[lie]), "last": LocalShell()}
    targets = [host_target(name, each, "/srv") for name, each in connections.items()]

    report = plan_report(provisioner.inspect(gathering.gather(targets, request), request))

    assert [(each.host, each.error is None, len(each.outcomes)) for each in report.hosts] == [
        ("first", True, 1),
        ("liar", False, 0),
        ("last", True, 1),
    ]
    error = report.hosts[1].error
    assert error is not None
    assert error.host == "liar"
    assert error.remedy
