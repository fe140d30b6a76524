"""The verbs of ``mngr-ansible`` and their options: what each is called, takes, and says in its help.

Help, errors, completion and man pages are made of this one description.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 10**7:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number of seconds above 0 and below 10000000")
    return seconds


def _plan(verb: argparse.ArgumentParser) -> None:
    _what_where_how(verb)
    _without_effect(verb, "--yes")
    _reports(verb)
    verb.add_argument("--full", action="store_true", help="show every step; in a terminal fine ones are only counted")
    verb.add_argument("--diff", action="store_true", help="show file changes as a diff (never for secrets)")
    verb.add_argument("--detailed-exitcode", action="store_true", help="exit with 2 when anything would change")
    verb.add_argument("--commands", action="store_true", help="print only the install commands: plan --commands | sh")
    known = "fedora:44, ubuntu:24.04, debian, opensuse, arch, alpine, macos, …"
    verb.add_argument(
        "--for", dest="system", metavar="DISTRO[:RELEASE]", help=f"plan for a system without connecting to it: {known}"
    )


def _apply(verb: argparse.ArgumentParser) -> None:
    _what_where_how(verb)
    _reports(verb)
    verb.add_argument("--full", action="store_true", help="show every step; in a terminal fine ones are only counted")


def _render(verb: argparse.ArgumentParser) -> None:
    _what_where_how(verb)
    verb.add_argument("directory", metavar="DIR", help="a new or empty directory")
    verb.add_argument(
        "--desired", action="store_true", help="write everything that is needed, also what the host already has"
    )
    verb.add_argument("--tasks", action="store_true", help="write plain tasks of Ansible's own modules, no roles")


def _bootstrap(verb: argparse.ArgumentParser) -> None:
    _where(verb)
    _many(verb)
    _how(verb)
    _without_effect(verb, "--become", "--work-dir", "--no-check-packages")
    verb.add_argument("hosts", nargs="*", metavar="HOST", help="the same as --host HOST")
    verb.add_argument("--dry-run", action="store_true", help="show what would change; change nothing")


def _plugins(verb: argparse.ArgumentParser) -> None:
    _what(verb)
    _how(verb)
    _without_effect(verb, "--yes", "--checksum", "--playbook")


def _catalog(verb: argparse.ArgumentParser) -> None:
    _shown(verb.add_argument_group("how"))
    verb.add_argument("tool", nargs="?", metavar="NAME", help="show everything about this tool")


def _content(verb: argparse.ArgumentParser) -> None:
    _shown(verb.add_argument_group("how"))
    group = verb.add_mutually_exclusive_group()
    group.add_argument("--copy", metavar="DIR", help="put working copies of roles/ and playbooks/ into DIR")
    group.add_argument(
        "--collection", metavar="DIR", help="build the collection mngr.provisioning in DIR: tree and tarball"
    )


def _inventory(verb: argparse.ArgumentParser) -> None:
    group = verb.add_mutually_exclusive_group()
    group.add_argument("--list", action="store_true", help="print the whole inventory, as JSON (default)")
    group.add_argument("--host", dest="inventory_host", metavar="NAME", help="print only the variables of this host")
    verb.set_defaults(json=False, verbose=False, quiet=False)


def _doctor(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("what", "also ask whether hosts reach the servers from which these would come")
    group.add_argument("--package", action="append", default=[], metavar="REQUIREMENT", help="a tool, such as node")
    group.add_argument("--manifest", action="append", default=[], metavar="FILE", help="the packages of a manifest")
    _where(verb, places_files=False)
    _worker(verb.add_argument_group("many hosts"))
    group = verb.add_argument_group("how")
    group.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="limit for each question (default: 60)")
    group.add_argument("--full", action="store_true", help="show every check; in a terminal fine ones are only counted")
    _shown(group)


class _Once(argparse.Action):
    """An option that is given once; a second value is an error, not the one that counts."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"argument {option}: given twice, and only one can be written")
        setattr(namespace, self.dest, values)


def _init(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="the manifest to write (default: agent-host.yml); with --plugin a directory",
    )
    verb.add_argument(
        "--plugin", metavar="NAME", action=_Once, help="write a plugin with this name instead, with tests and CI"
    )
    group = verb.add_argument_group("how")
    group.add_argument("--yes", action="store_true", help="do not ask; write the example as it is")
    _shown(group)


