"""What the settings of a repository run on the user's own machine. Source: docs/contract.md "Trust"."""

import json
import os

import pytest

from tests.mngr.test_private_files import own_settings
from tests.support.builders import write
from tests.support.mngr import plugins
from tests.support.processes import run_in_terminal


@pytest.fixture
def ran(tmp_path):
    """A directory with a file for everything that was run."""
    (tmp_path / "ran").mkdir()
    return tmp_path / "ran"


@pytest.fixture
def evil(local, ran):
    """Programs in the repository that leave a trace, and say that they are what is asked for."""

    def make(path):
        return write(local.project / path, f"#!/bin/sh\n>{ran}/$(basename $0)\necho 9.9.9\n", 0o755)

    return make


def succeeded(done):
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def traces(ran):
    return sorted(path.name for path in ran.iterdir())


def rows(local, ran):
    """Requirements that would run something of a stranger's, by name; each leaves a trace of that name."""
    project = local.project
    return {
        "by-shell": [{"kind": "shell", "value": f"touch {ran}/by-shell"}],
        "by-path": [{"kind": "command", "value": f"{project}/tools/by-path"}],
        "by-link": [{"kind": "command", "value": f"{ran.parent}/outside/by-link"}],
        "by-proc": [{"kind": "command", "value": "/proc/self/cwd/tools/by-proc"}],
        "by-arguments": [{"kind": "command", "value": "sh", "args": ["-c", f"touch {ran}/by-arguments"]}],
        "by-name": [],
        "by-cwd": [{"kind": "command", "value": "by-cwd"}],
        "by-module": [{"kind": "python_module", "value": "by_module"}],
    }


def hostile(local, ran, evil, where="settings"):
    """A repository whose settings have all of these; ``where``: how they are named."""
    for name in ("by-path", "by-link", "by-proc"):
        evil(f"tools/{name}")
    evil("bin/by-name")
    evil("by-cwd")
    write(local.project / "by_module.py", f"open('{ran}/by-module', 'w')\n")
    (ran.parent / "outside").mkdir()
    (ran.parent / "outside" / "by-link").symlink_to(local.project / "tools" / "by-link")
    packages = [
        {"name": name, "is_required": False, **({"checks": checks} if checks else {})}
        for name, checks in rows(local, ran).items()
    ]
    path = write(local.project / "deploy" / "host.json.yml", json.dumps({"packages": packages}))
    match where:
        case "settings":
            items = ", ".join(toml(each) for each in packages)
            local.settings(f"packages = [{items}]")
        case "manifest":
            local.settings('manifests = ["deploy/host.json.yml"]')
        case "absolute manifest":
            local.settings(f'manifests = ["{path}"]')
        case "options":
            local.settings(f'[commands.create]\nansible_manifest = ["{path}"]')
        case "local":
            allowed = "is_allowed_in_pytest = true"
            text = f'{allowed}\n[plugins.ansible]\nmanifests = ["deploy/host.json.yml"]'
            write(local.project / ".mngr" / "settings.local.toml", text)
    return path


