"""Send a job to a worker and read what it reports, as ``ansible-runner transmit`` and ``process`` do.

It runs in the supervisor. The programs themselves are not used: ``transmit`` writes all that it sends, secrets too, to
a file in TMPDIR first, and ``process`` unpacks what the worker sends, wherever the names in it lead to. What
ansible-runner writes on its side, its ``artifacts``, is skipped here; all that is needed is in the events.
Source: ansible-runner 2.4.3, ``streaming.py``; ansible-runner's documentation, "Remote jobs".
"""

import base64
import fcntl
import json
import os
import struct
import subprocess
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import IO, Any, Literal

from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable
from mngr_ansible.run.lines import EndLine, Line, Reducer, WorkerOrder, shorten
from mngr_ansible.run.own_playbook_events import OwnReducer

FIRST_SECONDS = 60.0
"""How long a worker may take to read a block of the job, and to say that it has begun after it has got the whole."""
_LONGEST_LINE = 64 << 20
"""Bytes of one line of a worker: an event with the answer of a host."""
_MOST_NOISE = 64 << 10
"""Bytes that the command may print before the worker's first line: banners of start-up files."""
_BLOCK = 3 << 18
"""Bytes that are sent at once; base64 of a multiple of three has no end in the middle."""
_LOOK_SECONDS = 0.01
_CHECK_SECONDS = 0.1
"""How often it is looked whether a worker is silent."""
_LAST_SECONDS = 10.0
"""How long a worker may take to remove the job's directory, when all is done."""
OLDEST = "ansible-runner 2.3 and ansible-core 2.16"
_VERSIONS = f"Check the versions there; the oldest that work: {OLDEST}."
_FIRST_WORD = "Check its first word: is it installed, and in PATH?"
_LONGEST_SHOWN = 200
_OF_JOB = regex(r"\S*(?:[A-Za-z0-9+/=]{24,}|\{eof)\S*")
_ASSIGNMENT = regex(r"[A-Za-z_][A-Za-z0-9_]*=")
_OF_SHELLS = frozenset(("|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", ">&2"))
_KILLED = 128 + 9
"""The exit code of a shell whose command was killed. Source: POSIX, "Exit Status for Commands"."""
_LOST = 255
"""ssh's exit code where the connection failed, or was lost. Source: ssh(1), "EXIT STATUS"."""


