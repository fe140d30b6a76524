"""Unusual users: odd shells, noisy or hanging start-up files, no home, sshd's limits and commands."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import on
from tests.support.fault_matrix import Case, Seen, run_all
from tests.support.hosts import SshHost, User, running
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timed

STARTS = {
    "bash": "exec zsh",
    "sourced": '[ -z "$ZSH_VERSION" ] && exec "$(command -v zsh)" -l',
    "child": "zsh",
    "to csh": "exec tcsh",
    "zshenv": "exec bash",
    "fishy": "exec bash",
    "cshrc": "exec zsh",
}
"""What a start-up file of a login shell may start in the place of every command, by the user who has it."""
NAMES = (
    *("noisy", "loud", "exits", "sleeps", "falsy", "nologin", "csh", "fish", "zsh", "nohome", "rohome", "tight"),
    *("noexec", *(name.replace(" ", "") for name in STARTS)),
)
WORKS = (
    "noisy",
    "csh",
    "fish",
    "zsh",
    "nohome",
    "rohome",
    "tight",
    "noexec",
    "one session",
    "no sftp",
    "banner",
    "deep",
    "mux",
    "python 3.15",
    "original",
    "own session",
    "slow proxy",
    "slow jump",
)
REMEDY = (
    "Check that the remote user's login shell is a POSIX shell (no nologin, no ForceCommand), and what its start-up "
    "files do: they must not read input, redirect output, or exit."
)
GUARDED = (
    "Let only interactive shells run that line: put this line before it: case $- in *i*) ;; *) return ;; esac. "
    "Nothing was changed."
)
REFUSED = {
    "exits": ("its shell did not run our script", REMEDY),
    "falsy": ("its shell did not run our script", REMEDY),
    "nologin": ("its shell did not run our script: This account is currently not available.", REMEDY),
    "forced": ("its shell did not run our script: no such luck", REMEDY),
    "forced shell": (
        "its sshd starts bash in the place of every command (ForceCommand, or command= in authorized_keys)",
        "Log in with another user or key, or have that setting run $SSH_ORIGINAL_COMMAND.",
    ),
    "bash": (
        "its login shell starts zsh in the place of every command: /home/bash/.bashrc, line 1 (exec zsh)",
        GUARDED,
    ),
    "sourced": (
        (
            "its login shell starts zsh in the place of every command: /home/sourced/.more, line 2 "
            '(exec "$(command -v zsh)")'
        ),
        GUARDED,
    ),
    "child": (
        "its login shell starts zsh in the place of every command: /home/child/.bashrc, line 1 (zsh)",
        GUARDED,
    ),
    "tocsh": (
        "its login shell starts tcsh in the place of every command: /home/tocsh/.bashrc, line 1 (exec tcsh)",
        GUARDED,
    ),
    "zshenv": (
        "its login shell starts bash in the place of every command: /home/zshenv/.zshenv, line 1 (exec bash)",
        GUARDED,
    ),
    "fishy": (
        (
            "its login shell starts bash in the place of every command: /home/fishy/.config/fish/config.fish, line 1 "
            "(exec bash)"
        ),
        (
            "Let only interactive shells run that line: put this line before it: if status is-interactive; and this "
            "one after it: end. Nothing was changed."
        ),
    ),
    "cshrc": (
        "its login shell starts zsh in the place of every command: /home/cshrc/.cshrc, line 1 (exec zsh)",
        (
            "Let only interactive shells run that line: put this line before it: if ($?prompt) then; and this one "
            "after it: endif. Nothing was changed."
        ),
    ),
    "sftp only": ("its shell did not run our script: This service allows sftp connections only.", REMEDY),
    "sleeps": (
        "no answer within 8 s",
        "Check that it is up and what slows it (start-up files, a package manager), or give more time with --timeout.",
    ),
    "loud": (
        "its login shell prints 5000000 characters before it runs a command",
        "Let start-up files (~/.bashrc and the like) print only in interactive shells: case $- in *i*) … esac.",
    ),
}
SSHD = {
    "one session": ("MaxSessions 1",),
    "no sftp": (),
    "banner": ("Banner /etc/os-release", "PrintMotd yes"),
    "forced": ("ForceCommand echo no such luck",),
    "forced shell": ("ForceCommand bash",),
    "original": ('ForceCommand exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"',),
    "sftp only": ("ForceCommand internal-sftp",),
}
NEWER = (
    "import collections, sys; "
    'version = collections.namedtuple("version_info", "major minor micro releaselevel serial"); '
    'sys.version_info = version(3, 15, 0, "final", 0)\n'
)
"""What has the host's python3 say that it is newer than any that Ansible knows."""
PREPARE = """
set -e
apt-get update -qq -o Acquire::Retries=5
apt-get install -y -qq --no-install-recommends -o Acquire::Retries=5 fish tcsh zsh >/dev/null
echo 'echo hello there' >/home/noisy/.bashrc; cp /home/noisy/.bashrc /home/noisy/.profile
echo 'head -c 5000000 /dev/zero | tr "\\0" x; echo oh >&2' >/home/loud/.bashrc
echo 'exit 0' >/home/exits/.bashrc
echo 'sleep 999' >/home/sleeps/.bashrc
echo 'umask 077' >/home/tight/.bashrc
usermod -s /bin/false falsy; usermod -s /usr/sbin/nologin nologin
usermod -s /bin/tcsh csh; usermod -s /usr/bin/fish fish; usermod -s /bin/zsh zsh
@STARTS@
usermod -s /bin/zsh zshenv; usermod -s /usr/bin/fish fishy; usermod -s /bin/tcsh cshrc
rm -rf /home/nohome; chown root /home/rohome; chmod 555 /home/rohome
mount -t tmpfs -o noexec,mode=755 none /home/noexec && chown noexec /home/noexec
mount -t tmpfs -o noexec,mode=1777 none /tmp
"""


