"""One host: its key here, then two questions through one connection, the probe and ``host_facts.sh``."""

import time
from collections.abc import Sequence

from mngr_ansible.doctor import host_findings
from mngr_ansible.doctor.checks import finding
from mngr_ansible.doctor.host_facts import HostFacts, facts_script, parse_facts
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.doctor.reach import about_sources, sites_of
from mngr_ansible.doctor.ssh_here import about_host_key
from mngr_ansible.errors import HostError, MngrAnsibleError
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.ssh import OpenSsh
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.portable import sh
from mngr_ansible.portable.text import printable
from mngr_ansible.provisioning.request import Target
from mngr_ansible.report.findings import Finding
from mngr_ansible.run.worker_connection import WorkerConnection
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import frozen

_SLOW_SECONDS = 5.0
_ITS_KEY = "its host key "


@frozen
class Examined:
    """The findings about one host. ``offset``: seconds that its clock is ahead; None where that is not known."""

    findings: tuple[Finding, ...]
    offset: float | None = None
    is_reached: bool = True
    """Whether it let us in."""


def examine_host(
    programs: Programs,
    target: Target,
    requirements: Sequence[PackageRequirement],
    password: str | None,
    seconds: float,
) -> Examined:
    """Ask one host. ``password``: sudo's, for hosts whose inventory has none. ``seconds``: for each question."""
    place, connection = printable(target.name), target.connection
    first = _about_connection(programs, place, connection) if isinstance(connection, OpenSsh) else []
    started = time.monotonic()
    request = ProbeRequest((), (), target.work_dir, become=True, password=target.password or password)
    try:
        most = seconds + connection.patience
        state = probe(connection, request, most)
    except MngrAnsibleError as error:
        return Examined(
            (_not_reached(place, error),), is_reached=False
        )  # ssh knows more about the host's key than we do
    took = time.monotonic() - started
    asked = sites_of(requirements, state.system)
    before = time.time()
    try:
        facts = parse_facts(connection.run(facts_script(asked), most), asked)
    except MngrAnsibleError as error:
        return Examined((*first, _failed(place, error, "ssh"), *host_findings.about_system(place, state, HostFacts())))
    after = time.time()
    if not facts.is_whole:
        text = "it answered a part of our questions only"
        cut = finding(place, "ssh", "problem", text, "Run again; something on the host may have ended our shell")
        return Examined((*first, cut, *host_findings.about_system(place, state, facts)))
    if isinstance(connection, OpenSsh):
        first.append(_reached(place, connection.settings.proxy, state.login.user, took))
    elif isinstance(connection, WorkerConnection):
        through = f"through the worker {printable(connection.worker.name)!r}"
        text = f"it answers {through}, and lets {printable(state.login.user)} in"
        first.append(finding(place, "ssh", "ok", text))
    offset = None if connection.is_local else host_findings.clock_offset(facts, before, after)
    findings = [
        *first,
        *host_findings.about_login(place, facts, is_local=connection.is_local),
        *host_findings.about_system(place, state, facts, has_password=request.password is not None),
        *host_findings.about_packages(place, facts, state.login.privilege),
        *host_findings.about_places(place, facts, state),
        *([] if connection.is_local else [host_findings.about_clock(place, offset)]),
        host_findings.about_proxy(place, facts, state),
        *about_sources(place, facts, state),
    ]
    return Examined(tuple(findings), offset)


def _not_reached(place: str, error: MngrAnsibleError) -> Finding:
    if "host key" not in error.problem:
        return _failed(place, error, "ssh")
    text = printable(error.problem)
    text = f"it {text.removeprefix(_ITS_KEY)}" if text.startswith(_ITS_KEY) else text
    return finding(place, "host key", "problem", text, printable(error.remedy))


def _failed(place: str, error: MngrAnsibleError, check: str) -> Finding:
    return finding(place, check, "problem", printable(error.problem), printable(error.remedy))


def _about_connection(programs: Programs, place: str, connection: OpenSsh) -> list[Finding]:
    """The host's key, as this machine knows it; nothing where ssh's configuration cannot be read, which ssh says."""
    try:
        settings = connection.settings
    except HostError:
        return []
    files = known_hosts_files(settings, connection.known_hosts)
    scan = f"Log in once by hand and compare the key: ssh {connection.address.destination}"
    if settings.values.get("hostname") and not settings.proxy:
        port = settings.values.get("port", "22")
        words = ["ssh-keyscan", *([] if port == "22" else ["-p", port]), settings.values["hostname"]]
        scan = f"{scan}. Or add the output of this command to known_hosts: {sh.join(words)}"
    return [about_host_key(programs, place, settings, files, scan)]


def known_hosts_files(settings: SshSettings, given: str | None) -> list[str]:
    """The files in which ssh looks for a host's key. ``given``: the one that takes the place of the user's own."""
    own = [given] if given is not None else settings.values.get("userknownhostsfile", "").split()
    return [*own, *settings.values.get("globalknownhostsfile", "").split()]


def _reached(place: str, proxy: str, user: str, took: float) -> Finding:
    option, _, value = proxy.partition(" ")
    through = f", through the jump host {printable(value)}" if option == "ProxyJump" else ", through a ProxyCommand"
    through = through if proxy else ""
    text = f"it answers, and lets {printable(user)} in{through}"
    if took > _SLOW_SECONDS:
        remedy = "Look at its start-up files and at sshd's UseDNS. A run pays that once"
        return finding(place, "ssh", "warning", f"{text}; the first answer took {took:.0f} s", remedy)
    return finding(place, "ssh", "ok", text)