class WorkerStream:
    """One job on a worker."""

    def __init__(self, order: WorkerOrder, write: Callable[[Line], None], marker: str) -> None:
        """``write`` gets all lines but the last; ``marker``: ANSIBLE_HOME of the run's processes."""
        self._order, self._write, self._marker = order, write, marker
        self._reducer = {"ours": Reducer, "scripts": _Answers, "own": OwnReducer}[order["tasks"]](self._note)
        self._state: Literal["new", "running", "over"] = "new"
        self._noise: deque[str] = deque(maxlen=20)
        self._stderr: deque[bytes] = deque(maxlen=40)
        self._problem: tuple[str, str] | None = None
        self._status = ""
        self._has_task = self._has_stats = False
        self._is_complete = self._is_silent = False
        self._progress = time.monotonic()
        self._last: float | None = None

    def _note(self, line: Line) -> None:
        self._has_task = self._has_task or line["kind"] == "task"
        self._has_stats = self._has_stats or line["kind"] == "stats"
        self._write(line)

    def run(self) -> EndLine:
        """Start the command, and follow the job to its end."""
        try:
            process = subprocess.Popen(
                self._order["words"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self._order["cwd"],
                env={**self._order["environment"], "ANSIBLE_HOME": self._marker},
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return self._end(f"cannot be started: {reason}", self._without_shell() or _FIRST_WORD)
        assert process.stdin is not None  # noqa: S101 - for mypy: all three are pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        threading.Thread(target=self._send, args=(process.stdin,), daemon=True).start()
        errors = threading.Thread(target=self._keep_last_lines, args=(process.stderr,), daemon=True)
        errors.start()
        self._wait(threading.Thread(target=self._read, args=(process.stdout,), daemon=True))
        last = _LAST_SECONDS if self._state == "over" else 1.0
        if self._last is not None:
            last = max(1.0, self._last - time.monotonic())
        with suppress(subprocess.TimeoutExpired):
            process.wait(last)
        errors.join(1)
        return self._result(process)

    def _send(self, pipe: IO[bytes]) -> None:
        """Send the job; the line that lets the worker begin comes when all before it has been taken from the pipe.

        A command that reaches no worker does not read it, so then nothing was begun for certain.
        """
        with suppress(OSError), pipe:
            pipe.write(json.dumps({"kwargs": self._order["kwargs"]}).encode() + b"\n")
            pipe.write(json.dumps({"zipfile": os.fstat(self._order["job"]).st_size}).encode() + b"\n")
            with os.fdopen(self._order["job"], "rb") as job:
                job.seek(0)
                while block := job.read(_BLOCK):
                    pipe.write(base64.b64encode(block))
                    self._progress = time.monotonic()
            pipe.flush()
            while _unread(pipe) and self._problem is None:
                time.sleep(_LOOK_SECONDS)
            if self._problem is None:
                self._is_complete = True
                self._write({"kind": "begun"})
                self._progress = time.monotonic()
                pipe.write(b'{"eof": true}\n')

    def _keep_last_lines(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(4096):
                self._stderr.append(line)

    def _wait(self, reader: threading.Thread) -> None:
        """Wait for the reader's end; give up a worker that takes no more of the job, or has it, and says nothing, and
        one that has said how its run ended, and never ends.

        What the command has started may keep its output open, so the end of the command alone would not end the reader.
        """
        reader.start()
        while reader.is_alive() and self._problem is None:
            reader.join(_CHECK_SECONDS if self._state == "new" else 1.0)
            if self._last is not None and time.monotonic() > self._last:
                return
            if self._state == "new" and self._problem is None and time.monotonic() > self._progress + FIRST_SECONDS:
                self._is_silent = self._is_complete
                self._problem = silent(FIRST_SECONDS)

    def _read(self, pipe: IO[bytes]) -> None:
        noise = 0
        while self._problem is None and self._state != "over":
            if not (line := pipe.readline(_LONGEST_LINE)):
                pipe.close()
                return
            data = _parsed(line)
            if data is None:
                noise += len(line)
                self._noise.append(_shown(line))
                if noise > _MOST_NOISE and self._state == "new":
                    self._problem = ("prints something else than an ansible-runner worker does", self._remedy())
            else:
                self._take(data, pipe)

    def _take(self, data: Mapping[str, Any], pipe: IO[bytes]) -> None:
        """One line of the worker."""
        if "kwargs" in data:
            self._problem = ("sends back what it is sent, as cat does", self._remedy())
        elif "status" in data:
            self._status = str(data["status"])
            if self._status == "error":
                self._problem = self._explained(data)
            elif self._state == "new":
                self._state = "running"
            if self._status in ("successful", "failed") and self._last is None:
                self._last = time.monotonic() + _LAST_SECONDS
        elif isinstance(data.get("zipfile"), int):
            _skip(pipe, 4 * -(-data["zipfile"] // 3))
        elif "eof" in data:
            self._state = "over"
        elif isinstance(data.get("event"), str) and data["event"] != "keepalive":
            self._reducer.handle(data)

    def _explained(self, data: Mapping[str, Any]) -> tuple[str, str]:
        """An error of the worker, before it began with the playbook."""
        last = str(data.get("result_traceback") or "").strip().rpartition("\n")[2]
        reason = shorten(printable(last or str(data.get("job_explanation") or "")), _LONGEST_SHOWN).rstrip(".")
        why = f": {reason}" if reason else " and gave no reason"
        return f"could not take the job{why}", "Check the space in its temporary directory."

    def _result(self, process: subprocess.Popen[bytes]) -> EndLine:
        if self._problem is not None:
            return self._end(*self._problem, is_lost=self._is_silent)
        words = self._last_words()
        how = f" ({words})" if words else ""
        if self._state == "running" and not (self._last is not None and self._has_stats):
            return self._end(f"was lost{how}", "Check the machine and the link to it.", is_lost=True)
        if self._state == "new":
            code = process.returncode
            if code is not None and code < 0:
                ended = f"was ended by signal {-code}"
            else:
                ended = f"ended with exit code {code}" if code else "closed the connection"
            # What the command has started elsewhere may go on when its own process was killed, or still runs.
            is_lost = self._is_complete and (code is None or code < 0 or code == _LOST)
            return self._end(f"{ended} before it began{how}", self._remedy(code), is_lost=is_lost)
        if self._reducer.error is not None:
            reason = shorten(printable(self._reducer.error), _LONGEST_SHOWN)
            return self._end(f"reports what makes no sense ({reason})", _VERSIONS, is_lost=True)
        if self._status in ("successful", "failed") and self._has_stats:
            code = 0 if self._status == "successful" else 2
            return {"kind": "end", "code": code, "error": None, "output": list(self._reducer.output)}
        last = self._reducer.output[-1] if self._reducer.output else f"it reports {self._status or 'nothing'}"
        if "the worker has no ansible-playbook" in last:
            return self._end("has no ansible-playbook", "Install ansible-core there, beside its ansible-runner.")
        if self._order["tasks"] == "own" and self._status in ("successful", "failed"):
            return {"kind": "end", "code": 1, "error": self._reducer.error, "output": list(self._reducer.output)}
        return self._end(f"could not run Ansible to the end ({last.rstrip('.')})", self._remedy())

    def _last_words(self) -> str:
        """The last line that the command printed for people."""
        stderr = map(_shown, list(self._stderr))
        lines = [each for each in (*self._noise, *stderr) if each]
        return shorten(lines[-1], _LONGEST_SHOWN).rstrip(".") if lines else ""

    def _remedy(self, code: int | None = None) -> str:
        words = self._last_words()
        if code is not None and (code < 0 or code == _KILLED):
            return "Check its memory, and who ends its processes. Then run again."
        if remedy := self._without_shell():
            return remedy
        if "…" in words:
            return "Give a command that ends in 'ansible-runner worker'; this one runs a shell, which reads the job."
        if code == 127 or "not found" in words or "No such file" in words:
            return "Install ansible-runner and ansible-core there, or give the whole path of ansible-runner."
        if "invalid choice" in words or "unrecognized arguments" in words or "Error" in words:
            return _VERSIONS
        if code == _LOST:
            return "Run the command by hand: it must reach the machine without a question."
        return "Give a command that ends in 'ansible-runner worker'; what it starts before must print nothing."

    def _without_shell(self) -> str:
        """What to write for a command that only a shell would understand; empty for any other."""
        first, *others = self._order["words"]
        if _ASSIGNMENT.match(first):
            return f"No shell reads the command: write 'env {first} …'."
        if first.startswith("~"):
            return "No shell reads the command: write the whole path of its first word in place of '~'."
        if os.path.basename(first) != "ssh" and not _OF_SHELLS.isdisjoint(others):  # noqa: PTH119 - ssh starts a shell
            return "No shell reads the command: write sh -c '…' around it, or leave out what only a shell understands."
        return ""

    def _end(self, problem: str, remedy: str, *, is_lost: bool = False) -> EndLine:
        """The end of a worker that failed; ``is_lost``: it may go on, and nobody knows with what."""
        return {
            "kind": "end",
            "code": None,
            "error": f"the worker {self._order['name']!r} {problem}",
            "output": [*self._noise, *self._reducer.output],
            "remedy": remedy,
            "has_begun": is_lost or self._has_task,
        }


def silent(seconds: float) -> tuple[str, str]:
    """What became of a worker that says nothing, and what to do."""
    return (
        f"gave no answer within {max(1, round(seconds))} s",
        "Check that the command ends in 'ansible-runner worker', and that its machine is not overloaded.",
    )


def _shown(line: bytes) -> str:
    """A line for people. What may be a part of the job, as a shell repeats it, is left out: it may have secrets."""
    return _OF_JOB.sub("…", printable(line[:4096].decode("utf-8", "replace").strip()))


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    """A line of a worker; None for anything else."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _skip(pipe: IO[bytes], length: int) -> None:
    while length > 0 and (block := pipe.read(min(length, _BLOCK))):
        length -= len(block)


def _unread(pipe: IO[bytes]) -> int:
    """Bytes in a pipe that its reader has not taken. Source: ioctl_tty(2), FIONREAD."""
    return int(struct.unpack("i", fcntl.ioctl(pipe.fileno(), termios.FIONREAD, b"\0" * 4))[0])


class _Answers(Reducer):
    """Passes the answers of scripts on (``mngr_script``)."""

    def _result_lines(self, host: str, task: str, event: str, data: Mapping[str, Any]) -> Iterator[Line]:
        answer = (data.get("res") or {}).get("mngr_answer")
        if not isinstance(answer, Mapping):
            yield from super()._result_lines(host, task, event, data)
            return
        yield {
            "kind": "answer",
            "host": host,
            "code": int(answer["code"]),
            "stdout": str(answer["stdout"]),
            "stderr": str(answer["stderr"]),
            "is_too_long": answer["is_too_long"] is True,
            "ansible": shorten(str(answer["ansible"]), 40),
        }
