"""The reports of which a page is kept: values as real hosts gave them."""

from __future__ import annotations

from mngr_ansible.diff.outcome import ONLY_A_RUN_CAN_TELL, Outcome, Status, short_path
from mngr_ansible.errors import HostError
from mngr_ansible.report import listings, text
from mngr_ansible.report.findings import Finding, findings_page
from mngr_ansible.report.page import Note, Page
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.values import replace

HOME, WORK_DIR = "/root", "/root/projects/agent-6f2b9c41"
DEBIAN, UBUNTU = "Debian GNU/Linux 12 (bookworm), root", "Ubuntu 24.04.2 LTS, agent"
APPLY = "mngr-ansible apply --manifest agent-host.yml --plugin claude --host build-1"


def package(name: str, status: str, current: str | None = None, wanted: str = "any", **more: object) -> Outcome:
    given = {"plugins": ("manifest",), "source": "apt" if status in ("missing", "too-old", "changed") else None, **more}
    return Outcome(f"package:{name}", "package", Status(status), current, wanted, **given)  # type: ignore[arg-type]


def file(path: str, status: str, wanted: str = "0644", **more: object) -> Outcome:
    short = short_path(path, HOME, WORK_DIR)
    given = {"plugins": ("manifest",), "wanted": wanted, "short": short, **more}
    return Outcome(f"file:{path}", "file", Status(status), **given)  # type: ignore[arg-type]


NPMRC = file(f"{HOME}/.npmrc", "missing", "0600, secret", reason="it does not exist")
CLAUDE = file(
    f"{HOME}/.claude",
    "differs",
    "directory",
    plugins=("claude",),
    reason="2 of 41 files",
    files={"total": 41, "due": 2},
)
SETTINGS = file(f"{WORK_DIR}/.claude/settings.json", "missing", plugins=("claude", "codex"), reason="it does not exist")
LONG = file(
    f"{WORK_DIR}/services/payments/deploy/environments/staging/agent-configuration.local.json",
    *("differs", "0640, agent:agent"),
    reason="mode 0644, needed 0640",
)
MODE = file("/etc/motd", "differs", reason="other content")
NODE = package("node", "too-old", "18.19.1", ">=20", plugins=("codex",), reason="codex: runs the agent")
UV = package("uv", "missing", None, ">=0.4", plugins=("claude", "codex"), source="installer")
FINE = tuple(
    package(name, "ok", version, wanted, plugins=plugins)
    for name, version, wanted, plugins in (
        ("git", "2.39.5", ">=2.39,<3", ("claude", "mngr")),
        ("ripgrep", "13.0.0", "any", ("claude",)),
        ("tmux", "3.3", "any", ("mngr",)),
        ("jq", "1.6", "any", ("manifest",)),
        ("rsync", "3.2.7", "any", ("mngr",)),
    )
)
SKIPPED = file(
    f"{HOME}/.codex.toml", "skipped", plugins=("codex",), reason="~/.codex.toml does not exist; it is optional"
)
MIXED = (NPMRC, CLAUDE, SETTINGS, LONG, MODE, SKIPPED, NODE, UV, *FINE)
COMMANDS = ("sudo apt-get update", "sudo apt-get install -y --no-install-recommends nodejs")
PRIVILEGE = (
    "agent has no root privilege on the host; an administrator must run: sudo apt-get install -y "
    "--no-install-recommends fd-find git ripgrep tmux"
)
SITE = Outcome("playbook:site.yml", "playbook", Status.UNKNOWN, plugins=("command-line",), reason=ONLY_A_RUN_CAN_TELL)
DIFF = """\
--- /etc/motd
+++ /etc/motd
@@ -1,2 +1,2 @@
-Welcome to build-1, which nobody looks after.
+Welcome to build-1, which belongs to the agents of the team that builds things.
 Please be kind."""


def to(outcome: Outcome, status: str, reason: str = "", **more: object) -> Outcome:
    return replace(outcome, status=Status(status), reason=reason, **more)


def host(*outcomes: Outcome, name: str = "build-1", about: str = DEBIAN, **more: object) -> HostReport:
    return HostReport(name, False, outcomes, about=about, work_dir=WORK_DIR, **more)  # type: ignore[arg-type]


def run(*outcomes: Outcome) -> tuple[Outcome, ...]:
    """The same steps after a run in which all went well."""
    return tuple(to(each, "changed") if each.status in ("missing", "too-old", "differs") else each for each in outcomes)


