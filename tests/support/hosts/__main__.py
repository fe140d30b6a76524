"""Test hosts that outlive the command that starts them, for molecule and for trying things by hand.

``create``, ``destroy`` and ``list`` print the running hosts as an Ansible inventory file in JSON. With ``--list`` or
``--host NAME`` the command is a dynamic inventory: a script that calls it and passes its arguments on can be given to
``ansible-playbook -i``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.hosts import kept
from tests.support.hosts.layers import LAYERS, LayerError, layer_root
from tests.support.hosts.machine import why_not
from tests.support.hosts.repository import RepositoryError
from tests.support.hosts.ssh_host import HostStartError


def make_layers() -> None:
    """Make every layer that the cache does not have, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(layer_root, LAYERS):
            pass


def main() -> int:
    """Run one command; returns the exit code: 1 where a host cannot be started."""
    parser = _parser()
    words = sys.argv[1:]
    is_script = not {"--list", "--host"}.isdisjoint(words) and not {"create", "destroy", "layers", "list"} & set(words)
    options = parser.parse_args(["list", *words] if is_script else words)
    if options.command in ("create", "layers") and (reason := why_not()):
        print(reason, file=sys.stderr)
        return 1
    try:
        printed = _run(options)
    except (HostStartError, LayerError, RepositoryError, kept.WordError) as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error}\n{error.stdout or ''}{error.stderr or ''}".rstrip(), file=sys.stderr)
        return 1
    if printed is not None:
        print(json.dumps(printed, indent=2))
    return 0


def _run(options: argparse.Namespace) -> dict[str, object] | None:
    """Run a command; returns what it prints."""
    if options.command == "layers":
        make_layers()
        return None
    state = options.state.resolve()
    if options.command == "create":
        kept.create(state, options.name, options.layer, options.package, options.group)
    elif options.command == "destroy":
        kept.destroy(state)
    elif options.host is not None:
        return kept.host_variables(state, options.host)
    elif options.list:
        return kept.script_inventory(state)
    return kept.inventory(state)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.support.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    creating = commands.add_parser("create", help="start a host")
    creating.add_argument("name")
    creating.add_argument("--layer", choices=LAYERS, default="python", help="what it stands on (default: python)")
    creating.add_argument(
        "--package", action="append", default=[], metavar="NAME=VERSION",
        help="a package for its repository, which is one of the layer's package manager",
    )  # fmt: skip
    creating.add_argument("--group", action="append", default=[], help="a group of the inventory that it belongs to")
    destroying = commands.add_parser("destroy", help="end every host")
    listing = commands.add_parser("list", help="show the running hosts; --list and --host work without this word too")
    asked = listing.add_mutually_exclusive_group()
    asked.add_argument("--list", action="store_true", help="as an inventory script prints all hosts")
    asked.add_argument("--host", metavar="NAME", help="as an inventory script prints one host's variables")
    commands.add_parser("layers", help="make every layer that the cache does not have")
    for command in (creating, destroying, listing):
        command.add_argument("--state", type=Path, required=True, metavar="DIR", help="where the hosts are recorded")
    return parser


if __name__ == "__main__":
    sys.exit(main())
