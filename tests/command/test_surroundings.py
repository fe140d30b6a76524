"""What the command stands: another locale, streams that nobody reads, and plugins that leave something to its end."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.command_line import argv, mngr_ansible
from tests.support.mngr import plugins

ASCII_LOCALE = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
"""As a locale with another encoding than UTF-8, which a machine may not have."""
NEEDS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def test_files_and_packages_are_provisioned_in_a_locale_without_utf8(tmp_path):
    (tmp_path / "é").write_text("x")
    (tmp_path / "m.yml").write_text(f"files: [{{local_path: é, remote_path: '{tmp_path}/out/é…'}}]\n", "utf-8")
    words = ["--package", "sh", "--manifest", tmp_path / "m.yml", "--file", f"{tmp_path}/é:out/é", "--json"]

    for verb in ("apply", "plan"):
        done = mngr_ansible(verb, *words, "--work-dir", tmp_path, env=ASCII_LOCALE)
        assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == ["é".encode(), "é…".encode()]
    assert {step["status"] for step in json.loads(done.stdout)["hosts"][0]["steps"]} == {"ok"}


def test_the_library_sends_its_scripts_in_a_locale_without_utf8(tmp_path):
    (tmp_path / "é").write_text("x")
    code = (
        "import sys, mngr_ansible; print(mngr_ansible.provision(files=[sys.argv[1] + '/\\u00e9:out/\\u00e9'], "
        "packages=['sh'], work_dir=sys.argv[1], settings={'install': 'print'}).errors)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env={**os.environ, **ASCII_LOCALE}
    )
    assert (done.returncode, done.stdout) == (0, "()\n"), done.stderr
    assert os.listdir(os.fsencode(tmp_path / "out")) == ["é".encode()]


@NEEDS_FULL
@pytest.mark.parametrize("unread", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_a_stderr_that_cannot_be_written_stops_nothing(unread, tmp_path):
    (tmp_path / "x").write_text("x")
    plugins.write(
        tmp_path, talker="import sys\n\n@hookimpl\ndef provision_agent():\n    print('talk')\n    return []\n"
    )
    command = argv("apply", "--plugin", "talker", "--file", f"{tmp_path}/x:y", "--work-dir", tmp_path, "--json")
    script = f'"$@" {unread}'

    done = subprocess.run(
        ["bash", "-c", script, "bash", *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"] is True
    assert (tmp_path / "y").read_text() == "x"


@NEEDS_FULL
@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 1), (["--version"], 1), (["plan", "--help"], 1), (["plan", "--timeout=x"], 64)]
)
def test_a_stdout_that_is_full_is_an_error_and_one_that_nobody_reads_changes_no_exit_code(words, code):
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "w") as full, os.fdopen(writing, "w") as unread:
        options = ["--json"] if code == 64 else []
        codes = [
            subprocess.run(argv(*words, *options), stdout=stream, stderr=subprocess.PIPE) for stream in (full, unread)
        ]
    assert [each.returncode for each in codes] == [code, 64 if code == 64 else 0]
    assert b"No space left" in codes[0].stderr
    assert b"Traceback" not in codes[0].stderr + codes[1].stderr


LEAVING = """
import atexit

kept = open({path!r}, "w")
atexit.register(print, "the end")

@hookimpl
def provision_agent():
    kept.write("not flushed")
    return []
"""


def test_what_a_plugin_leaves_to_the_interpreters_end_is_done(tmp_path):
    plugins.write(tmp_path, leaver=LEAVING.format(path=str(tmp_path / "kept")))

    done = mngr_ansible("plan", "--plugin", "leaver", "--work-dir", tmp_path, env={"PYTHONPATH": str(tmp_path)})

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kept").read_text() == "not flushed"
    assert done.stdout.endswith("the end\n")
