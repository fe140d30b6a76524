#!/usr/bin/python
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add third parties' package repositories to apt, dnf or zypper, each with its one signing key."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mngr_packages_repository
short_description: Add third parties' package repositories, each with its key
description:
  - The fingerprint of the key is computed on the host and compared before anything is written; no gpg is needed.
    Other keys that come with it are left out. Signatures are always checked.
  - A file of that name that this module did not write is never overwritten. A repository that the host already has
    in another file is left as it is.
options:
  repositories:
    description:
      - Each has C(manager) (apt, dnf, zypper), C(name) (of its files), C(url), C(key) (armored text, or its https
        address), C(fingerprint) (40 hexadecimal digits of the primary key), and for apt C(suite) and C(component).
        With C(is_required) false, one that cannot be added is only reported as failed.
    type: list
    elements: dict
    required: true
  install:
    description: C(print) changes nothing, and fails with what to write by hand.
    type: str
    choices: [auto, print]
    default: auto
  timeout:
    description: Seconds that each download may take.
    type: int
    default: 900
attributes:
  check_mode:
    description: Can run in check mode, and then reports what a run would do.
    support: full
  diff_mode:
    description: Shows what changes with C(--diff).
    support: full
author: ["mngr-ansible (!UNKNOWN)"]
"""

EXAMPLES = r"""
- name: Add package repositories
  mngr_packages_repository:
    repositories:
      - manager: apt
        name: nodesource
        url: https://deb.nodesource.com/node_22.x
        suite: nodistro
        component: main
        key: https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key
        fingerprint: 6F71F525282841EEDAF851B42F59B5F99B1BE0B4
"""

RETURN = r"""
added:
  description: The names of the repositories that were added or brought up to date; in check mode, that would be.
  type: list
  elements: str
  returned: always
  sample: [nodesource]
mngr_steps:
  description: The outcome of every repository, as C(repository:) and its name.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: C(repository:) and the name
      type: str
      returned: always
      sample: repository:nodesource
    status:
      description: C(ok), C(changed) or C(failed); in check mode what a run would report.
      type: str
      returned: always
      sample: changed
    current:
      description: The version on the host before; null if there is none, or if it is not known.
      type: str
      returned: always
      sample: "2.30.2"
    reason:
      description: Why it failed and what to do, without a full stop. Empty for what did not fail.
      type: str
      returned: always
      sample: ""
    is_of_source:
      description: The failure is that of the source alone. Nothing was changed, and another source may succeed.
      type: bool
      returned: for some failures
      sample: true
new:
  description:
    - The repositories of which the host had nothing before. C(mngr_packages_install) removes one again if nothing can
      be installed from it.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The name of its files.
      type: str
      returned: always
      sample: nodesource
    paths:
      description: Its files on the host, the key first.
      type: list
      elements: str
      returned: always
      sample: [/etc/apt/keyrings/nodesource.asc, /etc/apt/sources.list.d/nodesource.sources]
    fingerprint:
      description: Of the key that only this repository brought into rpm's database; empty for none.
      type: str
      returned: always
      sample: ""
"""

import os  # noqa: E402
import tempfile  # noqa: E402
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn  # noqa: E402

from ansible.module_utils import mngr_packages_download as download  # noqa: E402
from ansible.module_utils import mngr_packages_keys as keys  # noqa: E402
from ansible.module_utils import mngr_packages_repositories as repositories  # noqa: E402
from ansible.module_utils.mngr_ansible_portable import validation  # noqa: E402
from ansible.module_utils.mngr_ansible_portable.repositories import MARK, marked  # noqa: E402
from ansible.module_utils.mngr_ansible_portable.text import clause  # noqa: E402
from ansible.module_utils.mngr_packages_arguments import installing_module  # noqa: E402
from ansible.module_utils.mngr_packages_executor import NOT_ROOT, Executor, last_lines, private_directory  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.module_utils.basic import AnsibleModule
    from ansible.module_utils.mngr_packages_outcomes import StepOutcome
    from ansible.module_utils.mngr_packages_repositories import NewRepository, Repository

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
        if self.module.check_mode or not due:
            self.finish([each.repository["name"] for each in due])
        executor = Executor(self.module, "system")
        self.refuse(due, executor)
        self.write(due, executor)

    def contents(self, repository: Repository) -> dict[str, bytes | str]:
        """The files of a repository and what is to be in them; empty if nothing has to change.

        Raises:
            RepositoryError: it must not be added.
        """
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
        return {} if is_same and (is_trusted or repository["manager"] != "zypper") else contents

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
            raise RepositoryError(f"its key cannot be fetched: {error}") from None
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
        return {"changed": bool(added), "added": list(added), "new": new, "mngr_steps": self.steps}


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


def main() -> None:
    """Run the module."""
    Additions(installing_module("repositories")).run()


if __name__ == "__main__":
    main()
