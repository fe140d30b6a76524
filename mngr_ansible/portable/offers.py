"""Which versions a host's package managers offer: the read-only sh script that asks them, and its output.

Shared with the roles (Python 3.9, standard library only). A system's manager is asked what it knows, and how old its
lists of packages are; it downloads nothing for that, unless the script is told to fetch its lists first. The managers
of languages ask their registries. That a manager could not be asked is never taken for "it has none".
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from . import addresses, causes, managers, trusted_programs
from .regular_expressions import regex
from .sh import without_comments
from .versions import compare, is_snap_placeholder, upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from .rehearsals import Rehearsal

_SECONDS = 30
"""How long one manager may take to answer. It is killed then."""
_BYTES = 400_000
"""How much of one answer is read."""
_AT_ONCE = 8
"""How many packages a language's manager is asked about at the same time."""

_LISTS = {
    "apt": ("/var/lib/apt/lists/*_Packages* /var/lib/apt/lists/*_Sources*", "/var/lib/apt/lists/partial"),
    "dnf": ("/var/cache/dnf/*/repodata/* /var/cache/libdnf5/*/repodata/*", "/var/cache/dnf/expired_repos.json"),
    "zypper": ("/var/cache/zypp/raw/*/*", "/var/cache/zypp/solv"),
    "pacman": ("/var/lib/pacman/sync/*.db", "/var/lib/pacman/sync"),
    "apk": ("/var/cache/apk/APKINDEX* /lib/apk/db/APKINDEX*", "/var/cache/apk"),
}
"""By system manager: files of its lists of packages, and a path whose time changes when the lists are fetched."""


_FUNCTIONS = r"""
set +eu
LC_ALL=C
export LC_ALL PATH
mngr_protect
mngr_go_home
mngr_is_bounded=
timeout "$mngr_seconds" true 2>/dev/null && mngr_is_bounded=1

# Print what a command prints, in printable ASCII and of limited length, each line with the frame in front; the last
# line is its exit status. Several that ask at the same time are parts of one pipeline: what those before it print comes
# first, since the output of two that write at once is mixed.
mngr_ask() { # FRAME COMMAND…
  mngr_frame=$1
  shift
  mngr_answer=$(
    {
      if [ -n "$mngr_is_bounded" ]; then timeout -s KILL "$mngr_seconds" "$@"; else "$@"; fi </dev/null 2>&1
      printf '\nmngr-status %s' $?
    } | head -c "$mngr_bytes" | tr -c '\n -~' '?' | sed "s/^/mngr-offer $mngr_frame | /"
  )
  cat
  printf '%s\n' "$mngr_answer"
}

# The same for the end of what the command prints that fetches a manager's lists; it has its own bound. While another
# program holds the lock it is tried again: few managers wait for the lock of their lists by themselves.
mngr_refresh() { # MANAGER LOCKED SECONDS COMMAND…
  mngr_manager=$1 mngr_locked=$2 mngr_proxy=
  mngr_limit=$(($(date +%s) + $3))
  shift 3
  for mngr_name in @PROXIES@; do
    eval "[ -z \"\${$mngr_name:-}\" ]" || mngr_proxy=$mngr_name
  done
  while
    mngr_answer=$(
      { "$@" </dev/null 2>&1; printf '\nmngr-proxy %s\nmngr-status %s' "$mngr_proxy" $?; } |
        tail -c "$mngr_bytes" | tr -c '\n -~' '?'
    )
    case $mngr_answer in *'mngr-status 0' | *[Rr]'ead-only file system'*) false ;; esac &&
      [ -n "$mngr_locked" ] && printf '%s\n' "$mngr_answer" | grep -Eq -e "$mngr_locked" &&
      [ "$(date +%s)" -lt "$mngr_limit" ]
  do sleep 1; done
  printf '%s\n' "$mngr_answer" | sed "s/^/mngr-offer $mngr_manager refresh | /"
}

# Whether nothing can be installed into /usr: the file system that counts there is the last one mounted on it.
mngr_is_read_only() {
  mngr_state='' mngr_usr=''
  while read -r _ mngr_place _ mngr_options _; do
    case $mngr_place in
      /usr) mngr_usr=1 ;;
      /) [ -z "$mngr_usr" ] || continue ;;
      *) continue ;;
    esac
    case ,$mngr_options, in *,ro,*) mngr_state=ro ;; *) mngr_state=rw ;; esac
  done </proc/self/mounts 2>/dev/null
  [ "$mngr_state" = ro ]
}

# Print whether a manager has its lists of packages, and whether they were fetched within a day.
mngr_lists() { # MANAGER STAMP FILE…
  mngr_manager=$1 mngr_stamp=$2 mngr_age=empty
  shift 2
  for mngr_file do
    [ -e "$mngr_file" ] && mngr_age=stale && break
  done
  [ $mngr_age = stale ] && [ -n "$(find "$mngr_stamp" -prune -mmin -1440 2>/dev/null)" ] && mngr_age=fresh
  case $mngr_manager in
    apk) ;;
    apt) # a hook may make it writable for as long as apt works
      mngr_is_read_only && ! grep -qs remount /etc/apt/apt.conf /etc/apt/apt.conf.d/* /etc/dpkg/dpkg.cfg \
        /etc/dpkg/dpkg.cfg.d/* && mngr_age=read-only ;;
    *) mngr_is_read_only && mngr_age=read-only ;;
  esac
  echo "mngr-offer $mngr_manager lists $mngr_age"
}
"""
_FUNCTIONS = _FUNCTIONS.replace("@PROXIES@", " ".join(addresses.PROXIES))
"""What the lines about packages call. ``FRAME`` is a manager's name, a blank and the number of the question."""

