"""Whether what mngr-ansible consists of is installed here, in versions that work together, and starts."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.versions import Range
from mngr_ansible.report.findings import Finding

_START_SECONDS = 60
_ENGINES = {"ansible-core": "ansible.cli.playbook", "ansible-runner": "ansible_runner"}
"""Each package that runs a playbook, and the module that shows whether it starts."""


def about_installation(programs: Programs) -> Iterator[Finding]:
    """Python, ansible-core, ansible-runner, and the other packages."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield finding(HERE, "python", "ok", f"{version}, {printable(sys.executable)}")
    needed = _needed()
    for name in _ENGINES:
        yield _engine(programs, name, needed.get(name, ""))
    yield _libraries({name: accepted for name, accepted in needed.items() if name not in _ENGINES})


def _needed() -> Mapping[str, str]:
    """The packages that ours needs, and the accepted versions of each. Source: PEP 508."""
    found = {}
    for line in metadata.requires("mngr-ansible") or ():
        requirement, _, marker = line.partition(";")
        match = re.match(r"\s*([A-Za-z0-9._-]+)\s*(.*)", requirement)
        if match is not None and "extra" not in marker:
            found[match[1].lower()] = str(Range.parse(match[2].strip(" ()")))
    return found


def _remedy(*names: str) -> str:
    words = [sh.quote(sys.executable), "-m pip install", *map(sh.quote, names)]
    return f"Install mngr-ansible again with its dependencies, or run: {' '.join(words)}"


def _is_accepted(version: str, accepted: str) -> bool:
    return not accepted or Range.parse(accepted).contains(version)


def _engine(programs: Programs, name: str, accepted: str) -> Finding:
    wanted = f"{name}{accepted}"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return finding(HERE, name, "problem", f"{name} is not installed for this Python", _remedy(wanted))
    if not _is_accepted(version, accepted):
        text = f"{name} {version} is installed, and mngr-ansible works with {accepted}"
        return finding(HERE, name, "problem", text, _remedy(wanted))
    if why := _why_not_started(programs, _ENGINES[name]):
        return finding(HERE, name, "problem", f"{name} {version} is installed and does not start: {why}", _remedy(name))
    return finding(HERE, name, "ok", f"{version}; needed: {accepted or 'any version'}")


def _why_not_started(programs: Programs, module: str) -> str:
    """The last line of what a Python that imports the module prints when it fails; empty if it does not fail."""
    with tempfile.TemporaryDirectory(prefix="mngr-ansible-doctor-") as directory:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": directory,
            "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
            "ANSIBLE_CONFIG": str(Path(directory, "ansible.cfg")),
            "ANSIBLE_HOME": directory,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        Path(directory, "ansible.cfg").touch()
        told = programs.ask([sys.executable, "-P", "-c", f"import {module}"], _START_SECONDS, environment, directory)
    return told.last if told.code else ""


def _libraries(needed: Mapping[str, str]) -> Finding:
    wrong = []
    for name, accepted in needed.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append((name, accepted, "is not installed"))
        else:
            if not _is_accepted(version, accepted):
                wrong.append((name, accepted, f"is {version}, and {accepted} is needed"))
    if not wrong:
        return finding(HERE, "libraries", "ok", f"all {len(needed)} packages that mngr-ansible needs are installed")
    text = "; ".join(f"{name} {what}" for name, _, what in wrong)
    return finding(HERE, "libraries", "problem", text, _remedy(*(f"{name}{accepted}" for name, accepted, _ in wrong)))
