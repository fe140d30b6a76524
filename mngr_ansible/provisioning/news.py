"""How far a stage of a run is, for a display: bytes that were sent, and the last line of a package manager.

Nothing of that comes through Ansible, which answers when a task is over. The bytes are counted on this machine. The
line is in the file to which the role ``mngr_packages`` lets a manager print, in the run's own directory on the host:
the connection that is open is asked for its end, seldom, and only while somebody looks.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from mngr_ansible.host.beside import Beside
from mngr_ansible.host.ssh import OpenSsh
from mngr_ansible.portable import sh
from mngr_ansible.portable.addresses import redacted
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.request import Prepared
from mngr_ansible.report.progress import bytes_text
from mngr_ansible.report.work import News, NewsOfStage
from mngr_ansible.run.playbook import HostRun

_BYTES = 2000
"""Of the end of the output."""

_LEAST = 1_000_000
"""Bytes to be sent below which nobody can watch it."""

_LONGEST = 200
"""Characters of a line."""

_LAST = """\
for file in {directory}/*/output-*; do
  [ -f "$file" ] && tail -c {bytes} "$file"
done 2>/dev/null
:
"""

_ESCAPES = regex(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
"""What a program prints for a terminal: colours, and titles of windows. Source: ECMA-48."""

_NOT_INSTALLED = ("files", "python3")
"""Stages in which no package manager of the role is at work."""


def news_of_run(hosts: Mapping[str, Prepared], runs: Sequence[HostRun]) -> NewsOfStage:
    """The news of a run's stages. ``hosts``: by alias; ``runs``: those of the run."""
    by_alias = {one.alias: one for one in runs}
    beside: dict[str, Beside] = {}

    def news(alias: str, what: str) -> tuple[News | None, bool]:
        connection, one = hosts[alias].target.connection, by_alias[alias]
        if not isinstance(connection, OpenSsh):
            return None, False
        look = beside.setdefault(alias, Beside(connection))
        if what == "files":
            size = sum(placed.entry.size for each in one.due.transfers for placed in each.entries)
            return (sent(look, size) if size >= _LEAST else None), False
        directory = _directory(hosts[alias], one)
        if what in _NOT_INSTALLED or directory is None:
            return None, False
        script = _LAST.format(directory=directory, bytes=_BYTES)
        return (lambda stop: last_line(look.answer(script, stop))), True

    return news


def _directory(prepared: Prepared, one: HostRun) -> str | None:
    """The run's own directory on the host, for a shell; None where the remote user cannot look into it."""
    if one.remote_tmp is None or one.has_password:  # then root has made it
        return None
    home = one.remote_tmp.startswith("~/")
    if home and (prepared.state is None or prepared.state.login.uid != 0):
        return None
    return f'"$HOME"/{sh.quote(one.remote_tmp[2:])}' if home else sh.quote(one.remote_tmp)


class Sender(Protocol):
    """What knows how many bytes were sent: :class:`mngr_ansible.host.beside.Beside`."""

    def sent_bytes(self, stop: threading.Event) -> int | None: ...


def sent(look: Sender, total: int) -> News:
    """How many of these bytes were sent since the first call: ``12.4 MB of 88.1 MB sent``."""
    before: list[int] = []

    def news(stop: threading.Event) -> str:
        count = look.sent_bytes(stop)
        if count is None:
            return ""
        before.append(count)
        return f"{bytes_text(min(total, count - before[0]))} of {bytes_text(total)} sent"

    return news


def last_line(output: str) -> str:
    """The last line that is complete and says something: one that is cut could show the half of an address."""
    lines = _ESCAPES.sub("", output).replace("\r", "\n").split("\n")
    begins = 1 if len(output.encode()) >= _BYTES else 0
    found = next((line.strip() for line in reversed(lines[begins:-1]) if line.strip()), "")
    return printable(redacted(found))[:_LONGEST]
