"""Files that get another owner, on real hosts: root writes these, and the remote user writes all the others."""

import pytest

from mngr_ansible import FileTransferSpec, provision
from tests.support.builders import tree, write
from tests.support.hosts import SshHost, User

OTHER = User("other")


@pytest.fixture
def access():
    def of(host: SshHost) -> dict[str, str]:
        return {"key": str(host.key), "known_hosts": str(host.known_hosts)}

    return of


def owners(host: SshHost, *paths: str) -> list[str]:
    return host.run(f"stat -c '%U:%G %a' {' '.join(paths)}").stdout.splitlines()


def test_root_writes_only_what_is_to_belong_to_others(ssh_host, access, tmp_path):
    host = ssh_host(layer="tools", users=(User("dev", root_by="sudo"), OTHER)).as_user("dev")
    files = [
        FileTransferSpec(tree(tmp_path / "mine", "a"), "mine"),
        FileTransferSpec(write(tmp_path / "secret", mode=0o600), "/srv/new/secret", owner="other", group="other"),
        FileTransferSpec(tree(tmp_path / "mixed", "b"), "mixed"),
        FileTransferSpec(tree(tmp_path / "more", "c"), "mixed", owner="other", directory_mode="0750"),
    ]

    first = provision([host.address], files=files, **access(host))
    second = provision([host.address], files=files, **access(host))

    assert {str(each.status) for each in first.hosts[0].outcomes} == {"changed"}, first.to_dict()
    assert {str(each.status) for each in second.hosts[0].outcomes} == {"ok"}, second.to_dict()
    assert owners(host, "/home/dev/mine", "/home/dev/mine/a", "/srv/new", "/srv/new/secret") == [
        *("dev:dev 755", "dev:dev 644", "other:other 755", "other:other 600")
    ]
    assert owners(host, "/home/dev/mixed/b", "/home/dev/mixed/c") == ["dev:dev 644", "other:root 644"]


def test_without_root_what_is_to_belong_to_others_is_blocked_before_anything_changes(ssh_host, access, tmp_path):
    host = ssh_host(layer="python", users=(User("dev"), OTHER)).as_user("dev")
    source = write(tmp_path / "x")
    files = [FileTransferSpec(source, "mine"), FileTransferSpec(source, "theirs", owner="other")]

    report = provision([host.address], files=files, **access(host))

    mine, theirs = report.hosts[0].outcomes
    assert (str(mine.status), str(theirs.status)) == ("not-reached", "blocked")
    assert "allow sudo without a password" in theirs.reason
    assert host.run("ls -A /home/dev/mine", check=False).stdout == ""


def test_an_owner_that_the_host_does_not_know_is_blocked(ssh_host, access, tmp_path):
    host = ssh_host(layer="python")
    spec = FileTransferSpec(write(tmp_path / "x"), "x", group="nobody-knows")

    (outcome,) = provision([host.address], files=[spec], **access(host)).hosts[0].outcomes

    assert (str(outcome.status), "no group nobody-knows" in outcome.reason) == ("blocked", True)


def test_a_mirror_behind_a_link_keeps_what_another_plugin_puts_there(ssh_host, access, tmp_path):
    host = ssh_host(layer="python")
    host.run("mkdir -p /srv/real/old; touch /srv/real/old/x; ln -s /srv/real /srv/link")
    files = [
        FileTransferSpec(tree(tmp_path / "top", "a"), "/srv/real", mirror=True),
        FileTransferSpec(write(tmp_path / "b"), "/srv/link/b"),
    ]

    assert provision([host.address], files=files, **access(host)).ok
    assert provision([host.address], files=files, **access(host)).ok
    assert host.run("ls /srv/real").stdout.split() == ["a", "b"]


def test_two_paths_to_one_file_on_the_host_are_one_and_the_later_plugin_wins(ssh_host, access, tmp_path):
    host = ssh_host(layer="python")
    host.run("mkdir /srv/real; ln -s /srv/real /srv/link")
    files = [
        FileTransferSpec(write(tmp_path / "1", "first"), "/srv/real/x"),
        FileTransferSpec(write(tmp_path / "2", "second"), "/srv/link/x"),
    ]

    report = provision([host.address], files=files, **access(host))

    assert report.ok
    assert host.run("cat /srv/real/x").stdout == "second"
    assert [str(each.status) for each in provision([host.address], files=files, **access(host)).hosts[0].outcomes] == [
        "ok"
    ]


@pytest.mark.parametrize("destination", ["~/", "/srv/home-link"])
def test_a_mirror_of_a_home_is_blocked_however_it_is_named(ssh_host, access, tmp_path, destination):
    host = ssh_host(layer="python")
    host.run("ln -s /root /srv/home-link; touch /root/precious")
    spec = FileTransferSpec(tree(tmp_path / "top", "a"), f"{destination}", mirror=True)

    (outcome,) = provision([host.address], files=[spec], **access(host)).hosts[0].outcomes

    assert str(outcome.status) == "blocked"
    assert host.run("ls /root/precious").stdout
