"""``--report`` and ``--junit``: the files of a command's result, whatever becomes of it."""

from __future__ import annotations

import json
import os
import signal
from argparse import Namespace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from mngr_ansible.cli.main import main
from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.provisioning.report_files import ReportFiles, inputs_of
from mngr_ansible.report.report import Report
from tests.support.builders import let_everyone_enter
from tests.support.command_line import mngr_ansible

if TYPE_CHECKING:
    from pathlib import Path

    Captured = pytest.CaptureFixture[str]

CANARY = "canary-3f9c1b-of-a-secret"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A file that is to be copied, and the two files of the report."""
    (tmp_path / "here").write_text("x")
    copied = ["--file", f"{tmp_path}/here:there", "--work-dir", str(tmp_path / "work")]
    return [*copied, "--report", str(tmp_path / "page.html"), "--junit", str(tmp_path / "cases.xml")]


def cases(directory: Path) -> dict[str, str]:
    """How each case of the JUnit XML ended, by its name."""
    root = ET.parse(directory / "cases.xml").getroot()
    return {case.get("name", ""): case[0].tag for case in root.iter("testcase")}


def page(directory: Path) -> str:
    return (directory / "page.html").read_text("utf-8")


def test_a_plan_and_a_run_write_both_files_and_print_what_they_always_print(
    words: list[str], tmp_path: Path, capsys: Captured
) -> None:
    assert main(["plan", *words[:4]]) == 0
    printed = capsys.readouterr()
    assert main(["plan", *words]) == 0
    assert capsys.readouterr() == printed
    assert "<h1>Plan: localhost would change</h1>" in page(tmp_path)
    assert cases(tmp_path) == {f"file:{tmp_path}/work/there": "system-out"}

    assert main(["plan", "--detailed-exitcode", *words]) == 2
    assert cases(tmp_path) == {f"file:{tmp_path}/work/there": "failure"}

    assert main(["plan", "--json", *words]) == 0
    assert json.loads(capsys.readouterr().out.rpartition("Nothing was changed")[2].partition("\n")[2])["ok"]


def test_a_document_and_a_quiet_command_write_them_too(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["plan", "--json", "-q", *words]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert "Plan: " in page(tmp_path)


def test_a_command_that_fails_before_it_contacts_a_host_writes_what_is_wrong(
    words: list[str], tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "page.html").write_text("of yesterday")
    assert main(["apply", *words, "--manifest", "no-such-file"]) == 1
    assert "<h1>Apply: nothing was done</h1>" in page(tmp_path)
    assert "the manifest no-such-file cannot be read: no such file" in page(tmp_path)
    assert "Check the path." in page(tmp_path)
    assert cases(tmp_path) == {"run": "error"}


def test_hosts_that_never_answer_are_in_both_files(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main(["apply", *words, "--host", "a@127.0.0.1:1", "--host", "b@127.0.0.1:1"]) == 1
    assert "Apply: 2 of 2 hosts are not as planned" in page(tmp_path)
    assert "no ssh server listens on this port" in page(tmp_path)
    assert "Hosts and steps" in page(tmp_path)
    assert set(cases(tmp_path).values()) == {"error", "skipped"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_stopped_writes_what_it_has_reached(
    words: list[str], tmp_path: Path, number: int, code: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mngr_ansible.report.text':\n"
        "            sys.meta_path.remove(self)\n"
        f"            signal.raise_signal({int(number)})\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    done = mngr_ansible("plan", *words, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == code
    assert "stopped; nothing was changed" in page(tmp_path)
    assert cases(tmp_path) == {"run": "error"}


def test_a_signal_after_the_last_step_leaves_its_hosts_in_both_files(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import signal, sys\n"
        "seen = []\n"
        "def interrupt(event, arguments):\n"
        "    if event == 'os.rename' and str(arguments[1]).endswith('/digests') and not seen:\n"
        "        seen.append(event)\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "sys.addaudithook(interrupt)\n"
    )
    here = tmp_path / "here"
    state = {"PYTHONPATH": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = mngr_ansible("apply", "--file", f"{here}:{here}", *words[4:], env=state)
    assert done.returncode == 130
    assert "<h1>Apply: stopped</h1>" in page(tmp_path)
    assert "stopped; every step was done before" in page(tmp_path)
    assert cases(tmp_path) == {"run": "error", f"file:{here}": "system-out"}


@pytest.mark.parametrize(
    ("path", "problem", "code"),
    [
        ("{top}/none/page.html", "there is no directory {top}/none", 1),
        ("{top}", "it is a directory", 1),
        ("{top}/pipe", "it is no regular file", 1),
        ("{top}/here/page.html", "Not a directory", 1),
        ("{top}/" + "x" * 300, "File name too long", 1),
        ("{top}/./cases.xml", "--report and --junit name the same file", 64),
        ("{top}/../{name}/cases.xml", "--report and --junit name the same file", 64),
        ("-", "--report - is no name of a file", 64),
        ("/proc/page.html", "no file can be made in /proc", 1),
        ("{top}/here", "--report {top}/here: the command reads this file", 64),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error_before_anything_is_done(
    words: list[str], tmp_path: Path, capsys: Captured, path: str, problem: str, code: int
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["apply", *words, "--report", path.format(top=tmp_path, name=tmp_path.name)]) == code
    error = capsys.readouterr().err
    assert problem.format(top=tmp_path) in error
    assert (tmp_path / "here").read_text() == "x"
    assert error.count("\n") >= 2, "it says what to do"
    assert not (tmp_path / "work").exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["here", "pipe"]


def test_a_link_that_leads_to_no_regular_file_is_refused_and_stays(tmp_path: Path) -> None:
    """As root ``--junit /dev/stdout`` would otherwise put a file in the place of that link."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    link, first = tmp_path / "link", tmp_path / "first"
    first.symlink_to("link")
    with (tmp_path / "file").open() as file:
        for target in (tmp_path / "pipe", "/dev/null", tmp_path, "first", f"/proc/{os.getpid()}/fd/{file.fileno()}"):
            link.symlink_to(target)
            for name in ("link", "first"):
                with pytest.raises(InputError, match=r"it leads to no regular file|symbolic links"):
                    ReportFiles(None, str(tmp_path / name))
            assert link.readlink() == type(link)(target)
            link.unlink()
    link.symlink_to("nowhere")
    ReportFiles(str(link), str(first))


