"""``mngr-ansible check-plugin``: the whole command, with plugins as if they were installed."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.authoring.plugin_checks import check_plugin
from mngr_ansible.mngr.plugin_start import _Witness

if TYPE_CHECKING:
    from pathlib import Path


def installed(place: Path, name: str, code: str, *, needs: str = "imbue-mngr") -> Path:
    """A plugin in ``place``, as pip would leave it there."""
    place.mkdir(exist_ok=True)
    (place / f"mngr_{name}.py").write_text(textwrap.dedent(code))
    information = place / f"mngr_{name}-1.0.dist-info"
    information.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: mngr-{name}\nVersion: 1.0\nRequires-Dist: {needs}\n"
    (information / "METADATA").write_text(metadata)
    (information / "entry_points.txt").write_text(f"[mngr]\n{name} = mngr_{name}\n")
    return place


def check(place: Path, *words: str, expected: int = 0) -> dict[str, dict[str, Any]]:
    """The findings of the command by name."""
    done = subprocess.run(
        [sys.executable, "-m", "mngr_ansible", "check-plugin", *words, "--json"],
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        check=False,
    )
    assert done.returncode == expected, (done.stdout, done.stderr)
    document = json.loads(done.stdout)
    assert document["command"] == "check-plugin"
    return {each["name"]: each for each in document["checks"]}


GOOD = """
from imbue.mngr import hookimpl

@hookimpl
def provision_agent():
    return ["git>=2.30"]
"""

WORKING = """
import os
import subprocess
import sys
import threading
import time
from imbue.mngr import hookimpl
from mngr_ansible import PackageRequirement

print("hello")
subprocess.run(["true"])
open("left-behind", "w").close()
threading.Thread(target=print).start()
time.sleep(0)

@hookimpl
def on_agent_created(agnet):
    pass

@hookimpl
def provision_agent():
    print("on stdout")
    return [PackageRequirement("git")]
"""


def test_a_good_plugin_has_no_remark(tmp_path: Path) -> None:
    found = check(installed(tmp_path / "site", "tutor", GOOD), "tutor")
    remarks = [each for name, each in found.items() if name != "start: import time" and each["status"] != "ok"]
    assert remarks == []
    assert found["start: entry point"]["text"] == "tutor = mngr_tutor, of mngr-tutor 1.0"
    assert found["hooks: provision_agent"]["text"] == "it returns 1 item"
    assert found["start: mngr"]["text"] == "mngr accepts it"
    assert list(found)[:3] == ["start: entry point", "start: import time", "start: import work"]


def test_work_at_import_is_found_with_its_line_and_so_is_what_mngr_refuses(tmp_path: Path) -> None:
    place = installed(tmp_path / "site", "tutor", WORKING)
    found = check(place, "tutor", expected=1)
    deeds = [each["text"] for name, each in found.items() if name.startswith("start: import work")]
    assert len(deeds) == 5, deeds
    assert f"importing it starts a program (true) ({place}/mngr_tutor.py:11)" in deeds
    assert any("writes left-behind" in each for each in deeds)
    assert any("starts a thread" in each for each in deeds)
    assert any("importing it waits" in each for each in deeds)
    assert "importing it prints 'hello\\n\\n'" in deeds
    assert found["start: mngr"]["status"] == "problem"
    assert "agnet" in found["start: mngr"]["text"]
    assert (
        found["start: dependencies"]["text"]
        == "it imports mngr_ansible, and its package does not depend on mngr-ansible"
    )
    assert found["packages: requirements"]["status"] == "ok", "the rest is looked at nevertheless"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("import no_such_module", "it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import os\nos._exit(3)", "its import ended the process (exit status 3)"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_one_problem(tmp_path: Path, code: str, text: str) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / "mngr_tutor.py").write_text(code)
    found = check(place, "mngr_tutor", expected=1)
    assert found["start: import"]["status"] == "problem"
    assert found["start: import"]["text"].startswith(text)
    assert found["start: entry point"]["status"] == "warning", (
        "it is a module of the current directory, and not installed"
    )


def test_a_plugin_that_is_not_installed_is_one_error_that_says_how_to_install_it(tmp_path: Path) -> None:
    place = installed(tmp_path / "site", "tutor", GOOD)
    words = [sys.executable, "-m", "mngr_ansible", "check-plugin", "tutr"]
    environment = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no plugin named 'tutr' is installed (did you mean tutor?)")
    assert "pip install -e ." in done.stderr


def test_a_file_of_the_current_directory_is_not_taken_for_a_module_of_python(tmp_path: Path) -> None:
    place = installed(tmp_path / "site", "tutor", GOOD)
    (tmp_path / "here").mkdir()
    (tmp_path / "here/json.py").write_text("raise SystemExit('a stranger')")
    words = [sys.executable, "-P", "-m", "mngr_ansible", "check-plugin", "tutor"]
    environment = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path / "here", check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "importing it only defines things" in done.stdout


LEAVING = """
import os
import subprocess
from imbue.mngr import hookimpl

