"""Small values for unit tests: files, a plugin's contribution, a plan, the state of a host, what is due."""

import dataclasses
import hashlib
import os
import tempfile
from pathlib import Path

from mngr_ansible.diff.due import Due, compare
from mngr_ansible.diff.resolver import Offers, Resolver
from mngr_ansible.host.state import FileState, HostState, Login, Paths, System
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan.plan import Plan, build
from mngr_ansible.plan.requirements import PackageRequest, merge
from mngr_ansible.plan.transfers import Claim, Destination
from mngr_ansible.portable import trees
from mngr_ansible.portable.checks import Finding
from mngr_ansible.portable.shapes import CompleteRequirement
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement

WORK_DIR = "/srv/work"


def write(path: Path, text: str = "text", mode: int = 0o644) -> Path:
    """A file with this text and mode; its directories too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def tree(top: Path, *names: str) -> Path:
    """A directory with a file of each name, whose content is the name."""
    top.mkdir(parents=True, exist_ok=True)
    top.chmod(0o755)
    for name in names:
        write(top / os.fsdecode(name), "content")
    return top


def let_everyone_enter(directory: Path) -> None:
    """Let every user of this machine read a temporary directory; pytest makes it and those above it for one user."""
    top = Path(tempfile.gettempdir())
    for each in (directory, *directory.parents):
        if each.is_relative_to(top) and each != top:
            each.chmod(0o755)


def contribution(plugin: str, *requests: object, origin: str = "") -> Contribution:
    """The contribution of a plugin: these transfers, and requirements or their string forms."""
    files = tuple(each for each in requests if isinstance(each, FileTransferSpec))
    packages = tuple(PackageRequirement.from_value(each) for each in requests if not isinstance(each, FileTransferSpec))
    return Contribution(plugin, files, packages, origin)


def plan(*contributions: Contribution, settings: dict[str, object] | None = None, **options) -> Plan:
    """The plan of these plugins, lowest precedence first."""
    return build(contributions, Settings.parse(settings), **{"work_dir": WORK_DIR, **options})


def state(files: dict[str, FileState] | None = None, findings: dict[str, str] | None = None, **facts) -> HostState:
    """A Debian host of root; ``findings`` gives the status of a package, by name.

    ``facts``: fields of ``Login``, ``System`` and ``Paths``, all by their own names.
    """
    known = {name if ":" in name else f"package:{name}": status for name, status in (findings or {}).items()}
    given = {
        "uid": 0,
        "user": "root",
        "home": "/root",
        "privilege": "root",
        "python": "/usr/bin/python3",
        "managers": ("apt",),
        "work_dir": WORK_DIR,
        "files": files or {},
        **facts,
    }
    login, system, paths = (
        part(**{field.name: given.pop(field.name) for field in dataclasses.fields(part) if field.name in given})
        for part in (Login, System, Paths)
    )
    if given:
        raise TypeError(f"no part of HostState has {', '.join(given)}")
    return HostState(login, system, paths, {step: found(status, step) for step, status in known.items()})


def file_state(text: str = "text", mode: int = 0o644) -> FileState:
    """A file of root with this text on a host."""
    return FileState("file", mode, 0, 0, len(text), hashlib.sha256(text.encode()).hexdigest())


def directory_state(mode: int = 0o755) -> FileState:
    """A directory of root on a host."""
    return FileState("directory", mode, 0, 0, 0)


def link_state(target: str) -> FileState:
    """A symbolic link on a host."""
    return FileState("link", sha256=hashlib.sha256(f"{target}\n".encode()).hexdigest())


def found(status: str, step: str) -> Finding:
    """The finding about one requirement: version 1.0 is installed, or nothing."""
    return Finding(step, status, None if status == "missing" else "1.0", "", "" if status == "missing" else status)


def compared(desired: Plan, there: HostState, offers: Offers | None = None, *, is_local: bool = False) -> Due:
    """What is due of a plan on a host whose package managers offer this; None: they have everything."""
    resolver = Resolver(there, desired.policy, desired.implied, offers or {})
    return compare(desired, there, resolver, is_local=is_local)


def due(*contributions: Contribution, is_local: bool = False, settings=None, install=None, **host) -> Due:
    """What these plugins make due on such a host; packages without a finding are missing."""
    desired = plan(*contributions, settings=settings, install=install)
    findings = {each.name: "missing" for each in desired.requirements} | host.pop("findings", {})
    offers = host.pop("offers", None)
    there = state(findings=findings, **host)
    implied = {each.id: found("missing", each.id) for each in desired.implied.values()}
    there = dataclasses.replace(there, findings={**implied, **there.findings})
    return compared(desired, there, offers, is_local=is_local)


def claim(source: Path, destination: Path | str) -> Claim:
    """The claim of a plugin ``p`` to put this source at this destination."""
    return Claim("p", Destination(str(destination)), trees.read(str(source)).entries)


def requirements(*texts: str) -> tuple[CompleteRequirement, ...]:
    """Resolved requirements of a plugin ``p``, from their string forms."""
    made = merge([PackageRequest("p", PackageRequirement.parse(text), None) for text in texts])
    return tuple(each.resolved() for each in made)


def statuses(outcomes) -> dict[str, str]:
    """The status of every step, by id."""
    return {each.id: str(each.status) for each in outcomes}
