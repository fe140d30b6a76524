"""Whether our command ran on a host, or something that a start-up file or sshd starts in the place of every command.

A script goes through stdin, so another shell would run it too: the check would work, and every module of Ansible would
fail. So the first line of a script (:data:`FIRST_LINE`) proves that our own command reads it. Which file starts what is
asked only where something is wrong.
"""

import re
import time
from collections.abc import Callable, Sequence

from mngr_ansible.errors import HostError
from mngr_ansible.host import templates
from mngr_ansible.host.connection import ShellResult
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable

OWN_COMMAND = "mngr-ansible"
"""The first argument of the shell that our command starts."""

_OWN, _OTHER = "mngr-ansible: own shell", "mngr-ansible: another shell"

FIRST_LINE = (
    f"""case ${{1-}} in {OWN_COMMAND}) printf '\\n%s\\n' '{_OWN}' ;; *) echo; echo '{_OTHER}'; exit ;; esac\n"""
)
"""The line before every script: it prints by whom it is read, and ends another shell."""

_OF_OUR_SCRIPT = regex(r"(?m)^[0-9a-f]{16} (?:begin|end)$")
"""The marks around the answer of a script, as ``probe.sh`` prints them."""
_ASK_SECONDS = 10


def _question() -> str:
    """``login_shell.sh`` as one command for any shell."""
    lines = templates.render("login_shell.sh", {"OWN_COMMAND": OWN_COMMAND}).splitlines()
    return f"/bin/sh -c '{' '.join(line.strip() for line in lines)}'\n"


def has_begun(stdout: str) -> bool:
    """Whether our own command began to run a script, whatever ended it."""
    return f"\n{_OWN}\n" in stdout


def without_noise(result: ShellResult) -> ShellResult | None:
    """The result without what was printed before the script began; None if our command did not run it."""
    noise, mark, answer = result.stdout.partition(f"\n{_OWN}\n")
    if not mark or f"\n{_OTHER}\n" in result.stdout:
        return None
    return ShellResult(answer, result.stderr, result.code, len(noise))


def run_proven(run: Callable[[str, float], ShellResult], script: str, timeout: float) -> ShellResult:
    """What a script prints that our own command runs; ``run`` runs any text on the host, within so many seconds.

    Raises:
        HostError: something else read it, or what ``run`` raises.
    """
    deadline = time.monotonic() + timeout
    found = run(FIRST_LINE + script, timeout)
    answer = without_noise(found)
    if answer is None:
        raise explain(found, lambda asked, most: run(asked, min(most, max(1.0, deadline - time.monotonic()))))
    return answer


def not_run(result: ShellResult) -> HostError:
    """The error of a host that did not run our script, as far as its output tells."""
    if _OF_OUR_SCRIPT.search(result.stdout):
        return HostError(
            "a start-up file of its login shell read a part of the script that we sent",
            remedy="Find what reads its input there (read, cat, ssh), and give it another one: < /dev/null.",
        )
    other = re.search(r"(?i)login as the user \"([A-Za-z0-9._-]{1,32})\"", result.stdout)
    if other is not None:
        return HostError(
            f"it lets this user in only to say that the user {other[1]} must be used",
            remedy=f"Give that user: --host {other[1]}@HOST, or in your ssh configuration.",
        )
    output = (result.stdout.strip() or result.stderr.strip()).splitlines()
    told = "" if not output or _OTHER in output else f": {output[-1][:200]}"
    return HostError(
        f"its shell did not run our script{told}",
        remedy="Check that the remote user's login shell is a POSIX shell (no nologin, no ForceCommand), and what its "
        "start-up files do: they must not read input, redirect output, or exit.",
    )


def explain(result: ShellResult, ask: Callable[[str, float], ShellResult]) -> HostError:
    """The error of a host that did not run our script, with the start-up file that prevents it where that is found.

    Args:
        result: what came instead.
        ask: run one more script in so many seconds.
    """
    try:
        lines = ask(_question(), _ASK_SECONDS).stdout.splitlines()
    except HostError:
        return not_run(result)
    facts: dict[str, list[str]] = {"name": [], "login": [], "forced": [], "line": []}
    for line in lines:
        word, _, rest = line.removeprefix("mngr-shell ").partition(" ")
        if line.startswith("mngr-shell ") and word in facts:
            facts[word].append(rest)
    if not facts["name"]:
        return not_run(result)
    name, login = printable(facts["name"][0])[:40], (facts["login"] or [""])[0]
    if facts["forced"]:
        return HostError(
            f"its sshd starts {name or 'another program'} in the place of every command (ForceCommand, or command= in "
            "authorized_keys)",
            remedy="Log in with another user or key, or have that setting run $SSH_ORIGINAL_COMMAND.",
        )
    place = _most_likely(facts["line"], name)
    shell = name or "another shell"
    if place is None:
        return HostError(
            f"a start-up file of its login shell starts {shell} in the place of every command",
            remedy=f"Find the line that starts it, and let only interactive shells run it: {_guard(login)}.",
        )
    file, number, words = place
    return HostError(
        f"its login shell starts {shell} in the place of every command: {file}, line {number} ({words})",
        remedy=f"Let only interactive shells run that line: {_guard(login)}. Nothing was changed.",
    )


def _guard(login: str) -> str:
    """What to write around a line of a start-up file; the line itself stays as it is, with its own conditions."""
    if login == "fish":
        return "put this line before it: if status is-interactive; and this one after it: end"
    if login.endswith("csh"):
        return "put this line before it: if ($?prompt) then; and this one after it: endif"
    return "put this line before it: case $- in *i*) ;; *) return ;; esac"


def _most_likely(lines: Sequence[str], name: str) -> tuple[str, str, str] | None:
    """File, number and command of the line that starts this shell; only the command's first words are shown."""
    word = re.escape(name) if name else r"\S+"
    start = r"(?:^|[;&|({]|\bthen\b|\bdo\b|\belse\b|\band\b)\s*"
    patterns = (
        rf"\bexec\s+(?:-\w+\s+|-a\s+\S+\s+)*(?:command\s+|env\s+)?[\"']?\S*\b{word}\b[\"')]*",
        r"\bexec\s+(?:-\w+\s+)*[\"']?\$(?:\([^)]{1,60}\)|\{?\w+\}?)[\"']?",
        rf"{start}(?:\S*/)?{word}(?=$|[\s;&|)])",
        r"\bexec\s+[A-Za-z/~]\S*",
    )
    read = [found.groups() for line in lines if (found := re.fullmatch(r"(.+?):(\d+):(?!\s*#)(.*)", line))]
    for pattern in patterns:
        for file, number, text in read:
            if found := re.search(pattern, text):
                words = re.sub(r"^[\s;&|({]*(?:then|do|else|and)?\s*", "", found[0])
                return printable(file), number, printable(words)[:80]
    return None
