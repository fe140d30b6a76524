"""What was found on a host → a finding for each check, in words, with what to do."""

from collections.abc import Iterator, Mapping

from mngr_ansible.doctor.checks import Level, finding, megabytes
from mngr_ansible.doctor.host_facts import HostFacts, Place
from mngr_ansible.host.state import HostState
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding

_FULL_BYTES, _FEW_BYTES = 1 << 20, 200 << 20
_FEW_INODES = 200
_OFF_SECONDS, _FAR_OFF_SECONDS = 60, 3600
_LITTLE_MEMORY = 100 << 20
_LISTED = 5
_PLACES = {
    "home": "the home",
    "tmp": "/tmp",  # noqa: S108 - a word
    "system": "the system (/usr)",
    "cache": "the package manager's cache",
}
_KNOWN_SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "busybox")


def about_login(place: str, facts: HostFacts, *, is_local: bool) -> Iterator[Finding]:
    """The login shell, and what it prints."""
    if is_local:
        return
    name = facts.shell.rpartition("/")[2]
    if facts.noise:
        text = f"{facts.shell or 'its login shell'}; start-up files print {facts.noise} characters before each command"
        remedy = (
            "That works, and slows each step down. Let them print only in interactive shells: case $- in *i*) … esac"
        )
        yield finding(place, "shell", "warning", text, remedy)
    elif facts.shell and name not in _KNOWN_SHELLS:
        yield finding(place, "shell", "ok", f"{facts.shell}, which runs our commands, and which we have not tested")
    else:
        yield finding(place, "shell", "ok", f"{facts.shell or 'a shell'}; nothing is printed before a command")


def about_system(place: str, state: HostState, facts: HostFacts, *, has_password: bool = False) -> Iterator[Finding]:
    """The system, Python, privilege and managers. ``has_password``: sudo was tried with one."""
    system = state.system
    if "ro" in facts.places.get("system", Place()).options and system.kernel == "Linux":
        text = f"{printable(system.name)}; /usr is read-only, so its package manager cannot install"
        remedy = "Add packages to the system's image, or use sources of the scope user (npm, uv, pipx, downloads)"
        yield finding(place, "system", "warning", text, remedy)
    else:
        yield finding(place, "system", "ok", f"{printable(system.name)}, {printable(system.arch or system.kernel)}")
    yield _python(place, state)
    yield _privilege(place, state, has_password=has_password)
    manager = system.manager
    if manager is None:
        refused = "; ".join(f"{name}: {printable(why)}" for name, why in system.refused.items() if name != "python3")
        text = "no package manager that mngr-ansible knows" + (f" ({refused})" if refused else "")
        remedy = "Install packages by hand, or name sources that need none (archive, installer)"
        yield finding(place, "managers", "warning", text, remedy)
    else:
        others = [each for each in system.managers if each != manager]
        yield finding(place, "managers", "ok", manager + (f"; also {', '.join(others)}" if others else ""))


def _python(place: str, state: HostState) -> Finding:
    system = state.system
    can_install = state.login.privilege != "none" and system.manager is not None
    if system.python is not None:
        version = f"Python {system.python_version}, " if system.python_version else ""
        return finding(place, "python", "ok", f"{printable(version)}{printable(system.python)}")
    if system.python_variables:
        names = " and ".join(system.python_variables)
        text = f"the host's python3 does not start with {names} of the login's environment"
        return finding(place, "python", "problem", text, "Set that variable only in interactive shells, or remove it")
    if system.old_python is not None:
        text = f"Ansible needs Python 3.9 or newer, the host has {printable(system.old_python)}"
        return finding(place, "python", "problem", text, "Install a newer python3 on the host")
    if why := system.refused.get("python3"):
        text = f"root did not run python3: {printable(why)}"
        return finding(place, "python", "problem", text, "Give that program and its directories to root")
    if can_install:
        return finding(place, "python", "ok", f"none yet; the first run installs it with {system.manager}")
    text = "none, and this login cannot install it"
    return finding(place, "python", "problem", text, "Have an administrator install python3 on the host")