_BOUNDED = f'if timeout {_SECONDS} true 2>/dev/null; then exec timeout -s KILL {_SECONDS} "$@"; else exec "$@"; fi'
"""The bound for what root is asked: a bound outside of sudo would kill sudo alone."""

_TEMPLATE = f"""\
mngr_seconds={_SECONDS} mngr_bytes={_BYTES}
{trusted_programs.SCRIPT.strip()}
{_FUNCTIONS.strip()}
# The packages; every value is quoted, and nothing in it is expanded.
# shellcheck disable=SC2016
"""


class Offer(NamedTuple):
    """What one manager offers of one package.

    Attributes:
        versions: what it would install, as package versions; empty if it has no such package.
        is_known: False if it could not answer; installing may succeed nevertheless.
        why: a reason that says more than "no such package", or why it could not answer; else empty.
    """

    versions: tuple[str, ...] = ()
    is_known: bool = True
    why: str = ""


class ManagerOffers(NamedTuple):
    """What one manager answered.

    Attributes:
        lists: its lists of packages are ``fresh``, ``stale`` (older than a day) or ``empty``; ``own``: it has none, or
            fetches them by itself; ``read-only``: that does not matter, because it cannot install into this system.
        offers: by package, as it was asked for.
        problem: why its lists of packages could not be fetched or read, as what comes after "could not be fetched: ";
            empty if nothing is known to be wrong with them.
    """

    lists: str
    offers: dict[str, Offer]
    problem: str = ""


def script(
    packages: Mapping[str, Sequence[str]],
    privilege: str,
    as_root: Collection[str] = ("dnf",),
    refresh: Mapping[str, int] | None = None,
    rehearsal: Rehearsal | None = None,
    *,
    has_functions: bool = False,
) -> str:
    """The sh text that asks each manager about these packages, all at the same time; for :func:`read`.

    Args:
        packages: by manager, its packages; those of a language's manager with the versions that are allowed.
        privilege: how to become root: ``root``, ``sudo`` or ``doas``.
        as_root: the managers that are asked as root: dnf, which lets only root read the system's lists, and npm where
            root installs, since every user has settings of their own.
        refresh: the managers that fetch their lists first, as root, and the seconds that this may take.
        rehearsal: its manager is asked about the lists there, not about the host's own.
        has_functions: the text is inside a script that has ``trusted_programs.SCRIPT`` already.
    """
    template = _TEMPLATE.replace(trusted_programs.SCRIPT.strip(), "") if has_functions else _TEMPLATE
    return _filled(without_comments(template), packages, privilege, as_root, refresh or {}, rehearsal)


def annotated_script(packages: Mapping[str, Sequence[str]], privilege: str) -> str:
    """The same with comments, also those for ShellCheck."""
    return _filled(_TEMPLATE, packages, privilege, ("dnf",), {})


