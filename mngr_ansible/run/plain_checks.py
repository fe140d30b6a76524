"""Requirements → tasks that ask a host what it has of them, and the condition that reads the answer. Pure.

The question is a script for sh; the version is the first number with dots in what it prints, or what the pattern of a
check finds. Source: docs/ops.md "One plain task a step".
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from mngr_ansible.portable import sh
from mngr_ansible.portable.shapes import CompleteCheck, CompleteRequirement
from mngr_ansible.run.plain_files import Task, title
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.yaml_text import Template

PATH = 'PATH="$PATH:/usr/local/bin:$HOME/.local/bin:$HOME/.cargo/bin"'
"""Where users have tools of their own; a command that Ansible runs gets no login shell's PATH."""

_DATABASES = {
    "dpkg": "dpkg-query -W -f='${{db:Status-Abbrev}} ${{Version}}\\n' {} | grep '^[hi]i '",
    "rpm": "rpm -q --qf '%{{VERSION}}\\n' {}",
    "pacman": "pacman -Q {}",
    "apk": "apk info -e -v {}",
    "brew": "brew list --versions {}",
}
"""Package database → the command that fails where it does not have a package, and prints the version else."""

_MANAGERS_DATABASES = {"apt": "dpkg", "dnf": "rpm", "zypper": "rpm"}

_DOTTED = "[0-9]+([.][0-9]+)+"
_LINE = 120
"""Characters of a line of a script; longer ones are wrapped."""


class Question:
    """One requirement on one host: what is asked, and in which variables of the play the answer is.

    Attributes:
        found: the variable with the answer.
        version: the variable with the version in it.
        is_ok: the variable that says whether the answer is good enough.
        installed: the variable with the result of its installation.
        text: the requirement for people, such as ``git >=2.39``.
    """

    def __init__(self, run: HostRun, requirement: CompleteRequirement, name: str) -> None:
        self.run = run
        self.requirement = requirement
        self.found, self.version, self.is_ok = f"{name}_found", f"{name}_version", f"{name}_is_ok"
        self.installed = f"{name}_installed"
        self.text = f"{requirement['name']} {requirement['version']}".rstrip()

    def variables(self) -> dict[str, Template]:
        """The variables of the play that read the answer: the version, and whether the host has what is required.

        The command worked, and its version is accepted. Where a range has versions without a dot, such as ``>=600``,
        a number without one is a version too.
        """
        is_ok = [f"{self.found}.rc | default(1) == 0"]
        clauses = re.findall(r"([<>=!]+)([^,]+)", self.requirement["version"])
        is_ok += [f"{self.version} is version({_literal(limit)}, '{operator}')" for operator, limit in clauses]
        made = {self.is_ok: Template(f"{{{{ {' and '.join(is_ok)} }}}}")}
        if not clauses:
            return made
        output = f"({self.found}.stdout ~ {self.found}.stderr)"
        pattern = next((check["pattern"] for check in self.requirement["checks"] if check["pattern"]), None)
        if pattern is not None:
            version = f"({output} | regex_search({_literal(pattern)}, '\\\\1') or ['0']) | first"
        elif any("." in limit for _, limit in clauses):
            version = f"{output} | regex_search('{_DOTTED}') or '0'"
        else:
            version = f"{output} | regex_search('{_DOTTED}') or {output} | regex_search('[0-9]+') or '0'"
        return {self.version: Template(f"{{{{ {version} }}}}"), **made}

    def question(self) -> Task:
        """Ask the host what it has; in check mode too, since this changes nothing."""
        return {
            "name": title("Look for", self.requirement["name"]),
            "ansible.builtin.command": script(self._script()),
            "register": self.found,
            "changed_when": False,
            "failed_when": False,
            "check_mode": False,
        }

    def again(self) -> Task:
        """Ask again after an installation: a package that is still not there, or still too old, is a failure."""
        return self._check() | {"when": [f"{self.installed} is not skipped", "not ansible_check_mode"]}

    def only(self) -> Task:
        """Ask once: it is a failure if the host does not have what is not installed here."""
        return self._check() | {"check_mode": False}

    def _check(self) -> Task:
        return {
            "name": title("Check", self.text),
            "ansible.builtin.command": script(self._script()),
            "register": self.found,
            "changed_when": False,
            "failed_when": f"not {self.is_ok} | bool" if self.requirement["is_required"] else False,
        }

    def _script(self) -> str:
        asked = [_asked(check, self.run) for check in self.requirement["checks"]]
        return f"{PATH}\n{' || '.join(dict.fromkeys(asked))}"


def missing(questions: Sequence[Question]) -> str:
    """Whether the host does not have one of these, as a condition."""
    names = " and ".join(f"{each.is_ok} | bool" for each in questions)
    return f"not ({names})" if len(questions) > 1 else f"not {names}"


def variable_names(requirements: Iterable[CompleteRequirement]) -> Iterator[str]:
    """For each requirement the beginning of its variables' names; no two have the same."""
    seen: set[str] = set()
    for requirement in requirements:
        plain = re.sub(r"[^a-z0-9]+", "_", requirement["name"].lower()).strip("_")
        name = base = plain if plain[:1].isalpha() else f"tool_{plain}"
        number = 1
        while name in seen:
            number += 1
            name = f"{base}_{number}"
        seen.add(name)
        yield name


def script(line: str, variables: Sequence[str] = ()) -> Task:
    """The arguments of ``command`` for a printed line of sh.

    Addresses with a login come from the environment of Ansible, through the input of the script: they are in no list
    of processes.
    """
    reads = "".join(f"IFS= read -r {name}\n" for name in variables)
    made: Task = {"argv": ["/bin/sh", "-c", reads + wrapped(line)]}
    if variables:
        made["stdin"] = Template("\n".join(f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}" for name in variables))
    return made


def wrapped(line: str) -> str:
    """A line of sh as several: a new one after each ``&&``, and long ones continued where a word ends.

    Nothing changes for sh: no line is broken inside of quotes.
    """
    made, column, quote = "", 0, ""
    for word in re.split(r"(?<= )", line):
        for character in word:
            if character in "'\"" and quote in ("", character):
                quote = "" if quote else character
        column = len(word.rpartition("\n")[2]) + (0 if "\n" in word else column)
        end = "" if quote or not word.endswith(" ") else "\n" if word == "&& " else "\\\n" if column > _LINE else ""
        made += (word.rstrip(" ") if end == "\n" else word) + end
        column = 0 if end else column
    return made


def _asked(check: CompleteCheck, run: HostRun) -> str:
    """The sh command that says whether a check finds something, and prints the version."""
    kind, value = check["kind"], check["value"]
    if kind == "command":
        return sh.join([value, *check["args"]])
    if kind == "package":
        manager = str(run.state.system.manager) if run.state is not None else ""
        database = check.get("database") or _MANAGERS_DATABASES.get(manager, manager)
        return _DATABASES.get(database, "false {}").format(sh.quote(value))
    if kind == "file":
        path = f'"$HOME"/{sh.quote(value[2:])}' if value.startswith("~/") else sh.quote(value)
        return f"cat {path}" if check["pattern"] else f"test -e {path}"
    if kind == "python_module":
        code = f"import {value} as module; print(getattr(module, '__version__', ''))"
        return sh.join(["python3", "-c", code])
    return f"{{ {value}\n}}"


def _literal(text: str) -> str:
    """The text as a literal of Jinja."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