START_FILES = {
    "sourced": ".more",
    "zshenv": ".zshenv",
    "fishy": ".config/fish/config.fish",
    "cshrc": ".cshrc",
}
SOURCE = 'if [ -r "$HOME/.more" ]; then . "$HOME/.more"; fi'
OWN_SESSION = """
  RequestTTY force
  RemoteCommand tmux new -A
  SessionType none
  StdinNull yes
  ForkAfterAuthentication yes
  PermitLocalCommand yes
  LocalCommand echo local
  LogLevel QUIET
  VisualHostKey yes
"""
"""What people set for their own sessions on a host."""


def start_files() -> str:
    """sh code that writes every start-up file of :data:`STARTS`."""
    lines = [f"echo {shlex.quote(SOURCE)} >/home/sourced/.bashrc"]
    for name, line in STARTS.items():
        user = name.replace(" ", "")
        path = f"/home/{user}/{START_FILES.get(user, '.bashrc')}"
        text = f"# mine\n{line}\n" if user == "sourced" else f"{line}\n"
        lines.append(
            f"mkdir -p {os.path.dirname(path)}; printf %s {shlex.quote(text)} >{path}; chown -R {user} /home/{user}"
        )
    return "\n".join(lines)


def configured(host: SshHost, home: Path, *more: str, name: str = "t") -> list[str]:
    """The options that lead to a host by the name t, of an ssh configuration in this home."""
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    entry = replace(host, name=name).ssh_config_entry()
    with (home / ".ssh/config").open("a") as file:
        file.write(entry + "".join(f"    {line}\n" for line in more))
    return ["--host", "t"]


def sshd(host: SshHost, *lines: str, without: str = "#none") -> None:
    """Change the host's sshd for the connections that come."""
    config = f"{host.root_path}/etc/ssh/sshd_config"
    kept = [line for line in Path(config).read_text().splitlines() if not line.startswith(without)]
    Path(config).write_text("\n".join([*kept, *lines]) + "\n")
    host.reload()


