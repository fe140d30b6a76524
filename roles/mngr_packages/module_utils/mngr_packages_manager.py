# SPDX-License-Identifier: GPL-3.0-or-later
"""One package manager of the host: what it offers, what is on hold, and how it installs."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

from . import mngr_packages_explanations as explanations
from . import mngr_packages_host
from .mngr_ansible_portable import managers, rehearsals, versions
from .mngr_ansible_portable import offers as package_offers
from .mngr_ansible_portable.text import clause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_ansible_portable.offers import ManagerOffers
    from .mngr_packages_queries import Requirement


_NO_LOCK = r"[Rr]ead-only file system"
"""What a manager prints that could not make its lock: nobody holds it."""
_LEFT_ALONE = r"Not modifying|exists at .* and points to"
"""What pipx prints where the program that it would install is somebody else's."""
_NO_DRY_RUN = r"no such option: --dry-run"
"""What a pip prints that is older than 22.2."""
_PRIVATELY = {
    "pipx": (
        (
            ("PIPX_HOME", "{}/home"),
            ("PIPX_BIN_DIR", "{}/bin"),
            ("PIPX_MAN_DIR", "{}/man"),
            ("PIP_NO_CACHE_DIR", "1"),
        ),
        ("pipx", "list", "--short"),
        ("pipx", "environment", "--value", "PIPX_BIN_DIR"),
    ),
    "uv": (
        (("UV_TOOL_DIR", "{}/tools"), ("UV_TOOL_BIN_DIR", "{}/bin"), ("UV_CACHE_DIR", "{}/cache")),
        ("uv", "tool", "list"),
        ("uv", "tool", "dir", "--bin"),
    ),
}
"""Variables with which they install into the directory ``{}``, and how they show their packages and their place."""
_SHORTEST = 4
"""Seconds that must be left for one more try."""
_WORTH_A_WORD = 10
"""Seconds of waiting after which a warning names what holds the lock."""


