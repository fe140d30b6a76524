"""The tools of a fake host: what the checks of a requirement would find there. Nothing is run.

What the test has described is put into the words of the script that asks a real host, and read as those are.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.errors import InputError
from mngr_ansible.host.state import FileState
from mngr_ansible.plan.requirements import Requirement, tool_name
from mngr_ansible.portable import checks
from mngr_ansible.portable.checks import Finding
from mngr_ansible.portable.shapes import CompleteCheck
from mngr_ansible.values import frozen

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "~/.local/bin", "~/bin")
"""Where a command without a path is looked for; ``~`` is the home."""

_LINES = 20
"""Lines of an output that count, each of at most so many characters, as on a host:"""
_LENGTH = 200


@frozen
class Tools:
    """What of a fake host decides about its tools.

    Attributes:
        packages: what is installed: tool, command or package → version; None: it cannot be read.
        files: what is there, by absolute path.
        contents: the content of each file, by absolute path.
        commands: command line → what it prints, or True or False for success.
        manager: the system's package manager.
        home: of the remote user.
    """

    packages: Mapping[str, str | None]
    files: Mapping[str, FileState]
    contents: Mapping[str, str]
    commands: Mapping[str, str | bool]
    manager: str | None
    home: str

    def finding(self, requirement: Requirement) -> Finding:
        """What a host like this has of a requirement.

        Raises:
            InputError: a check asks what the test has not said.
        """
        packages = [name for each in requirement.sources if each.manager == self.manager for name in each.packages]
        checked = [each.value for each in requirement.checks]
        names = dict.fromkeys([requirement.name, tool_name(requirement.name), *checked, *packages])
        found = next((name for name in names if name in self.packages), None)
        return self._checked(requirement) if found is None else self._installed(requirement, found)

    def _installed(self, requirement: Requirement, name: str) -> Finding:
        version, accepted, where = self.packages[name], requirement.range, f"/usr/bin/{name}"
        if version is None:
            if accepted.is_any:
                return Finding(requirement.id, "ok", None, where, "")
            reason = f"{where} prints no readable version, needed {accepted}"
            return Finding(requirement.id, "unknown", None, where, reason)
        status = accepted.judge(version)
        reason = "" if status == "ok" else f"found {version}, needed {accepted}"
        return Finding(requirement.id, status, version, where, reason)

    def _checked(self, requirement: Requirement) -> Finding:
        """The finding of the checks, each asked where those before it found no version."""
        asked = requirement.resolved()
        tool = find_tool(requirement.name)
        known = () if tool is None else [each.value for each in tool.checks]  # the catalog's: packages say it
        lines: list[str] = []
        for position, check in enumerate(asked["checks"]):
            if check["kind"] == "shell" and check["value"] not in self.commands and check["value"] not in known:
                raise _without_answer(f"the check of {requirement.name} runs on the fake host", check["value"])
            where, printed, code = self._answer(check)
            if not where:
                continue
            if check["kind"] == "command" and printed is None and not requirement.range.is_any:
                problem = f"the check of {requirement.name} asks {where} on the fake host for its version"
                raise _without_answer(problem, " ".join([check["value"], *check["args"]]))
            lines += _said(position, check, where, (printed or "").splitlines(), code)
            (finding,) = checks.read([*lines, "mngr-check end 1"], [asked])
            if finding.current is not None:
                return finding
        (finding,) = checks.read([*lines, "mngr-check end 1"], [asked])
        return finding

    def _answer(self, check: CompleteCheck) -> tuple[str, str | None, int]:
        """What a check finds (empty: nothing), what that prints (None: the test has not said it), the exit status."""
        value = check["value"]
        if check["kind"] == "shell":
            result = self.commands.get(value, False)
            return value, result if isinstance(result, str) else "", int(result is False)
        if check["kind"] == "file":
            path = self._absolute(value)
            return (value if path in self.files else ""), self.contents.get(path, "") if check["pattern"] else "", 0
        if check["kind"] != "command":
            return "", "", 0
        program = self._program(value)
        said = self.commands.get(" ".join([value, *check["args"]]))
        if program is None and said in (None, False):
            return "", "", 0
        printed = said if isinstance(said, str) else None if said is None else ""
        return program or f"/usr/bin/{value}", printed, int(said is False)

    def _program(self, name: str) -> str | None:
        """The path of an executable file of that name."""
        places = [name] if "/" in name else [f"{each}/{name}" for each in _PATH]
        for path in map(self._absolute, places):
            found = self.files.get(path)
            if found is not None and found.kind == "file" and (found.mode or 0) & 0o111:
                return path
        return None

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(self.home + path[1:] if path == "~" or path.startswith("~/") else path)


def _said(position: int, check: CompleteCheck, where: str, printed: Sequence[str], code: int) -> Iterator[str]:
    """The lines of the script about one check."""
    frame = f"mngr-check 0 {position}"
    if check["kind"] != "shell":
        yield f"{frame} @ {_plain(where)}"
    yield from (f"{frame} | {_plain(each)}" for each in [line for line in printed if line][:_LINES])
    yield f"{frame} = {code}"


def _plain(text: str) -> str:
    return "".join(each if " " <= each <= "~" else "?" for each in text[:_LENGTH])


def _without_answer(problem: str, command: str) -> InputError:
    return InputError(
        f"{problem}, and the test does not say what comes of it: {command}",
        remedy=f"Give it: fake_host(commands={{{command!r}: 'what it prints'}}); True or False is enough where only "
        "success counts.",
    )