def _filled(
    template: str,
    packages: Mapping[str, Sequence[str]],
    privilege: str,
    as_root: Collection[str],
    refresh: Mapping[str, int],
    rehearsal: Rehearsal | None = None,
) -> str:
    """The template in a subshell of its own, followed by the lines for the packages."""
    lines = [f"(\n{template}{{"]
    for manager, seconds in refresh.items():
        patience = min(managers.LOCK_SECONDS, seconds // 2)
        argv = managers.waiting(manager, managers.TABLE[manager].refresh, patience)
        argv = managers.privileged(
            managers.bounded(managers.with_environment(manager, argv), seconds),
            privilege,
        )
        locked = shlex.quote(managers.TABLE[manager].locked)
        lines.append(f"mngr_refresh {manager} {locked} {patience} {shlex.join(argv)}")
    blocks = [_block(manager, names, privilege, as_root, rehearsal) for manager, names in packages.items()]
    return "\n".join([*lines, _at_once(blocks), "echo mngr-offer end", "}", ")", ""])


def _block(
    manager: str, names: Sequence[str], privilege: str, as_root: Collection[str], rehearsal: Rehearsal | None
) -> str:
    """What asks one manager; a part of a pipeline, as ``mngr_ask`` is."""
    own = rehearsal if rehearsal is not None and rehearsal.manager == manager else None
    lines = []
    if manager in _LISTS:
        files, stamp = _LISTS[manager]
        if own is not None:
            files, stamp = own.lists(files), own.lists(stamp)
        lines.append(f"mngr_lists {manager} {stamp} {files}")
    questions = []
    for number, query in enumerate(managers.queries(manager, names)):
        argv = managers.with_environment(manager, query)
        if own is not None:
            argv = managers.with_environment(manager, own.amended(query), own.environment)
        if manager in as_root and privilege in ("sudo", "doas"):
            argv = managers.privileged(["sh", "-c", _BOUNDED, "sh", *argv], privilege)
        questions.append(f"mngr_ask {shlex.quote(f'{manager} {number}')} {shlex.join(argv)}")
    lines += [_at_once(questions[start : start + _AT_ONCE]) for start in range(0, len(questions), _AT_ONCE)]
    return "\n".join(["{", "mngr_answers=$(", *lines, ")", "cat", "printf '%s\\n' \"$mngr_answers\"", "}"])


def _at_once(commands: Sequence[str]) -> str:
    """These commands as one pipeline: they run at the same time, and print one after the other."""
    return " |\n".join([f"{commands[0]} </dev/null", *commands[1:]]) if commands else ""


_FRAME = regex(r"mngr-offer (?:(end)|([a-z]{2,12}) (?:lists (empty|stale|fresh|read-only)|(\d{1,4}|refresh) \| (.*)))")


_READ_ONLY = (
    "{} cannot install here: the host's system (/usr) is read-only; add it to the system's image or as a layer of it "
    "(rpm-ostree, transactional-update), or use a source of the scope user"
)


class _Answer(NamedTuple):
    """What one command printed, and its exit status; 0 if that was cut off."""

    output: str
    code: int = 0

    @classmethod
    def of(cls, lines: Sequence[str]) -> _Answer:
        status = re.fullmatch(r"mngr-status (\d{1,3})", lines[-1]) if lines else None
        return cls("\n".join(lines[:-1]), int(status[1])) if status else cls("\n".join(lines))


def read(
    lines: Iterable[str], packages: Mapping[str, Sequence[str]], privilege: str = "root"
) -> dict[str, ManagerOffers]:
    """Read what :func:`script` printed for the same packages: by manager, what it offers of each.

    Raises:
        ValueError: the output is cut off or is not that of such a script.
    """
    output: dict[tuple[str, str], list[str]] = {}
    lists: dict[str, str] = {}
    is_whole = False
    for line in lines:
        if not line.startswith("mngr-offer "):
            continue
        match = _FRAME.fullmatch(line.rstrip("\r\n"))
        if not match:
            raise ValueError(f"the host's answer has a line that cannot be read: {line[:80]!r}")
        end, manager, age, number, text = match.groups()
        is_whole = is_whole or bool(end)
        if age:
            lists[manager] = age
        elif manager:
            output.setdefault((manager, number), []).append(text)
    if not is_whole:
        raise ValueError("the host's answer about what its package managers offer is cut off")
    answers = {}
    for manager, names in packages.items():
        given = [_Answer.of(output.get((manager, str(number)), ())) for number in range(max(1, len(names)))]
        problem = ""
        if manager in _LISTS:
            fetched = _Answer.of(output.get((manager, "refresh"), ()))
            said, _, proxy = fetched.output.rpartition("mngr-proxy ")
            asked = causes.unfetched(manager, fetched.code, said, privilege) if said or fetched.code else None
            asked = causes.with_proxy(asked, proxy, privilege) if asked else None
            if asked is None and not _is_plain(manager, given[0].output):
                asked = causes.unfetched(manager, 0, given[0].output, privilege)
            problem = asked.problem if asked else ""
        offers = _offers(manager, names, given)
        if lists.get(manager) == "read-only":
            offers, problem = {name: Offer(why=_READ_ONLY.format(manager)) for name in names}, ""
        answers[manager] = ManagerOffers(lists.get(manager, "own"), offers, problem)
    return answers


def _is_plain(manager: str, output: str) -> bool:
    """Whether an answer is surely nothing but packages: what apt complains of is a line that does not begin blank."""
    lines = output.split("\n") if manager == "apt" else ("?",)
    return all(line.startswith(" ") or line.endswith(":") or not line for line in lines)


def _offers(manager: str, names: Sequence[str], given: Sequence[_Answer]) -> dict[str, Offer]:
    if not managers.TABLE[manager].offers:
        return {name: Offer(is_known=False) for name in names}
    if manager in _ONE_BY_ONE:
        return {name: _one(manager, answer) for name, answer in zip(names, given)}
    is_locked = managers.TABLE[manager].locked and re.search(managers.TABLE[manager].locked, given[0].output)
    found = _UNREADABLE if is_locked else _ALL_AT_ONCE[manager](given[0].output)
    return {name: found.get(name, Offer(is_known=found is not _UNREADABLE)) for name in names}


def _one(manager: str, answer: _Answer) -> Offer:
    """What a language's manager answered about one package; where it could not answer, with the reason."""
    offer = _ONE_BY_ONE[manager](answer.output)
    if offer.versions or offer.why:
        return offer
    if answer.code in (124, 137, 143):
        return Offer(is_known=False, why=f"{manager} did not answer within {_SECONDS} s")
    cause = causes.find(manager, answer.output)
    if cause is None and answer.code and not offer.is_known:
        cause = causes.explain(manager, answer.code, answer.output)
    if cause is None or cause.kind == "unknown" or (cause.kind == "unmet" and offer.is_known):
        return offer
    return Offer(is_known=cause.kind in ("policy", "unmet"), why=cause.problem)


_UNREADABLE: dict[str, Offer] = {}
"""What the readers below return (this object, compared by ``is``) for an answer that says nothing about packages."""


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, Offer]:
    found: dict[str, list[str]] = {}
    for name, version in pairs:
        found.setdefault(name, []).append(version)
    return {name: Offer(tuple(versions)) for name, versions in found.items()}


