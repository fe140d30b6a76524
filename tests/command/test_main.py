"""The command line: exit codes, one message with a remedy, JSON for errors too."""

import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time

import pytest

from mngr_ansible.cli.main import main
from mngr_ansible.cli.parser import parser
from mngr_ansible.plan.known_hashes import KnownHashes
from tests.support.command_line import argv, mngr_ansible
from tests.support.mngr import plugins

WRONG_USAGE = [
    [],
    ["bogus"],
    ["plan", "--bogus"],
    ["plan", "--package", "git=="],
    ["plan", "--package", "git*"],
    ["plan", "--package=-x"],
    ["plan", "--package", "a,b"],
    ["plan", "--package", "/tmp/x.deb"],
    ["plan", "--file", "x"],
    ["plan", "--file", "/etc/hosts:../x"],
    ["plan", "--file", "/etc/hosts:~/../x"],
    ["plan", "--file", "/etc/hosts:a\nb"],
    ["plan", "--host", "a b"],
    ["plan", "--host=-oProxyCommand=x"],
    ["plan", "--host", "h:99999"],
    ["plan", "--host", "h", "--host", "h"],
    ["plan", "--host", "h", "--key", "/no/such/key"],
    ["plan", "--timeout", "0"],
    ["plan", "--timeout", "soon"],
    ["plan", "--install", "maybe"],
    ["render"],
]


@pytest.mark.parametrize("words", WRONG_USAGE, ids=" ".join)
def test_wrong_usage_is_64_with_a_remedy_and_json(words, capsys):
    assert main([*words, "--json"]) == 64

    output = capsys.readouterr()
    document = json.loads(output.out)
    assert output.err.startswith("error: ")
    assert (document["ok"], document["hosts"]) == (False, [])
    assert document["errors"][0]["remedy"]


@pytest.mark.parametrize(
    ("manifest", "output"),
    [
        ("pakages: [git]", "did you mean packages?"),
        ("packages: [{name: git, versoin: '>=2'}]", "did you mean version?"),
        ("packages: git", "is not a list"),
        ("packages: ['git>=2', 'git<2']", "no version satisfies both"),
        ("files: [{local_path: nowhere, remote_path: x}]", "1 required file is missing"),
        ("files: [{local_path: pipe, remote_path: x}]", "is a fifo"),
        ("files: [{local_path: out, remote_path: x}]", "link"),
        ("files: [{local_path: ., remote_path: x, mirror: true, if_exists: keep}]", "cannot be combined"),
        ("files: [", "does not parse"),
    ],
)
def test_an_error_in_a_manifest_is_exit_code_1_and_one_message(manifest, output, tmp_path, capsys):
    (tmp_path / "m.yml").write_text(manifest)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to("/etc/passwd")

    assert main(["apply", "--manifest", str(tmp_path / "m.yml"), "--work-dir", str(tmp_path / "work")]) == 1

    assert output in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "work").exists()


def test_plan_exits_with_0_and_detailed_with_2_when_something_would_change(tmp_path, capsys):
    (tmp_path / "x").write_text("x")
    words = ["plan", "--file", f"{tmp_path}/x:y", "--work-dir", str(tmp_path)]

    assert main(words) == 0
    assert main([*words, "--detailed-exitcode"]) == 2
    (tmp_path / "y").write_text("x")
    assert main([*words, "--detailed-exitcode"]) == 0
    assert "Nothing was changed" in capsys.readouterr().out


def test_where_a_required_package_is_blocked_nothing_else_is_done_or_advised(tmp_path, capfd):
    (tmp_path / "x").write_text("x")
    shell = {"name": "sh", "version": "<0.1", "checks": [{"kind": "shell", "value": "echo 1", "pattern": "(.*)"}]}
    (tmp_path / "m.yml").write_text(json.dumps({"packages": [shell, "no-such-tool"]}))
    words = ["apply", "--file", f"{tmp_path}/x:y", "--manifest", str(tmp_path / "m.yml"), "--work-dir", str(tmp_path)]

    assert main([*words, "--json"]) == 1
    (host,) = json.loads(capfd.readouterr().out)["hosts"]
    assert [each["status"] for each in host["steps"]] == ["not-reached", "too-new", "not-reached"]
    assert host["commands"] == []
    assert not (tmp_path / "y").exists()


