"""Examples of the command line, for help, errors, man pages and pages of the documentation. A test parses each."""

from collections.abc import Mapping

COMMAND = "mngr-ansible"

_OF_ALL = (
    "mngr-ansible init",
    "mngr-ansible plan --package 'git>=2.39' --host build-1",
    "mngr-ansible apply --manifest agent-host.yml --host root@192.0.2.7:2222 --key ~/.ssh/id_ed25519",
    "mngr-ansible apply --inventory inventory.yml --limit web --canary 1",
    "mngr-ansible plan --inventory inventory.yml --detailed-exitcode --quiet",
    "mngr-ansible plan --package node --for fedora:44",
    "mngr-ansible bootstrap root@192.0.2.7 --dry-run",
    "mngr-ansible doctor --host build-1",
    "mngr-ansible catalog node",
)
"""What is done most, from the first manifest on."""

_OF_VERBS: Mapping[str, tuple[str, ...]] = {
    "plan": (
        "mngr-ansible plan --package git",
        "mngr-ansible plan --manifest agent-host.yml --host build-1 --diff",
        "mngr-ansible plan --package node --for fedora:44",
        "mngr-ansible plan --inventory inventory.yml --detailed-exitcode --quiet",
    ),
    "apply": (
        "mngr-ansible apply --manifest agent-host.yml --host build-1",
        "mngr-ansible apply --file deploy/npmrc:~/.npmrc --package 'node>=20' --host build-1 --host build-2",
        "mngr-ansible apply --inventory inventory.yml --limit web --canary 1",
    ),
    "render": (
        "mngr-ansible render ./run --manifest agent-host.yml --host build-1",
        "mngr-ansible render ./run --file deploy/npmrc:~/.npmrc --host build-1 --tasks",
    ),
    "bootstrap": ("mngr-ansible bootstrap root@192.0.2.7", "mngr-ansible bootstrap root@192.0.2.7 --dry-run"),
    "plugins": ("mngr-ansible plugins --plugin all", "mngr-ansible plugins --manifest agent-host.yml"),
    "catalog": ("mngr-ansible catalog", "mngr-ansible catalog node"),
    "content": ("mngr-ansible content", "mngr-ansible content --copy provisioning"),
    "inventory": ("mngr-ansible inventory", "ansible all -i mngr-ansible-inventory -m ping"),
    "doctor": ("mngr-ansible doctor", "mngr-ansible doctor --host build-1"),
    "init": ("mngr-ansible init", "mngr-ansible init agent-host.toml --yes", "mngr-ansible init --plugin my-agent"),
    "check": ("mngr-ansible check agent-host.yml", "mngr-ansible check --schema > manifest.schema.json"),
    "check-plugin": ("mngr-ansible check-plugin claude",),
    "completion": (
        "source <(mngr-ansible completion bash)   # in ~/.bashrc",
        "source <(mngr-ansible completion zsh)    # in ~/.zshrc, after compinit",
        "mngr-ansible completion fish | source    # in ~/.config/fish/config.fish",
    ),
    "help": ("mngr-ansible help", "mngr-ansible help manifest", "mngr-ansible help apply"),
}
"""Verb → its examples; the first one stands for the verb where an option is explained."""

VALUES: Mapping[str, str] = {
    "--canary": "10%",
    "--collection": "build",
    "--copy": "provisioning",
    "--file": "deploy/npmrc:~/.npmrc",
    "--for": "fedora:44",
    "--forks": "10",
    "--host": "root@192.0.2.7:2222",
    "--host-timeout": "120",
    "--install": "print",
    "--inventory": "inventory.yml",
    "--junit": "provisioning.xml",
    "--key": "~/.ssh/id_ed25519",
    "--known-hosts": "known_hosts",
    "--limit": "web",
    "--manifest": "agent-host.yml",
    "--max-fail-percentage": "20",
    "--only": "files",
    "--package": "'git>=2.39,<3'",
    "--playbook": "site.yml",
    "--plugin": "claude",
    "--report": "provisioning.html",
    "--timeout": "60",
    "--vault-id": "prod@~/.vault-password",
    "--work-dir": "/srv/agent",
    "--worker": "'ssh bastion ansible-runner worker'",
    "init --plugin": "my-agent",
    "inventory --host": "my-host",
}
"""Option → a value that it may have; with its verb where that takes another one."""

_WITH: Mapping[str, str] = {
    "--canary": "--inventory inventory.yml",
    "--key": "--host root@192.0.2.7",
    "--known-hosts": "--host root@192.0.2.7",
    "--limit": "--inventory inventory.yml",
    "--max-fail-percentage": "--inventory inventory.yml",
    "--vault-id": "--inventory inventory.yml",
    "--worker": "--host build-1",
}
"""Option → another one without which it is refused, or has no effect."""

_STARTS: Mapping[str, str] = {
    "bootstrap": "mngr-ansible bootstrap root@192.0.2.7",
    "render": "mngr-ansible render ./run --package git",
    "check": "mngr-ansible check agent-host.yml",
    "check-plugin": "mngr-ansible check-plugin claude",
    "completion": "mngr-ansible completion bash",
}
"""Verb → the shortest command that it accepts, where that is more than the verb."""


def examples(verb: str = "") -> tuple[str, ...]:
    """The examples of a verb; without one, those of the whole command."""
    return _OF_VERBS.get(verb, ()) if verb else _OF_ALL


def shown_examples(verb: str) -> str:
    """The examples as the end of a help text."""
    lines = "".join(f"  {each}\n" for each in examples(verb))
    return f"\nexamples:\n{lines}" if lines else ""


def has_value(verb: str, option: str) -> bool:
    """Whether there is a value for this option, with which an example can be made."""
    return bool(VALUES.get(f"{verb} {option}", VALUES.get(option)))


def example_of(verb: str, option: str = "") -> str:
    """One command that works: with an option where one is given that has a value."""
    if not verb or not has_value(verb, option):
        return (examples(verb) or _OF_ALL)[0].partition("   #")[0]
    start = _STARTS.get(verb, f"{COMMAND} {verb}")
    return " ".join(
        filter(None, [start, _WITH.get(option, ""), option, VALUES.get(f"{verb} {option}", VALUES.get(option))])
    )