def _apt_policy(output: str) -> dict[str, Offer]:
    """``apt-cache policy``: the candidates. A name without one is virtual, or the host's preferences forbid it."""
    offers: dict[str, Offer] = {}
    package = ""
    if re.search(r"(?m)^E: .* could not be (?:read|opened)|^E: .*(?:Malformed|Type )", output):
        return _UNREADABLE
    for line in output.splitlines():
        if line and not line.startswith(" ") and line.endswith(":"):
            package = line[:-1]
        elif line.startswith("  Candidate: ") and package and package not in offers:
            version = line[len("  Candidate: ") :].strip()
            if version == "(none)":
                why = f"{package} is a virtual package, or apt preferences forbid it; name a package that provides it"
                offers[package] = Offer(why=why)
            elif is_snap_placeholder(version):
                offers[package] = Offer(
                    why=f"apt offers {package} only as a snap: its package {version} contains no program"
                )
            else:
                offers[package] = Offer((version,))
    return offers


def _dnf_repoquery(output: str) -> dict[str, Offer]:
    """``dnf repoquery`` with our format: ``name|epoch:version-release``."""
    if re.search(r"(?i)cache-only enabled but no cache|no cache for", output):
        return _UNREADABLE
    return _grouped(re.findall(r"(?m)^([A-Za-z0-9._+-]+)\|(\d+:[^|\s]+)$", output))