def _check(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("files", nargs="*", metavar="FILE", help="a manifest, YAML or TOML; - is the standard input")
    verb.add_argument("--schema", action="store_true", help="print the JSON Schema of manifests instead, for editors")
    _shown(verb.add_argument_group("how"))


def _check_plugin(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("plugin", metavar="NAME", help="the plugin's entry point, or module:object")
    _shown(verb.add_argument_group("how"))


def _completion(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")
    verb.set_defaults(json=False, verbose=False, quiet=False)


def _help(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("topic", nargs="?", metavar="TOPIC", help="a command, or a topic of the list")
    verb.set_defaults(json=False, verbose=False, quiet=False)


def _without_effect(verb: argparse.ArgumentParser, *options: str) -> None:
    """Show these options nowhere. The verb takes them, because the words of ``apply`` are those of every such verb."""
    for action in verb._actions:  # noqa: SLF001 - argparse has no public name
        if set(options) & set(action.option_strings):
            action.help = argparse.SUPPRESS


def _what_where_how(verb: argparse.ArgumentParser) -> None:
    _what(verb)
    _where(verb)
    _many(verb)
    _how(verb)


def _what(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group(
        "what", "each of these that takes a value, except --only, may be given more than once"
    )
    add = group.add_argument
    add("--manifest", action="append", default=[], metavar="FILE", help="YAML or TOML file with files and packages")
    add(
        "--file",
        action="append",
        default=[],
        metavar="LOCAL:REMOTE",
        help="copy a file, or the contents of a directory",
    )
    add(
        "--package",
        action="append",
        default=[],
        metavar="REQUIREMENT",
        help="install a tool, such as git or 'git>=2.39,<3'",
    )
    add(
        "--plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="also use what this mngr plugin needs ('all' for every plugin)",
    )
    add(
        "--playbook",
        action="append",
        default=[],
        metavar="PATH",
        help="also run this playbook of your own, after the changes",
    )
    add("--only", choices=("files", "packages"), help="do only files, or only packages")
    add("--checksum", action="store_true", help="read all files, also those unchanged since they were read before")


def _where(verb: argparse.ArgumentParser, *, places_files: bool = True) -> None:
    """``places_files``: the verb writes files, or says where they would be."""
    group = verb.add_argument_group("where")
    add = group.add_argument
    add(
        "--host",
        action="append",
        default=[],
        metavar="[USER@]ADDR[:PORT]",
        help="a host; may be given more than once (default: this machine)",
    )
    add("--key", metavar="FILE", help="private key file (default: as in your ssh configuration or agent)")
    add("--known-hosts", metavar="FILE", help="file with the host keys to trust (default: your own)")
    if places_files:
        add(
            "--work-dir",
            metavar="DIR",
            help="where relative destinations start (default: the current directory, or the home on a host)",
        )
    add(
        "-K",
        "--ask-become-pass",
        action="store_true",
        help="ask for the password of sudo on the hosts; it is not stored",
    )
    if places_files:
        add("--become", action=argparse.BooleanOptionalAction, default=False, help="write files as root, through sudo")
    add(
        "--inventory",
        action="append",
        default=[],
        metavar="PATH",
        help="an Ansible inventory: a file, directory or executable; may be given more than once",
    )
    add("--limit", metavar="PATTERN", help="only these hosts of the inventory, as ansible's --limit")
    add(
        "--vault-id",
        action="append",
        default=[],
        metavar="[LABEL@]SOURCE",
        help="a password for ansible-vault, as ansible's --vault-id",
    )


def _many(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("many hosts")
    add = group.add_argument
    add(
        "--canary",
        metavar="N|N%",
        help="apply: these first; the others only if these end as planned",
    )
    add("--forks", metavar="N", help="hosts that are worked on at once (default: all, at most 50)")
    add(
        "--host-timeout",
        metavar="SECONDS",
        help="limit for each host (of --playbook: each task), beside the whole run's",
    )
    add("--max-fail-percentage", metavar="N", help="begin no further host when more than N %% have failed")
    _worker(group)
    add("-q", "--quiet", action="store_true", help="show only what went wrong; nothing where the exit code is 0")


def _worker(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--worker",
        action="append",
        default=[],
        metavar="COMMAND",
        help="reach the hosts through this ansible-runner worker, such as 'ssh bastion ansible-runner worker'; may be "
        "given more than once",
    )


def _how(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("how")
    add = group.add_argument
    add(
        "--install",
        choices=("auto", "print"),
        help="auto: install what is missing; print: only print the commands, and fail",
    )
    add("--no-check-packages", action="store_true", help="do not check packages")
    add("--timeout", type=_seconds, metavar="SECONDS", help="limit for the whole run (default: 600)")
    add("--yes", action="store_true", help="do not ask; assume yes")
    _shown(group)


def _reports(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument_group("reports").add_argument
    add("--report", metavar="FILE.html", help="also write the result as a page: one file, for a browser")
    add("--junit", metavar="FILE.xml", help="also write the result as JUnit XML, for pipelines")


def _shown(group: Any) -> None:
    """The options of a verb that only shows what is here."""
    group.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    group.add_argument("-v", "--verbose", action="store_true", help="show every event on stderr")


VERBS: Mapping[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "plan": ("show what would change and why; change nothing", _plan),
    "apply": ("make the changes that are needed", _apply),
    "render": ("write the run directory for what would change, and stop", _render),
    "bootstrap": ("install what mngr itself needs on new hosts", _bootstrap),
    "plugins": ("show the plugins in order, their hooks, and what each needs", _plugins),
    "catalog": ("show the known tools, their sources, and which are tested", _catalog),
    "content": ("print the directory of roles/ and playbooks/, or copy them", _content),
    "inventory": ("print mngr's ssh hosts as an Ansible inventory", _inventory),
    "doctor": ("check this machine and hosts for what stops or delays a run", _doctor),
    "init": ("write an example manifest, or a plugin to start from", _init),
    "check": ("check manifests without planning", _check),
    "check-plugin": ("check a plugin as its author would", _check_plugin),
    "completion": ("print what makes a shell complete mngr-ansible", _completion),
    "help": ("explain a command or a topic", _help),
}
"""Verb → what it does, and what adds its options."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "change hosts": ("plan", "apply", "bootstrap", "render"),
    "look": ("doctor", "plugins", "catalog", "inventory", "content"),
    "write and check": ("init", "check", "check-plugin"),
    "help": ("help", "completion"),
}
"""What a group of verbs is for → the verbs, for help."""