def test_unchecked_packages_are_skipped(tmp_path, capsys):
    assert main(["apply", "--package", "no-such-tool", "--no-check-packages", "--work-dir", str(tmp_path)]) == 0


def test_content_and_plugins_need_no_host(capsys):
    assert main(["content"]) == 0
    assert main(["plugins", "--package", "git>=2"]) == 0
    output = capsys.readouterr().out
    assert "command-line\n  needs package:git>=2" in output


def test_the_time_that_a_silent_host_took_is_counted(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        assert main(["apply", "--package", "git", "--host", host, "--timeout", "2"]) == 1
    reported = re.search(r"not done after (\S+) s: 1 not started", capsys.readouterr().err)
    assert reported
    assert float(reported[1]) >= 2


@pytest.mark.parametrize(("forks", "most"), [((), 50), (("--forks", "8"), 8)])
def test_the_time_is_that_of_all_hosts_together_however_many_they_are(capsys, forks: tuple[str, ...], most: int):
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        hosts = [f"u{number}@127.0.0.1:{silent.getsockname()[1]}" for number in range(most + 4)]
        words = [word for host in hosts for word in ("--host", host)]
        since = time.monotonic()
        assert main(["plan", "--package", "git", *words, "--timeout", "3", *forks, "--json"]) == 1
    problems = [each["problem"] for each in json.loads(capsys.readouterr().out)["errors"]]
    assert sum(each.startswith("no answer within ") for each in problems) == most
    assert problems.count("the time was up before this host was asked") == 4
    assert time.monotonic() - since < 30


def test_every_option_has_a_help_text():
    for verb in ("plan", "apply", "render", "plugins", "content"):
        choices = parser()._subparsers._group_actions[0].choices
        assert all(action.help for action in choices[verb]._actions), verb


def test_a_terminal_that_cannot_show_a_name_gets_it_escaped(tmp_path):
    (tmp_path / "ü").write_text("x")

    done = mngr_ansible(
        "plan", "--file", f"{tmp_path}/ü:ü", "--work-dir", tmp_path, env={"PYTHONIOENCODING": "ascii", "COLUMNS": "300"}
    )

    assert done.returncode == 0, done.stderr
    assert "\\xfc" in done.stdout


def test_a_full_disk_here_is_one_error(tmp_path):
    (tmp_path / "x").write_text("x")
    command = [sys.executable, "-m", "mngr_ansible", "apply", "--file", f"{tmp_path}/x:y", "--work-dir", str(tmp_path)]
    limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *command]

    done = subprocess.run(limited, capture_output=True, text=True)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-2].startswith("error: ")
    assert "Traceback" not in done.stderr


def test_content_is_copied_and_built_where_the_user_says(capsys, tmp_path):
    assert main(["content", "--copy", str(tmp_path / "own"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / "own")
    assert (tmp_path / "own/roles/mngr_files/tasks/main.yml").is_file()
    assert main(["content", "--collection", str(tmp_path)]) == 0
    assert os.path.dirname(capsys.readouterr().out.strip()) == str(tmp_path)
    assert main(["content", "--collection", str(tmp_path)]) == 1
    assert "nothing there is replaced" in capsys.readouterr().err
    assert main(["content", "--copy", "a", "--collection", "b"]) == 64


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["content"], ["content", "--json"]])
def test_a_result_that_cannot_be_written_is_one_error(words):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "mngr_ansible", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode != 0
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


TALKER = """
import os
import subprocess
print("imported")

@hookimpl
def provision_agent():
    print("rm -rf /", flush=True)
    subprocess.run(["echo", "of a program"])
    os.write(1, b"of the descriptor\\n")
    return ["no-such-tool"]
"""