def _privilege(place: str, state: HostState, *, has_password: bool) -> Finding:
    login, user = state.login, printable(state.login.user)
    if login.privilege == "none" and has_password and not login.sudo_obstacle:
        text = f"sudo did not accept the password for {user}, or sudo is not installed"
        remedy = "Type it again, or check that this user may use sudo on the host"
        return finding(place, "privilege", "problem", text, remedy)
    if login.privilege == "none":
        text = printable(login.privilege_problem)
        remedy = "Use --ask-become-pass, allow sudo without a password, or log in as root"
        if login.sudo_obstacle:
            remedy = "Correct sudoers on the host, or log in as root"
        remedy += ". Files in the home directory need no root"
        return finding(place, "privilege", "warning", text, remedy)
    if login.sudo_notice:
        remedy = (
            "Add the host's own name to its /etc/hosts" if login.is_name_unknown else "Look at the host's name servers"
        )
        return finding(place, "privilege", "warning", f"{user}; {printable(login.sudo_notice)}", remedy)
    how = {
        "root": "",
        "sudo": "becomes root by sudo, without a password",
        "doas": "becomes root by doas, without a password",
        "password": "becomes root by sudo, with the password that you gave",
    }
    return finding(place, "privilege", "ok", f"{user} {how[login.privilege]}".strip())


def about_packages(place: str, facts: HostFacts, privilege: str) -> Iterator[Finding]:
    """Locks, installations that were cut off, and settings of language tools."""
    if facts.locks:
        lock = facts.locks[0]
        more = f" and {len(facts.locks) - 1} more" if len(facts.locks) > 1 else ""
        text = f"{lock.name or 'a program'} (pid {lock.pid}) holds {lock.path}{more}"
        yield finding(place, "locks", "warning", text, "Run again when it is free; apply waits for 60 s")
    elif facts.is_booting:
        text = "cloud-init still sets this host up, and may hold the package manager"
        yield finding(place, "locks", "warning", text, "Wait until it has ended: cloud-init status --wait")
    elif facts.stale:
        text = f"{facts.stale[0]} is there, and no pacman is running: an earlier one was killed"
        yield finding(place, "locks", "problem", text, f"Remove it on the host: rm {facts.stale[0]}")
    else:
        yield finding(place, "locks", "ok", "no package manager is locked")
    sudo = f"{privilege} " if privilege in ("sudo", "doas") else ""
    if facts.is_interrupted or facts.unfinished:
        names = f": {_listed(facts.unfinished)}" if facts.unfinished else ""
        text = f"an earlier installation was cut off{names}"
        yield finding(place, "packages", "problem", text, f"Finish it on the host with: {sudo}dpkg --configure -a")
    elif facts.held:
        text = f"on hold, and never upgraded or released by us: {_listed(facts.held)}"
        yield finding(place, "packages", "ok", text)
    else:
        yield finding(place, "packages", "ok", "no installation was cut off")
    yield from _language_tools(place, facts)


def _language_tools(place: str, facts: HostFacts) -> Iterator[Finding]:
    given = facts.settings
    told = []
    if where := _variable(given, "PIP_REQUIRE_VIRTUALENV") or given.get("require-virtualenv"):
        told.append((f"pip installs only into virtual environments ({where})", "use pipx or uv"))
    if where := given.get("npm-age"):
        told.append((f"npm takes no new versions (min-release-age or before in {where})", "ask for an older version"))
    if where := _variable(given, "UV_EXCLUDE_NEWER") or given.get("uv-age"):
        told.append((f"uv takes no new versions (exclude-newer in {where})", "ask for an older version"))
    if told:
        remedy = ", or ".join(dict.fromkeys(what for _, what in told))
        text = "; ".join(problem for problem, _ in told)
        yield finding(
            place, "language tools", "warning", text, f"{remedy[0].upper()}{remedy[1:]}, or change that setting"
        )
    elif "externally-managed" in given:
        text = "pip leaves Python to the distribution (PEP 668); pipx and uv are used instead"
        yield finding(place, "language tools", "ok", text)
    else:
        yield finding(place, "language tools", "ok", "no setting of pip, npm or uv keeps packages away")


def _variable(given: Mapping[str, str], name: str) -> str:
    return name if given.get(name, "").lower() not in ("", "0", "false", "no", "off") else ""


def about_places(place: str, facts: HostFacts, state: HostState) -> Iterator[Finding]:
    """Disk, inodes, and where the login can write."""
    yield _disk(place, facts)
    yield _inodes(place, facts)
    yield _memory(place, facts)
    home, tmp = facts.places["home"], state.paths.tmp
    name = printable(state.login.home)
    if not tmp:
        text = "neither the home nor /tmp nor /var/tmp can be written"
        yield finding(place, "home", "problem", text, "Make one of them writable for this user")
    elif home.state == "missing":
        yield finding(place, "home", "ok", f"{name} does not exist; {printable(tmp)} is used for what a run needs")
    elif home.state == "closed":
        why = "is read-only" if "ro" in home.options else "cannot be written by this user"
        text = f"{name} {why}, so no file can be written there"
        yield finding(place, "home", "warning", text, "Use other destinations, or --become")
    else:
        noexec = "; noexec, which is no obstacle" if "noexec" in home.options else ""
        yield finding(place, "home", "ok", f"{name} can be written{noexec}")


