"""The questions of ``doctor``, and their order: this machine, then each host. Nothing is changed anywhere."""

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence

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
from mngr_ansible.values import field, frozen, replace

_OFF_SECONDS, _ALIKE_SECONDS = 60, 30


@frozen
class Questions:
    """What is asked besides: ``requirements`` whose servers are tried; ``key`` and ``known_hosts`` of ssh.

    ``password``: sudo's. ``seconds``: for each question to a host. ``has_inventory``: the hosts are those of one.
    """

    requirements: Sequence[PackageRequirement] = ()
    password: str | None = field(default=None, repr=False)
    seconds: float = 60.0
    key: str | None = None
    known_hosts: str | None = None
    has_inventory: bool = False


def examine(options: argparse.Namespace) -> list[Finding]:
    """Ask this machine, then the hosts that the options name; without one, this machine as a host too.

    What cannot be asked is a finding. Raises only what the command line itself says wrongly (:class:`UsageError`), and
    what a manifest of ``--manifest`` says wrongly.
    """
    questions = Questions(
        requirements_of(options.package, options.manifest, options.timeout),
        _password() if options.ask_become_pass else None,
        options.timeout or Questions().seconds,
        options.key,
        options.known_hosts,
        bool(options.inventory),
    )
    try:
        opened = open_targets(
            options.host,
            key=options.key,
            known_hosts=options.known_hosts,
            inventory=options.inventory,
            limit=options.limit,
            vault_ids=options.vault_id,
            timeout=options.timeout,
        )
        with opened as (found, _), reached_through(found, options.worker) as targets:
            return look(targets, questions)
    except UsageError:
        raise
    except MngrAnsibleError as error:
        return [*look((), questions), *of_inventory(error)]


def look(targets: Sequence[Target], questions: Questions) -> list[Finding]:
    """The findings about this machine, then those about these hosts: all are asked at the same time."""
    programs, here, examined = Programs(), list[Finding](), list[Examined]()
    connections = [each.connection for each in targets]

    def ask_here() -> None:
        here.extend(_controller(programs, targets, questions))

    def ask_hosts() -> None:
        def ask(target: Target) -> Examined:
            return examine_host(programs, target, questions.requirements, questions.password, questions.seconds)

        examined.extend(at_once(ask, targets, connections))

    at_once(lambda ask: ask(), [ask_here, ask_hosts], [programs, *connections])
    others = [one for one, each in zip(examined, connections, strict=True) if not each.is_local]
    here = with_keys(with_clock(here, examined), others)
    return [*here, *(each for one in examined for each in without_repeats(one.findings, here))]


def _controller(programs: Programs, targets: Sequence[Target], questions: Questions) -> list[Finding]:
    from mngr_ansible.doctor.ansible_settings import about_ansible_settings
    from mngr_ansible.doctor.installation import about_installation
    from mngr_ansible.doctor.mngr_here import about_mngr
    from mngr_ansible.doctor.places import about_places
    from mngr_ansible.doctor.surroundings import about_surroundings
    from mngr_ansible.provisioning.mngr_inventory import find_mngr

    parts: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("libraries", lambda: about_installation(programs)),
        ("ansible settings", about_ansible_settings),
        ("ssh", lambda: _ssh(programs, targets, questions)),
        ("state directory", about_places),
        ("locale", about_surroundings),
        ("mngr", lambda: about_mngr(programs, find_mngr())),
    ]
    found = [each for one in at_once(lambda part: list(whole(*part)), parts, [programs]) for each in one]
    return [*found, *(about_inventory(targets) if questions.has_inventory and targets else ())]


def whole(check: str, part: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a part finds. Where a file or directory stops it, that is a finding too: the other parts are still shown."""
    try:
        yield from part()
    except OSError as error:
        place = f"{printable(str(error.filename))}: " if error.filename else ""
        text = f"not looked at further: {place}{error.strerror or error}"
        yield finding(HERE, check, "problem", text, "Check this path, and its permissions", "(the rest)")


def about_inventory(targets: Sequence[Target]) -> Iterable[Finding]:
    """What people should know about an inventory that Ansible could read."""
    notices = [notice for each in targets for notice in each.notices]
    for number, each in enumerate(notices, 1):
        of = f"({number})" if len(notices) > 1 else ""
        yield finding(HERE, "inventory", "warning", printable(each), "Correct it, if that is not what you mean", of)
    if not notices:
        count = "one host" if len(targets) == 1 else f"{len(targets)} hosts"
        yield finding(HERE, "inventory", "ok", f"Ansible can read it; {count} to look at")


def _ssh(programs: Programs, targets: Sequence[Target], questions: Questions) -> list[Finding]:
    from mngr_ansible.doctor.keys import about_agent, about_keys, ask_agent
    from mngr_ansible.doctor.ssh_here import about_known_hosts, about_ssh

    findings, usual = about_ssh(programs, questions.key, questions.known_hosts)
    if findings[0].status == "problem":
        return findings
    settings = []
    connections = [each.connection for each in targets if isinstance(each.connection, OpenSsh)]
    for each in connections:
        try:
            settings.append(each.settings)
        except HostError:  # the host's own finding says it
            continue
    settings = settings or [usual]
    key = next((each.key for each in connections if each.key is not None), questions.key)
    agent = ask_agent(programs, settings[0])
    files = [each for one in settings for each in known_hosts_files(one, questions.known_hosts)]
    own = dict.fromkeys(each for each in files if not each.startswith("/etc/"))
    return [
        *findings,
        *about_keys(programs, settings, key, agent),
        about_agent(agent, is_used=key is None),
        *about_known_hosts(own),
    ]


def of_inventory(error: MngrAnsibleError) -> list[Finding]:
    """What is wrong with an inventory, or with several."""
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


def with_keys(here: Sequence[Finding], examined: Sequence[Examined]) -> list[Finding]:
    """The findings; a key that cannot be used is no problem where every host lets us in all the same.

    ``examined``: the hosts beside this machine.
    """
    if not examined or not all(each.is_reached for each in examined):
        return list(here)
    return [
        replace(each, status="warning") if each.status == "problem" and each.name.startswith(f"{HERE}: key ") else each
        for each in here
    ]


def without_repeats(findings: Sequence[Finding], here: Sequence[Finding]) -> Iterable[Finding]:
    """The findings about a host; what is this machine's own problem with ssh is not told again as the host's."""
    problems = [each.text for each in here if each.name == f"{HERE}: ssh" and each.status == "problem"]
    for each in findings:
        if each.status == "problem" and each.text in problems:
            text, remedy = "not looked at: this machine's ssh cannot be used", "Correct what is said of ssh above"
            yield replace(each, status="warning", text=text, remedy=remedy)
        else:
            yield each


def requirements_of(
    packages: Sequence[str], manifests: Sequence[str], seconds: float | None = None
) -> list[PackageRequirement]:
    """The packages whose servers are asked for too. ``seconds``: how long a manifest that is no file may take.

    Raises:
        UsageError, InputError: a requirement or a manifest is wrong.
    """
    if not (packages or manifests):
        return []
    from mngr_ansible.inputs.settings import Settings
    from mngr_ansible.inputs.user import user_contributions

    found = user_contributions(Settings(), manifests, (), packages, seconds=seconds)
    return [requirement for each in found for requirement in each.requirements]


def _password() -> str:
    from mngr_ansible.provisioning.password import ask_become_password

    return ask_become_password()
