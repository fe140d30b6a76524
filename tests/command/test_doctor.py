"""What ``doctor`` says of this machine's programs: ssh, its keys and agent, host keys, Ansible, mngr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.doctor.examination import with_keys, without_repeats
from mngr_ansible.doctor.host import Examined, examine_host
from mngr_ansible.doctor.installation import about_installation
from mngr_ansible.doctor.keys import Agent, about_agent, about_keys, ask_agent
from mngr_ansible.doctor.mngr_here import about_mngr
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.doctor.ssh_here import about_host_key, about_known_hosts, about_ssh
from mngr_ansible.host.connection import LocalShell, ShellResult, no_answer
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.provisioning.targets import host_target, open_targets
from mngr_ansible.system.processes import StoppedError
from mngr_ansible.values import replace
from tests.support.command_line import argv, document, mngr_ansible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mngr_ansible.report.findings import Finding


def keygen(path: Path, passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


@pytest.fixture
def keys(tmp_path: Path) -> SshSettings:
    """Keys in every state, as an ssh configuration names them."""
    keygen(tmp_path / "good")
    keygen(tmp_path / "locked", "secret words")
    keygen(tmp_path / "open").chmod(0o644)
    (tmp_path / "broken").write_text("no key\n")
    (tmp_path / "broken").chmod(0o600)
    names = ("good", "locked", "open", "broken", "gone")
    return SshSettings({}, tuple(str(tmp_path / each) for each in names))


def test_each_key_is_told_with_what_keeps_ssh_from_using_it(keys: SshSettings) -> None:
    found = list(about_keys(Programs(), [keys], None, Agent("none")))
    said = {each.name.rpartition("/")[2]: (each.status, each.text, each.remedy) for each in found}
    assert said["good"][0] == "ok"
    assert said["locked"][:2] == ("warning", "it has a passphrase, and mngr-ansible does not ask for one")
    assert "ssh-add " in said["locked"][2]
    assert said["open"][:2] == ("warning", "other users can read it, so ssh does not use it")
    assert "chmod 600 " in said["open"][2]
    assert "it cannot be used: " in said["broken"][1]
    assert "which does not exist" in said["gone"][1]


def test_the_key_of_the_command_is_a_problem_where_it_cannot_be_used(keys: SshSettings) -> None:
    (found,) = about_keys(Programs(), [keys], keys.identity_files[1], Agent("none"))
    assert found.status == "problem"


def test_a_key_that_cannot_be_used_is_no_problem_where_all_hosts_let_us_in(keys: SshSettings) -> None:
    found = list(about_keys(Programs(), [keys], keys.identity_files[1], Agent("none")))
    assert [each.status for each in with_keys(found, [Examined(())])] == ["warning"]
    assert [each.status for each in with_keys(found, [Examined(()), Examined((), is_reached=False)])] == ["problem"]
    (gone,) = about_keys(Programs(), [keys], keys.identity_files[4], Agent("none"))
    assert (gone.text, gone.remedy) == ("it does not exist", "Check the path")


def test_without_any_key_there_is_a_warning_unless_the_agent_has_one() -> None:
    (found,) = about_keys(Programs(), [SshSettings()], None, Agent("none"))
    assert (found.status, "ssh has no key" in found.text) == ("warning", True)
    assert list(about_keys(Programs(), [SshSettings()], None, Agent("there", ("SHA256:x",)))) == []


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of an agent of its own."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
        process.kill()


def test_a_key_with_a_passphrase_is_fine_once_the_agent_has_it(agent: Path, tmp_path: Path) -> None:
    path = keygen(tmp_path / "locked", "secret words")
    assert ask_agent(Programs(), SshSettings()) == Agent("there")
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho secret words\n")
    ask.chmod(0o755)
    environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", str(path)], env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    asked = ask_agent(Programs(), SshSettings())
    assert len(asked.fingerprints) == 1
    (found,) = about_keys(Programs(), [SshSettings()], str(path), asked)
    assert (found.status, found.text) == ("ok", "it has a passphrase, and the ssh agent has it")


def test_an_agent_that_does_not_answer_or_has_too_many_keys_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    silent = ask_agent(Programs(), SshSettings())
    assert (silent.state, about_agent(silent, is_used=True).status) == ("silent", "warning")
    assert about_agent(silent, is_used=False).status == "ok"
    assert about_agent(Agent("there", ("x",) * 6), is_used=True).status == "warning"
    assert ask_agent(Programs(), SshSettings({"identityagent": "none"})) == Agent("none")


def test_the_file_of_host_keys_is_a_problem_where_it_cannot_be_used(tmp_path: Path) -> None:
    def said(path: object) -> Finding:
        (found,) = about_known_hosts([str(path)])
        return found

    assert said("~/.ssh/known_hosts-new").status == "warning"
    assert said(tmp_path).status == "problem"
    assert said("/dev/null").status == "warning"
    (tmp_path / "hosts").write_text("# mine\nbuild-1 ssh-ed25519 AAAA\n")
    assert said(tmp_path / "hosts").text.endswith("hosts has 1 key")
    (tmp_path / "hosts").write_text("foo bar\n@revoked build-1 ssh-ed25519 AAAA mine\n")
    assert said(tmp_path / "hosts").text.endswith("hosts has 1 key, and 1 line that ssh does not understand")
    (tmp_path / "hosts").chmod(0o666)
    assert said(tmp_path / "hosts").status == "warning"


def test_a_host_is_looked_up_in_known_hosts_as_ssh_does(tmp_path: Path) -> None:
    public = keygen(tmp_path / "key").with_suffix(".pub").read_text().split()[:2]
    key, file = " ".join(public), tmp_path / "known_hosts"
    file.write_text(f"build-1 {key}\n*.example,[x]:22 {key}\n@revoked old {key}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)

    def said(name: str) -> str:
        settings = SshSettings({"hostname": name, "port": "22"})
        return about_host_key(Programs(), "h", settings, [str(file)], "ssh-keyscan").status

    assert [said(each) for each in ("build-1", "a.example", "old", "other")] == ["ok", "ok", "problem", "problem"]


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


ROWS = [{"name": "ansible", "version": "0.1.0", "enabled": "true"}, {"name": "off", "enabled": "false"}]
FINE = {"plugins": [{"name": "codex", "hooks": ["provision_agent"], "contributed": []}], "errors": [], "notices": []}


@pytest.mark.parametrize(
    ("version", "rows", "plugins", "status", "text"),
    [
        ("mngr 0.3.1", ROWS, FINE, "ok", "codex has hooks that are called; disabled: off"),
        ("mngr 0.9.0", ROWS, FINE, "problem", "mngr 0.9.0 is installed, and mngr-ansible works with >=0.3.0,<0.4"),
        ("Traceback", ROWS, FINE, "problem", "does not start"),
        ("mngr 0.3.1", ROWS[1:], FINE, "warning", "has no plugin ansible"),
        ("mngr 0.3.1", [{**ROWS[0], "enabled": "false"}], FINE, "warning", "has the plugin ansible disabled"),
        (
            "mngr 0.3.1",
            ROWS,
            {
                **FINE,
                "errors": [{"problem": "bad: its provision_agent has the unknown argument 'x'", "remedy": "Fix it."}],
            },
            "problem",
            "bad: its provision_agent has the unknown argument 'x'",
        ),
        ("mngr 0.3.1", ROWS, {**FINE, "notices": [{"text": "bad adds nothing"}]}, "warning", "bad adds nothing"),
        ("mngr 0.3.1", ROWS, "no JSON", "problem", "mngr ansible plugins fails"),
    ],
)
def test_mngr_is_asked_for_its_version_and_its_plugins(
    tmp_path: Path, version: str, rows: object, plugins: object, status: str, text: str
) -> None:
    (tmp_path / "rows").write_text(json.dumps({"plugins": rows}))
    (tmp_path / "plugins").write_text(plugins if isinstance(plugins, str) else json.dumps(plugins))
    mngr = program(
        tmp_path / "mngr",
        f"""case $1 in
