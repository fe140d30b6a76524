"""Write a probe's question as one POSIX sh script, from the templates ``probe.sh`` and ``probe_files.sh``."""

import posixpath
import shlex
from collections.abc import Iterator, Sequence

from mngr_ansible.host import templates
from mngr_ansible.host.probe_request import ProbePath, ProbeRequest, grouped, nodes_on_the_way_to, parents_of
from mngr_ansible.portable import check_script, managers, trusted_programs
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.sh import without_comments


def probe_script(request: ProbeRequest, paths: Sequence[ProbePath], nonce: str, seconds: int = 50) -> str:
    """The script that asks about these of the request's paths, and about everything else in it.

    After so many seconds it starts nothing that could wait for a file, and has ended what it started.
    Every text of a plugin in it is quoted. The answer stands between the lines ``NONCE begin`` and ``NONCE end``.
    """
    questions = list(_questions(request, paths))
    values = {
        "TOOL_PATHS": check_script.PATHS.strip(),
        "MANAGERS": " ".join(f"{name}:{row.program}" for name, row in managers.TABLE.items()),
        "FILE_FUNCTIONS": templates.text("probe_files.sh") if questions else "",
        "SOON": ":".join(_searched_programs(request)),
        "NEEDS_PRIVILEGE": "1" if request.needs_privilege else "",
        "PASSWORD": shlex.quote(request.password or ""),
        "NONCE": nonce,
        "SECONDS": str(seconds),
        "WORK_DIR": _work_dir(request.work_dir),
        "REST": _in_parallel(request, questions),
    }
    return templates.render("probe.sh", values)


def _searched_programs(request: ProbeRequest) -> Sequence[str]:
    """The names of the programs that the script will search, as far as they are plain."""
    named = [row.program for row in managers.TABLE.values()]
    named += ["python3", "dpkg-query", "rpm", "pacman"]
    named += [check["value"] for each in request.requirements for check in each["checks"] if check["kind"] == "command"]
    return list(dict.fromkeys(filter(_PLAIN_NAME.fullmatch, named)))


_PLAIN_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._+-]*")

_AT_ONCE = 8
"""How many requirements are checked while files are looked at. What their checks print waits in a pipe, which holds 64
KiB (pipe(7)): where it were full, a program would wait too, and be ended."""


def _in_parallel(request: ProbeRequest, questions: Sequence[str]) -> str:
    """The commands that ask about python3, privilege, files and requirements, as much as possible at the same time.

    What the first half of the pipe prints comes after what the second one prints.
    """
    privilege = 'find_privilege\nsay privilege "$privilege"'
    checks = _checks(request) if request.requirements else ""
    about_files = "\n".join(questions)
    if not questions:
        return f"ask_python\n{privilege}\n{checks}"
    if len(request.requirements) > _AT_ONCE:
        return f"ask_python\n{privilege}\n{about_files}\n{checks}"
    beside = f"{{ {about_files}\n}} </dev/null\ncat"
    if request.needs_privilege:  # the files may be looked at as root
        return f"{privilege}\n{{ ask_python\n{checks} }} | {{ {beside}\n}}"
    return f"{{ ask_python\n{privilege}\n{checks} }} | {{ {beside}\n}}"


def _checks(request: ProbeRequest) -> str:
    """The commands that ask about requirements, and, where one seems to be missing, what apt offers."""
    checks = check_script.script(request.requirements, has_paths=True)
    packages = request.apt_packages()
    names = list(dict.fromkeys(name for each in packages for name in each))
    wanted = [f"{index}={','.join(each)}" for index, each in enumerate(packages[: request.own_requirements]) if each]
    if not wanted:
        return f"echo checks\n{checks}"
    offers = manager_offers.script({"apt": names}, "root", (), has_functions=True)
    return (
        f"ask_requirements() {checks}\necho checks\n"
        "if command -v awk >/dev/null && command -v apt-cache >/dev/null; then\n"
        f"ask_requirements | awk -v wanted={shlex.quote(' '.join(wanted))} {shlex.quote(_IS_NONE_MISSING)} ||\n"
        f"{offers}\nelse ask_requirements; fi"
    )


_IS_NONE_MISSING = """
{ print }
/^mngr-check [0-9]+ [0-9]+ @ / { found[$2] }
/^mngr-check package dpkg ii / { split($0, words, "|"); installed[words[2]] }
END {
  count = split(wanted, requirements, " ")
  for (each = 1; each <= count; each++) {
    split(requirements[each], parts, "=")
    is_there = parts[1] in found
    number = split(parts[2], names, ",")
    for (at = 1; at <= number; at++) if (names[at] in installed) is_there = 1
    if (!is_there) exit 1
  }
}"""
"""awk: passes the answers about requirements on. It fails if there is one of which neither a program nor a package is
there. What is there and too old is not known here."""


def _work_dir(work_dir: str) -> str:
    """``work_dir`` as a word of sh, absolute on the host; ``$H`` is the home directory."""
    if work_dir.startswith("/"):
        return shlex.quote(posixpath.normpath(work_dir))
    below = "" if work_dir == "~" else work_dir.removeprefix("~/").lstrip("/")
    return _word(ProbePath("H", posixpath.normpath(below)))


def _questions(request: ProbeRequest, paths: Sequence[ProbePath]) -> Iterator[str]:
    """The commands about paths and owners, in the order in which ``probe_answer`` expects what they print."""
    if request.mirrors():
        yield "ask_real_directories"
    for kind, name in request.owners():
        yield f'say owner "$({kind}_number {shlex.quote(name)})"'
    for as_root in (False, True):
        lines = list(_looks(request, [path for path in paths if path.as_root is as_root], as_root=as_root))
        lines = ["choose_tools", *lines] if lines else []
        if lines and (as_root or request.become):
            functions = without_comments(trusted_programs.SCRIPT) + "mngr_protect\n" + templates.text("probe_files.sh")
            script = functions + "\n".join(lines)
            yield f"as_root {shlex.quote(script)}"
        else:
            yield from lines


def _looks(request: ProbeRequest, paths: Sequence[ProbePath], *, as_root: bool) -> Iterator[str]:
    for group in grouped(paths):
        hashing = ":"
        if group[0].is_hashed:
            hashing = "hashes_one_by_one" if group[0].is_odd else "hashes"
        yield f"look {hashing} {_words(group)}"
    if paths:
        nodes, parents = nodes_on_the_way_to(paths, as_root=as_root), parents_of(paths, as_root=as_root)
        yield f"directories {int(as_root)} {len(nodes) - len(parents)} {_words(nodes)}"
    for index, mirror in enumerate(request.mirrors()):
        if mirror.as_root is as_root:
            yield f"listing {index} {_word(mirror)}"


def _words(paths: Sequence[ProbePath]) -> str:
    return " ".join(map(_word, paths))


def _word(path: ProbePath) -> str:
    if not path.base:
        return shlex.quote(path.rest)
    return f'"${path.base}"' if path.rest == "." else f'"${path.base}"/{shlex.quote(path.rest)}'
