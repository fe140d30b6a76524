"""Whether a host reaches the servers from which packages come: a finding for each server, by its name."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.doctor.checks import Level, finding
from mngr_ansible.doctor.host_facts import HostFacts, Reached
from mngr_ansible.host.state import HostState, System
from mngr_ansible.portable import causes
from mngr_ansible.portable.text import clause
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.spec.sources import DOWNLOADS, Source

_LANGUAGES = {"npm": "npm", "python": "pip, uv and pipx", "catalog": "what was asked for"}
_NEEDS_A_LOGIN, _SERVER_ERROR = 407, 500
_BAD_CERTIFICATE = re.compile(r"(?i)certificate|SSL|TLS")
_OF_SYSTEM = ("apt", "dnf", "zypper", "pacman", "apk")


def sites_of(requirements: Sequence[PackageRequirement], system: System) -> list[tuple[str, str]]:
    """The servers from which a host may get these, beside its own sources: who fetches, and the server's address."""
    found: dict[str, str] = {}
    for each in requirements:
        tool = None if each.sources else find_tool(each.name)
        for source in each.sources or (tool.sources if tool is not None else ()):
            if source.manager not in (*system.managers, *DOWNLOADS):
                continue
            if source.when is not None and not source.when.matches(system.ids, system.release, system.arch):
                continue
            who = source.manager if source.repository is not None else "user" if source.scope == "user" else "root"
            for address in _addresses(source):
                parts = urlsplit(address)
                if parts.scheme in ("http", "https") and parts.hostname:
                    authority = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
                    found.setdefault(f"{parts.scheme}://{authority}", who)
    return [(who, site) for site, who in found.items()]


def _addresses(source: Source) -> Iterator[str]:
    if source.repository is not None:
        yield source.repository.url
        yield source.repository.key
    if source.url is not None:
        yield source.address


def about_sources(place: str, facts: HostFacts, state: HostState) -> Iterator[Finding]:
    """First whether the host's own sources can be read, then each server."""
    yield from _own_sources(place, facts, state)
    dead = {site for site, each in facts.reached.items() if _problem(each)}
    own = {site: names for site, names in facts.sites.items() if set(names) & set(_OF_SYSTEM)}
    for site, managers in facts.sites.items():
        reached = facts.reached.get(site)
        is_only = site in own and set(own) <= dead
        yield _source(place, site, managers, reached, facts, state, worst="problem" if is_only else "warning")


def _own_sources(place: str, facts: HostFacts, state: HostState) -> Iterator[Finding]:
    manager = state.system.manager
    if manager is not None and manager in facts.broken:
        words = facts.broken[manager]
        known = causes.find(manager, words, privilege=state.login.privilege)
        text = known.problem if known else f"{manager} cannot read its sources: {clause(words)[:300]}"
        yield finding(place, "sources", "problem", text, known.remedy if known else "Correct that file on the host")
        return
    own = [site for site, managers in facts.sites.items() if manager in managers]
    if manager in _OF_SYSTEM and not own:
        text = f"{manager} has no package source, so nothing can be installed with it"
        yield finding(place, "sources", "warning", text, f"Add one on the host, as the documentation of {manager} says")
    elif manager is not None and own:
        yield finding(
            place, "sources", "ok", f"{manager} has {f'{len(own)} sources' if len(own) > 1 else 'one source'}"
        )


def _source(
    place: str,
    site: str,
    managers: Sequence[str],
    reached: Reached | None,
    facts: HostFacts,
    state: HostState,
    *,
    worst: Level,
) -> Finding:
    name = re.sub(r"^(?:https?://|(?:file|copy|dir):(?://(?=/))?)", "", site)
    whose = ", ".join(_LANGUAGES.get(each, each) for each in dict.fromkeys(managers))
    if reached is None:
        return finding(place, "source", "warning", f"it was not asked in time ({whose})", "Run again", name)
    problem = _problem(reached)
    if not problem:
        said = {
            "none": "not tried: the host has neither curl, wget, python3 nor bash",
            "file": "it is there",
            "bash": "it takes connections",
            "other": "not tried: addresses of this kind are not asked",
        }
        return finding(place, "source", "ok", f"{said.get(reached.tool, 'it answers')} ({whose})", of=name)
    login = next(iter(facts.proxies), "")
    has_own = "apt" in managers and facts.apt_proxies
    is_kept_back = login and state.login.uid != 0 and set(managers) & set(_OF_SYSTEM) and not has_own
    if is_kept_back:
        problem += f" (the login has a proxy, {login}, and sudo does not pass it on to root)"
        remedy = "Name the proxy in the package manager's settings on the host"
    elif reached.tool == "file":
        remedy = "Correct that source on the host, or mount what it names"
    elif _BAD_CERTIFICATE.search(problem):
        remedy = "Install ca-certificates on the host, or the certificate of your proxy there, and check its clock"
    elif set(managers) & {*_OF_SYSTEM, "npm", "python"}:
        remedy = "Correct that source on the host, or its network (name servers, firewall, proxy)"
    else:  # the address is not the host's own
        remedy = "Correct the network of the host (name servers, firewall, proxy)"
    return finding(place, "source", worst, f"{problem} ({whose})", remedy, name)


def _problem(reached: Reached) -> str:
    """Why the server cannot be used, as a clause; empty if it answered."""
    words = reached.words
    status = re.search(r"\bstatus (\d{3})\b|\bHTTP/[\d.]+ (\d{3})\b|returned error: HTTP/\S+ (\d{3})", words)
    number = int(next(filter(None, status.groups()))) if status else 0
    if number == _NEEDS_A_LOGIN:
        return "the proxy wants a login (407)"
    if number >= _SERVER_ERROR:
        return f"it answers with the error {number}"
    if reached.code == 0 or number or reached.tool in ("none", "other"):
        return ""
    said = clause(re.sub(r"\s*status 000\s*$", "", words))
    if reached.tool == "file":
        return said
    if reached.tool == "bash" or reached.code in (124, 137):
        known = causes.network(words)
        return known or "it takes no connection" if reached.code not in (124, 137) else "it does not answer in time"
    return causes.network(words) or said[:200] or f"{reached.tool} ends with exit code {reached.code}"
