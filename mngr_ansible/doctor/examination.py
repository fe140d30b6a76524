"""The questions of ``doctor``, and their order: this machine, then each host. Nothing is changed anywhere."""

import argparse
from collections.abc import Callable, Iterable, Sequence

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.doctor.host import Examined, examine_host, known_hosts_files
from mngr_ansible.doctor.host_findings import duration
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.errors import ErrorGroup, HostError, MngrAnsibleError, UsageError
from mngr_ansible.host.ssh import OpenSsh
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.at_once import at_once
from mngr_ansible.provisioning.request import Target
from mngr_ansible.provisioning.targets import open_targets, reached_through
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.packages import PackageRequirement

_SECONDS = 60.0
"""How long each of a host's two questions may take, where ``--timeout`` gives not less."""
_OFF_SECONDS, _ALIKE_SECONDS = 60, 30


def examine(options: argparse.Namespace) -> Sequence[Finding]:
    """Ask this machine, then the hosts that the options name; without one, this machine as a host too.

    What cannot be asked is a finding. Raises only what the command line itself says wrongly (:class:`UsageError`), and
    what a manifest of ``--manifest`` says wrongly.
    """
    requirements = _requirements(options)
    password = _password() if options.ask_become_pass else None
    try:
        opened = open_targets(
            options.host,
            work_dir=options.work_dir,
            key=options.key,
            known_hosts=options.known_hosts,
            inventory=options.inventory,
            limit=options.limit,
            vault_ids=options.vault_id,
            timeout=options.timeout,
            become=options.become,
        )
        with opened as (found, _), reached_through(found, options.worker) as targets:
            here, examined = _asked(targets, requirements, password, options)
    except UsageError:
        raise
    except MngrAnsibleError as error:
        return [*_asked((), requirements, password, options)[0], *_of_inventory(error)]
    return [*with_clock(here, examined), *(each for one in examined for each in one.findings)]


def _asked(
    targets: Sequence[Target],
    requirements: Sequence[PackageRequirement],
    password: str | None,
    options: argparse.Namespace,
) -> tuple[list[Finding], list[Examined]]:
    """The findings about this machine, and those about the hosts: all are asked at the same time."""
    programs, here, examined = Programs(), list[Finding](), list[Examined]()
    connections = [each.connection for each in targets]
    seconds = min(_SECONDS, options.timeout or _SECONDS)

    def ask_here() -> None:
        here.extend(_controller(programs, targets, options))

    def ask_hosts() -> None:
        def ask(target: Target) -> Examined:
            return examine_host(programs, target, requirements, password, seconds)

        examined.extend(at_once(ask, targets, connections))

    at_once(lambda ask: ask(), [ask_here, ask_hosts], [programs, *connections])
    return here, examined


def _controller(programs: Programs, targets: Sequence[Target], options: argparse.Namespace) -> list[Finding]:
    from mngr_ansible.doctor.ansible_settings import about_ansible_settings
    from mngr_ansible.doctor.installation import about_installation
    from mngr_ansible.doctor.mngr_here import about_mngr
    from mngr_ansible.doctor.places import about_places
    from mngr_ansible.doctor.surroundings import about_surroundings
    from mngr_ansible.provisioning.mngr_inventory import find_mngr

    connections = [each.connection for each in targets if isinstance(each.connection, OpenSsh)]
    parts: list[Callable[[], Iterable[Finding]]] = [
        lambda: about_installation(programs),
        about_ansible_settings,
        lambda: _ssh(programs, connections, options),
        about_places,
        about_surroundings,
        lambda: about_mngr(programs, find_mngr()),
    ]
    found = [each for one in at_once(lambda part: list(part()), parts, [programs]) for each in one]
    if options.inventory and targets:
        count = "one host" if len(targets) == 1 else f"{len(targets)} hosts"
        found.append(finding(HERE, "inventory", "ok", f"Ansible can read it; {count} to look at"))
    return found


def _ssh(programs: Programs, connections: Sequence[OpenSsh], options: argparse.Namespace) -> list[Finding]:
    from mngr_ansible.doctor.keys import about_agent, about_keys, ask_agent
    from mngr_ansible.doctor.ssh_here import about_known_hosts, about_ssh

    findings, usual = about_ssh(programs)
    if findings[0].status == "problem":
        return findings
    settings = []
    for each in connections:
        try:
            settings.append(each.settings)
        except HostError:  # the host's own finding says it
            continue
    settings = settings or [usual]
    key = next((each.key for each in connections if each.key is not None), options.key)
    agent = ask_agent(programs, settings[0])
    files = [each for one in settings for each in known_hosts_files(one, options.known_hosts)]
    own = dict.fromkeys(each for each in files if not each.startswith("/etc/"))
    return [
        *findings,
        *about_keys(programs, settings, key, agent),
        about_agent(agent, is_used=key is None),
        *about_known_hosts(own),
    ]


def _of_inventory(error: MngrAnsibleError) -> list[Finding]:
    errors = error.errors if isinstance(error, ErrorGroup) else (error,)
    return [
        finding(
            HERE,
            "inventory",
            "problem",
            printable(each.problem),
            printable(each.remedy),
            f"({number})" if len(errors) > 1 else "",
        )
        for number, each in enumerate(errors, 1)
    ]


def with_clock(here: Sequence[Finding], examined: Sequence[Examined]) -> list[Finding]:
    """The findings, with the one about this machine's clock where the clocks of several hosts contradict it alike."""
    offsets = [each.offset for each in examined if each.offset is not None]
    is_alike = len(offsets) > 1 and max(offsets) - min(offsets) < _ALIKE_SECONDS
    if not is_alike or min(map(abs, offsets)) < _OFF_SECONDS:
        return list(here)
    way = "behind" if offsets[0] > 0 else "ahead of"
    text = f"this machine's clock is {duration(abs(offsets[0]))} {way} those of all {len(offsets)} hosts"
    changed = finding(HERE, "clock", "problem", text, "Set the clock of this machine")
    return [changed if each.name == changed.name else each for each in here]


def _requirements(options: argparse.Namespace) -> list[PackageRequirement]:
    """The packages whose servers are asked for too."""
    if not (options.package or options.manifest):
        return []
    from mngr_ansible.inputs.settings import Settings
    from mngr_ansible.inputs.user import user_contributions

    found = user_contributions(Settings(), options.manifest, (), options.package, seconds=options.timeout)
    return [requirement for each in found for requirement in each.requirements]


def _password() -> str:
    from mngr_ansible.provisioning.password import ask_become_password

    return ask_become_password()