def _zypper_search(output: str) -> dict[str, Offer]:
    """``zypper --xmlout search -s``: one line for each version; what is only installed is not offered."""
    pairs = []
    for line in re.findall(r"<solvable ([^>]*)/>", output):
        found = dict(re.findall(r'([a-z]+)="([^"]*)"', line))
        if found.get("repository") != "(System Packages)" and {"name", "edition"} <= found.keys():
            pairs.append((found["name"], found["edition"]))
    return _grouped(pairs)


def _pacman_info(output: str) -> dict[str, Offer]:
    """``pacman -Si``: blocks of ``Name`` and ``Version``."""
    found = re.findall(r"(?m)^Name +: (\S+)\s*\nVersion +: (\S+)", output)
    return _UNREADABLE if not found and "does not exist (use '-Sy'" in output else _grouped(found)


def _apk_policy(output: str) -> dict[str, Offer]:
    """``apk policy``: versions, and below each where it is from; ``lib/apk/db/installed`` alone is not an offer."""
    pairs, package, version = [], "", ""
    for line in output.splitlines():
        if line.endswith(" policy:"):
            package = line[: -len(" policy:")]
        elif line.startswith("    "):
            if package and version and "lib/apk/db/installed" not in line:
                pairs.append((package, version))
        elif line.startswith("  "):
            version = line.strip().rstrip(":")
    return _grouped(pairs)


def _brew_info(output: str) -> dict[str, Offer]:
    """``brew info --json=v2``: the stable version of each formula; if it does not know one, it describes none."""
    if unknown := re.findall(r'No available formula (?:or cask )?with the name "([^"]+)"', output):
        return {name: Offer() for name in unknown}
    try:
        formulae = json.loads(output[output.index("{") :])["formulae"]
        return {str(each["name"]): Offer((str(each["versions"]["stable"]),)) for each in formulae}
    except (ValueError, KeyError, TypeError, RecursionError):
        return _UNREADABLE


def _npm_view(output: str) -> Offer:
    """``npm view --json SPEC version``: one version, a list of them, or nothing."""
    if "E404" in output:
        return Offer()
    versions = re.findall(r'^\s*"(\d[^"\s]*)"', output, re.MULTILINE)
    is_known = bool(versions) or not output.strip() or '"ETARGET"' in output
    return Offer(tuple(versions), is_known)


def _uv_compile(output: str) -> Offer:
    """``uv pip compile``: ``name==version``."""
    versions = re.findall(r"(?m)^[A-Za-z0-9._-]+==(\S+)$", output)
    is_known = bool(versions) or ("No solution found" in output and "in the cache" not in output)
    return Offer(tuple(versions), is_known)


def _pip_report(output: str) -> Offer:
    """``pip install --dry-run --report``: the last version in the report is that of the package's metadata."""
    if "externally-managed-environment" in output:
        return Offer(why="its Python belongs to the distribution, which pip must not change (PEP 668)")
    if "activated virtualenv" in output:
        return Offer(why="pip on the host installs only into virtual environments (PIP_REQUIRE_VIRTUALENV)")
    versions = re.findall(r'"version": "([^"]+)"', output)[1:]
    is_none = "No matching distribution found" in output and not re.search(r"Retrying|Could not fetch", output)
    return Offer(tuple(versions[-1:]), bool(versions) or is_none)


_ALL_AT_ONCE: dict[str, Callable[[str], dict[str, Offer]]] = {
    "apt": _apt_policy,
    "dnf": _dnf_repoquery,
    "zypper": _zypper_search,
    "pacman": _pacman_info,
    "apk": _apk_policy,
    "brew": _brew_info,
}
_ONE_BY_ONE: dict[str, Callable[[str], Offer]] = {"npm": _npm_view, "uv": _uv_compile, "pip": _pip_report}


def best(offer: Offer) -> str | None:
    """The newest upstream version that is offered; None if there is none."""
    newest = None
    for each in offer.versions:
        version = upstream(each)
        if newest is None or compare(version, newest) > 0:
            newest = version
    return newest