def dead(name: str, *outcomes: Outcome) -> HostReport:
    error = HostError("it does not answer", remedy="Check that it is up.", host=name)
    return HostReport(name, False, tuple(to(each, "not-reached") for each in outcomes), error=error)


def fleet(steps: tuple[Outcome, ...], *, count: int) -> tuple[HostReport, ...]:
    """So many hosts: most are alike, some need other things, some do not answer."""
    kinds = (steps, steps, steps, FINE, steps, (NODE, *FINE), steps)
    names = [f"web-{number:02}.eu.example.org" for number in range(1, count - 1)]
    alike = [host(*kinds[index % len(kinds)], name=name) for index, name in enumerate(names)]
    return (*alike, dead("db-1.example.org", *steps), dead("db-2.example.org", *steps))


def _plan(*hosts: HostReport) -> Page:
    return text.plan_page(Report("plan", hosts), APPLY)


def _apply(*hosts: HostReport, command: str = "apply") -> Page:
    return text.apply_page(Report(command, hosts))


def _blocked() -> Page:
    names = ("fd", "git", "ripgrep", "tmux")
    steps = [package(each, "blocked", reason=PRIVILEGE, source="apt") for each in names]
    return _plan(host(NPMRC, *steps, FINE[3], about="Debian GNU/Linux 12 (bookworm), agent"))


def _failed() -> Page:
    locked = (
        "apt: the package lists are locked by apt-get (pid 4711). Waited 60 s. Find out what it does: "
        "ps -o pid,etime,args -p 4711. Run again when it has ended"
    )
    steps = (*run(NPMRC, CLAUDE), to(NODE, "failed", locked), to(UV, "not-reached"), *FINE)
    return _apply(host(*steps, commands=COMMANDS[1:]))


def _local() -> Page:
    steps = (to(NODE, "advised"), FINE[0], FINE[1], to(NPMRC, "changed"))
    local = HostReport("localhost", True, steps, COMMANDS, about="Ubuntu 24.04.2 LTS, you")
    report = Report("apply", (local,))
    return (*text.advice_page(report), *text.apply_page(report))


def _hostile() -> Page:
    evil = package(
        "[bold red]x[/]", "blocked", "1\x1b[2J", ">=2", plugins=("p\rq",), reason="a\nb\x1b]0;t\x07 [link=x]"
    )
    wide = file(f"{WORK_DIR}/設定/エージェント設定.json", "missing", plugins=("日本語",))
    return _plan(host(evil, wide, name="[blink]h\x1b[31m"))


def _catalog() -> Page:
    tools = (
        ("fd", "Finds files"),
        ("git", "Version control"),
        ("jq", "JSON processor"),
        ("node", "JavaScript runtime"),
    )
    return listings.catalog_page(Report("catalog", extra={"tools": [_tool(*each) for each in tools]}), is_whole=False)


def _tool(name: str, summary: str, **more: object) -> dict[str, object]:
    homepage, note = f"https://example.org/{name}", ""
    return {"name": name, "summary": summary, "homepage": homepage, "note": note, "checks": [], "sources": [], **more}


def _source(source: str, package: str, **more: object) -> dict[str, object]:
    given = {"source": source, "packages": [package], "version": None, "only_on": [], "scope": "system", "requires": []}
    return {**given, "is_proven": True, **more}


def _one_tool() -> Page:
    sources = [
        _source("apt", "nodejs"),
        _source("NodeSource, apt", "nodejs", version="22", only_on=["debian", "ubuntu"], requires=["curl", "gnupg"]),
        _source("brew", "node", is_proven=False),
        _source("archive", "node", scope="user", only_on=["linux", "x86_64"]),
    ]
    note = "Debian's own node is old; from NodeSource you get the newest release that is supported for long."
    tool = _tool("node", "JavaScript runtime", checks=["command: node", "command: nodejs"], sources=sources, note=note)
    return listings.catalog_page(Report("catalog", extra={"tools": [tool]}), is_whole=True)


def _plugins() -> Page:
    rows = [
        {
            "name": "claude",
            "hooks": ["get_provision_file_transfers", "provision_agent"],
            "contributed": ["file:~/.claude", "package:git>=2.39", "package:ripgrep"],
        },
        {"name": "manifest", "hooks": [], "contributed": ["file:~/.npmrc", "package:node>=20"]},
    ]
    return listings.plugins_page(Report("plugins", extra={"plugins": rows}))


