"""Whether a server can be reached: each program's words, who would fetch from it, and what to do."""

import pytest

from mngr_ansible.doctor.host_facts import HostFacts, Reached
from mngr_ansible.doctor.reach import about_sources, sites_of
from mngr_ansible.host.state import HostState, Login, Paths, System
from mngr_ansible.spec.packages import PackageRequirement

SITE = "https://deb.example"
DEBIAN = System(os_release={"ID": "debian", "VERSION_ID": "12"}, arch="x86_64", managers=("apt", "npm"))
FEDORA = System(os_release={"ID": "fedora", "VERSION_ID": "44"}, arch="x86_64", managers=("dnf",))


def found(reached, *, uid=0, more=(), **fields):
    """The finding about one server of apt; ``more``: servers that answer."""
    state = HostState(Login("dev", uid, "/home/dev", privilege="sudo"), DEBIAN, Paths("/"))
    alive = {site: Reached(site, "curl", 0, "status 200") for site in more}
    sites = dict.fromkeys((SITE, *more), ("apt",))
    facts = HostFacts(sites=sites, reached={SITE: reached, **alive} if reached else alive, **fields)
    (one,) = [each for each in about_sources("h", facts, state) if each.name == "h: source deb.example"]
    return one


@pytest.mark.parametrize(
    ("tool", "code", "words", "text"),
    [
        ("curl", 0, "status 200", ""),
        ("curl", 0, "status 404", ""),
        ("curl", 22, "status 403", ""),
        ("wget", 8, "  HTTP/1.1 404 Not Found", ""),
        ("wget", 1, "wget: server returned error: HTTP/1.1 404 Not Found", ""),
        ("python", 0, "status 405", ""),
        ("bash", 0, "", ""),
        ("none", 0, "", ""),
        ("curl", 6, "curl: (6) Could not resolve host: deb.example status 000", "cannot be resolved (DNS)"),
        ("curl", 7, "curl: (7) Failed to connect to deb.example port 443: Connection refused status 000", "refuse"),
        ("wget", 4, "wget: unable to resolve host address 'deb.example'", "resolve"),
        ("python", 1, "<urlopen error [Errno -2] Name or service not known>", "cannot be resolved (DNS)"),
        ("curl", 0, "status 407", "the proxy wants a login"),
        ("curl", 0, "status 502", "the error 502"),
        ("curl", 124, "", "does not answer in time"),
        ("bash", 1, "bash: connect: Connection refused", "refuse"),
        (
            "curl",
            60,
            "curl: (60) SSL certificate problem: unable to get local issuer certificate status 000",
            "certificate",
        ),
        ("curl", 99, "", "curl ends with exit code 99"),
    ],
)
def test_any_answer_is_enough_and_each_failure_is_said_in_words(tool, code, words, text):
    finding = found(Reached(SITE, tool, code, words))
    assert (finding.status == "ok", text in finding.text) == (not text, True), finding
    assert bool(finding.remedy) == bool(text)


def test_a_dead_server_is_a_problem_only_where_no_other_source_is_left():
    dead = Reached(SITE, "curl", 7, "curl: (7) Connection refused status 000")
    assert found(dead).status == "problem"
    assert found(dead, more=["https://other.example"]).status == "warning"


def test_a_certificate_that_is_not_trusted_has_a_remedy_of_its_own():
    finding = found(Reached(SITE, "curl", 60, "SSL certificate problem: self-signed certificate status 000"))
    assert "ca-certificates" in finding.remedy


def test_a_proxy_that_only_the_login_has_is_told():
    dead = Reached(SITE, "curl", 7, "curl: (7) Connection refused status 000")
    assert "sudo does not pass it on" in found(dead, uid=1000, proxies={"http_proxy": "http://p:1"}).text
    assert "sudo does not pass it on" not in found(dead, uid=0, proxies={"http_proxy": "http://p:1"}).text
    own = {"proxies": {"http_proxy": "http://p:1"}, "apt_proxies": {"http": "http://p:1"}}
    assert "sudo does not pass it on" not in found(dead, uid=1000, **own).text


def test_a_server_without_an_answer_is_said_to_have_none():
    assert found(None).text == "it was not asked in time (apt)"


def test_the_servers_of_a_tool_are_those_that_its_sources_for_the_host_name():
    node = [PackageRequirement("node")]
    assert sites_of(node, DEBIAN) == [("apt", "https://deb.nodesource.com")]
    assert ("apt", "https://deb.nodesource.com") not in sites_of(node, FEDORA)
    own = PackageRequirement.from_value(
        {
            "name": "tool",
            "sources": [
                {
                    "manager": "archive",
                    "url": "https://a.example:8443/x-{version}.tar.gz",
                    "version": "1",
                    "sha256": "0" * 64,
                },
                {"manager": "apt", "packages": ["tool"]},
            ],
        }
    )
    assert sites_of([own], DEBIAN) == [("root", "https://a.example:8443")]


def test_a_source_of_the_catalog_is_not_to_be_corrected_on_the_host():
    dead = {SITE: Reached(SITE, "curl", 6, "curl: (6) Could not resolve host status 000")}
    state = HostState(Login("dev", 0, "/home/dev"), DEBIAN, Paths("/"))
    for manager, words in (("catalog", "Correct the network of the host"), ("apt", "Correct that source on the host")):
        facts = HostFacts(sites={SITE: (manager,)}, reached=dead)
        (finding,) = [each for each in about_sources("h", facts, state) if "source " in each.name]
        assert finding.remedy.startswith(words)
