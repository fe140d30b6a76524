"""What ``mngr create`` was given for an agent: kept in mngr's record of the agent, and used by every later command.

The record is a file on the agent's host, which can change it. It names files of this machine, so it is sealed: what was
not written by this user of this machine is not used. Source: docs/contract.md "mngr settings".
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.primitives import DiscoveredAgent
from loguru import logger

from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.inputs.user import Stranger, user_contributions
from mngr_ansible.mngr.config import NAME
from mngr_ansible.mngr.trust import Words
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.packages import Install, PackageRequirement
from mngr_ansible.values import fields_of, frozen

_KEY_FILE = "mngr-ansible.key"
"""In the directory of mngr's profile, beside the user's settings; readable by the user alone."""

_KEY_BYTES = 32
_RECORD, _SEAL = "created_with", "seal"


@frozen
class CreatedWith:
    """The options ``--ansible-…`` of an agent.

    Attributes:
        packages: the values of ``--ansible-package``, in their order.
        manifests: those of ``--ansible-manifest``, as absolute paths of this machine.
        install: that of ``--ansible-install``; None: it was not given.
        repository: the repository whose settings gave the values in ``theirs``; empty if it gave none.
        theirs: the values that the user did not give himself, and whose repository he did not trust.
    """

    packages: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    install: Install | None = None
    repository: str = ""
    theirs: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any], words: Words) -> "CreatedWith":
        """The options of one ``mngr create``, by the names of click's parameters; ``words``: who gave which.

        Raises:
            UsageError: a manifest is a pipe or a terminal.
        """
        packages = tuple(options.get("ansible_package", ()))
        manifests = {each: _absolute(each) for each in options.get("ansible_manifest", ())}
        theirs = [each for each in packages if not words.is_own_option("ansible_package", each)]
        theirs += [path for each, path in manifests.items() if not words.is_own_option("ansible_manifest", each)]
        install = options.get("ansible_install")
        return cls(
            packages,
            tuple(manifests.values()),
            install if words.is_granted("ansible_install", install) else None,
            str(words.repository) if theirs else "",
            tuple(theirs),
        )

    def contributions(self) -> tuple[Contribution, ...]:
        """What these options ask for, lowest precedence first.

        Raises:
            InputError: a manifest cannot be read or is wrong.
            UsageError: a package does not parse.
        """
        stranger = Stranger(Path(self.repository), lambda _key, value: value in self.theirs) if self.theirs else None
        return user_contributions(Settings(), self.manifests, (), self.packages, directory=Path("/"), stranger=stranger)

    def and_later(self, later: "CreatedWith") -> "CreatedWith":
        """These options and those of a ``create --reuse``, which add to them.

        Another version of a tool takes the place of the earlier one. A manifest that is gone is dropped, so that a new
        one can take its place.
        """
        names = {_name(each) for each in later.packages}
        packages = [each for each in self.packages if _name(each) not in names]
        manifests = [each for each in self.manifests if not later.manifests or os.path.lexists(each)]
        for each in self.manifests:
            if each not in manifests:
                logger.warning("The manifest {} is gone, so it is no longer used for this agent.", printable(each))
        return CreatedWith(
            (*packages, *later.packages),
            tuple(dict.fromkeys((*manifests, *later.manifests))),
            later.install or self.install,
            later.repository or self.repository,
            self._still_theirs(later),
        )

    def replaced_by(self, later: "CreatedWith") -> "CreatedWith":
        """The options after a ``create --reuse --update``: an option that it gives replaces what there was of it."""
        return CreatedWith(
            later.packages or self.packages,
            later.manifests or self.manifests,
            later.install or self.install,
            later.repository or self.repository,
            self._still_theirs(later),
        )

    def _still_theirs(self, later: "CreatedWith") -> tuple[str, ...]:
        """What a repository gave stays its, unless the user gives it now himself."""
        given = {*later.packages, *later.manifests}
        return tuple(dict.fromkeys((*(each for each in self.theirs if each not in given), *later.theirs)))

    def words(self) -> list[str]:
        """The options as ``mngr ansible`` takes them."""
        given = [word for each in self.packages for word in ("--package", each)]
        given += [word for each in self.manifests for word in ("--manifest", each)]
        return [*given, *(("--install", self.install) if self.install is not None else ())]

    def record(self, agent_id: str, profile: Path) -> dict[str, Any]:
        """What is written into the agent's record; nothing where no option was given.

        Raises:
            InputError: the key in the directory of mngr's profile cannot be read or made.
        """
        if self == CreatedWith():
            return {}
        values = {name: value for name, value in fields_of(self).items() if value}
        return {_RECORD: values, _SEAL: _seal(_key(profile, is_made=True), agent_id, values)}

    @classmethod
    def recorded(cls, data: Mapping[str, Any], agent_id: str, agent: str, profile: Path) -> "CreatedWith":
        """What the record ``data`` of an agent says; one that is not sealed by this user gives a warning, and nothing.

        ``agent``: its name, for people.
        """
        values, seal = data.get(_RECORD), data.get(_SEAL)
        if values is None:
            return cls()
        try:
            expected = _seal(_key(profile, is_made=False), agent_id, values)
            is_sealed = isinstance(seal, str) and hmac.compare_digest(seal.encode(), expected.encode())
        except (InputError, TypeError, ValueError):
            is_sealed = False
        found = _parsed(values)
        if is_sealed and found is not None:
            return found
        options = sh.join(found.words()) if found is not None else ""
        logger.warning(
            "The record of what agent {} was created with was not written by you on this machine, so it is not used{}. "
            "If you know these options and want them, give them to mngr ansible apply {}",
            printable(agent),
            f": {printable(options)}" if options else "",
            printable(sh.quote(agent)),
        )
        return cls()


def recorded(agent: DiscoveredAgent, mngr_ctx: MngrContext) -> CreatedWith:
    """What an agent that mngr has found was created with. The host is not asked: mngr has read the record already."""
    data = agent.certified_data.get("plugin", {}).get(NAME, {})
    return CreatedWith.recorded(data, str(agent.agent_id), str(agent.agent_name), mngr_ctx.profile_dir)


def _parsed(values: object) -> CreatedWith | None:
    if not isinstance(values, Mapping):
        return None

    def texts(key: str) -> tuple[str, ...]:
        found = values.get(key, ())
        return tuple(each for each in found if isinstance(each, str)) if isinstance(found, (list, tuple)) else ()

    install = values.get("install")
    return CreatedWith(
        texts("packages"),
        texts("manifests"),
        cast("Install", install) if install in ("auto", "print") else None,
        str(values.get("repository", "")),
        texts("theirs"),
    )


def _name(requirement: str) -> str:
    return PackageRequirement.parse(requirement).name


def _absolute(path: str) -> str:
    """The path of a manifest that is there whenever the agent is looked at again."""
    absolute = os.path.abspath(os.path.expanduser(path) if path.startswith("~/") else path)  # noqa: PTH100, PTH111
    if path == "-" or Path(absolute).is_fifo() or Path(absolute).is_char_device():
        raise UsageError(
            f"--ansible-manifest {path}: the agent keeps the path of its manifests, and this is no file that stays",
            remedy="Write it into a file, and give that.",
        )
    return absolute


def _seal(key: bytes, agent_id: str, values: object) -> str:
    text = json.dumps([agent_id, values], sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _key(profile: Path, *, is_made: bool) -> bytes:
    """The key of this user on this machine; ``is_made``: it is made if it is not there, else that is an error."""
    path = profile / _KEY_FILE
    try:
        return _made(path) if is_made and not path.exists() else path.read_bytes()
    except OSError as error:
        problem = f"{path} cannot be used: {error.strerror}"
        raise InputError(problem, remedy="Make mngr's profile directory readable and writable for you.") from error


def _made(path: Path) -> bytes:
    key, beside = secrets.token_bytes(_KEY_BYTES), path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        with suppress(FileExistsError):
            os.link(beside, path)  # whoever is first wins; nobody reads half a key
        return path.read_bytes()
    finally:
        beside.unlink(missing_ok=True)
