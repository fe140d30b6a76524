"""The table of causes against the real tools: what they print when something fails, provoked on hosts of their own."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from mngr_ansible.portable import causes, managers
from tests.support.hosts import AptRepository, PacmanRepository, RpmRepository, User
from tests.support.registries import served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.conftest import StartHost
    from tests.support.hosts import SshHost

DEAD = "http://127.0.0.1:9/x"
NAMELESS = "http://nowhere.invalid/x"


class Fault(NamedTuple):
    """One thing that goes wrong: how it is prepared and undone, what is run, the kind of its cause, and its words."""

    name: str
    prepare: str
    command: Sequence[str]
    kind: str
    words: str
    undo: str = "true"


def seen(host: SshHost, tool: str, faults: Sequence[Fault]) -> dict[str, str]:
    """What is told of each of these faults, where that is not what it should be."""
    wrong = {}
    for each in faults:
        host.run(each.prepare, check=False)
        line = shlex.join(managers.with_environment(tool, each.command))
        done = host.run(f"cd / && {line} </dev/null 2>&1", check=False, timeout=120)
        host.run(each.undo, check=False)
        is_refresh = list(each.command) == list(managers.TABLE[tool].refresh)
        found = causes.unfetched(tool, done.returncode, done.stdout) if is_refresh else None
        found = found or causes.explain(tool, done.returncode, done.stdout, ["it"])
        if found.kind != each.kind or each.words not in found.sentences:
            wrong[each.name] = f"{found.kind}: {found.sentences}\n{done.stdout[-600:]}"
    for name, what in wrong.items():
        print(f"{tool}, {name}: {what}")
    return wrong


def install(tool: str, *names: str, scope: str = "system") -> list[str]:
    return managers.install(tool, names, scope, "/root")


def test_what_apt_says(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    offered = AptRepository(tmp_path / "apt")
    offered.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
    offered.add("broken", "1.0", depends="nowhere-to-be-found")
    offered.add("newer", "1.0", depends="mtool (>= 9)")
    offered.add("deep", "1.0", depends="broken")
    offered.add("rival", "1.0", conflicts="mtool")
    offered.add("same", "1.0", files={"/usr/bin/mtool": "x"})
    offered.add("badpre", "1.0", preinst="exit 3")
    host = ssh_host(layer="python", repository=offered, lists="fresh")
    refresh, source = managers.TABLE["apt"].refresh, "/etc/apt/sources.list.d/x.list"
    undo = f"rm -rf {source} /srv/other; apt-get update -qq"
    made = "mkdir /srv/other; cd /srv/other; touch Packages; date -Ru | sed 's/^/Date: /' >Release; "
    made += """(echo Label: a; echo SHA256:; echo " $(sha256sum Packages | cut -d' ' -f1) 0 Packages") >>Release; """
    label = f"{made}echo 'deb [trusted=yes] copy:/srv/other ./' >{source}; apt-get update; sed -i 's/: a$/: b/' Release"
    read_only = "mount --bind /var/lib/dpkg /var/lib/dpkg; mount -o remount,ro,bind /var/lib/dpkg"

    def with_source(line: str) -> str:
        return f"echo 'deb {line}' >{source}"

    assert not seen(
        host,
        "apt",
        [
            Fault("unmet", "true", install("apt", "broken"), "unmet", "broken needs nowhere-to-be-found"),
            Fault("too new", "true", install("apt", "newer"), "unmet", "newer needs mtool (>= 9)"),
            Fault("unmet below", "true", install("apt", "deep"), "unmet", "broken needs nowhere-to-be-found"),
            Fault("both", "true", install("apt", "rival", "mtool"), "conflict", "rival conflicts with mtool"),
            Fault("no package", "true", install("apt", "nowhere"), "unknown", "does not know the package nowhere"),
            Fault("script", "true", install("apt", "badpre"), "script", "badpre could not be set up"),
            Fault("read-only", read_only, install("apt", "mtool"), "read-only", "read-only", "umount /var/lib/dpkg"),
            Fault(
                "removal", "apt-get install -y mtool", install("apt", "rival"), "conflict", "would have to remove other"
            ),
            Fault("same file", "true", install("apt", "same"), "conflict", "/usr/bin/mtool already belongs to mtool"),
            Fault(
                "pinned away",
                "printf 'Package: badpre\\nPin: version *\\nPin-Priority: -1\\n' >/etc/apt/preferences.d/x",
                install("apt", "badpre"),
                "policy",
                "apt preferences (a pin) forbid it",
                "rm /etc/apt/preferences.d/x",
            ),
            Fault("not root", "true", ["runuser", "-u", "nobody", "--", *refresh], "privilege", "become root"),
            Fault("refused", with_source(f"[trusted=yes] {DEAD} ./"), refresh, "network", "127.0.0.1:9 refuses", undo),
            Fault("no name", with_source(f"[trusted=yes] {NAMELESS} ./"), refresh, "network", "name nowhere.inv", undo),
            Fault(
                "no tls",
                with_source(f"[trusted=yes] {DEAD} ./".replace("http:", "https:")),
                refresh,
                "network",
                "127.0.0.1:9 refuses",
                undo,
            ),
            Fault(
                "no Release",
                "mkdir /srv/other; " + with_source("copy:/srv/other ./"),
                refresh,
                "network",
                "copy:/srv/other ./ Release has no Release file",
                undo,
            ),
            Fault("unsigned", made + with_source("copy:/srv/other ./"), refresh, "key", "is not signed", undo),
            Fault("label", label, refresh, "key", "changed its Label from 'a' to 'b'", undo),
            Fault(
                "hash",
                made
                + f"echo Package: zz >Packages; sed -i 's/^ [0-9a-f]* 0/ {'0' * 64} 12/' Release; "
                + with_source("[trusted=yes] copy:/srv/other ./"),
                refresh,
                "checksum",
                "not what its lists name",
                undo,
            ),
            Fault("malformed", with_source("http://x"), refresh, "refused", f"line 1 of {source} is wrong", undo),
            Fault("a word", f"echo 'debb a b c' >{source}", refresh, "refused", f"line 1 of {source} is wrong", undo),
        ],
    )


@pytest.mark.parametrize("tool", ["dnf", "zypper"])
def test_what_dnf_and_zypper_say(ssh_host: StartHost, tmp_path: Path, tool: str) -> None:
    tmp_path.chmod(0o755)
    offered = RpmRepository(tmp_path / "rpm")
    offered.add("mtool", "1:1.5-1", commands={"mtool": "echo mtool version 1.5"})
    offered.add("other", "1.0-1", commands={"other": "x"})
    offered.add("rival", "1.0-1", conflicts="other")
    offered.add("broken", "1.0-1", depends="nowhere")
    offered.add("deep", "1.0-1", depends="broken")
    offered.add("same", "1.0-1", files={"/usr/bin/other": "y"})
    offered.add("hurt", "1.0-1", preinst="exit 3")
    host = ssh_host(layer=tool, repository=offered, lists="fresh")
    places = {"dnf": "/etc/yum.repos.d", "zypper": "/etc/zypp/repos.d"}[tool]
    refresh, undo = managers.TABLE[tool].refresh, f"rm {places}/x.repo"
    hold, free = {
        "dnf": ("echo excludepkgs=mtool >>/etc/dnf/dnf.conf", "sed -i /excludepkgs/d /etc/dnf/dnf.conf"),
        "zypper": ("zypper addlock mtool", "zypper removelock mtool"),
    }[tool]

    def with_source(url: str, more: str = "gpgcheck=0") -> str:
        return f"printf '[x]\\nname=x\\nbaseurl={url}\\nenabled=1\\n{more}\\n' >{places}/x.repo"

    faults = [
        Fault("unmet", "true", install(tool, "broken"), "unmet", "broken-1.0-1.noarch needs nowhere"),
        Fault("unmet below", "true", install(tool, "deep"), "unmet", "broken-1.0-1.noarch needs nowhere"),
        Fault("no package", "true", install(tool, "nowhere"), "unknown", "does not know the package nowhere"),
        Fault("script", "true", install(tool, "hurt"), "script", "own script failed"),
        Fault(
            "conflict",
            shlex.join(install(tool, "other")),
            install(tool, "rival"),
            "conflict",
            "rival-1.0-1.noarch conflicts with other-1.0-1.noarch",
        ),
        Fault("same file", "true", install(tool, "same"), "conflict", "/usr/bin/other already belongs to other"),
        Fault(
            "not root", "true", ["runuser", "-u", "nobody", "--", *install(tool, "mtool")], "privilege", "become root"
        ),
        Fault("refused", with_source(DEAD), refresh, "network", "127.0.0.1 port 9 refuses the connection", undo),
        Fault("no name", with_source(NAMELESS), refresh, "network", "name nowhere.invalid cannot be", undo),
        Fault("no directory", with_source("file:///srv/none"), refresh, "network", "/srv/none", undo),
        Fault(
            "unsigned",
            f"cp -r /srv/rpm /srv/other; {with_source('file:///srv/other', 'repo_gpgcheck=1')}",
            refresh,
            "key",
            "does not trust the signature of a package source",
            f"{undo}; rm -r /srv/other",
        ),
        Fault(
            "no source",
            f"mv {places}/*.repo /tmp",
            install(tool, "mtool"),
            "refused",
            "source",
            f"mv /tmp/*.repo {places}",
        ),
    ]
    if tool == "dnf":
        faults.append(Fault("held", hold, install(tool, "mtool"), "held", "mtool is held back", free))
    assert not seen(host, tool, faults)


def test_what_pacman_says(ssh_host: StartHost, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    offered = PacmanRepository(tmp_path / "pacman")
    offered.add("mtool", "1:1.5-1", commands={"mtool": "echo mtool version 1.5"})
    offered.add("other", "1.0-1", commands={"other": "x"})
    offered.add("rival", "1.0-1", conflicts="other")
    offered.add("broken", "1.0-1", depends="nowhere")
    offered.add("same", "1.0-1", files={"/usr/bin/other": "y"})
    offered.add("nobodys", "1.0-1", files={"/usr/bin/nobodys": "y"})
    host = ssh_host(layer="pacman", repository=offered, lists="fresh")
    refresh, settings = managers.TABLE["pacman"].refresh, "/etc/pacman.d/tests.conf"
    undo = f"cp /tmp/kept {settings}"

    def with_server(url: str) -> str:
        return f"cp {settings} /tmp/kept; sed -i 's#^Server.*#Server = {url}#' {settings}"

    def read_only(place: str) -> str:
        return f"mount --bind {place} {place}; mount -o remount,ro,bind {place}"

    assert not seen(
        host,
        "pacman",
        [
            Fault("unmet", "true", install("pacman", "broken"), "unmet", "broken needs nowhere"),
            Fault(
                "conflict",
                "pacman -S --noconfirm other",
                install("pacman", "rival"),
                "conflict",
                "rival conflicts with other",
            ),
            Fault(
                "same file", "true", install("pacman", "same"), "conflict", "/usr/bin/other already belongs to other"
            ),
            Fault("nobody's file", "touch /usr/bin/nobodys", install("pacman", "nobodys"), "conflict", "to no package"),
            Fault("no package", "true", install("pacman", "nowhere"), "unknown", "the package nowhere"),
            Fault(
                "lock",
                "touch /var/lib/pacman/db.lck",
                install("pacman", "mtool"),
                "locked",
                "db.lck",
                "rm /var/lib/pacman/db.lck",
            ),
            Fault(
                "read-only database",
                read_only("/var/lib/pacman"),
                install("pacman", "mtool"),
                "read-only",
                "read-only",
                "umount /var/lib/pacman",
            ),
            Fault(
                "read-only /usr", read_only("/usr"), install("pacman", "mtool"), "read-only", "read-only", "umount /usr"
            ),
            Fault("refused", with_server(DEAD), refresh, "network", "127.0.0.1 port 9 refuses the connection", undo),
            Fault("no name", with_server(NAMELESS), refresh, "network", "name nowhere.invalid cannot be", undo),
            Fault(
                "signature",
                f"cp {settings} /tmp/kept; sed -i 's#^SigLevel.*#SigLevel = Required#' {settings}",
                install("pacman", "mtool"),
                "key",
                "does not trust the signature of a package source",
                undo,
            ),
            Fault(
                "no source",
                f"cp {settings} /tmp/kept; : >{settings}",
                install("pacman", "mtool"),
                "refused",
                "no package source",
                undo,
            ),
            Fault("no lists", "rm -r /var/lib/pacman/sync", install("pacman", "mtool"), "network", "pacman -Syu"),
            Fault(
                "not root", "true", ["runuser", "-u", "nobody", "--", *install("pacman", "mtool")], "privilege", "root"
            ),
        ],
    )


def test_what_npm_pip_uv_and_pipx_say(ssh_host: StartHost) -> None:
    import uv

    host = ssh_host(layer="languages", users=(User("dev"),))
    shutil.copy(uv.find_uv_bin(), host.root_path / "usr/local/bin/uv")
    with served() as registries:
        registries.add_npm("ntool", "2.0.0", "ntool")
        registries.add_wheel("wtool", "2.0", "wtool")
        registries.tell(host)
        npm, pip = install("npm", "ntool"), install("pip", "wtool", scope="user")
        tool, pipx = install("uv", "wtool", scope="user"), install("pipx", "wtool", scope="user")
        dead = ["env", "npm_config_registry=http://127.0.0.1:9/", *npm]
        nameless = ["env", f"npm_config_registry={NAMELESS}/", *managers.queries("npm", ["ntool"])[0]]
        assert not seen(
            host,
            "npm",
            [
                Fault("no package", "true", install("npm", "nosuch"), "unknown", "does not know the package nosuch."),
                Fault("no version", "true", install("npm", "ntool@>=9"), "unknown", "has no version ntool@>=9"),
                Fault(
                    "foreign",
                    "touch /usr/local/bin/ntool",
                    npm,
                    "conflict",
                    "named /usr/local/bin/ntool",
                    "rm /usr/local/bin/ntool",
                ),
                Fault("not root", "true", ["runuser", "-u", "dev", "--", *npm], "permission", "may not write"),
                Fault(
                    "offline",
                    "echo offline=true >>/root/.npmrc",
                    npm,
                    "network",
                    "offline",
                    "sed -i /offline/d /root/.npmrc",
                ),
                Fault("refused", "true", dead, "network", "127.0.0.1:9 refuses the connection"),
                Fault("no name", "true", nameless, "network", "the name nowhere.invalid cannot be resolved"),
                Fault(
                    "no node",
                    "mv /usr/bin/node /usr/bin/kept",
                    npm,
                    "refused",
                    "has no node",
                    "mv /usr/bin/kept /usr/bin/node",
                ),
            ],
        )
        marker = "for file in /usr/lib/python3.*/EXTERNALLY-MANAGED; do mv $file $file.kept; done"
        assert not seen(
            host,
            "pip",
            [
                Fault("managed", "true", pip, "policy", "belongs to its distribution", marker),
                Fault(
                    "no environment",
                    "true",
                    ["env", "PIP_REQUIRE_VIRTUALENV=1", *pip],
                    "policy",
                    "PIP_REQUIRE_VIRTUALENV",
                ),
                Fault("no package", "true", install("pip", "nosuch", scope="user"), "unknown", "finds no nosuch"),
                Fault("no version", "true", install("pip", "wtool>=9", scope="user"), "unknown", "finds no wtool>=9"),
                Fault(
                    "refused",
                    "true",
                    ["env", "PIP_INDEX_URL=http://127.0.0.1:9/simple", "PIP_RETRIES=1", *pip],
                    "network",
                    "127.0.0.1:9 refuses the connection",
                ),
                Fault(
                    "no https",
                    "true",
                    ["env", f"PIP_INDEX_URL={NAMELESS}", *pip],
                    "refused",
                    "nowhere.invalid, which is not",
                ),
            ],
        )
        assert not seen(
            host,
            "uv",
            [
                Fault("no package", "true", install("uv", "nosuch", scope="user"), "unknown", "package nosuch"),
                Fault("no version", "true", install("uv", "wtool>=9", scope="user"), "unknown", "finds no wtool>=9"),
                Fault("offline", "true", ["env", "UV_OFFLINE=1", *tool], "network", "UV_OFFLINE"),
                Fault("too new", "true", ["env", "UV_EXCLUDE_NEWER=2020-01-01", *tool], "policy", "exclude-newer"),
                Fault(
                    "foreign",
                    "mkdir -p /root/.local/bin; touch /root/.local/bin/wtool",
                    tool,
                    "conflict",
                    "named wtool",
                ),
                Fault(
                    "refused",
                    "true",
                    ["env", "UV_DEFAULT_INDEX=http://127.0.0.1:9/simple", "UV_HTTP_RETRIES=0", *tool],
                    "network",
                    "127.0.0.1:9 refuses the connection",
                ),
                Fault(
                    "read-only",
                    "mount -t tmpfs -o ro x /root/.local",
                    tool,
                    "read-only",
                    "read-only",
                    "umount /root/.local",
                ),
            ],
        )
        assert not seen(
            host,
            "pipx",
            [Fault("no package", "true", [*pipx[:-1], "nosuch"], "unknown", "pipx finds no")],
        )
