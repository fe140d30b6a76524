"""Reports as a plan and runs give them, for what shows reports."""

from __future__ import annotations

from datetime import UTC, datetime

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError, InputError
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.report.timeline import Span, Timing
from mngr_ansible.values import replace

WORK = "/tmp/mngr/projects/agent-6f2c"
ABOUT = "Debian GNU/Linux 12 (bookworm), root"
BEGAN = datetime(2026, 11, 27, 11, 2, 13, tzinfo=UTC)
NASTY = "<img src=x onerror=alert(1)>\"'&{{7*7}}\x1b[31m\u202e\x00\udcff\ufffe]]></style><script>alert(2)</script>"
"""What a host, a plugin or a file could be called by somebody who wants to break a page."""


def planned() -> tuple[Outcome, ...]:
    """The steps of a plan: five to change, two that are fine, one that is left out."""
    npmrc = Outcome("file:/root/.npmrc", "file", Status.MISSING, wanted="0600, secret", plugins=("manifest",))
    claude = Outcome(f"file:{WORK}/.claude", "file", Status.DIFFERS, wanted="0644", plugins=("claude",))
    settings = Outcome(f"file:{WORK}/settings.json", "file", Status.DIFFERS, wanted="0644", plugins=("claude", "codex"))
    gone = "there is no ~/.claude.json on this machine, and it is optional"
    skipped = Outcome("file:/root/.claude.json", "file", Status.SKIPPED, plugins=("claude",), reason=gone)
    return (
        replace(npmrc, short="~/.npmrc"),
        replace(claude, short=".claude", files={"total": 41, "due": 2}),
        replace(settings, short="settings.json", reason="content", diff='@@ -1 +1 @@\n-"old"\n+"new"\n'),
        _package(
            "node", Status.TOO_OLD, "18.19.1", ">=20", "codex", reason="codex: runs the agent", source="NodeSource"
        ),
        _package("ripgrep", Status.MISSING, None, "any", "claude", source="apt"),
        _package("git", Status.OK, "2.39.5", ">=2.39", "claude", "mngr"),
        _package("tmux", Status.OK, "3.3a", "any", "mngr"),
        replace(skipped, short="~/.claude.json", is_required=False),
    )


def _package(name: str, status: Status, current: str | None, wanted: str, *plugins: str, **more: str) -> Outcome:
    return Outcome(f"package:{name}", "package", status, current, wanted, plugins, **more)


def changed() -> tuple[Outcome, ...]:
    """The same steps after a run."""
    after = {"package:node": "20.11.0", "package:ripgrep": "13.0.0"}
    return tuple(
        replace(
            each,
            status=Status.CHANGED,
            reason="",
            diff=None,
            current=after.get(each.id),
            before=str(each.status) if each.kind == "file" else each.current or "",
            purpose="" if each.kind == "file" else each.reason,
        )
        if each.status in (Status.MISSING, Status.DIFFERS, Status.TOO_OLD)
        else each
        for each in planned()
    )


def failed() -> tuple[Outcome, ...]:
    """The same steps after a run that could not install node."""
    why = "apt could not reach deb.nodesource.com: no DNS. Check the host's name servers, or add a mirror"
    ends = {
        "package:node": {"status": Status.FAILED, "current": "18.19.1", "reason": why, "before": ""},
        "package:ripgrep": {"status": Status.NOT_REACHED, "current": None, "before": ""},
    }
    return tuple(replace(each, **ends.get(each.id, {})) for each in changed())


def host(name: str = "build-1", outcomes: tuple[Outcome, ...] | None = None, **more) -> HostReport:
    """One host with these steps; default: those of :func:`planned`."""
    return HostReport(name, False, planned() if outcomes is None else outcomes, about=ABOUT, work_dir=WORK, **more)


