"""Ask a host everything at once: one read-only POSIX sh script, one round trip, no Python on the host.

``probe_request`` is the question, ``probe_script`` its text, ``probe_answer`` reads the answer, ``state`` is the value.
"""

import re
import secrets
from collections.abc import Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import Connection, answer_too_long
from mngr_ansible.host.login_shell import not_run
from mngr_ansible.host.probe_answer import parse_answer
from mngr_ansible.host.probe_request import ProbePath, ProbeRequest
from mngr_ansible.host.probe_script import probe_script
from mngr_ansible.host.state import HostState
from mngr_ansible.system.processes import LONGEST
from mngr_ansible.values import replace

_LONGEST_NOISE = 64 * 1024
"""Characters that a login shell may print before it runs a command: Ansible reads them as part of each answer, and
fails on too many."""


def probe(connection: Connection, request: ProbeRequest, timeout: float) -> HostState:
    """Ask in one round trip (in more only where a connection limits a command's length). ``timeout``: seconds for each.

    Raises:
        HostError: the host does not answer, or gives an answer that does not match the question.
    """
    return _probe(connection, request, request.paths(), timeout)


def _probe(connection: Connection, request: ProbeRequest, paths: Sequence[ProbePath], timeout: float) -> HostState:
    nonce = secrets.token_hex(8)
    script = probe_script(request, paths, nonce, max(1, int(timeout * 0.8)))
    if len(paths) > 1 and not connection.holds(script):
        half = len(paths) // 2
        first = _probe(connection, request, paths[:half], timeout)
        rest = _probe(connection, replace(request, requirements=()), paths[half:], timeout)
        return replace(first, paths=first.paths.merged_with(rest.paths))
    answer = connection.run(script, timeout)
    if len(answer.stdout) > LONGEST:
        raise answer_too_long()
    noise = max(answer.noise, answer.stdout.find(f"\n{nonce} begin\n"))
    if noise > _LONGEST_NOISE:
        raise HostError(
            f"its login shell prints {noise} characters before it runs a command",
            remedy="Let start-up files (~/.bashrc and the like) print only in interactive shells: "
            "case $- in *i*) … esac.",
        )
    lines = _between_marks(answer.stdout, nonce)
    if not lines:
        raise _without_programs(answer.stdout, nonce) or not_run(answer)
    if "lacks id" in lines:  # the login cannot be trusted then, nor what follows
        raise _without_programs(answer.stdout, nonce) or not_run(answer)
    try:
        return parse_answer(lines, request, paths)
    except ValueError as error:
        raise _without_programs(answer.stdout, nonce) or HostError(
            f"the answer of our check script cannot be used ({error})",
            remedy="Run again: something on the host may have changed during the check. If that does not help, check "
            "that the standard programs (id, ls, sed) are in the PATH of the remote user.",
        ) from error


def _without_programs(text: str, nonce: str) -> HostError | None:
    """The error for a PATH without the programs that every system has; None where the shell found them."""
    missing = re.findall(r"^lacks ([a-z]+)$", text.partition(f"\n{nonce} begin\n")[2], re.MULTILINE)
    if not missing:
        return None
    return HostError(
        f"programs that every system has are not in the PATH: {', '.join(dict.fromkeys(missing))}",
        remedy="Correct the PATH of this user, often in a start-up file: PATH=$PATH:/usr/bin:/bin",
    )


def _between_marks(text: str, nonce: str) -> list[str]:
    start, end = f"\n{nonce} begin\n", f"\n{nonce} end\n"
    begin = text.find(start)
    finish = text.rfind(end)
    if begin < 0 or finish < 0:
        return []
    return text[begin + len(start) : finish].split("\n")
