# SPDX-License-Identifier: GPL-3.0-or-later
"""Add package repositories, each with its key: one execution of ``mngr_packages_repository``."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from . import mngr_packages_download as download
from . import mngr_packages_keys as keys
from . import mngr_packages_repositories as repositories
from .mngr_ansible_portable import validation
from .mngr_ansible_portable.addresses import redacted
from .mngr_ansible_portable.repositories import MARK, marked
from .mngr_ansible_portable.text import clause
from .mngr_packages_executor import NOT_ROOT, Executor, last_lines, private_directory
from .mngr_packages_foretold import Foretold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule

    from .mngr_packages_outcomes import StepOutcome
    from .mngr_packages_repositories import NewRepository, Repository

_KEY_BYTES = 1 << 20
_RPM_SECONDS = 60


class RepositoryError(Exception):
    """Why a repository cannot be added, as a sentence without a full stop."""


class Addition(NamedTuple):
    """A repository that has to be added, and the content of its files by path."""

    repository: Repository
    contents: dict[str, bytes | str]


class Additions:
    """One execution of the module. Nothing is written before all repositories are known to be right."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.steps: list[StepOutcome] = []
        self.new: dict[str, NewRepository] = {}
        self.foretold = Foretold(module.params["foretold"] if module.check_mode else ())
        self.diffs: dict[str, list[dict[str, str]]] = {}

    def run(self) -> None:
        """Compare the repositories with the host, write what is missing, and end the module."""
        due: list[Addition] = []
        problems = []
        for given in self.module.params["repositories"]:
            try:
                repository = repositories.complete(given)
                contents = self.contents(repository)
            except (RepositoryError, repositories.InvalidRepositoryError) as error:
                if given.get("is_required", True):
                    problems.append(f"{given.get('name')}: {error}")
                self.add_step(given.get("name"), "failed", str(error), is_of_source=True)
                continue
            if contents:
                due.append(Addition(repository, contents))
            else:
                self.add_step(repository["name"], "ok")
        if problems:
            self.fail(f"{'; '.join(problems)}. Nothing was written.")
        if not due:
            self.finish([])
        executor = Executor(self.module, "system")
        self.refuse(due, executor)
        if self.module.check_mode:
            for repository, contents in due:
                self.add_step(repository["name"], "changed")
                key = contents[repository["key_path"]]
                self.foretold.add_repository(repository, key.decode() if isinstance(key, bytes) else key)
            self.finish([each.repository["name"] for each in due])
        self.write(due, executor)

    def contents(self, repository: Repository) -> dict[str, bytes | str]:
        """The files of a repository and what is to be in them; empty if nothing has to change.

        Raises:
            RepositoryError: it must not be added.
        """
        if self.foretold.has_repository(repository):
            return {}
        known = repositories.elsewhere(repository)
        if known:
            self.module.warn(f"{repository['name']}: the host has it already, in {known}; it was left as it is.")
            return {}
        for path in (repository["key_path"], repository["path"]):
            present = _read(path)
            if present is not None and not present.startswith(MARK.encode()):
                raise RepositoryError(f"{path} was not written by mngr-ansible, and is never overwritten")
        contents: dict[str, bytes | str] = {
            repository["key_path"]: self.key(repository),
            repository["path"]: repository["text"].encode(),
        }
        is_same = all(_read(path) == content for path, content in contents.items())
        is_rpm = repository["manager"] != "apt"
        is_trusted = not is_rpm or repositories.is_imported(repository["fingerprint"])
        if all(_read(path) is None for path in contents):
            fingerprint = "" if is_trusted else repository["fingerprint"]
            new: NewRepository = {"name": repository["name"], "paths": list(contents), "fingerprint": fingerprint}
            self.new[repository["name"]] = new
        if is_same and (is_trusted or repository["manager"] != "zypper"):
            return {}
        self.diffs[repository["name"]] = [_difference(path, contents[path]) for path in contents]
        return contents

    def key(self, repository: Repository) -> bytes:
        """The content of the key file. A key that the host has already from an address is not downloaded again.

        Raises:
            RepositoryError: it is not the key with that fingerprint, or it cannot be used any more.
        """
        fingerprint, present = repository["fingerprint"], _read(repository["key_path"])
        directory = private_directory(self.module)
        try:
            if validation.is_https(repository["key"]):
                if present and _is_key(present, fingerprint):
                    return present
                path = os.path.join(tempfile.mkdtemp(dir=directory), "key")
                download.fetch(repository["key"], path, _KEY_BYTES, self.module.params["timeout"])
                given = keys.only(_read(path) or b"", fingerprint)
            else:
                given = keys.only(repository["key"].encode(), fingerprint)
                if present == marked(given).encode():  # also where gpg was installed since then, and would change it
                    return present
            return marked(keys.exported(given, fingerprint, directory)).encode()
        except download.DownloadError as error:
            raise RepositoryError(f"its signing key could not be downloaded: {error}") from None
        except keys.KeyFileError as error:
            raise RepositoryError(f"its key cannot be trusted: {error}") from None

    def refuse(self, due: Sequence[Addition], executor: Executor) -> None:
        """Fail the module if nothing may be written: the user chose so, or is not root on the host."""
        why = ""
        if self.module.params["install"] == "print":
            why = "To add them, write as root"
        elif executor.privilege == "none":
            why = f"{NOT_ROOT} write"
        if not why:
            return
        for each in due:
            self.add_step(each.repository["name"], "failed", f"{why} {', '.join(each.contents)}")
        names = ", ".join(each.repository["name"] for each in due)
        paths = ", ".join(path for each in due for path in each.contents)
        texts = "\n".join(each.repository["text"] for each in due)
        self.fail(f"Package repositories are missing: {names}. {why} {paths}.", output=texts)

    def write(self, due: Sequence[Addition], executor: Executor) -> None:
        """Write the files of all repositories; one that fails does not stop the others."""
        problems, added = [], []
        for repository, contents in due:
            why = executor.write_files(contents, "0644")
            if not why and repository["manager"] == "zypper":
                code = executor.run(["rpm", "--import", repository["key_path"]], _RPM_SECONDS)
                if code:
                    why = f"rpm did not accept its key: {clause(last_lines(executor.output))}"
                    executor.remove_files([path for path in contents if repository["name"] in self.new], MARK)
            self.add_step(repository["name"], "failed" if why else "changed", why, is_of_source=bool(why))
            if why:
                problems.append(f"{repository['name']}: {why}")
            else:
                added.append(repository["name"])
        if problems:
            self.fail(f"{'; '.join(problems)}. Fix this on the host and run again.", added)
        self.finish(added)

    def add_step(self, name: object, status: str, reason: str = "", *, is_of_source: bool = False) -> None:
        """Note the outcome of one repository."""
        step: StepOutcome = {"id": f"repository:{name}", "status": status, "current": None, "reason": reason}
        if is_of_source:
            step["is_of_source"] = True
        self.steps.append(step)

    def fail(self, message: str, added: Sequence[str] = (), **more: str) -> NoReturn:
        """End the module with a failure; some repositories may have been added."""
        self.module.fail_json(message, **self._result(added), **more)

    def finish(self, added: Sequence[str]) -> NoReturn:
        """End the module; in check mode with the repositories that would be added."""
        self.module.exit_json(**self._result(added))

    def _result(self, added: Sequence[str]) -> Mapping[str, Any]:
        new = [each for name, each in self.new.items() if name in added]
        result = {"changed": bool(added), "added": list(added), "new": new, "mngr_steps": self.steps}
        if self.module._diff and added:
            result["diff"] = [each for name in added for each in self.diffs.get(name, ())]
        if self.module.check_mode:
            result["foretold"] = self.foretold.entries
        return result


def _difference(path: str, content: bytes | str) -> dict[str, str]:
    """What changes in a file, as Ansible shows it: addresses without login and query."""
    new = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    old = (_read(path) or b"").decode("utf-8", "replace")
    return {"before_header": path, "after_header": path, "before": redacted(old), "after": redacted(new)}


def _read(path: str) -> bytes | None:
    """The content of a file; None if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RepositoryError(f"{path} cannot be read: {error.strerror}") from None


def _is_key(content: bytes, fingerprint: str) -> bool:
    """Whether this is the content of a key file with that key and no other."""
    try:
        return marked(keys.only(content, fingerprint)).encode() == content
    except keys.KeyFileError:
        return False