def test_what_a_plugin_prints_is_talk_and_not_the_result(tmp_path):
    plugins.write(tmp_path, talker=TALKER)
    for way in (["--json"], ["--commands"]):
        done = mngr_ansible("plan", "--plugin", "talker", *way, env={"PYTHONPATH": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        assert "imported\nrm -rf /\nof a program\nof the descriptor\n" in done.stderr
        for printed in ("imported", "rm -rf", "of a program", "of the descriptor"):
            assert printed not in done.stdout


def test_a_current_directory_that_was_removed_is_an_error_with_a_remedy(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["plan", "--package", "git"]) == 64
    assert "the current directory no longer exists\n       cd to one that exists." in capsys.readouterr().err


def test_closed_standard_streams_are_no_error(tmp_path):
    (tmp_path / "x").write_text("x")
    (tmp_path / "y").write_text("x")
    command = shlex.join(argv("apply", "--file", f"{tmp_path}/x:y", "--work-dir", tmp_path))
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (closed, done.stderr)


@pytest.mark.parametrize("words", [["plan"], ["plan", "--json"]], ids=" ".join)
def test_ctrl_c_while_the_program_starts_is_one_message_and_no_traceback(words, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mngr_ansible.report.text':\n"
        "            sys.meta_path.remove(self)\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    done = mngr_ansible(*words, env={"PYTHONPATH": str(tmp_path)})

    assert done.returncode == 130
    assert done.stderr.startswith("error: stopped; nothing was changed\n")
    assert "Traceback" not in done.stderr
    assert "--json" not in words or json.loads(done.stdout)["command"] == "plan"


@pytest.mark.parametrize(("renames", "code", "word"), [(1, 130, "error: stopped; "), (2, 0, "1 ok")])
def test_ctrl_c_after_the_last_step_loses_no_report(renames, code, word, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import signal, sys\n"
        "seen = []\n"
        "def interrupt(event, arguments):\n"
        "    if event == 'os.rename' and str(arguments[1]).endswith('/digests'):\n"
        "        seen.append(event)\n"
        f"        if len(seen) == {renames}:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.addaudithook(interrupt)\n"
    )
    (tmp_path / "x").write_text("x")
    words = ["apply", "--file", f"{tmp_path}/x:{tmp_path}/x"]
    done = mngr_ansible(*words, env={"PYTHONPATH": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")})

    assert done.returncode == code
    assert word in done.stderr
    assert "nothing was changed" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_known_hash_that_is_not_that_of_the_file_is_forgotten_by_the_run_that_finds_it(tmp_path, monkeypatch):
    """A program that writes through a mapping changes content for a while without the file's times."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    source = tmp_path / "large"
    source.write_bytes(bytes(1 << 20))
    os.utime(source, (1, 1))
    while time.time_ns() < source.stat().st_ctime_ns + 150_000_000:
        time.sleep(0.01)
    known = KnownHashes([str(source)])
    known.find([source.stat()])
    known.add(source.stat(), "ab" * 32)
    known.save()
    words = ["apply", "--file", f"{source}:{tmp_path}/sent"]
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}

    first, second = mngr_ansible(*words, env=state), mngr_ansible(*words, env=state)

    assert "it changed after it was planned; it was sent as it is now" in first.stderr
    assert second.stderr == "nothing to change: 1 ok\n"


def test_an_unknown_option_refers_to_the_help_of_its_verb(capsys):
    assert main(["apply", "--diff"]) == 64
    assert "See mngr-ansible apply --help.\n" in capsys.readouterr().err


def test_a_public_key_is_no_key(tmp_path, capsys):
    (tmp_path / "id.pub").write_text("ssh-ed25519 x")
    assert main(["plan", "--package", "git", "--host", "h", "--key", f"{tmp_path}/id.pub"]) == 64
    assert "this is the public key\n       Give the private key: the file without .pub." in capsys.readouterr().err


def test_a_bug_of_ours_is_one_line_and_its_traceback_is_shown_only_with_v(monkeypatch, capfd):
    class Broken(io.StringIO):
        def write(self, text):
            raise LookupError(text)

    monkeypatch.setattr(sys, "stdout", Broken())
    output = []
    for words in (["content"], ["content", "-v"]):
        assert main(words) == 1
        output.append(capfd.readouterr().err)
    assert output[0].startswith("error: mngr-ansible failed unexpectedly: LookupError: ")
    assert ["Traceback" in each for each in output] == [False, True]


def test_whoever_reads_only_the_beginning_of_a_plan_is_no_failure(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        argv("plan", "--package", "tar", "--work-dir", tmp_path), stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_host_that_is_given_twice_is_named(capsys):
    assert main(["plan", "--host", "a", "--host", "b", "--host", "b"]) == 64
    assert "--host 'b' is given twice" in capsys.readouterr().err


def test_commands_that_do_not_exist_are_explained_on_stderr(tmp_path):
    (tmp_path / "m.yml").write_text("packages: [{name: no-such-tool, sources: [{manager: brew}]}]")
    done = mngr_ansible("plan", "--commands", "--manifest", tmp_path / "m.yml", "--work-dir", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no command for no-such-tool: " in done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["pln"], "plan"),
        (["plan", "--hots", "a"], "--host"),
        (["apply", "--maniefst=x"], "--manifest"),
        (["plan", "--install", "prnt"], "print"),
        (["plan", "--for", "debain:12"], "debian"),
        (["PLAN"], "plan"),
        (["--hots", "a"], "--host"),
    ],
)
def test_a_misspelt_word_of_the_command_line_is_refused_with_the_nearest_one(words, meant, capsys):
    assert main(words) == 64
    assert f"(did you mean {meant}?)" in capsys.readouterr().err


def test_a_system_with_a_colon_and_no_release_is_wrong_usage(capsys):
    assert main(["plan", "--for", "fedora:"]) == 64
    assert "'fedora:' has no release after the colon" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["bootstrap"], ["bootstrap", "--dry-run"], ["bootstrap", "--become"]])
def test_a_bootstrap_without_a_host_is_wrong_usage_and_asks_nothing_of_this_machine(words, capsys):
    assert main(words) == 64
    assert "bootstrap [USER@]HOST[:PORT]" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--install=print", "--timeout=3", "--yes", "--no-check-packages"])
@pytest.mark.parametrize("verb", ["catalog", "content"])
def test_what_only_shows_something_takes_no_option_that_it_would_not_use(verb, option, capsys):
    assert main([verb, option]) == 64
    name = option.partition("=")[0]
    output = capsys.readouterr().err
    assert f"{verb} does not take {name}\n       {name} is an option of " in output
    assert f"\n       Example: mngr-ansible {verb}\n" in output


def test_a_key_without_a_host_is_noticed(tmp_path, capsys):
    assert main(["plan", "--key", str(tmp_path), "--json"]) == 0
    (notice,) = json.loads(capsys.readouterr().out)["notices"]
    assert notice["text"].startswith("--key without --host")


def test_a_manifest_can_come_from_the_standard_input_or_a_pipe(tmp_path):
    (tmp_path / "source").write_text("x")
    text = f"files: [{{local_path: source, remote_path: {tmp_path}/new}}]"
    for name in ("-", "/dev/stdin"):
        command = argv("plan", "--json", "--manifest", name)
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=tmp_path, check=True)
        (step,) = json.loads(done.stdout)["hosts"][0]["steps"]
        assert (step["id"], step["status"]) == (f"file:{tmp_path}/new", "missing")


@pytest.mark.parametrize("words", [["plan", "--package", "git"], ["apply", "--file", "/etc/hostname:x"]])
def test_a_path_without_the_systems_programs_is_said_to_be_that(words, tmp_path):
    done = mngr_ansible(*words, env={"PATH": "/nonexistent"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "programs that every system has are not in the PATH: id, ls, sed" in done.stderr
    assert "invalid literal" not in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("words", "verb"), [(["--json", "plan"], "plan"), (["--host", "a", "plan"], "COMMAND")])
def test_an_option_before_the_command_is_told_where_it_stands(words, verb, capsys):
    assert main(words) == 64
    remedy = (
        f"{words[0]} comes before the command\n       Options come after the command: mngr-ansible {verb} {words[0]}."
    )
    assert remedy in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--playbook", "--inventory", "--limit"])
def test_a_value_that_begins_like_an_option_is_refused_with_how_to_write_it(option, capsys):
    assert main(["plan", option, "-x.yml"]) == 64
    assert f"one that begins with - is written {option}=-VALUE." in capsys.readouterr().err


def test_an_empty_word_that_is_too_many_is_shown(capsys):
    assert main(["plan", ""]) == 64
    assert "unrecognized arguments: ''\n" in capsys.readouterr().err
