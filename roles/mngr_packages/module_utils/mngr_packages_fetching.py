# SPDX-License-Identifier: GPL-3.0-or-later
"""Download installers and archives, and install from them: one execution of ``mngr_packages_fetch``."""

from __future__ import annotations

import hmac
import os
import tempfile
import time
from typing import TYPE_CHECKING

from . import mngr_packages_archives as archives
from . import mngr_packages_download as download
from .mngr_ansible_portable import addresses, validation
from .mngr_packages_executor import NOT_ROOT, Executor, private_directory
from .mngr_packages_foretold import Foretold
from .mngr_packages_outcomes import Outcomes, Refusal, outcome
from .mngr_packages_queries import Checked, Requirement, check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

_LARGEST = 1 << 30
"""Bytes that a download, or one program in it, may have."""


class Fetching:
    """One execution of the module: find out what has to be downloaded, download all of it, install it."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.outcomes = Outcomes(module, "Nothing was changed.")
        self.executors: dict[str, Executor] = {}
        self.downloads: dict[str, str] = {}
        self.is_changed = False
        self.foretold = Foretold(module.params["foretold"] if module.check_mode else ())
        self._deadline = 0.0
        self._restart_clock()

    def run(self, found: Sequence[Checked]) -> None:
        """Download, install, and end the module.

        Args:
            found: what the host has of each requirement.
        """
        due = self.allowed(self.due(found))
        due = self.downloaded(due)
        self._restart_clock()
        if self.module.check_mode:
            self.finish_foretold(due)
        failures = {each.id: self.install(each.requirement) for each in due}
        self.finish(check(self.module, [each.requirement for each in due]), failures)

    def foretell_without_download(self, found: Sequence[Checked]) -> None:
        """End the module in check mode, for a host that has no Python yet: what has to be downloaded would be."""
        due = self.due(found)
        if self.module.params["install"] == "print":
            self.outcomes.refuse(
                [Refusal(each, each.problem(), f"To install it, {_by_hand(each.requirement)}") for each in due]
            )
            due = []
        if due:
            names = ", ".join(each.requirement["name"] for each in due)
            self.module.warn(f"{names}: the download is compared with its checksum when the host has python3.")
        for each in due:
            self.foretold.add_package(each, "", (), None)
        self.outcomes.foretold = self.foretold.entries
        self.outcomes.finish(is_changed=bool(due), installed=[each.id for each in due])

    def finish_foretold(self, due: Sequence[Checked]) -> None:
        """End the module in check mode: look into the archives, and put nothing anywhere."""
        failures = {each.id: self.unpacked(each.requirement)[1] for each in due}
        found = [
            each if failures[each.id] else each._replace(finding=each.finding._replace(status="ok", current=None))
            for each in due
        ]
        for each in due:
            if not failures[each.id]:
                self.is_changed = True
                self.foretold.add_package(each, "", (), None)
        self.outcomes.foretold = self.foretold.entries
        self.finish(found, failures)

    def due(self, found: Sequence[Checked]) -> list[Checked]:
        """Those that the host does not have as wanted; fails the module for what cannot be fetched safely."""
        for each in found:
            why = _unsafe(each.requirement)
            if why:
                self.module.fail_json(f"{each.requirement['name']}: {why}. Nothing was changed.")
        found = self.foretold.applied(found)
        self.outcomes.add(found)
        foreign = [each for each in found if each.finding.status in ("too-new", "unknown")]
        self.outcomes.refuse([Refusal(each, each.problem(), "It is never installed over") for each in foreign])
        return [each for each in found if each.finding.status in ("missing", "too-old")]

    def allowed(self, due: Sequence[Checked]) -> list[Checked]:
        """Those that this user may install on this host; fails the module if a required one is not among them."""
        for scope in sorted({each.requirement["scope"] for each in due}):
            self.executors[scope] = Executor(self.module, scope)
        refusals = []
        for each in due:
            by_hand = _by_hand(each.requirement)
            if self.module.params["install"] == "print":
                refusals.append(Refusal(each, each.problem(), f"To install it, {by_hand}"))
            elif self.executors[each.requirement["scope"]].privilege == "none":
                refusals.append(Refusal(each, each.problem(), f"{NOT_ROOT} {by_hand}"))
        return self.remaining(due, refusals)

    def downloaded(self, due: Sequence[Checked]) -> list[Checked]:
        """Those that were downloaded with the right checksum; fails the module if a required one is not among them."""
        refusals = []
        for each in due:
            why = self.download(each.requirement)
            if why:
                refusals.append(Refusal(each, each.problem(), why, is_of_source=True))
        return self.remaining(due, refusals)

    def remaining(self, due: Sequence[Checked], refusals: Sequence[Refusal]) -> list[Checked]:
        """Those that are not refused; fails the module if a required one is."""
        self.outcomes.refuse(refusals)
        refused = {refusal.checked.id for refusal in refusals}
        return [each for each in due if each.id not in refused]

    def download(self, requirement: Requirement) -> str:
        """Download one; why it cannot be used, as a sentence without a full stop, empty if it can."""
        path = os.path.join(tempfile.mkdtemp(dir=private_directory(self.module)), "download")
        expected = requirement["sha256"].lower()
        try:
            found = download.fetch(requirement["url"], path, _LARGEST, self.seconds_left)
        except download.DownloadError as error:
            return str(error)
        if not hmac.compare_digest(found, expected):
            os.unlink(path)
            url = addresses.without_secrets(requirement["url"])
            return f"{url} has the SHA-256 {found}, expected {expected}; nothing of it was run, and it was removed"
        self.downloads[requirement["id"]] = path
        return ""

    def install(self, requirement: Requirement) -> str:
        """Install one; why that failed, as a clause, empty if it did not."""
        if "installer" in requirement["packages"]:
            return self.run_installer(requirement)
        executor = self.executors[requirement["scope"]]
        directory = "/usr/local/bin" if requirement["scope"] == "system" else f"{executor.home}/.local/bin"
        found, why = self.unpacked(requirement)
        if why:
            return why
        why = executor.write_files({f"{directory}/{os.path.basename(each)}": each for each in found}, "0755")
        if why:
            return f"it could not be put into {directory}: {why}"
        self.is_changed = True
        return ""

    def unpacked(self, requirement: Requirement) -> tuple[list[str], str]:
        """The programs out of a downloaded archive, in a private directory, or why they cannot be had, as a clause.

        An installer has none, and that is no failure.
        """
        if "installer" in requirement["packages"]:
            return [], ""
        path, names = self.downloads[requirement["id"]], list(dict.fromkeys(requirement["packages"]["archive"]))
        unpacked = tempfile.mkdtemp(dir=private_directory(self.module))
        try:
            with download.within(self.seconds_left):
                return archives.take(path, names, unpacked, _LARGEST), ""
        except (archives.ArchiveError, download.DownloadError) as error:
            return [], f"{addresses.without_secrets(requirement['url'])}: {error}"
        except OSError as error:
            return [], f"it could not be unpacked: {error.strerror}"

    def run_installer(self, requirement: Requirement) -> str:
        """Run a downloaded installer; why that failed, as a clause, empty if it did not."""
        executor, path = self.executors[requirement["scope"]], self.downloads[requirement["id"]]
        seconds = round(self.seconds_left)
        self.is_changed = True
        code = executor.run([*_interpreter(path), path], seconds)
        self.outcomes.output = executor.output
        if code in (124, 137):
            return f"its installer did not end within {seconds} s and was stopped"
        return f"its installer ended with status {code}" if code else ""

    def finish(self, found: Sequence[Checked], failures: Mapping[str, str]) -> None:
        """End the module. The requirements' own checks decide, not what an installer says of itself."""
        steps, problems, installed = [], [], []
        for each in found:
            why = failures[each.id]
            if each.finding.status == "ok":
                installed.append(each.id)
                steps.append(outcome(each, "changed"))
                if why:
                    self.module.warn(f"{each.requirement['name']} is installed, but {why}.")
                continue
            after = (
                f" after {addresses.without_secrets(each.requirement['url'])} was installed" if not why else f"; {why}"
            )
            reason = each.problem() + after
            steps.append(outcome(each, "failed", reason, is_of_source=bool(why)))
            if each.requirement["is_required"]:
                problems.append(reason)
            else:
                self.outcomes.warn_failed(each, reason, is_of_source=bool(why))
        if problems:
            message = f"{'; '.join(problems)}. Check the url and the installer's output, or relax the range."
            self.outcomes.fail(message, steps, is_changed=self.is_changed, installed=installed)
        self.outcomes.finish(is_changed=self.is_changed, installed=installed)

    def _restart_clock(self) -> None:
        self._deadline = time.monotonic() + self.module.params["timeout"]

    @property
    def seconds_left(self) -> float:
        """How much of the time is left, at least one second."""
        return max(1.0, self._deadline - time.monotonic())


