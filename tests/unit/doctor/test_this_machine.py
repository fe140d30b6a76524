"""What ``doctor`` says of this machine without asking a program: settings of Ansible, directories, surroundings."""

import os
import resource
import socket
import time
from pathlib import Path

import pytest

from mngr_ansible.doctor.ansible_settings import about_ansible_settings
from mngr_ansible.doctor.checks import finding
from mngr_ansible.doctor.examination import whole
from mngr_ansible.doctor.keys import Agent, about_keys
from mngr_ansible.doctor.places import about_places
from mngr_ansible.doctor.programs import Programs
from mngr_ansible.doctor.ssh_here import about_known_hosts
from mngr_ansible.doctor.surroundings import about_surroundings
from mngr_ansible.system.state_directory import state_directory


def found(findings, check):
    (one,) = [each for each in findings if each.name.startswith(f"controller: {check}")]
    return one


@pytest.fixture
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("[defaults]\nforks = 5\n", "ok", "never for our runs"),
        ("[defaults]\nhost_key_checking = False ; really\n", "warning", "host keys are checked"),
        ("[privilege_escalation]\nbecome_method = sudo\nbecome_user = root\n", "ok", "never for our runs"),
        ("[privilege_escalation]\nbecome_method = su\n", "warning", "become_method = su"),
        ("[privilege_escalation\n", "warning", "cannot be read"),
        ("forks = 5\n", "warning", "cannot be read"),
    ],
)
def test_an_ansible_cfg_is_told_where_it_does_not_count_or_breaks(at, text, status, words):
    (at / "ansible.cfg").write_text(text)
    finding = found(about_ansible_settings(), "ansible settings")
    assert (finding.status, words in finding.text, bool(finding.remedy)) == (status, True, status != "ok"), finding


def test_a_variable_counts_before_the_file_and_its_value_is_not_shown(at, monkeypatch):
    (at / "ansible.cfg").write_text("[defaults]\nhost_key_checking = False\n")
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "True")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/s3cret")
    finding = found(about_ansible_settings(), "ansible settings")
    assert (finding.status, "ANSIBLE_VAULT_PASSWORD_FILE" in finding.text, "s3cret" in finding.text) == (
        "ok",
        True,
        False,
    )