class PackageManager:
    """One package manager; all changes together may take the module's ``timeout``, in seconds.

    Attributes:
        name: a key of ``managers.TABLE``.
        is_present: whether the host has its program.
        can_refresh: whether it has lists of packages to be fetched.
        output: what it printed when it was last asked to change something.
        foretold: versions of packages that it would install, if it says so only when it installs (pipx), in check mode.
    """

    def __init__(self, module: AnsibleModule, name: str) -> None:
        self.host = mngr_packages_host.of(module)
        self.host.find_programs()
        self.name = name
        self._row = managers.TABLE[name]
        self._deadline = time.monotonic() + module.params.get("timeout", 0)
        self.is_present = self.host.has(self._row.program)
        self.can_refresh = bool(self._row.refresh)
        self._rehearsal: rehearsals.Rehearsal | None = None
        self._environment: dict[str, str] = {}
        self.foretold: dict[str, str] = {}
        self.output = ""
        self._warn = module.warn
        self._lock_seconds: float = module.params.get("lock_timeout") or managers.LOCK_SECONDS

    def packages(self, requirement: Requirement) -> list[str]:
        """A requirement's packages, with versions, as this manager understands them; empty if it has none for it."""
        names, exact = requirement["packages"].get(self.name, ()), requirement["exact"].get(self.name)
        return [managers.specified(self.name, name, requirement["version"], exact) for name in names]

    def offers(self, requirements: Sequence[Requirement], privilege: str = "root") -> ManagerOffers:
        """What this manager offers of these requirements' packages, and how old its lists are."""
        names = list(dict.fromkeys(name for each in requirements for name in self.packages(each)))
        if not names or not self.is_present:
            return package_offers.ManagerOffers("own", {})
        asked = {self.name: names}
        script = package_offers.script(asked, privilege, rehearsal=self._rehearsal)
        _, output = self.host.captured(["/bin/sh", "-c", script])
        return package_offers.read(output.split("\n"), asked)[self.name]

    def refusal(self, requirement: Requirement, offers: ManagerOffers) -> str:
        """Why what is offered does not satisfy a requirement, as the end of a sentence; empty if it does or may.

        Only the first package's version counts: it is the requirement's, unless that names the package's version
        (``exact``).
        """
        needed = versions.Range.parse(requirement["version"])
        unfetched = f", and not all of its package lists could be fetched: {offers.problem}" if offers.problem else ""
        for position, package in enumerate(self.packages(requirement)):
            offer = offers.offers.get(package)
            if offer is None or not offer.is_known:
                continue
            best = package_offers.best(offer)
            if best is None:
                name = requirement["packages"][self.name][position]
                if offers.problem and offers.lists == "empty":
                    return f"and the package lists of {self.name} could not be fetched: {offers.problem}"
                if offers.lists == "empty" and not offer.why:
                    return f"{self.name} has no lists of packages, so the host may name no package source"
                return offer.why or f"{self.name} offers no package {name}{unfetched}"
            if position == 0 and not requirement["exact"] and needed.judge(best) != "ok":
                return f"{self.name} offers {best}{unfetched}"
        return ""

    def best(self, requirement: Requirement, offers: ManagerOffers) -> str | None:
        """The version that is offered of a requirement's first package; None if that is not known."""
        packages = self.packages(requirement)
        offer = offers.offers.get(packages[0]) if packages else None
        return package_offers.best(offer) if offer is not None else None

    def refresh(self, privilege: str) -> int:
        """Fetch the lists of packages; the exit status."""
        return self._change(self._row.refresh, privilege)

    def install(self, packages: Sequence[str], scope: str, privilege: str) -> int:
        """Install or upgrade these packages in one transaction; the exit status."""
        needed = privilege if managers.needs_root(self.name, scope) else "root"
        if self.name == "pipx":
            return self._install_with_pipx(packages, needed)
        return self._change(managers.install(self.name, packages, scope, self.host.home), needed)

    def would_fail(self, packages: Sequence[str], privilege: str) -> bool:
        """Whether the manager refuses to install these, as it says without changing anything; False: it cannot say."""
        if not self._row.simulate:
            return False
        command = managers.install(self.name, packages, "system", self.host.home, is_simulated=True)
        return bool(self._change(command, privilege if managers.needs_root(self.name, "system") else "root"))

    def foretell(self, packages: Sequence[str], scope: str, privilege: str) -> int:
        """The exit status that :meth:`install` would have, as the manager says without a change or a download.

        0 where it cannot say.
        """
        if self.name in _PRIVATELY:
            return self._install_privately(packages)
        if not self._row.foretell:
            return 0
        home, temporary = self.host.home, ""
        if scope == "user" and self._row.user and self.host.captured(["test", "-d", f"{home}/.local/lib"])[0]:
            home = temporary = self.host.new_directory()  # a run makes the prefix, but npm's look at it needs it
            self.host.captured(["mkdir", "-p", f"{home}/.local/lib"])
        command = managers.install(self.name, packages, scope, home, is_foretold=True)
        user = privilege if managers.needs_root(self.name, scope) else "root"
        if self.name == "dnf":
            temporary = self.host.new_directory()
            command.insert(1, f"--setopt=persistdir={temporary}")  # it makes its history there if there is none
        code = self._change(command, user)
        if temporary:
            self.host.remove(temporary, user)
        if self._row.foretold and re.search(self._row.foretold, self.output):
            return 0
        return 0 if re.search(_NO_DRY_RUN, self.output) else code

    def _install_privately(self, packages: Sequence[str]) -> int:
        """What installing with pipx or uv would end with: they know no dry run, and install into a directory of ours.

        A program of somebody else, which they leave alone, is looked for where they would put theirs.
        """
        settings, list_own, show_place = _PRIVATELY[self.name]
        own = {re.sub(r"[._-]+", "-", word).lower() for word in self._words(*list_own)}
        place = self._words(*show_place)[-1:] or [f"{self.host.home}/.local/bin"]
        directory = self.host.new_directory()
        self._environment = {name: value.format(directory) for name, value in settings}
        try:
            for package in packages:
                name = re.sub(r"[._-]+", "-", re.split(r"[^A-Za-z0-9._-]", package)[0]).lower()
                code = self._change(managers.install(self.name, [package], "user", self.host.home), "root")
                if code:  # pipx only names the file that has the reason
                    self.output = (
                        self.host.captured(["sh", "-c", f"cat {directory}/*/logs/*errors.log"])[1] + self.output
                    )
                    return code
                variables = [f"{key}={value}" for key, value in self._environment.items()]
                shown = self._words("env", *variables, *list_own)
                self.foretold.update(dict(zip(shown[::2], shown[1::2])))  # noqa: B905 - Python 3.9
                there = [f"{place[0]}/{each}" for each in self._words("ls", f"{directory}/bin")]
                taken = [each for each in there if not self.host.captured(["test", "-e", each])[0]]
                if taken and name not in own:
                    self.output = f"Executables already exist: {taken[0]}"
                    return 1
        finally:
            self._environment = {}
            self.host.remove(directory, "root")
        return 0

    @property
    def can_rehearse(self) -> bool:
        """Whether it can fetch its lists without a change of the host."""
        return self.name in rehearsals.MANAGERS

    @contextlib.contextmanager
    def rehearsal(self, files: Callable[[str], Mapping[str, str]], privilege: str) -> Iterator[None]:
        """For the length of a ``with`` block, what it fetches and is asked about is in a private directory.

        Args:
            files: what has to be there beside the host's own sources, by its path there; called with the directory.
            privilege: how root is reached.
        """
        directory = self.host.new_directory()
        self._rehearsal = rehearsals.Rehearsal(self.name, directory)
        try:
            self.host.captured(["/bin/sh", "-c", self._rehearsal.layout(files(directory))])
            yield
        finally:
            self._rehearsal = None
            self.host.remove(directory, privilege)

    def _install_with_pipx(self, packages: Sequence[str], privilege: str) -> int:
        """Install with pipx, which replaces only with ``--force``. It may replace what it has installed itself.

        A program of somebody else in its place is left alone, which pipx does not count as a failure; then what it
        installed is taken away again.
        """
        own = set(self._words("pipx", "list", "--short")[::2])
        output = []
        for package in packages:
            name = re.split(r"[^A-Za-z0-9._-]", package)[0]
            is_own = re.sub(r"[._-]+", "-", name).lower() in own
            command = managers.install(self.name, [package], "user", self.host.home)
            code = self._change([*command[:2], *(["--force"] if is_own else []), *command[2:]], privilege)
            output.append(self.output)
            if not code and not is_own and re.search(_LEFT_ALONE, self.output):
                code = self._change(["pipx", "uninstall", name], privilege) or 1
            if code:
                break
        self.output = "".join(output)
        return code

    def held(self) -> set[str]:
        """Names, or patterns of names, that the host's configuration keeps from being changed without the manager
        refusing: pacman asks, and takes a yes for an answer; dnf finds nothing to do.
        """
        if self.name == "pacman":
            groups = self._words("pacman-conf", "IgnoreGroup")
            members = self._words("pacman", "--sync", "--groups", "--quiet", *groups) if groups else []
            return {*self._words("pacman-conf", "IgnorePkg"), *members}
        if self.name == "dnf":
            command = ["dnf", "-q", "-C", "--setopt=exit_on_lock=True", "versionlock", "list"]
            _, output = self.host.captured(command)
            return set(re.findall(r"(?m)^!?([^\s!].*)-\d+:[^-\s]+-[^-\s]+$", output))
        return set()

    def _words(self, *argv: str) -> list[str]:
        return self.host.captured(argv)[1].split()

    def _change(self, argv: Sequence[str], privilege: str) -> int:
        """Run the manager; wait for locks, also those that it does not wait for by itself, such as that of apt's lists.

        At most half of the time that is left is spent with waiting, so that the work that follows has time too.
        """
        begin = time.monotonic()
        give_up = min(begin + self._lock_seconds, self._deadline)
        locked: tuple[int, str] | None = None
        while True:
            seconds = max(1, int(self._deadline - time.monotonic()))
            left = max(1, int(give_up - time.monotonic()))
            patient = managers.waiting(self.name, argv, min(left, seconds // 2))
            tried = time.monotonic()
            environment = self._environment
            if self._rehearsal is not None:
                patient, environment = self._rehearsal.amended(patient), self._rehearsal.environment
            bounded = managers.bounded(managers.with_environment(self.name, patient, environment), seconds)
            code, self.output = self.host.captured(managers.privileged(bounded, privilege))
            if locked and explanations.is_stopped(code):  # no time was left for this try; the last one tells the reason
                code, self.output = locked  # pylint: disable=unpacking-non-sequence
                return code
            has_lock_message = bool(self._row.locked) and re.search(self._row.locked, self.output) is not None
            is_locked = code and has_lock_message and not re.search(_NO_LOCK, self.output)
            has_waited = "Waiting for" in self.output and self._lock_seconds <= managers.LOCK_SECONDS
            if not is_locked or has_waited or time.monotonic() > give_up or seconds < _SHORTEST:
                if locked and not is_locked and tried - begin > _WORTH_A_WORD:
                    why = clause(explanations.explain(self.name, *locked, [], privilege, 0).partition(". ")[0])
                    self._warn(f"{why}; waited {tried - begin:.0f} s for it.")
                return code
            locked = code, self.output
            time.sleep(1)
