"""The real mngr as a process, in a home and a project of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.hosts import SshHost

_PROVIDER = """
[providers.pool]
backend = "ssh"
"""

_HOST = """
[providers.pool.hosts.{name}]
address = "{hostname}"
port = {port}
user = "{user}"
key_file = "{key}"
known_hosts_file = "{known_hosts}"
"""


class Mngr:
    """A project with one commit, and mngr's settings in it.

    HOME and TMUX_TMPDIR are those of the test (see the fixture ``home``).
    """

    def __init__(
        self,
        project: Path,
        *,
        host: SshHost | None = None,
        others: Sequence[SshHost] = (),
        plugins: Sequence[Path] = (),
    ) -> None:
        """``host``: where agents are created; ``others`` are in the same pool."""
        self.project = project
        self.plugins = list(plugins)
        self.program = [str(Path(sys.executable).with_name("mngr"))]
        self._host = host
        self._hosts = [] if host is None else [host, *others]
        project.mkdir(exist_ok=True)
        (project / "README").write_text("a project\n")
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        for words in (["init", "-q", "-b", "main"], ["add", "README"], [*identity, "commit", "-q", "-m", "Start"]):
            subprocess.run(["git", *words], cwd=project, check=True)
        self.settings()

    def settings(self, ansible: str = "", *, top: str = "") -> None:
        """Write mngr's settings anew: ``top`` before any table, ``ansible`` into ``[plugins.ansible]``."""
        hosts = [_HOST.format(**{name: getattr(each, name) for name in _FACTS}) for each in self._hosts]
        provider = "".join([_PROVIDER, *hosts]) if hosts else ""
        text = f"is_allowed_in_pytest = true\n{top}\n{provider}\n[plugins.ansible]\n{ansible}\n"
        (self.project / ".mngr").mkdir(exist_ok=True)
        (self.project / ".mngr" / "settings.toml").write_text(text)

    def run(
        self, *words: object, env: Mapping[str, str] | None = None, program: Sequence[str] = (), timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of mngr without a terminal; the caller looks at its exit code."""
        return subprocess.run(
            [*(program or self.program), *map(str, words)],
            capture_output=True,
            text=True,
            errors="backslashreplace",
            cwd=self.project,
            env=self.environment() | (env or {}),
            stdin=subprocess.DEVNULL,
            timeout=timeout,
        )

    def environment(self) -> dict[str, str]:
        """The environment of every command: the plugins' directories are on its PYTHONPATH."""
        return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.plugins)), "NO_COLOR": "1"}

    def create(
        self,
        name: str,
        *options: object,
        at: SshHost | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Create an agent that sleeps: on a host if there is one, else on this machine."""
        return self.run(*self.creation(name, *options, at=at), env=env, timeout=timeout)

    def creation(self, name: str, *options: object, at: SshHost | None = None) -> list[str]:
        """The words of the command that creates it."""
        host = at or self._host
        place = f"{name}@{host.name}.pool" if host is not None else name
        words = ["--type", "command", "--no-connect", "--no-ensure-clean", *map(str, options)]
        return ["create", place, *words, "--", "sleep", "3600"]

    def listed(self) -> dict[str, dict[str, Any]]:
        """The entry of every agent in ``mngr list``, by name."""
        done = self.run("list", "--format", "json")
        assert done.returncode == 0, done.stderr
        return {agent["name"]: agent for agent in json.loads(done.stdout)["agents"]}

    def agents(self) -> dict[str, str]:
        """The status that we gave each agent, by name."""
        return {name: agent["plugin"]["ansible"]["status"] for name, agent in self.listed().items()}

    def close(self) -> None:
        """End the local agents. What runs on a test host ends with it."""
        subprocess.run(["tmux", "kill-server"], capture_output=True, check=False)


_FACTS = ("name", "hostname", "port", "user", "key", "known_hosts")
