"""Private files that a repository would send are named before anything is. Source: docs/security.md "A hostile
repository"."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.mngr.private_files import can_others_read, private_files
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import tree, write

SENT = "Transferring git repository"


@pytest.fixture
def host(ssh_host):
    return ssh_host(layer="tools")


@pytest.fixture
def open_directory():
    """A directory that every user of this machine can enter."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def private(home):
    return write(home / "id", "private", 0o600)


def warned(done, *paths):
    """Whether each of these paths, and no other file, is named before anything is created or sent."""
    assert done.returncode == 0, done.stderr
    before = done.stderr.partition(SENT)[0].partition("Agent creation started")[0]
    named = [line for line in before.splitlines() if "outside of the repository" in line]
    assert len(named) == len(paths), done.stderr
    assert all(any(f" {path}, which is outside" in line for line in named) for path in paths), done.stderr
    return named


def manifest(path, source, name="x"):
    return write(path, f"files: [{{local_path: {source}, remote_path: ~/sent/{name}}}]\n")


def own_settings(home, text):
    """Write the user's own settings file of mngr."""
    write(home / ".mngr" / "config.toml", 'profile = "own"\n')
    return write(home / ".mngr" / "profiles" / "own" / "settings.toml", f"is_allowed_in_pytest = true\n{text}")


def test_a_private_file_that_a_repositorys_settings_name_is_warned_of_before_anything_is_sent(
    remote, private, open_directory
):
    public = write(open_directory / "public", "public")
    rows = f'{{local_path = "~/id", remote_path = "x"}}, {{local_path = "{public}", remote_path = "y"}}'
    remote.settings(f"files = [{rows}]")
    made = remote.create("one")
    assert made.returncode == 0, made.stderr
    warning = f"The settings of this repository send {private}, which is outside of the repository and readable only by"
    assert made.stderr.index(warning) < made.stderr.index(SENT)
    assert str(public) not in made.stderr


@pytest.mark.parametrize(
    "way",
    ["settings.local.toml", "absolute", "proc", "extend", "commands", "templates", "template by default", "setting"],
)
def test_whatever_in_a_repository_names_a_private_file_it_is_warned_of(local, private, way, tmp_path):
    words = []
    file = '{local_path = "~/id", remote_path = "~/sent/x"}'
    path = manifest(local.project / "deploy" / "host.yml", "~/id")
    allowed = "is_allowed_in_pytest = true"
    match way:
        case "settings.local.toml":
            write(local.project / ".mngr" / "settings.local.toml", f"{allowed}\n[plugins.ansible]\nfiles = [{file}]")
        case "absolute":
            local.settings(f'manifests = ["{path}"]')
        case "proc":
            local.settings('manifests = ["/proc/self/cwd/deploy/host.yml"]')
        case "extend":
            local.settings(f"files__extend = [{file}]")
        case "commands":
            local.settings('[commands.create]\nansible_manifest = ["deploy/host.yml"]')
        case "templates":
            local.settings('[create_templates.usual]\nansible_manifest = ["deploy/host.yml"]')
            words = ["--template", "usual"]
        case "template by default":
            local.settings(
                '[commands.create]\ntemplate = ["usual"]\n[create_templates.usual]\n'
                'ansible_manifest__extend = ["deploy/host.yml"]'
            )
        case "setting":
            value = '[{"local_path": "~/id", "remote_path": "~/sent/x"}]'
            local.settings(f"[commands.create]\nsetting = ['plugins.ansible.files={value}']")

    (line,) = warned(local.create("one", *words), private)

    assert ("settings.local.toml" if way == "settings.local.toml" else "settings.toml") in line


def test_what_only_the_directory_above_protects_is_private_too(local, home):
    (home / "notes").mkdir(mode=0o700)
    readable = write(home / "notes" / "a", mode=0o644)
    local.settings(f'files = [{{local_path = "{readable}", remote_path = "~/sent/a"}}]')
    warned(local.create("one"), readable)


def test_what_the_user_names_himself_is_no_surprise(local, home, private, tmp_path):
    typed = manifest(tmp_path / "typed.yml", "~/id", "typed")
    mine = manifest(home / "mine.yml", "~/id", "mine")
    own_settings(
        home,
        f"""
        [plugins.ansible]
        files = [{{local_path = "~/id", remote_path = "~/sent/own"}}]
        manifests = ["~/mine.yml"]
        [commands.create]
        ansible_manifest = ["{mine}"]
        """,
    )
    local.settings('packages__extend = ["sh"]')
    warned(local.create("one", "--ansible-manifest", typed))
    env = {"MNGR__PLUGINS__ANSIBLE__FILES__EXTEND": '[{"local_path": "~/id", "remote_path": "~/sent/env"}]'}
    value = '[{"local_path": "~/id", "remote_path": "~/sent/cli"}]'
    warned(local.create("two", "-S", f"plugins.ansible.files__extend={value}", env=env))