def toml(value):
    """An inline value in TOML; those in these tests are the same in JSON but for ``:``."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


def environment(local):
    """The directories of the repository are on PATH, as with an activated one, and the current directory is too."""
    return {"PATH": f".::{local.project}/bin:{os.environ['PATH']}"}


@pytest.mark.parametrize("where", ["settings", "manifest", "absolute manifest", "options", "local"])
def test_no_shell_check_and_no_program_of_the_repository_is_run_on_this_machine(local, ran, evil, where):
    hostile(local, ran, evil, where)

    made = succeeded(local.create("one", env=environment(local)))

    assert traces(ran) == []
    assert "by-shell (its check is a shell command)" in made.stderr
    assert f'trusted = ["{local.project}"]' in made.stderr
    planned = succeeded(local.run("ansible", "plan", "one", "--format", "json", env=environment(local)))
    document = json.loads(planned.stdout)
    assert traces(ran) == []
    if where == "options":
        return  # of a create only
    steps = {step["id"]: step for step in document["hosts"][0]["steps"]}
    assert steps.pop("package:by-module")["status"] == "missing"
    assert {step["status"] for step in steps.values()} == {"skipped"}
    assert steps["package:by-shell"]["reason"].startswith("not checked on this machine: its check is a shell command")
    for verb in ("apply", "render"):
        more = [str(ran.parent / "rendered")] if verb == "render" else []
        succeeded(local.run("ansible", verb, "one", *more, env=environment(local)))
    assert traces(ran) == []


def test_the_same_is_run_for_a_repository_that_the_user_trusts(local, home, ran, evil):
    hostile(local, ran, evil)
    own_settings(home, f'[plugins.ansible]\ntrusted = ["{local.project}"]')
    succeeded(local.create("one", env=environment(local)))
    assert set(traces(ran)) >= {"by-shell", "by-path", "by-link", "by-arguments", "by-name"}


def test_a_manifest_that_the_user_names_on_the_command_line_is_trusted(local, ran, evil):
    path = hostile(local, ran, evil, "nowhere")
    succeeded(local.create("one", "--ansible-manifest", path, env=environment(local)))
    assert set(traces(ran)) >= {"by-shell", "by-path"}


def test_the_users_own_settings_are_trusted_but_not_a_manifest_of_any_repository(local, home, ran, evil):
    hostile(local, ran, evil, "nowhere")
    mine = write(home / "mine.yml", json.dumps({"packages": [{"name": "x", "checks": rows(local, ran)["by-shell"]}]}))
    own_settings(home, '[plugins.ansible]\nmanifests = ["deploy/host.json.yml"]')
    succeeded(local.create("one", env=environment(local)))
    assert traces(ran) == []
    own_settings(home, f'[plugins.ansible]\nmanifests = ["{mine}"]')
    succeeded(local.create("two", env=environment(local)))
    assert traces(ran) == ["by-shell"]


def test_a_repository_cannot_trust_itself(local, home, ran, evil):
    hostile(local, ran, evil)
    text = (local.project / ".mngr" / "settings.toml").read_text()
    write(local.project / ".mngr" / "settings.toml", f'{text}\ntrusted = ["{local.project}"]\n')
    made = succeeded(local.create("one", env=environment(local)))
    assert traces(ran) == []
    assert "trusted in the settings of this repository is ignored" in made.stderr


def test_what_is_outside_of_the_repository_is_checked_as_before(local, evil, ran, tmp_path):
    tool = write(tmp_path / "own" / "mytool", "#!/bin/sh\necho mytool 1.5\n", 0o755)
    evil("bin/mytool")
    write(tmp_path / "marker")
    checks = [{"name": "mytool"}, {"name": "marked", "checks": [{"kind": "file", "value": f"{tmp_path}/marker"}]}]
    local.settings(f"packages = [{', '.join(map(toml, checks))}]")
    env = {"PATH": f"{local.project}/bin:{tool.parent}:{os.environ['PATH']}"}
    succeeded(local.create("one", env=env))
    document = json.loads(succeeded(local.run("ansible", "plan", "one", "--format", "json", env=env)).stdout)
    steps = {step["id"]: (step["status"], step["current"]) for step in document["hosts"][0]["steps"]}
    assert steps == {"package:mytool": ("ok", "1.5"), "package:marked": ("ok", None)}
    assert traces(ran) == []


def npm_of(tmp_path, ran, traced="install"):
    """An npm of the user's, which leaves a trace when it installs, or at every call but for its version."""
    write(tmp_path / "own" / "node", "#!/bin/sh\necho v20.1.0\n", 0o755)
    code = f"case $1 in --version) ;; {traced}) touch {ran}/npm ;; esac; echo 10.0"
    return write(tmp_path / "own" / "npm", f"#!/bin/sh\n{code}\n", 0o755)


NEEDY = """
@hookimpl
def provision_agent():
    return [{"name": "needy", "sources": [{"manager": "npm", "packages": ["needy"], "scope": "user"}]}]
"""