def _disk(place: str, facts: HostFacts) -> Finding:
    worst: Level = "ok"
    short = []
    for name, each in facts.places.items():
        if each.free is not None and each.free < _FEW_BYTES and not ("ro" in each.options and name == "system"):
            short.append(f"{_PLACES[name]} has {megabytes(each.free)} free{_on(name, each)}")
            worst = "problem" if each.free < _FULL_BYTES else "warning" if worst == "ok" else worst
    if short:
        return finding(place, "disk", worst, "; ".join(short), "Free some space there, and run again")
    by_mount = {each.at: each for each in facts.places.values() if each.free is not None}
    shown = ", ".join(f"{at} {megabytes(each.free or 0)}" for at, each in by_mount.items())
    return finding(place, "disk", "ok", f"free: {shown}" if shown else "not known: the host has no df")


def _on(name: str, each: Place) -> str:
    """Where the file system of a place is mounted, unless its name says it."""
    return "" if each.at in ("", _PLACES[name]) else f" (on {each.at})"


def _inodes(place: str, facts: HostFacts) -> Finding:
    def is_short(each: Place) -> bool:
        return each.inodes is not None and each.inodes[0] > 0 and each.inodes[1] < _FEW_INODES

    short = [(name, each) for name, each in facts.places.items() if is_short(each)]
    if short:
        text = "; ".join(
            f"{_PLACES[name]} has room for {each.inodes[1]} more files{_on(name, each)}"
            for name, each in short
            if each.inodes
        )
        worst: Level = "problem" if any(each.inodes and each.inodes[1] == 0 for _, each in short) else "warning"
        return finding(place, "inodes", worst, text, "Remove files that nobody needs there, and run again")
    return finding(place, "inodes", "ok", "enough in all places")


def _memory(place: str, facts: HostFacts) -> Finding:
    if facts.memory is None:
        return finding(place, "memory", "ok", "not known")
    text = f"{megabytes(facts.memory)} free"
    if facts.memory < _LITTLE_MEMORY:
        remedy = "Stop what takes it, or add swap: a package manager may be killed in the middle"
        return finding(place, "memory", "warning", text, remedy)
    return finding(place, "memory", "ok", text)


def clock_offset(facts: HostFacts, before: float, after: float) -> float | None:
    """Seconds by which the host's clock is ahead of this machine's (below 0: behind), at least; None: not known.

    The host said its time twice, between ``before`` and ``after``; what the journeys took is not known.
    """
    if facts.begin is None or facts.end is None:
        return None
    earliest, latest = facts.end - after, facts.begin + 1 - before
    if earliest <= 0 <= latest:
        return 0.0
    return earliest if earliest > 0 else latest


def about_clock(place: str, offset: float | None) -> Finding:
    """``offset``: as :func:`clock_offset`."""
    if offset is None:
        return finding(place, "clock", "ok", "not known: the host does not say its time")
    if abs(offset) < _OFF_SECONDS:
        return finding(place, "clock", "ok", "it agrees with this machine's")
    text = f"it is {duration(abs(offset))} {'ahead of' if offset > 0 else 'behind'} this machine's"
    worst: Level = "problem" if abs(offset) >= _FAR_OFF_SECONDS else "warning"
    remedy = "Set the clock on the host: package sources and certificates are not valid at another time"
    return finding(place, "clock", worst, text, remedy)


def duration(seconds: float) -> str:
    """A time for people: ``2 days``, ``1 h 59 min``, ``3 min``."""
    minutes = round(seconds / 60)
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)} days"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def about_proxy(place: str, facts: HostFacts, state: HostState) -> Finding:
    """The proxies that the login has, and those of apt."""
    own = ", ".join(f"{name}={value}" for name, value in list(facts.proxies.items())[:_LISTED])
    apt = ", ".join(f"{name}: {value}" for name, value in facts.apt_proxies.items())
    if not own and not apt:
        return finding(place, "proxy", "ok", "none")
    told = "; ".join(filter(None, (own and f"the login has {own}", apt and f"apt has {apt}")))
    if own and not apt and state.login.uid != 0 and state.system.manager == "apt":
        text = f"{told}; sudo does not pass it on to root, so apt has none"
        remedy = "Name it in apt's settings on the host, if apt needs it: Acquire::http::Proxy"
        return finding(place, "proxy", "warning", text, remedy)
    return finding(place, "proxy", "ok", told)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
