"""Look at a host once: one read-only POSIX sh script, one round trip, no python; and read its answer strictly.

The answer is data from a stranger: it is bounded, framed by a nonce, and every line must be one that we asked for.
"""

import dataclasses
import secrets
from collections.abc import Iterator, Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection
from mngr_ansible.host.probe_answer import parse_answer
from mngr_ansible.host.probe_request import ProbePath, ProbeRequest
from mngr_ansible.host.probe_script import probe_script
from mngr_ansible.host.state import HostState
from mngr_ansible.system.processes import LONGEST

_ANSWER_LIMIT = LONGEST
_NOISE_LIMIT = 64 * 1024
"""Characters that a login may print before it runs a command: Ansible takes its noise for answers, and chokes on it."""


def probe(connection: Connection, question: ProbeRequest, timeout: float) -> HostState:
    """Ask the host everything in one round trip (more only where a connection bounds a command's length).

    Raises:
        HostError: the host does not answer, or answers what we did not ask.
    """
    return _look(connection, question, question.places(), timeout)


def _look(connection: Connection, question: ProbeRequest, places: Sequence[ProbePath], timeout: float) -> HostState:
    nonce = secrets.token_hex(8)
    text = probe_script(question, places, nonce)
    if len(places) > 1 and not connection.holds(text):
        half = len(places) // 2
        first = _look(connection, question, places[:half], timeout)
        rest = _look(connection, dataclasses.replace(question, requirements=()), places[half:], timeout)
        return dataclasses.replace(first, paths=first.paths.merged_with(rest.paths))
    answer = connection.run(text, timeout)
    if len(answer.stdout) > _ANSWER_LIMIT:
        raise HostError(
            f"its answer is longer than {_ANSWER_LIMIT >> 20} MiB",
            remedy="Transfer fewer files at once, or mirror a smaller directory.",
        )
    noise = max(0, answer.stdout.find(f"\n{nonce} begin\n"))
    if noise > _NOISE_LIMIT:
        raise HostError(
            f"its login prints {noise} characters before it runs a command",
            remedy="Let start-up files (~/.bashrc and the like) print only where a person is: case $- in *i*) … esac.",
        )
    lines = list(_framed(answer.stdout, nonce))
    if not lines:
        said = (answer.stdout.strip() or answer.stderr.strip()).splitlines()
        raise HostError(
            "its shell did not run our script" + (f": {said[-1][:200]}" if said else ""),
            remedy="See whether a login there gives a POSIX shell (no nologin, no ForceCommand), and what its start-up "
            "files do.",
        )
    try:
        return parse_answer(lines, question, places)
    except (ValueError, KeyError, IndexError) as error:
        raise HostError(
            f"it answered what we did not ask ({error})",
            remedy="Run again; something on the host may have changed while we looked.",
        ) from error


def _framed(text: str, nonce: str) -> Iterator[str]:
    start, end = f"\n{nonce} begin\n", f"\n{nonce} end\n"
    begin = text.find(start)
    finish = text.rfind(end)
    if begin < 0 or finish < 0:
        return iter(())
    return iter(text[begin + len(start) : finish].split("\n"))
