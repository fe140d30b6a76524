"""What a repository's settings may make us run on the user's own machine. Source: docs/contract.md "Trust"."""

import dataclasses

import pytest

from mngr_ansible.host.connection import LocalShell
from mngr_ansible.plan.strangers import allowed_here
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.spec.packages import Check, PackageRequirement
from mngr_ansible.spec.sources import Source
from tests.support.builders import contribution, plan, write


@pytest.fixture
def repository(tmp_path):
    return tmp_path / "repository"


@pytest.fixture
def path(repository, tmp_path, monkeypatch):
    """PATH: a directory of the repository, then one of the user's own."""
    monkeypatch.setenv("PATH", f"{repository}/bin:{tmp_path}/own:/usr/bin:/bin")
    return repository / "bin", tmp_path / "own"


def program(directory, name):
    return write(directory / name, "#!/bin/sh\n", 0o755)


def reasons(repository, *checks, name="tool", **fields):
    return allowed_here(PackageRequirement(name, checks=checks, **fields), str(repository)).reasons


def test_a_shell_check_is_not_run(repository):
    assert reasons(repository, Check("shell", "true")) == ("its check is a shell command",)


@pytest.mark.parametrize(
    "args", [("-c", "true"), ("--eval=1",), ("/tmp/x",), (), ("--version", "x"), ("-exec",), ("--version=x",)]
)
def test_a_command_gets_no_arguments_but_one_that_asks_for_its_version(repository, args):
    (reason,) = reasons(repository, Check("command", "sh", args))
    assert reason == "its check runs sh with arguments of its own"


@pytest.mark.parametrize("argument", ["--version", "-V", "version"])
def test_a_command_outside_of_the_repository_is_asked_for_its_version(repository, argument):
    assert reasons(repository, Check("command", "sh", (argument,)), Check("command", "/bin/sh", (argument,))) == ()


@pytest.mark.parametrize(
    "spelling", ["{}/tools/x", "{}/../repository/tools/x", "{}/../link", "/proc/self/root{}/tools/x"]
)
def test_a_path_that_is_or_leads_into_the_repository_is_not_run(repository, tmp_path, spelling):
    (tmp_path / "link").symlink_to(program(repository / "tools", "x"))
    (reason,) = reasons(repository, Check("command", spelling.format(repository)))
    assert reason.endswith("is a file of the repository")


def test_a_path_in_the_repository_that_is_a_link_to_elsewhere_is_not_run(repository):
    repository.mkdir()
    (repository / "x").symlink_to("/bin/sh")
    assert reasons(repository, Check("command", f"{repository}/x"))


def test_a_name_that_path_finds_in_the_repository_is_not_run_or_found_elsewhere(repository, path):
    inside, own = path
    program(inside, "tool")
    assert reasons(repository) == (f"{inside}/tool is a file of the repository",)
    found = program(own, "tool")
    allowed = allowed_here(PackageRequirement("tool"), str(repository)).requirement
    assert allowed.checks[0] == Check("command", str(found))


def test_a_link_on_path_to_a_program_of_the_repository_is_not_run(repository, path):
    path[1].mkdir()
    (path[1] / "tool").symlink_to(program(repository / "src", "tool"))
    assert reasons(repository)


@pytest.mark.parametrize("entry", [".", "", "bin", "node_modules/.bin"])
def test_a_relative_directory_of_path_counts_as_one_of_the_repository(repository, entry, monkeypatch):
    program(repository / entry, "tool")
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", f"{entry}:/usr/bin")
    assert bool(reasons(repository)) == bool(entry)  # an empty entry is dropped: the probe runs in /


def test_a_module_is_not_imported_by_a_python_of_the_repository_nor_from_it(repository, path, monkeypatch):
    check = Check("python_module", "json")
    assert reasons(repository, check) == ()
    for value in (f"/usr/lib:{repository}", ".", "/usr/lib:", "src"):
        monkeypatch.setenv("PYTHONPATH", value)
        assert reasons(repository, check), value
    monkeypatch.delenv("PYTHONPATH")
    program(path[0], "python3")
    assert reasons(repository, check)


@pytest.mark.parametrize(
    ("name", "fields", "inside"),
    [
        ("tool", {"sources": ({"manager": "npm", "packages": ["x"]},)}, "npm"),
        ("tool", {"sources": ({"manager": "apt", "packages": ["tool"], "requires": ["node>=20"]},)}, "node"),
        ("tool", {}, "apt-get"),
    ],
)
def test_neither_the_manager_nor_what_a_source_needs_first_is_a_program_of_the_repository(
    repository, path, name, fields, inside
):
    assert reasons(repository, name=name, **fields) == ()
    program(path[0], inside)
    (reason,) = reasons(repository, name=name, **fields)
    assert f"{path[0]}/{inside} is a file of the repository" in reason


def test_what_names_its_own_sources_is_only_printed_here():
    strange = contribution("settings", PackageRequirement("tool", sources=(Source("pip", ("tool",)),)), "sh")
    strange = dataclasses.replace(strange, repository="/srv/repository")
    table = {"plugins": {"settings": {"install": "auto"}}}

    here = plan(strange, settings=table, is_local=True)

    assert [(each.is_printed, each.is_installed_locally, each.has_strange_sources) for each in here.requirements] == [
        (True, False, True),
        (False, False, False),
    ]
    there = plan(strange, settings=table)
    assert [(each.is_printed, each.has_strange_sources) for each in there.requirements] == [(False, False)] * 2


def test_a_requirement_that_is_not_checked_is_skipped_before_merging_and_said_once():
    shell = PackageRequirement("git", ">=99", checks=(Check("shell", "touch x"),))
    strange = dataclasses.replace(contribution("manifest", shell, shell), repository='/srv/"a"')

    made = plan(contribution("claude", "git>=2"), strange, is_local=True)

    assert [(str(each.range), each.checks[0].kind) for each in made.requirements] == [(">=2", "command")]
    assert [each.reason for each in made.skipped] == ["not checked on this machine: its check is a shell command"]
    (notice,) = made.notices
    assert r'trusted = ["/srv/\"a\""]' in notice
    assert plan(strange).requirements[0].checks == shell.checks  # on other hosts it is checked


def test_scripts_on_this_machine_do_not_run_in_the_callers_directory_and_hooks_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert LocalShell().run("pwd", 10).stdout == "/\n"
    host = host_target("localhost", LocalShell(), "").host
    assert host.execute_idempotent_command("pwd").stdout == f"{tmp_path}\n"
