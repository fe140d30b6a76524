"""Many hosts that answer what one host answered, and what a program takes for them.

``python -m tests.support.recorded_hosts COUNT DIRECTORY`` plans and renders so many in one process, as ``plan``,
``plan --json`` and ``render`` do, and writes one line of JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mngr_ansible.diff.outcome import Status
from mngr_ansible.host.connection import LocalShell, ShellResult
from mngr_ansible.provisioning import provisioner
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.reporting import plan_report
from mngr_ansible.provisioning.request import Target, build_request
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.report import plain, text

_RANDOM = re.compile(r"\b[0-9a-f]{16}\b")
FILES = 5
PACKAGES = ("sh", "no-such-tool-1>=2", "no-such-tool-2>=2", "git>=1")


@dataclass
class Recording:
    """What this machine answered to each script; asked once, whoever asks."""

    answers: dict[str, tuple[str, str]] = field(default_factory=dict)

    def answer(self, script: str, timeout: float) -> ShellResult:
        """The recorded answer, with the random number of this script."""
        (number, *others) = dict.fromkeys(_RANDOM.findall(script))
        assert not others, "a script has one random number"
        key = hashlib.sha256(script.replace(number, "RANDOM").encode()).hexdigest()
        if key not in self.answers:
            self.answers[key] = number, LocalShell().run(script, timeout).stdout
        recorded, said = self.answers[key]
        return ShellResult(said.replace(recorded, number), "", 0)


@dataclass
class Recorded:
    """A host that answers what was recorded."""

    recording: Recording
    is_local: ClassVar[bool] = False
    variables: ClassVar[dict[str, Any]] = {"ansible_connection": "ssh", "ansible_host": "192.0.2.1"}
    portable_variables: ClassVar[dict[str, Any]] = variables
    patience: ClassVar[float] = 0

    def holds(self, script: str) -> bool:
        return len(script) < 100_000

    def run(self, script: str, timeout: float) -> ShellResult:
        return self.recording.answer(script, timeout)

    def stop(self) -> None:
        pass


def targets(count: int) -> tuple[list[Target], Recording]:
    """So many hosts, and what they have said."""
    recording = Recording()
    return [host_target(f"build-{n}.example.org", Recorded(recording), "") for n in range(count)], recording


def _most_memory() -> int:
    """In KiB, of this program alone: ``ru_maxrss`` would count the process that started it too (getrusage(2))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def seen(count: int, directory: Path) -> dict[str, int]:
    """What planning and rendering so many hosts took.

    Returns:
        ``planned`` and ``rendered``: hosts in the document and in the inventory; ``due``: steps that are due on all;
        ``asked``: scripts that were recorded; ``KiB``: the most memory that this process has had.
    """
    sources = directory / "sources"
    sources.mkdir(parents=True)
    for n in range(FILES):
        (sources / f"file-{n}").write_text(f"content {n}\n")
    files = [f"{sources}/file-{n}:some/directory/file-{n}" for n in range(FILES)]
    request = build_request(files=files, packages=PACKAGES)
    hosts, recording = targets(count)
    report = plan_report(provisioner.inspect(gather(hosts, request), request))
    assert not report.all_errors, report.all_errors
    with (directory / "plan").open("w") as file, contextlib.redirect_stdout(file):
        json.dump(report.to_dict(), file, indent=2)
        print(plain.text(text.plan_page(report, "mngr-ansible apply")))
    due = sum(each.status not in (Status.OK, Status.SKIPPED) for host in report.hosts for each in host.outcomes)
    planned = len(report.hosts)
    del report
    provisioner.render(gather(hosts, request), request, directory / "rendered")
    return {
        "planned": planned,
        "rendered": len(list((directory / "rendered/inventory/host_vars").iterdir())),
        "due": due,
        "asked": len(recording.answers),
        "KiB": _most_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(seen(int(sys.argv[1]), Path(sys.argv[2]))))