def unreachable(name: str) -> HostReport:
    """A host that never answered."""
    error = HostError(
        "it does not answer on port 22 (connection timed out)",
        remedy="Check its address, the port and the firewall. Nothing was changed.",
        host=name,
    )
    ends = {"status": Status.NOT_REACHED, "current": None, "reason": "", "diff": None}
    steps = tuple(each if each.status is Status.SKIPPED else replace(each, **ends) for each in planned())
    return HostReport(name, False, steps, error=error)


def a_plan() -> Report:
    """A plan for one host."""
    commands = ("curl -fsSL https://deb.nodesource.com/setup_20.x | sudo sh", "sudo apt-get install -y nodejs ripgrep")
    notices = ("apt's lists are 12 days old; they are fetched before anything is installed",)
    return Report("plan", (host(commands=commands, notices=notices),))


def a_run() -> Report:
    """A run that changed one host as planned."""
    return Report("apply", (host(outcomes=changed()),))


def a_fleet(count: int = 50) -> Report:
    """A run on many hosts: the 7th failed, the 13th and 14th never answered, every fifth was fine already."""
    fine = tuple(
        replace(each, status=Status.OK, before="") if each.status is Status.CHANGED else each for each in changed()
    )
    hosts = []
    for number in range(1, count + 1):
        name = f"web-{number:03}"
        if number == 7:
            hosts.append(host(name, failed(), commands=("sudo apt-get install -y nodejs ripgrep",)))
        elif number in (13, 14):
            hosts.append(unreachable(name))
        else:
            hosts.append(host(name, fine if number % 5 == 0 else changed()))
    return Report("apply", tuple(hosts), notices=("hosts.yml: [old] has no hosts",))


def a_fleet_of_long_names() -> Report:
    """A run on four and four hosts, whose names and files are long and differ only near the end."""
    names = ("secret-a.txt", "config-production.yaml", "config-staging.yaml")
    paths = [f"/srv/very/deep/path/that/goes/on/and/on/services/{each}" for each in names]
    steps = tuple(Outcome(f"file:{each}", "file", Status.OK, plugins=("manifest",), short=each) for each in paths)
    hosts = [
        host(f"ip-10-0-24-{number}.eu-central-1.compute.internal", (*steps, *(planned() if number % 2 else changed())))
        for number in range(17, 25)
    ]
    return Report("apply", tuple(hosts))


def a_nasty_run() -> Report:
    """A run in which everything that others may name is :data:`NASTY`."""
    step = Outcome(f"file:/{NASTY}", "file", Status.FAILED, NASTY, NASTY, (NASTY,), NASTY, NASTY, None)
    package = Outcome(f"package:{NASTY}", "package", Status.CHANGED, NASTY, NASTY, (NASTY,), NASTY, NASTY, None)
    error = HostError(f"{NASTY}\n{NASTY}", remedy=NASTY, host=NASTY)
    one = HostReport(
        NASTY,
        False,
        (replace(step, diff=f"{NASTY}\n+{NASTY}", real_path=NASTY, short=NASTY), replace(package, before=NASTY)),
        (NASTY,),
        (NASTY,),
        error,
        NASTY,
        NASTY,
        NASTY,
        NASTY,
    )
    other = replace(one, host=f"other {NASTY}", about="")
    return Report("apply", (one, other), (InputError(f"{NASTY}\n  {NASTY}", remedy=NASTY),), (NASTY,))


def timing(report: Report) -> Timing:
    """When such a report was made, and what its hosts were at."""
    spans = {}
    for number, each in enumerate(report.hosts):
        begin, slow = number % 7 / 10, 6 + number * 7 % 30
        spans[each.host] = (
            Span("checking", 0.1 + begin, 0.9),
            Span("copying 43 files (88 kB)", 1.0 + begin, 0.8),
            Span("installing with apt: nodejs", 1.8 + begin, slow),
            Span(f"installing with npm: {each.host}", 1.8 + begin + slow, 4),
        )
    total = max((each[-1].begin + each[-1].seconds for each in spans.values()), default=0)
    return Timing(BEGAN, total + 0.5, spans)