--version) echo '{version}' ;;
plugin) cat '{tmp_path}/rows' ;;
ansible) echo 'a line of a log'; cat '{tmp_path}/plugins' ;;
esac""",
    )
    last = list(about_mngr(Programs(), mngr))[-1]
    assert (last.status, text in last.text) == (status, True), last


def test_mngr_gets_a_copy_of_its_settings_for_a_directory(home: Path, tmp_path: Path) -> None:
    for name in ("config.toml", "profiles/one/settings.toml", "events/log"):
        (home / ".mngr" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / ".mngr" / name).write_text(name)
    text = 'cd "$MNGR_HOST_DIR" && find . -type f | sort | tr "\\n" " " >&2; touch written; echo "$PWD/x" >&2; exit 1'
    (found,) = about_mngr(Programs(), program(tmp_path / "mngr", text))
    assert f"does not start: ./config.toml ./profiles/one/settings.toml {home}/.mngr/x" in found.text
    assert not (home / ".mngr/written").exists()


def test_without_mngr_that_is_said_and_is_fine() -> None:
    (found,) = about_mngr(Programs(), None)
    assert found.status == "ok"


def test_what_is_installed_starts_here_and_is_what_we_need(home: Path) -> None:
    found = list(about_installation(Programs()))
    assert [(each.name.partition(": ")[2], each.status) for each in found] == [
        ("python", "ok"),
        ("ansible-core", "ok"),
        ("ansible-runner", "ok"),
        ("libraries", "ok"),
    ]
    assert not (home / ".ansible").exists()


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("echo one; echo two >&2; exit 3", "two"),
        ("echo one; exit 3", "one"),
        ("exit 3", "exit code 3"),
        ("printf '+----+\\n| no tmux |\\n+----+\\n' >&2", "no tmux"),
        ("exec cat", "exit code 0"),
        ("printf '\\033[31mred'", "\\x1b[31mred"),
    ],
)
def test_what_a_program_says_last_is_one_line_without_colours(tmp_path: Path, text: str, last: str) -> None:
    assert Programs().ask([program(tmp_path / "x", text)]).last == last


def test_a_program_that_waits_prints_for_ever_or_is_none_is_ended(tmp_path: Path) -> None:
    assert Programs().ask([program(tmp_path / "x", "exec sleep 300")], 0.3).last == "no answer within 0.3 s"
    assert Programs().ask([program(tmp_path / "y", "exec yes")]).last == "it prints without end"
    assert Programs().ask([str(tmp_path / "none")]).last.endswith("No such file or directory")


def test_a_stop_ends_what_is_being_asked(tmp_path: Path) -> None:
    programs = Programs()
    stop: Callable[[], None] = programs.stop
    timer = threading.Timer(0.2, stop)
    timer.start()
    with pytest.raises(StoppedError):
        programs.ask([program(tmp_path / "x", "exec sleep 300")], 300)
    timer.join()


def test_a_configuration_that_ssh_cannot_read_is_told_for_this_machine_and_for_each_host(home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh/config").write_text("Host *\n    Nonsense yes\n")
    (here,), _ = about_ssh(Programs(), None, None)
    assert (here.status, "config: line 2: Bad configuration option: nonsense" in here.text) == ("problem", True)
    with open_targets(["build-1"]) as (targets, _):
        (there,) = examine_host(Programs(), targets[0], (), None, 60).findings
    assert (there.name, there.status, there.text) == ("build-1: ssh", "problem", here.text)
    (short,) = without_repeats([there], [here])
    assert (short.status, short.text) == ("warning", "not looked at: this machine's ssh cannot be used")


class Halting:
    """This machine as a host whose second answer is cut, or never comes."""

    is_local, patience = True, 0.0

    def __init__(self, second: str | None) -> None:
        self._second, self._count = second, 0

    def holds(self, script: str) -> bool:
        return True

    def run(self, script: str, timeout: float) -> ShellResult:
        self._count += 1
        if self._count == 1:
            return LocalShell().run(script, timeout)
        if self._second is None:
            raise no_answer(timeout, "h")
        return ShellResult(self._second, "", 0)


@pytest.mark.parametrize(
    ("second", "text"), [(None, "no answer within 60 s"), ("begin 5\n", "a part of our questions")]
)
def test_a_host_that_stops_answering_is_told_with_what_it_said_before(second: str | None, text: str) -> None:
    target = replace(host_target("h", LocalShell(), "/"), connection=Halting(second))
    found = {each.name: each for each in examine_host(Programs(), target, (), None, 60).findings}
    assert (found["h: ssh"].status, text in found["h: ssh"].text) == ("problem", True)
    assert {"h: system", "h: python", "h: privilege"} <= found.keys()
    assert "h: locks" not in found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at this machine as a Linux host")
def test_without_a_host_this_machine_is_looked_at_as_one_and_nothing_is_written(home: Path) -> None:
    done = mngr_ansible("doctor", "--json", "--package", "git", "--key", str(home / "gone"))
    checks = {each["name"]: each for each in document(done)["checks"]}
    assert done.returncode in (0, 1), done.stderr
    assert {"controller: ssh", "localhost: python", "localhost: managers", "localhost: disk"} <= checks.keys()
    assert "localhost: ssh" not in checks
    assert checks[f"controller: key {home}/gone"]["status"] == "problem"
    assert not (home / ".local" / "state" / "mngr-ansible").exists()


def test_a_terminal_shows_what_goes_on_and_nothing_of_it_stays(home: Path) -> None:
    master, terminal = os.openpty()
    command = argv("doctor", "--host", "a,b")
    environment = {**os.environ, "TERM": "xterm"}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal, env=environment, timeout=60
    )
    os.close(terminal)
    shown = os.read(master, 10_000).decode()
    os.close(master)
    assert done.returncode == 64
    assert shown.startswith("Looking at this machine and its hosts …\r\x1b[K"), shown
    assert "is not an address" in shown


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--host", "a,b"], 64, "is not an address"),
        (["--work-dir", "/srv"], 64, "doctor does not take --work-dir"),
        (["--become"], 64, "doctor does not take --become"),
        (["--limit", "x"], 64, "--limit chooses among the hosts of an inventory"),
        (["-K"], 64, "--ask-become-pass needs a terminal"),
        (["--manifest", "/nowhere.yml"], 1, "cannot be read"),
    ],
)
def test_what_the_command_line_says_wrongly_is_an_error_and_no_finding(words: list[str], code: int, text: str) -> None:
    done = mngr_ansible("doctor", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