def test_a_link_or_a_manifest_of_the_repository_does_not_speak_for_the_user(local, home, private):
    (local.project / "env").symlink_to(private)
    other = write(home / "other", mode=0o600)
    own_settings(home, '[plugins.ansible]\nfiles = [{local_path = "env", remote_path = "~/sent/env"}]')
    path = manifest(local.project / "deploy" / "host.yml", other)
    warned(local.create("one", "--ansible-manifest", path), private, other)


def test_the_settings_of_a_repository_that_the_user_trusts_are_the_users_words(local, home, private):
    local.settings('files = [{local_path = "~/id", remote_path = "~/sent/x"}]')
    own_settings(home, f'[plugins.ansible]\ntrusted = ["{local.project.parent}"]')
    warned(local.create("one"), private)
    own_settings(home, f'[plugins.ansible]\ntrusted = ["{local.project}"]')
    warned(local.create("two"))
    own_settings(home, "[plugins.ansible]\n")
    local.settings(f'trusted = ["{local.project}"]\nfiles = [{{local_path = "~/id", remote_path = "~/sent/x"}}]')
    done = local.create("three")
    warned(done, private)
    assert "trusted in the settings of this repository is ignored" in done.stderr


def test_an_apply_warns_as_a_create_does(local, home, private):
    local.settings()
    assert local.create("one").returncode == 0
    local.settings('[commands.ansible-apply]\nfile = ["~/id:~/sent/x"]')
    done = local.run("ansible", "apply", "one")
    assert done.returncode == 0, done.stderr
    assert done.stderr.index(f" {private}, which is outside") < done.stderr.index("copying")


def test_so_many_files_are_named_and_the_rest_is_counted(local, home):
    tree(home / "many", *(f"{number:03}" for number in range(50)))
    (home / "many").chmod(0o700)
    local.settings('files = [{local_path = "~/many", remote_path = "~/sent/many"}]')
    done = local.create("one")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("which is outside of the repository") == 20
    assert "… and 30 more private files" in done.stderr


def test_what_a_repository_writes_here_outside_of_the_agents_directory_is_named_before(local, home, tmp_path):
    write(local.project / "evil", "echo evil")
    files = ", ".join(
        f'{{local_path = "evil", remote_path = "{path}"}}' for path in ("~/.bashrc", f"{tmp_path}/sent/y", "inside")
    )
    local.settings(f"files = [{files}]")
    done = local.create("one")
    assert done.returncode == 0, done.stderr
    before = done.stderr.partition("copying")[0]
    for path in ("~/.bashrc", f"{tmp_path}/sent/y"):
        sentence = f"The settings of this repository write {path} on this machine, outside of the agent's directory."
        assert sentence in before
        assert "check .mngr/settings.toml." in before
    assert "write inside" not in done.stderr
    own_settings(home, f'[plugins.ansible]\ntrusted = ["{local.project}"]')
    assert "on this machine" not in local.run("ansible", "apply", "one").stderr


def found(repository, *specs, **more):
    said = Contribution("settings", tuple(specs), repository=str(repository), **more)
    return [each.path for each in private_files([said], repository)]


def test_what_is_private_in_a_directory_or_behind_a_link_is_found(home, tmp_path, open_directory):
    root, kube = tmp_path / "repository", tree(open_directory / "kube", "public")
    private = str(write(kube / "config", mode=0o600))
    (tree(root / "deploy", "a") / "link").symlink_to(private)
    (root / "top").symlink_to(kube)
    write(root / "own" / "secret", mode=0o600)
    for spec in (
        FileTransferSpec(kube, "x"),
        FileTransferSpec(root / "deploy", "y", symlinks="follow"),
        FileTransferSpec(root / "deploy" / "link", "y"),
        FileTransferSpec(root / "top", "y"),
        FileTransferSpec(f"/proc/self/root{kube}", "y"),
    ):
        assert found(root, spec, FileTransferSpec(root / "own", "z")) == [private]
    assert found(root, FileTransferSpec(kube, "x", exclude=("config",))) == []
    assert found(root, FileTransferSpec(root / "deploy", "y")) == []  # the link itself, which is refused
    assert len(found(root, FileTransferSpec("/proc/self/environ", "e"))) == 1


@pytest.mark.parametrize(
    ("modes", "is_readable"),
    [
        ((0o755, 0o644), True),
        ((0o711, 0o644), True),
        ((0o755, 0o600), False),
        ((0o700, 0o644), False),
        ((0o750, 0o666), False),
        ((0o755, 0o640), False),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="asks another user")
def test_a_file_is_private_if_no_other_user_of_this_machine_can_read_it(open_directory, modes, is_readable):
    file = write(open_directory / "d" / "f", mode=modes[1])
    file.parent.chmod(modes[0])
    nobody = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", file], capture_output=True
    )
    assert (can_others_read(str(file)), nobody.returncode == 0) == (is_readable, is_readable)