@pytest.fixture(scope="module")
def seen(_hosts_are_possible: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    """Every user once, with a small file and one that is uploaded; the hosts are inspected again later."""
    work = tmp_path_factory.mktemp("work")
    (work / "small").write_text("small\n")
    (work / "large").write_bytes(os.urandom(2_000_000))
    deep = work / ("d" * 150)
    deep.mkdir()
    home = work / "home"
    (home / "mux/.ssh").mkdir(parents=True)

    def words(name: str, host: SshHost, *more: object) -> list[object]:
        files = [word for each in ("small", "large") for word in ("--file", f"{work / each}:/srv/{name}/{each}")]
        return ["apply", *files, *more, *on(host)]

    with ExitStack() as hosts:
        main = hosts.enter_context(running(layer="tools", has_mirror=True, name="main", users=tuple(map(User, NAMES))))
        main.run(PREPARE.replace("@STARTS@", start_files()), timeout=600)
        main.run("chmod 1777 /srv")
        cases = [
            Case(
                name, words(name, main.as_user(name), "--timeout", 8 if name == "sleeps" else 60), main, f"/srv/{name}"
            )
            for name in NAMES
        ]
        for name, lines in SSHD.items():
            host = hosts.enter_context(running(layer="tools", name=name.replace(" ", "-")))
            sshd(host, *lines, without="Subsystem" if name == "no sftp" else "#none")
            cases.append(Case(name, words("x", host), host, "/srv"))
        plain = hosts.enter_context(running(layer="tools", name="plain"))
        cases.append(Case("deep", words("deep", plain), plain, "/srv/deep", env={"TMPDIR": str(deep)}))
        newer = hosts.enter_context(running(layer="tools", name="newer"))
        newer.run("cat >/usr/lib/python3/dist-packages/newer.pth", stdin=NEWER)
        assert newer.run("python3 -c 'import sys; print(sys.version_info.minor)'").stdout == "15\n"
        cases.append(Case("python 3.15", words("newer", newer), newer, "/srv/newer"))
        cases.append(_mux(plain, home / "mux", words("mux", plain), hosts))
        relay = shlex.join([*newer.ssh_argv()[:-1], "-W"])
        proxy = f"ProxyCommand sh -c 'sleep 12; exec {relay} %h:%p {newer.user}@127.0.0.1'"
        ways = {
            "own session": (configured(plain, home / "own session", *OWN_SESSION.strip().splitlines()),),
            "slow proxy": (configured(plain, home / "slow proxy", proxy, "ConnectTimeout 40"),),
            "slow jump": (
                configured(plain, home / "slow jump", "ProxyJump j"),
                configured(newer, home / "slow jump", proxy, name="j"),
            ),
        }
        for name, (way, *_) in ways.items():
            files = [word for each in ("small", "large") for word in ("--file", f"{work / each}:/srv/{name}/{each}")]
            cases.append(Case(name, ["apply", *files, *way], plain, f"'/srv/{name}'"))
        yield run_all(cases, home)


def _mux(host: SshHost, home: Path, words: list[object], hosts: ExitStack) -> Case:
    """A run under a configuration of the user's with a master of his own, which hangs."""
    sockets = Path(hosts.enter_context(TemporaryDirectory(prefix="mux-")))  # a socket's path has 107 bytes at most
    path = f"{sockets}/m-%C"
    (home / ".ssh/config").write_text(f"Host *\n  ControlMaster auto\n  ControlPath {path}\n  ControlPersist 600\n")
    argv = host.ssh_argv()
    master = [argv[0], "-oControlMaster=yes", f"-oControlPath={path}", "-N", *argv[1:]]
    process = subprocess.Popen(master, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hosts.callback(process.wait)
    hosts.callback(process.kill)
    # A name with a dot is ssh's own, until its link().
    wait_until(lambda: process.poll() is not None or any("." not in each.name for each in sockets.glob("m-*")))
    assert process.poll() is None
    process.send_signal(signal.SIGSTOP)
    return Case("mux", words, host, "/srv/mux")


@pytest.mark.parametrize("name", WORKS)
def test_it_works(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    assert found.code == 0, found.said
    assert "2 changed" in found.stderr
    assert "warning" not in found.stderr
    assert "/small " in found.state
    assert "/large " in found.state


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words_that_help_and_nothing_is_changed(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    problem, remedy = REFUSED[name]
    assert found.code == 1, found.said
    said = re.sub(r"within \d+ s", "within 8 s", found.stderr)  # less the time before it was asked
    assert f": {problem}\n       {remedy}\n" in said
    assert "Traceback" not in found.said
    assert found.seconds < 20
    assert "/small" not in found.state


@pytest.mark.parametrize("name", ["slow proxy", "slow jump"])
def test_what_leads_to_a_host_may_take_as_long_as_ssh_would_wait(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].seconds > 12


@pytest.mark.parametrize("name", [*NAMES, *SSHD, "deep", "mux", "python 3.15"])
def test_half_a_minute_later_nothing_has_changed_and_nothing_of_ours_is_there(seen: dict[str, Seen], name: str) -> None:
    found = seen[name]
    assert found.later == found.state
    assert found.left_later == ""