def _doctor() -> Page:
    return findings_page(
        [
            Finding("controller: Python", "ok", "3.12.1"),
            Finding("controller: ansible-core", "ok", "2.21.5"),
            Finding(
                *("controller: key", "warning", "~/.ssh/id_ed25519 has a passphrase, and no agent has it"),
                "Let the agent ask for it once: ssh-add ~/.ssh/id_ed25519",
            ),
            Finding("build-1: shell", "ok", "/bin/bash, silent"),
            Finding("build-1: privilege", "ok", "root through sudo, without a password"),
            Finding(
                *(
                    "build-1: clock",
                    "problem",
                    "17 minutes behind this machine: signatures of repositories look too new",
                ),
                "Set the clock: sudo timedatectl set-ntp true. Then run the same command again.",
            ),
            Finding("build-1: disk", "ok", "/ 41 GB free, /tmp 41 GB free"),
        ]
    )


def _check() -> Page:
    return findings_page(
        [
            Finding(
                *("agent-host.yml:3:5", "problem", "package has the unknown key 'verson' (did you mean version?)"),
                "Write version.",
            ),
            Finding("agent-host.yml:9:3", "warning", "git is named twice", "Leave one of them out."),
        ]
    )


def _notes() -> Page:
    behind = "/root/.claude is a link to /srv/shared/claude, where these really are: /root/.claude/settings.json"
    readable = (
        "/srv/team/token: other users can read this secret of manifest (agent-host.yml); run: chmod 600 /srv/team/token"
    )
    return tuple(Note(each, label="note") for each in (behind, readable, "git: claude overrides what mngr has said"))


PAGES: dict[str, Page] = {
    "plan": _plan(host(*MIXED)),
    "plan-nothing-to-change": _plan(host(*FINE)),
    "plan-nothing-needed": _plan(host()),
    "plan-blocked": _blocked(),
    "plan-optional": _plan(host(NPMRC, package("fd", "blocked", reason=PRIVILEGE, is_required=False), *FINE)),
    "plan-playbooks": _plan(host(SITE, *FINE)),
    "plan-diff": _plan(host(NPMRC, replace(MODE, diff=DIFF))),
    "plan-several-hosts": _plan(host(*MIXED), host(NPMRC, NODE, *FINE, name="ci-1", about=UBUNTU), dead("db-1", NPMRC)),
    "plan-50-hosts": _plan(*fleet(MIXED, count=50)),
    "plan-for-a-system": text.for_distro_page(
        Report(
            "plan", (HostReport("fedora:44", False, (NODE, UV), COMMANDS, about="Fedora Linux 44, a user with sudo"),)
        )
    ),
    "plan-agents": text.plan_page(
        Report("plan", tuple(host(*MIXED, name=f"agent-{each}", agent=f"agent-{each}") for each in "ab")),
        "mngr ansible apply agent-a agent-b",
    ),
    "plan-hostile-words": _hostile(),
    "apply": _apply(host(*run(*MIXED))),
    "apply-failed": _failed(),
    "apply-by-hand": _apply(host(*run(NPMRC), to(NODE, "advised"), *FINE, commands=COMMANDS)),
    "apply-on-this-machine": _local(),
    "apply-several-hosts": _apply(
        host(*run(*MIXED)), host(*run(NPMRC, NODE), *FINE, name="ci-1", about=UBUNTU), dead("db-1", NPMRC, NODE)
    ),
    "apply-50-hosts": _apply(
        *(replace(each, outcomes=run(*each.outcomes)) for each in fleet(MIXED, count=50)),
        host(to(NODE, "failed", "apt: no space left on the host's disk (/var/cache/apt)"), *FINE, name="web-51"),
    ),
    "apply-quiet": text.wrong_page(
        Report("apply", (host(*run(NPMRC)), host(to(NODE, "failed", "no space left"), name="b")))
    ),
    "render": text.render_page(Report("render", (host(NPMRC, NODE),), extra={"path": "/srv/run"})),
    "bootstrap": text.summed_page(
        Report("bootstrap", (host(package("python3", "missing", None, ">=3.9"), *FINE[:3], name="new-1"),))
    ),
    "plugins": _plugins(),
    "plugins-none": listings.plugins_page(Report("plugins", extra={"plugins": []})),
    "catalog": _catalog(),
    "catalog-of-one-tool": _one_tool(),
    "doctor": _doctor(),
    "check": _check(),
    "notes": _notes(),
}
"""By the name of their screen."""