started = subprocess.Popen(["sleep", "600"])
open("pid", "a").write(f"{started.pid}\\n")
os.write(1, b"by descriptor")

@hookimpl
def provision_agent():
    subprocess.run(["echo", "of a program"])
    return []
"""


def test_what_a_plugin_starts_is_found_and_ended_and_its_output_is_not_the_result(tmp_path: Path) -> None:
    found = check(installed(tmp_path / "site", "tutor", LEAVING), "tutor")
    deeds = [each["text"] for name, each in found.items() if name.startswith("start: import work")]
    assert any("starts a program (sleep)" in each for each in deeds), deeds
    assert "importing it prints 'by descriptor'" in deeds
    assert found["hooks: provision_agent"]["status"] == "ok"
    pids = (tmp_path / "site/pid").read_text().split()
    assert len(pids) == 2
    assert [each for each in pids if is_running(int(each))] == []


def is_running(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    stat = pathlib.Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("os._exit(0)", "it ended the process (exit status 0)"),
        ("time.sleep(1000)", "it did not end within 2 s"),
        ("return sum(itertools.count())", "it did not end within 2 s"),
        ("raise BaseException('odd')", "it fails: BaseException: odd"),
    ],
)
def test_a_hook_that_does_not_come_back_is_a_problem_and_what_was_found_before_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, text: str
) -> None:
    code = f"""
import itertools, os, time
from mngr_ansible import hookimpl

@hookimpl
def on_before_agent_provisioning():
    pass

@hookimpl
def provision_agent():
    {body}
"""
    (tmp_path / "mngr_tutor.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    found = {each.name: each for each in check_plugin("mngr_tutor", seconds=2)}
    assert found["hooks: provision_agent"].status == "problem"
    assert found["hooks: provision_agent"].text.startswith(text)
    assert found["hooks: on_before_agent_provisioning"].status == "ok"


def test_a_signal_ends_the_check(tmp_path: Path) -> None:
    (tmp_path / "mngr_tutor.py").write_text(
        "import pathlib, time\nfrom mngr_ansible import hookimpl\n\n@hookimpl\ndef provision_agent():\n"
        "    pathlib.Path('begun').touch()\n    time.sleep(1000)\n"
    )
    words = [sys.executable, "-m", "mngr_ansible", "check-plugin", "mngr_tutor"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (143, ""), stderr


def test_an_entry_point_that_names_no_module_says_how_to_write_it(tmp_path: Path) -> None:
    place = installed(tmp_path / "site", "tutor", GOOD)
    (place / "mngr_tutor-1.0.dist-info/entry_points.txt").write_text("[mngr]\ntutor = mngr-tutor\n")
    found = check(place, "tutor", expected=1)
    assert found["start: import"]["text"] == "it cannot be imported: 'mngr-tutor' is not the name of a module"
    assert 'write tutor = "MODULE"' in found["start: import"]["remedy"]


def test_what_a_thread_does_hides_nothing_of_what_comes_after() -> None:
    is_noting, is_over = threading.Event(), threading.Event()

    class Witness(_Witness):
        def _place(self) -> str:
            if threading.current_thread() is thread:
                is_noting.set()
                is_over.wait()
            elif not is_over.is_set():
                thread.start()
                is_noting.wait()
            return ""

    witness = Witness("mngr_tutor")
    thread = threading.Thread(target=witness.note, args=("waits",))
    witness("_thread.start_new_thread", ())
    is_over.set()
    thread.join()
    witness("os.fork", ())
    assert witness.deeds == ["starts a thread", "waits", "starts a process"]