def test_the_state_directory_is_looked_at_and_not_made(home, monkeypatch):
    assert found(about_places(), "state directory").status == "ok"
    assert not (home / ".local").exists()

    (home / "state").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    finding = found(about_places(), "state directory")
    assert (finding.status, "is no directory" in finding.text) == ("warning", True)

    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    finding = found(about_places(), "state directory")
    assert (finding.status, "which is not absolute" in finding.text) == ("warning", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_state_directory_of_another_user_is_a_warning(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    (home / "mngr-ansible").mkdir()
    os.chown(home / "mngr-ansible", 65534, -1)
    finding = found(about_places(), "state directory")
    assert (finding.status, "belongs to another user" in finding.text) == ("warning", True)


def test_a_state_directory_that_is_none_is_a_warning_and_no_error(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    Path(home, "mngr-ansible").symlink_to("mngr-ansible")
    finding = found(about_places(), "state directory")
    assert (finding.status, "symbolic links" in finding.text) == ("warning", True), finding
    Path(home, "mngr-ansible").unlink()
    Path(home, "mngr-ansible").write_text("")
    finding = found(about_places(), "state directory")
    assert (finding.status, "is no directory" in finding.text) == ("warning", True), finding


def test_a_fifo_as_key_or_known_hosts_is_not_waited_for(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    (key,) = about_keys(Programs(), [], str(fifo), Agent("none"))
    (known,) = about_known_hosts([str(fifo)])
    assert (key.status, key.text) == ("problem", "it is no file")
    assert "is no file, so every host is unknown" in known.text


def test_a_temporary_directory_that_cannot_be_used_is_a_warning(home, monkeypatch):
    import tempfile

    monkeypatch.setenv("TMPDIR", str(home / "gone"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    finding = found(about_places(), "temporary directory")
    assert (finding.status, "which does not exist" in finding.text) == ("warning", True)

    (home / "open").mkdir()
    (home / "open").chmod(0o777)
    monkeypatch.setenv("TMPDIR", str(home / "open"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    finding = found(about_places(), "temporary directory")
    assert (finding.status, "other users can write in" in finding.text) == ("warning", True)


def test_what_is_wrong_with_a_temporary_directory_is_said_as_it_is(home, monkeypatch):
    import tempfile

    (home / "file").write_text("")
    for name, words in (("gone", "does not exist"), ("file", "is no directory")):
        monkeypatch.setenv("TMPDIR", str(home / name))
        monkeypatch.setattr(tempfile, "tempdir", None)
        assert f"{name}, which {words}" in found(about_places(), "temporary directory").text


def test_a_user_without_a_home_is_asked_all_the_same(at, monkeypatch):
    def nobody(number):
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert found(about_ansible_settings(), "ansible settings").status == "ok"
    assert found(about_surroundings(), "user").status == "problem"
    assert [each.name for each in about_known_hosts([])] == ["controller: known_hosts"]
    assert "has no home directory" in found(about_places(), "state directory").text
    with pytest.raises(FileNotFoundError):
        state_directory("runs")
    assert list(at.iterdir()) == []


def test_a_home_that_is_not_the_users_entry_is_a_warning_as_ssh_looks_elsewhere(home):
    finding = found(about_surroundings(), "user")
    assert (finding.status, f"HOME is {home}, and passwd says " in finding.text) == ("warning", True)
    (hosts,) = about_known_hosts([str(home / ".ssh/known_hosts")])
    assert (hosts.status, "a login by hand writes to" in hosts.text) == ("warning", True)


def test_few_open_files_are_a_warning():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        assert found(about_surroundings(), "open files").status == "warning"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [("C.UTF-8", "ok", "UTF-8"), ("C", "warning", "whose encoding is"), ("xx_XX.UTF-8", "warning", "is not installed")],
)
def test_a_locale_that_is_not_there_or_no_utf_8_is_a_warning(monkeypatch, value, status, words):
    monkeypatch.setenv("LC_ALL", value)
    finding = found(about_surroundings(), "locale")
    assert (finding.status, words in finding.text) == (status, True), finding


def test_a_clock_before_the_installation_is_a_problem(monkeypatch):
    assert found(about_surroundings(), "clock").status == "ok"
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    assert found(about_surroundings(), "clock").status == "problem"


def test_a_proxy_is_tried_and_told_without_its_login(monkeypatch):
    with socket.socket() as live, socket.socket() as dead:
        for each in (live, dead):
            each.bind(("127.0.0.1", 0))
        live.listen()
        monkeypatch.setenv("http_proxy", f"http://me:s3cret@127.0.0.1:{live.getsockname()[1]}")
        monkeypatch.setenv("HTTPS_PROXY", f"me:s3cret@127.0.0.1:{dead.getsockname()[1]}")
        monkeypatch.setenv("all_proxy", "http://[broken")
        findings = {each.name: each for each in about_surroundings() if "proxy" in each.name}
    statuses = {name.rpartition(" ")[2]: each.status for name, each in findings.items()}
    assert statuses == {"http_proxy": "ok", "https_proxy": "warning", "all_proxy": "warning"}
    assert "s3cret" not in str(findings)


def test_a_proxy_that_is_no_name_is_not_to_be_started(monkeypatch):
    monkeypatch.setenv("https_proxy", "junk.invalid")
    finding = found(about_surroundings(), "proxy")
    assert (finding.status, "junk.invalid cannot be resolved" in finding.text) == ("warning", True), finding
    assert finding.remedy == "Correct that variable, or unset it"


@pytest.mark.parametrize(
    "value", ["u:S3C/RET@h", "u:S3C'RET@h", "u:S3C RET@h", "u:S3C\\RET@h", "S3C/RET@h:1", "h/#S3CRET"]
)
def test_a_proxy_that_is_no_address_is_told_without_its_login(value, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{value}")
    (found,) = [each for each in about_surroundings() if "proxy" in each.name]
    assert found.status == "warning"
    assert "S3C" not in str(found)
    assert "RET" not in str(found)


def test_no_check_leaves_a_file(home, at):
    for each in (about_ansible_settings, about_places, about_surroundings):
        list(each())
    assert [path for path in Path(home).rglob("*") if path.is_file()] == []
    assert list(at.iterdir()) == []


def test_a_file_that_cannot_be_looked_at_ends_neither_what_was_found_before_nor_the_other_checks(at):
    def part():
        yield finding("controller", "state directory", "ok", "fine")
        (at / "loop").symlink_to("loop")
        (at / "loop").stat()

    fine, rest = whole("state directory", part)
    assert fine.text == "fine"
    assert (rest.name, rest.status) == ("controller: state directory (the rest)", "problem")
    assert f"{at}/loop: Too many levels of symbolic links" in rest.text