def _unsafe(requirement: Requirement) -> str:
    """Why this may not be fetched; empty if it may."""
    kinds = [kind for kind in ("archive", "installer") if kind in requirement["packages"]]
    if len(kinds) != 1:
        return "packages must have either archive or installer"
    if not isinstance(requirement["url"], str) or not validation.is_https(requirement["url"]):
        return "its url is no https address"
    if not isinstance(requirement["sha256"], str) or not validation.is_sha256(requirement["sha256"]):
        return f"an {kinds[0]} without a SHA-256 of 64 hexadecimal digits is never fetched"
    if requirement["scope"] not in ("system", "user"):
        return "its scope is neither system nor user"
    if kinds == ["archive"] and not requirement["packages"]["archive"]:
        return "archive must name the programs that are taken out of it"
    return ""


def _by_hand(requirement: Requirement) -> str:
    """What to do by hand, as the end of a sentence."""
    who = "as root" if requirement["scope"] == "system" else "as the remote user"
    url, checksum = addresses.without_secrets(requirement["url"]), requirement["sha256"].lower()
    what = f"download {url}, see that its SHA-256 is {checksum}, and"
    if "installer" in requirement["packages"]:
        return f"{what} run it {who}"
    directory = "/usr/local/bin" if requirement["scope"] == "system" else "~/.local/bin"
    return f"{what} put {', '.join(requirement['packages']['archive'])} from it into {directory} {who}"


def _interpreter(path: str) -> list[str]:
    """What runs a file: the interpreter of its first line, nothing for a binary program, else sh."""
    with open(path, "rb") as file:
        first = file.readline(256)
    if first.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")):
        os.chmod(path, 0o700)
        return []
    words = first[2:].decode("utf-8", "replace").strip().split(None, 1) if first.startswith(b"#!") else []
    return words or ["/bin/sh"]