def test_a_repository_installs_nothing_on_this_machine(local, home, ran, tmp_path):
    npm = npm_of(tmp_path, ran)
    local.plugins = [plugins.write(tmp_path / "site", needy=NEEDY)]
    env = {"PATH": f"{npm.parent}:{os.environ['PATH']}"}
    grants = 'ansible_install = "auto"\nyes = true'
    local.settings(f'[plugins.ansible.plugins.needy]\ninstall = "auto"\n[commands.create]\n{grants}')

    refused = local.create("one", env=env)

    assert refused.returncode == 1
    assert "npm install" in refused.stderr
    assert traces(ran) == []
    for words in ('install = "auto" for needy', "ansible_install = 'auto'", "yes = True"):
        assert f"{words} in the settings of this repository is ignored" in refused.stderr
    own_settings(home, '[plugins.ansible.plugins.needy]\ninstall = "auto"')
    local.settings()
    local.create("two", env=env)
    assert traces(ran) == ["npm"]


def test_no_answer_of_the_user_runs_a_source_of_the_repositorys(local, ran, tmp_path):
    npm = npm_of(tmp_path, ran, traced="*")  # what it offers is not asked either: pip and uv run code to answer
    row = {"name": "needy", "sources": [{"manager": "npm", "packages": ["needy"], "scope": "user"}]}
    local.settings(f"packages = [{toml(row)}]")
    env = local.environment() | {"PATH": f"{npm.parent}:{os.environ['PATH']}"}
    words = [*local.program, *local.creation("one")]
    code, screen = run_in_terminal(words, b"[y/N]", "y", env=env, cwd=local.project)
    assert (code, traces(ran)) == (1, [])
    assert "Install needy" not in screen
    refused = local.create("two", "--ansible-install", "auto", "--yes", env={"PATH": env["PATH"]})
    assert (refused.returncode, traces(ran)) == (1, [])


def test_a_repository_may_forbid_more_than_the_user_but_allow_nothing_that_he_forbids(local, home, tmp_path):
    secret = write(tmp_path / "secret", "canary", 0o644)
    own_settings(home, "[plugins.ansible]\nstrict_secrets = true")
    file = f'files = [{{local_path = "{secret}", remote_path = "{tmp_path}/there/secret", is_secret = true}}]'
    local.settings(f"strict_secrets = false\n{file}")
    refused = local.create("one")
    assert refused.returncode == 1
    assert f"chmod 600 {secret}" in refused.stderr
    own_settings(home, "[plugins.ansible]\nstrict_secrets = false")
    local.settings(f"strict_secrets = true\n{file}")
    assert local.create("two").returncode == 1


def test_playbooks_of_a_repository_are_refused_until_the_user_trusts_it(local, home, tmp_path):
    ran = tmp_path / "ran"
    names = ("mngr_agent_name", "mngr_agent_type", "mngr_work_dir", "mngr_host_name")
    content = " ".join(f"{{{{ {each} }}}}" for each in names)
    task = {"ansible.builtin.copy": {"dest": str(ran), "content": content}}
    (local.project / "site.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    local.settings('playbooks = ["site.yml"]')
    refused = local.create("one")
    assert refused.returncode == 1
    assert f"the playbook site.yml is not run: it is of the repository {local.project}" in refused.stderr
    assert (local.listed(), ran.exists()) == ({}, False)
    own_settings(home, f'[plugins.ansible]\ntrusted = ["{local.project}"]')
    created = local.create("one")
    assert created.returncode == 0, created.stderr
    assert ran.read_text() == f"one command {local.listed()['one']['work_dir']} localhost"
    (local.project / "site.yml").write_text('[{"hosts": "all", "gather_facts": false, "tasks": [{"fail": {}}]}]')
    failed = local.create("two")
    assert failed.returncode == 1
    assert "site.yml: failed: fail: Failed as requested from task" in failed.stderr.splitlines()[-1]
    assert set(local.listed()) == {"one"}
