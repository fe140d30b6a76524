"""What a type checker says of a program that uses the package, seen from outside. Source: docs/python-api.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.hosts import cache_directory

PROGRAM = """\
from mngr_ansible import Nonsense
from mngr_ansible.errors import PluginMngrErorr
from mngr_ansible import HostReport, PluginMngrError
import mngr_ansible
mngr_ansible.provsion()
def finish(report: HostReport) -> bool: return report.okay
raise PluginMngrError(1)
"""

WRONG_PLUGIN = """\
from mngr_ansible import Check, FileTransferSpec, PackageRequirement, Source
from mngr_ansible.testing import fake_host, plan_of
FileTransferSpec("a", ".a", is_secrt=True)
FileTransferSpec("a", ".a", if_exists="overwrite")
Check("comand", "git")
Source("atp", ("git",))
Source("apt", ("git",), when={"so": ["debian"]})
Source("apt", ("git",), repository={"name": "x"})
PackageRequirement("git", sources="apt")
fake_host(packages=["git"])
plan_of(None).transferes
"""

RIGHT_PLUGIN = '''\
"""A plugin and its test as an author writes them, with types."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr_ansible import Check, FileTransferSpec, PackageRequirement, PluginMngrError, Source, hookimpl
from mngr_ansible.testing import fake_host, plan_host, plan_of, statuses

if TYPE_CHECKING:
    from mngr_ansible import HostReport
    from mngr_ansible.inputs.hookspecs import Agent, Host, Requirements


@hookimpl
def on_before_agent_provisioning(agent: "Agent", host: "Host") -> None:
    if not host.execute_idempotent_command("true", timeout_seconds=5).success:
        raise PluginMngrError(f"{agent.name} cannot work in {agent.work_dir}")


@hookimpl
def get_provision_file_transfers(agent: "Agent") -> Sequence[FileTransferSpec]:
    return [FileTransferSpec(Path("a"), ".a", mode="0600", exclude=["*.log"])]


@hookimpl
def provision_agent() -> "Requirements":
    key = "https://example.org/key"
    vendor = Source("apt", ["tool"], when={"os": ["debian"], "arch": ["x86_64"]}, repository={
        "name": "x", "url": "https://example.org", "key": key, "fingerprint": "A" * 40, "suite": "s", "component": "m"})
    tool = PackageRequirement("tool", ">=2", checks=[Check("command", "tool", args=["-V"])], sources=[vendor])
    return ["git>=2.39", tool, {"name": "node", "packages": {"apt": ["nodejs"]}}]


@hookimpl
def on_after_agent_provisioning(host: "Host", report: "HostReport") -> None:
    assert report.ok and [each.id for each in report.outcomes] and not host.is_local


def test() -> None:
    report = plan_host(plan_of(__name__, id="x"), fake_host("debian:12", {"git": "2"}, {"~/.a": ("x", "0600")}))
    assert statuses(report)["package:git"] == "too-old"
'''

MNGRS = """\
from typing import Any
from imbue.mngr.interfaces.agent import AgentInterface
from imbue.mngr.interfaces.host import OnlineHostInterface
from mngr_ansible.inputs.hook_arguments import Agent as OurAgent, Host as OurHost
from mngr_ansible.inputs.hookspecs import Agent, Host
from mngr_ansible.testing import FakeAgent, FakeHost
def agents(mngrs: AgentInterface[Any], ours: OurAgent, fake: FakeAgent) -> list[Agent]: return [ours, fake]
def hosts(mngrs: OnlineHostInterface, ours: OurHost, fake: FakeHost) -> list[Host]: return [mngrs, ours, fake]
def name(mngrs: AgentInterface[Any]) -> Agent: return mngrs
"""


def page_programs() -> dict[str, str]:
    """The whole programs of the pages for authors, which are right with types."""
    pages = Path(__file__).parents[2] / "docs"
    api = (pages / "python-api.md").read_text().partition("<!-- example -->\n```python\n")[2]
    kit = (pages / "plugin-authors.md").read_text().partition("A test reads best as one sentence:")[2]
    return {
        "python_api": api.partition("```")[0],
        "one_sentence": kit.partition("```python\n")[2].partition("```")[0],
    }


def test_a_type_checker_finds_wrong_names_and_values_and_no_fault_with_a_right_plugin(tmp_path: Path) -> None:
    """The package is only installed: mypy runs in a directory of the author's, without our configuration."""
    programs = {"program": PROGRAM, "wrong_plugin": WRONG_PLUGIN, "right_plugin": RIGHT_PLUGIN, "mngrs": MNGRS}
    pages = page_programs()
    assert all(pages.values())
    programs |= pages
    for name, text in programs.items():
        (tmp_path / f"{name}.py").write_text(text)
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *(f"{name}.py" for name in programs)]
    environment = {**os.environ, "MYPY_CACHE_DIR": str(cache_directory() / "mypy")}

    checked = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    assert (checked.returncode, checked.stderr) == (1, ""), checked.stdout
    found = re.findall(r"^(\w+)\.py:(\d+): error: ", checked.stdout, re.MULTILINE)
    lines = {name: sorted({int(line) for file, line in found if file == name}) for name in programs}
    assert lines == {
        "program": [1, 2, 5, 6, 7],
        "wrong_plugin": list(range(3, 12)),
        "right_plugin": [],
        "mngrs": [],
        "python_api": [],
        "one_sentence": [],
    }, checked.stdout