def test_no_file_that_the_command_reads_is_ever_overwritten(tmp_path: Path) -> None:
    names = ("book.yml", "hosts.yml", "key", "known", "manifest.yml", "vault", "tree/index.html")
    (tmp_path / "tree").mkdir()
    for each in names:
        (tmp_path / each).write_text(f"<!doctype html> {each}")
    (tmp_path / "link.yml").symlink_to("hosts.yml")
    options = Namespace(
        file=[f"{tmp_path}/tree:there"],
        inventory=[f"{tmp_path}/link.yml", "build-1,"],
        key=str(tmp_path / "key"),
        known_hosts=str(tmp_path / "known"),
        manifest=[str(tmp_path / "manifest.yml"), "-"],
        playbook=[str(tmp_path / "book.yml")],
        vault_id=[f"label@{tmp_path}/vault", "prompt"],
    )
    for each in (*names, "link.yml", "tree/../tree/index.html"):
        with pytest.raises(UsageError, match="the command reads"):
            ReportFiles(str(tmp_path / each), None, inputs=inputs_of(options))
    files = ReportFiles(str(tmp_path / "tree/new.html"), str(tmp_path / "tree/new.xml"), inputs=inputs_of(options))
    files.write(Report("plan"))
    ReportFiles(str(tmp_path / "tree/new.html"), str(tmp_path / "tree/new.xml"), inputs=inputs_of(options))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_a_file_of_another_user_where_only_he_may_replace_it_is_found_before_anything_is_done(tmp_path: Path) -> None:
    """A directory such as /tmp: everybody may write there, and nobody may replace another user's file."""
    let_everyone_enter(tmp_path)
    (tmp_path / "page.html").write_text("of another user")
    tmp_path.chmod(0o1777)
    os.seteuid(65534)
    try:
        ReportFiles(None, str(tmp_path / "cases.xml"))
        with pytest.raises(InputError, match="it belongs to another user"):
            ReportFiles(str(tmp_path / "page.html"), None)
    finally:
        os.seteuid(0)


def test_a_file_that_cannot_be_written_at_the_end_is_an_error_and_the_result_is_shown(
    words: list[str], tmp_path: Path, capsys: Captured
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    (tmp_path / "work").mkdir()
    done = mngr_ansible(
        "plan",
        *words[:4],
        "--report",
        gone / "page.html",
        env={"PYTHONPATH": str(_removing(tmp_path, gone))},
    )
    assert done.returncode == 1
    assert "missing" in done.stdout
    assert f"error: {gone}/page.html could not be written (No such file or directory)" in done.stderr


def _removing(directory: Path, gone: Path) -> Path:
    """A directory of Python's path that lets the directory of the report be removed after it was looked at."""
    (directory / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Removing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mngr_ansible.report.html.page':\n"
        "            sys.meta_path.remove(self)\n"
        f"            os.rmdir({str(gone)!r})\n"
        "sys.meta_path.insert(0, Removing())\n"
    )
    return directory


def test_a_file_is_replaced_whole_a_link_is_not_followed_and_the_mode_is_that_of_a_new_file(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_text("is not touched")
    (tmp_path / "page.html").symlink_to(other)
    before = os.umask(0o027)
    try:
        assert main(["plan", *words]) == 0
    finally:
        os.umask(before)
    assert other.read_text() == "is not touched"
    assert not (tmp_path / "page.html").is_symlink()
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cases.xml", "here", "other", "page.html"]


def test_no_secret_is_in_either_file(words: list[str], tmp_path: Path, capsys: Captured) -> None:
    secret, work = tmp_path / "secret", tmp_path / "work"
    secret.write_text(CANARY)
    secret.chmod(0o600)
    (tmp_path / "manifest.yml").write_text(
        f"files:\n  - {{local_path: {secret}, remote_path: .token, is_secret: true}}\n"
    )
    work.mkdir()
    (work / ".token").write_text(f"old {CANARY}")
    (work / "there").write_text("before")
    assert main(["plan", "--diff", *words, "--manifest", str(tmp_path / "manifest.yml")]) == 0
    assert "0600, secret" in page(tmp_path)
    assert "before" in page(tmp_path), "what is no secret has its diff"
    for name in ("page.html", "cases.xml"):
        assert CANARY not in (tmp_path / name).read_text("utf-8")
