"""Test hosts that outlive the command that starts them, for molecule and for trying things by hand.

Every command but ``layers`` prints the running hosts as an Ansible inventory in JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.hosts.apt_repository import AptRepository
from tests.support.hosts.layers import LAYERS, LayerError, layer_root, offered_packages
from tests.support.hosts.machine import why_not
from tests.support.hosts.seed import Setting, User
from tests.support.hosts.ssh_host import HostStartError, SshHost, start


def create(state: Path, name: str, layer: str, packages: list[str]) -> None:
    """Start a host that lives until it is destroyed; one of that name that runs is left as it is.

    Args:
        state: the directory that knows the hosts, one directory a host.
        name: the host's name.
        layer: one of ``LAYERS``.
        packages: ``NAME=VERSION`` each: a package of that version, whose command NAME says both.
    """
    directory = state / name
    if SshHost(name, 0, directory).is_running:
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    repository = AptRepository(directory / "apt")
    repository.adopt(offered_packages(layer))
    for package in packages:
        package_name, version = package.split("=", 1)
        upstream = version.split(":")[-1].split("-")[0]
        repository.add(package_name, version, commands={package_name: f"echo {package_name} {upstream}"})
    # Read and write in one: nobody else has to hold it open, and it never reads as ended.
    os.mkfifo(directory / "lifeline")
    lifeline = os.open(directory / "lifeline", os.O_RDWR)
    try:
        host = start(directory, Setting(name, (User("dev"),), repository), layer=layer, lifeline=lifeline)
    finally:
        os.close(lifeline)
    (directory / "port").write_text(str(host.port))


def destroy(state: Path) -> None:
    """End every host of a state directory, also one whose start was interrupted."""
    for lock in state.glob("*/lock"):
        SshHost(lock.parent.name, 0, lock.parent).stop()


def make_layers() -> None:
    """Make every layer that the cache does not have, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(layer_root, LAYERS):
            pass


def inventory(state: Path) -> dict[str, object]:
    """The running hosts of a state directory as an Ansible inventory."""
    found = (SshHost(port.parent.name, int(port.read_text()), port.parent) for port in sorted(state.glob("*/port")))
    return {"all": {"hosts": {host.name: host.ansible_variables() for host in found if host.is_running}}}


def main() -> int:
    """Run one command; returns the exit code: 1 where a host cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    creating = commands.add_parser("create", help="start a host")
    creating.add_argument("name")
    creating.add_argument("--layer", choices=LAYERS, default="python")
    creating.add_argument("--package", action="append", default=[], metavar="NAME=VERSION", help="for its repository")
    destroying = commands.add_parser("destroy", help="end every host")
    listing = commands.add_parser("list", help="show the running hosts")
    commands.add_parser("layers", help="make every layer that the cache does not have")
    for command in (creating, destroying, listing):
        command.add_argument("--state", type=Path, required=True, metavar="DIR", help="where the hosts are recorded")
    options = parser.parse_args()
    if options.command in ("create", "layers") and (reason := why_not()):
        print(reason, file=sys.stderr)
        return 1
    try:
        if options.command == "layers":
            make_layers()
            return 0
        state = options.state.resolve()
        if options.command == "create":
            create(state, options.name, options.layer, options.package)
        elif options.command == "destroy":
            destroy(state)
    except (HostStartError, LayerError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(inventory(state), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
