"""The module ``mngr_packages_repository``: a third party's repository on real hosts, signed by real keys."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.controller import role_module
from tests.support.hosts import AptRepository, RpmRepository, SshHost, User
from tests.support.https_server import https_server
from tests.support.role_playbook import Play, play
from tests.support.signing import Gpg, Key, gpg, sign, sign_rpm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import StartHost

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg, which signs the repository")

armored = role_module("mngr_packages", "mngr_packages_keys").armored
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\naaaa\n-----END PGP PUBLIC KEY BLOCK-----\n"
_SOURCES = "/etc/apt/sources.list.d/third.sources"
_KEY = "/etc/apt/keyrings/third.asc"


@pytest.fixture(scope="session")
def maker() -> Iterator[Gpg]:
    with gpg() as made:
        yield made


@pytest.fixture(scope="session")
def key(maker: Gpg) -> Key:
    return maker.key("third", "rsa2048", subkey="rsa2048")


@pytest.fixture
def own(tmp_path: Path) -> AptRepository:
    """The host's own repository; the third party's lies below it, as ``/srv/apt/third``."""
    tmp_path.chmod(0o755)
    return AptRepository(tmp_path / "apt")


@pytest.fixture
def third(own: AptRepository, key: Key, maker: Gpg) -> AptRepository:
    made = AptRepository(own.path / "third")
    made.add("ttool", "3.1-1", commands={"ttool": "echo ttool 3.1"})
    sign(made, key, maker)
    return made


def apt(key: Key, /, **more: str) -> dict[str, str]:
    given = {"manager": "apt", "name": "third", "url": "copy:/srv/apt/third", "suite": "stable", "component": "main"}
    return {**given, "key": key.text, "fingerprint": key.fingerprint, **more}


def add(tmp_path: Path, host: SshHost, *repositories: object, options: tuple[str, ...] = (), **more: Any) -> Play:
    variables = {"mngr_packages_install": "auto", "mngr_packages_timeout": 60, **more}
    given = {"mngr_packages_repositories": list(repositories)}
    return play(tmp_path, host, "mngr_packages", *options, tasks_from="repositories", **given, **variables)


def message(ran: Play) -> str:
    assert ran.code == 2, ran.text
    text: str = ran.results[-1]["msg"]
    return text


def untouched(host: SshHost) -> bool:
    return host.run(f"ls {_SOURCES} {_KEY} 2>/dev/null", check=False).stdout == ""


@pytest.mark.parametrize("layout", ["suite", "flat"])
def test_a_signed_repository_is_added_and_used_and_a_second_run_changes_nothing(
    ssh_host: StartHost, own: AptRepository, third: AptRepository, key: Key, tmp_path: Path, layout: str
) -> None:
    host = ssh_host(repository=own, lists="fresh")
    repository = apt(key) if layout == "suite" else apt(key, suite="./", component="")
    first = add(tmp_path, host, repository)
    assert (first.code, first.changed) == (0, 1), first.text
    assert first.outcomes == {"repository:third": "changed"}
    for path in (_SOURCES, _KEY):
        made = host.run(f"stat -c '%a %u %g' {path}; head -n1 {path}").stdout
        assert made == "644 0 0\n# Written by mngr-ansible\n"
    updated = host.run("apt-get update && apt-get install -y ttool && ttool 2>&1")
    assert updated.stdout.endswith("ttool 3.1\n")
    assert "W:" not in updated.stderr
    before = host.run(f"stat -c '%i %y' {_SOURCES} {_KEY}").stdout
    second = add(tmp_path, host, repository)
    assert (second.code, second.changed, second.outcomes) == (0, 0, {"repository:third": "ok"}), second.text
    assert host.run(f"stat -c '%i %y' {_SOURCES} {_KEY}").stdout == before


def test_what_was_changed_after_signing_or_signed_by_another_is_refused_by_apt(
    ssh_host: StartHost, own: AptRepository, third: AptRepository, key: Key, maker: Gpg, tmp_path: Path
) -> None:
    host = ssh_host(repository=own, lists="fresh")
    assert add(tmp_path, host, apt(key)).code == 0
    sign(third, maker.key("stranger"), maker)
    refused = host.run("apt-get update; apt-get install -y ttool", check=False)
    assert refused.returncode
    assert "NO_PUBKEY" in refused.stderr or "is not signed" in refused.stderr
    assert host.run("command -v ttool", check=False).returncode


@pytest.mark.parametrize("scheme", ["text", "https"])
def test_with_a_wrong_fingerprint_nothing_is_written_and_both_are_named(
    ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path, scheme: str
) -> None:
    host = ssh_host(repository=own)
    wrong = "AB" * 20
    with https_server(tmp_path) as server:
        server.trusted_by(host)
        server.offer("/key.asc", key.text.encode())
        given = key.text if scheme == "text" else server.url("/key.asc")
        ran = add(tmp_path, host, apt(key, key=given, fingerprint=wrong))
    expected = f"its key cannot be trusted: the key has the fingerprint {key.fingerprint}, expected {wrong}"
    assert expected in message(ran)
    assert message(ran).endswith("Nothing was written.")
    assert ran.outcomes == {"repository:third": "failed"}
    assert untouched(host)


def test_a_key_is_downloaded_once_and_other_keys_in_its_file_are_not_trusted(
    ssh_host: StartHost, own: AptRepository, third: AptRepository, key: Key, maker: Gpg, tmp_path: Path
) -> None:
    host = ssh_host(repository=own)
    other = maker.key("other")
    with https_server(tmp_path) as server:
        server.trusted_by(host)
        server.offer("/keys.gpg", other.content + key.content)
        repository = apt(key, key=server.url("/keys.gpg"), fingerprint=key.fingerprint.lower())
        ran = add(tmp_path, host, repository)
        assert ran.code == 0, ran.text
        second = add(tmp_path, host, repository)
        assert (second.changed, server.requests) == (0, ["/keys.gpg"])
    assert maker.run("--dearmor", stdin=host.run(f"cat {_KEY}").stdout.encode()) == key.content
    host.run("apt-get update && apt-get install -y ttool")


@pytest.mark.parametrize("scheme", ["text", "https"])
@pytest.mark.parametrize("attack", ["public key", "secret key", "secret key before", "subkey"])
def test_what_an_attacker_signs_is_never_trusted_whatever_is_put_into_the_key_file(
    ssh_host: StartHost, own: AptRepository, maker: Gpg, tmp_path: Path, attack: str, scheme: str
) -> None:
    key, attacker = maker.key(f"vendor {attack} {scheme}"), maker.key(f"attacker {attack} {scheme}", subkey="ed25519")
    secret = maker.run("--export-secret-keys", attacker.fingerprint)
    content = {
        "public key": key.content + attacker.content,
        "secret key": key.content + secret,
        "secret key before": secret + key.content,
        "subkey": key.content + _subkey_of(attacker),
    }[attack]
    theirs = AptRepository(own.path / "third")
    theirs.add("ttool", "3.1-1", commands={"ttool": "echo ttool 3.1"})
    sign(theirs, attacker, maker)
    host = ssh_host(repository=own, lists="fresh")
    with https_server(tmp_path) as server:
        server.trusted_by(host)
        server.offer("/key", content)
        given = server.url("/key") if scheme == "https" else armored(content)
        ran = add(tmp_path, host, apt(key, key=given))
    assert (ran.code == 0) == (attack == "public key"), ran.text
    if ran.code:
        assert "its key cannot be trusted" in message(ran)
        assert untouched(host)
    refused = host.run("apt-get update; apt-get install -y ttool", check=False)
    assert refused.returncode
    assert host.run("command -v ttool", check=False).returncode


def _subkey_of(key: Key) -> bytes:
    """The last two packets of a key: its subkey, and the signature that binds it to its own primary key."""
    listed = subprocess.run(["gpg", "--list-packets"], input=key.content, check=True, capture_output=True).stdout
    offsets = [int(line.split()[1][4:]) for line in listed.decode().splitlines() if line.startswith("# off=")]
    return key.content[offsets[-2] : offsets[-1]]


@pytest.mark.parametrize("way", ["expired", "revoked"])
def test_a_key_that_can_no_longer_be_used_is_refused_before_anything_is_written(
    ssh_host: StartHost, own: AptRepository, maker: Gpg, tmp_path: Path, way: str
) -> None:
    key = maker.expired("old") if way == "expired" else maker.revoked("gone")
    host = ssh_host(repository=own)
    assert f"the key {key.fingerprint} {'has expired' if way == 'expired' else 'is revoked'}" in message(
        add(tmp_path, host, apt(key))
    )
    assert untouched(host)


def test_one_wrong_repository_prevents_all_from_being_written(
    ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path
) -> None:
    host = ssh_host(repository=own)
    ran = add(tmp_path, host, apt(key), apt(key, name="fourth", fingerprint="0" * 40))
    assert "fourth: its key cannot be trusted" in message(ran)
    assert untouched(host)


@pytest.mark.parametrize("path", [_SOURCES, _KEY])
def test_a_file_of_that_name_that_is_not_ours_is_never_overwritten(
    ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path, path: str
) -> None:
    host = ssh_host(repository=own)
    host.run(f"mkdir -p /etc/apt/keyrings; echo '# mine' >{path}")
    ran = add(tmp_path, host, apt(key))
    assert f"third: {path} was not written by mngr-ansible, and is never overwritten" in message(ran)
    assert host.run(f"cat {_SOURCES} {_KEY} 2>/dev/null", check=False).stdout == "# mine\n"


def test_a_repository_of_ours_is_updated(ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path) -> None:
    host = ssh_host(repository=own)
    assert add(tmp_path, host, apt(key)).code == 0
    ran = add(tmp_path, host, apt(key, component="main contrib"))
    assert (ran.code, ran.changed) == (0, 1), ran.text
    assert "Components: main contrib\n" in host.run(f"cat {_SOURCES}").stdout


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("old.list", "deb [signed-by=/some.gpg] copy:/srv/apt/third/ stable main"),
        ("old.sources", "Types: deb\nURIs: copy:/srv/apt/third\nSuites: stable\nComponents: main\nTrusted: yes"),
    ],
)
def test_a_repository_that_the_host_has_in_another_file_is_left_alone(
    ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path, file: str, content: str
) -> None:
    host = ssh_host(repository=own)
    host.run(f"cat >/etc/apt/sources.list.d/{file}", stdin=f"# copy:/srv/apt/third stable\n{content}\n")
    ran = add(tmp_path, host, apt(key))
    assert (ran.code, ran.changed) == (0, 0), ran.text
    assert f"third: the host has it already, in /etc/apt/sources.list.d/{file}" in ran.text
    assert untouched(host)
    host.run(f"sed -i s/stable/testing/ /etc/apt/sources.list.d/{file}")
    assert add(tmp_path, host, apt(key)).changed == 1


def test_check_mode_and_print_write_nothing(ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path) -> None:
    host = ssh_host(repository=own)
    checked = add(tmp_path, host, apt(key), options=("--check",))
    assert (checked.code, checked.changed, checked.results[-1]["added"]) == (0, 1, ["third"]), checked.text
    printed = add(tmp_path, host, apt(key), mngr_packages_install="print")
    assert f"To add them, write as root {_KEY}, {_SOURCES}" in message(printed)
    assert untouched(host)


@pytest.mark.parametrize("root_by", ["nothing", "sudo", "doas"])
def test_only_a_user_who_can_become_root_adds_a_repository(
    ssh_host: StartHost, own: AptRepository, key: Key, tmp_path: Path, root_by: str
) -> None:
    login = User("dev", root_by=root_by)  # type: ignore[arg-type]
    host = ssh_host(layer="tools", users=(login,), repository=own).as_user("dev")
    if root_by == "doas":
        host.run("rm /usr/bin/sudo")
    ran = add(tmp_path, host, apt(key))
    if root_by == "nothing":
        assert "has no sudo without a password; an administrator must write" in message(ran)
        assert untouched(host)
    else:
        assert ran.code == 0, ran.text
        assert host.run(f"stat -c '%U:%G %a' {_SOURCES} {_KEY}").stdout == "root:root 644\n" * 2


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"name": "../third"}, "its name is missing"),
        ({"url": "copy:/srv/apt third"}, "its url is missing"),
        ({"url": "https://joe:secret@127.0.0.1/apt"}, "its url is missing"),
        ({"suite": "stable\nTrusted: yes"}, "its suite is missing"),
        ({"suite": ""}, "its suite is missing"),
        ({"component": ""}, "its component is missing"),
        ({"fingerprint": "ABCD1234"}, "its fingerprint is missing"),
        ({"key": "http://127.0.0.1/key"}, "its key is missing"),
        (
            {"key": "x\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\naaaa\n-----END PGP PUBLIC KEY BLOCK-----\n"},
            "its key is",
        ),
        (
            {"key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\nC: \x1b[2J\n\naa\n-----END PGP PUBLIC KEY BLOCK-----"},
            "its key is",
        ),
        ({"manager": "dnf"}, "this host has no dnf"),
    ],
)
def test_an_invalid_repository_is_refused(
    shared_host: SshHost, key: Key, tmp_path: Path, given: dict[str, str], reason: str
) -> None:
    ran = add(tmp_path, shared_host, apt(key, **given))
    assert reason in message(ran)
    assert untouched(shared_host)


_RPM = {
    "dnf": ("/etc/yum.repos.d/third.repo", "dnf -y install"),
    "zypper": ("/etc/zypp/repos.d/third.repo", "zypper --non-interactive install"),
}
_RPM_KEY = "/etc/pki/rpm-gpg/RPM-GPG-KEY-third"


@pytest.fixture
def rpms(tmp_path: Path, key: Key) -> RpmRepository:
    """The host's own repository, and below it the third party's with one package that is signed and one that is not."""
    tmp_path.chmod(0o755)
    made = RpmRepository(tmp_path / "rpm")
    third = RpmRepository(made.path / "third")
    sign_rpm(third.add("ttool", "3.1", commands={"ttool": "echo ttool 3.1"}), key)
    third.add("unsigned", "1.0", commands={"unsigned": "echo unsigned 1.0"})
    return made


@pytest.mark.skipif(not shutil.which("rpmsign"), reason="needs rpmsign")
@pytest.mark.parametrize("manager", ["dnf", "zypper"])
def test_dnf_and_zypper_install_only_signed_packages_from_an_added_repository(
    ssh_host: StartHost, rpms: RpmRepository, key: Key, tmp_path: Path, manager: str
) -> None:
    host = ssh_host(layer=manager, repository=rpms, lists="fresh")
    path, install = _RPM[manager]
    given = {"manager": manager, "name": "third", "url": "file:///srv/rpm/third", "key": key.text}
    wrong = add(tmp_path, host, {**given, "fingerprint": "AB" * 20})
    assert "its key cannot be trusted" in message(wrong)
    needed = {"mngr_packages_requirements": [{"name": "ttool", "version": ">=3"}]}
    right = {"mngr_packages_repositories": [{**given, "fingerprint": key.fingerprint}]}
    foretold = play(tmp_path, host, "mngr_packages", "--check", **needed, **right)
    assert (foretold.code, foretold.changed) == (0, 2), foretold.text
    assert foretold.outcomes == {"package:ttool": "changed"}
    assert host.run(f"ls {path} {_RPM_KEY} 2>/dev/null", check=False).stdout == ""
    first = add(tmp_path, host, {**given, "fingerprint": key.fingerprint})
    assert (first.code, first.changed) == (0, 1), first.text
    second = add(tmp_path, host, {**given, "fingerprint": key.fingerprint})
    assert (second.code, second.changed) == (0, 0), second.text
    assert host.run(f"head -qn1 {path} {_RPM_KEY}").stdout == "# Written by mngr-ansible\n" * 2
    unsigned = host.run(f"{install} unsigned", check=False)
    assert unsigned.returncode, unsigned.stdout
    assert "not signed" in unsigned.stdout + unsigned.stderr
    installed = play(tmp_path, host, "mngr_packages", mngr_packages_requirements=[{"name": "ttool", "version": ">=3"}])
    assert installed.code == 0, installed.text
    assert host.run("ttool; command -v unsigned", check=False).stdout == "ttool 3.1\n"


def test_a_repository_is_added_before_its_packages_are_installed(
    ssh_host: StartHost, own: AptRepository, third: AptRepository, key: Key, tmp_path: Path
) -> None:
    host = ssh_host(repository=own, lists="fresh")
    optional = {"name": "ttool9", "checks": ["ttool9"], "packages": {"apt": ["ttool"]}, "version": ">=9"}
    needed = [{"name": "ttool", "version": ">=3"}, optional | {"is_required": False}]
    requirements = {"mngr_packages_requirements": needed}
    given = {"mngr_packages_repositories": [apt(key)], **requirements}
    checked = play(tmp_path, host, "mngr_packages", "--check", "--diff", **given)
    assert untouched(host)
    ran = play(tmp_path, host, "mngr_packages", "--diff", **given)
    assert ran.code == 0, ran.text
    assert ran.outcomes == checked.outcomes == {"package:ttool": "changed", "package:ttool9": "failed"}, checked.text
    assert (checked.code, checked.changed) == (ran.code, ran.changed) == (0, 2)
    shown = [line for line in checked.text.splitlines() if line[:1] in "+-"]
    assert shown == [line for line in ran.text.splitlines() if line[:1] in "+-"]
    assert {"+URIs: copy:/srv/apt/third", "+ttool 3.1", "+++ after: packages (apt)"} <= set(shown)
    again = play(tmp_path, host, "mngr_packages", mngr_packages_repositories=[apt(key)], **requirements)
    assert (again.code, again.changed) == (0, 0), again.text


def test_an_empty_list_runs_no_module(shared_host: SshHost, tmp_path: Path) -> None:
    ran = add(tmp_path, shared_host)
    assert ran.code == 0, ran.text
    assert not [each for each in ran.results if "mngr_steps" in each]
