"""Inventories as Ansible itself reads them: other people's shapes, and what is wrong with them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.constants import DEFAULT_VAULT_ID_MATCH
from ansible.parsing.vault import VaultLib, VaultSecret

from mngr_ansible.errors import ErrorGroup, InputError, MngrAnsibleError
from mngr_ansible.inventory.reading import Inventory, read
from mngr_ansible.provisioning.targets import open_targets
from tests.support.command_line import argv
from tests.support.processes import processes_with, run_in_terminal

pytestmark = pytest.mark.usefixtures("_own_directory")


@pytest.fixture
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)


def write(name: str, text: str, mode: int = 0o644) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return name


def encrypted(text: str, password: str = "vault password") -> str:
    secrets = [(DEFAULT_VAULT_ID_MATCH, VaultSecret(password.encode()))]
    return VaultLib(secrets).encrypt(text).decode()


def inventory(*sources: str, **options: object) -> Inventory:
    return read(sources, **{"seconds": 120, **options})  # type: ignore[arg-type]


def refused(*sources: str, **options: object) -> MngrAnsibleError:
    with pytest.raises(MngrAnsibleError) as raised:
        inventory(*sources, **options)
    assert raised.value.exit_code == 1
    return raised.value


def test_a_file_with_ranges_nested_groups_and_aliases_is_read_in_its_order():
    write("ansible.cfg", "[defaults]\nremote_user = deploy\nhost_key_checking = False\n")
    write(
        "hosts.ini",
        """
[web]
web-[01:02] ansible_port=2222
six ansible_host=2001:db8::1
[db]
web-01
db-1 ansible_user="{{ 'd' ~ 'ba' }}" ansible_connection=local
[prod:children]
web
db
[prod:vars]
mngr_ansible_manifests=["all.yml"]
[web:vars]
mngr_ansible_manifests=["all.yml", "web.yml"]
[db:vars]
mngr_ansible_manifests=["db.yml"]
ansible_become=yes
[all:vars]
ansible_ssh_common_args='-o ProxyJump="ops@{{ hostvars["six"].ansible_host }}"'
later="{{ ansible_facts.os }}"
""",
    )
    read_ = inventory("hosts.ini", renders_all=True)
    hosts = {each.name: each for each in read_.hosts}
    assert list(hosts) == ["web-01", "web-02", "six", "db-1"]
    assert [each.port for each in read_.hosts] == [2222, 2222, None, None]
    assert (hosts["six"].address, hosts["db-1"].user, hosts["six"].user) == ("2001:db8::1", "dba", "deploy")
    assert hosts["web-01"].groups == ("prod", "db", "web")
    assert hosts["web-01"].manifests == ["all.yml", "web.yml"]
    assert hosts["web-01"].hidden == ("the group web", "the group db")
    assert hosts["six"].hidden == ("the group web",), "it has what the group above it names"
    assert hosts["db-1"].hidden == ("the group db", "the group prod")
    assert [each.become for each in read_.hosts] == [True, None, None, True]
    assert hosts["db-1"].connection == "local"
    assert hosts["web-01"].common_args == '-o ProxyJump="ops@2001:db8::1"'
    assert hosts["web-01"].values["ansible_port"] == 2222
    assert hosts["web-01"].templates == {
        "ansible_ssh_common_args": """-o ProxyJump="ops@{{ hostvars["six"].ansible_host }}\"""",
        "later": "{{ ansible_facts.os }}",
    }
    assert read_.groups["prod"] == ["web-01", "web-02", "six", "db-1"]
    assert read_.notices == ()


def test_how_tasks_become_root_and_the_programs_for_it_may_stand_in_the_user_s_configuration(monkeypatch):
    write("hosts.ini", "a\nb ansible_become=false ansible_sudo_exe=/opt/b ansible_remote_tmp=/t\n")
    assert [each.become for each in inventory("hosts.ini").hosts] == [None, False]
    write("ansible.cfg", "[privilege_escalation]\nbecome = True\nbecome_method = su\nbecome_flags = -i\n")
    monkeypatch.setenv("ANSIBLE_BECOME_EXE", "/opt/a")
    monkeypatch.setenv("ANSIBLE_SSH_EXECUTABLE", "/opt/ssh")
    a, b = inventory("hosts.ini").hosts
    assert (a.become, a.become_method, a.become_exe, a.become_flags) == (True, "su", "/opt/a", "-i")
    assert (a.ssh_executable, a.has_private_key, a.unused) == ("/opt/ssh", False, ())
    assert (b.become, b.become_exe, b.unused) == (False, "/opt/b", ("ansible_remote_tmp",))


def test_a_directory_has_files_programs_plugins_and_vaulted_variables_of_groups():
    write("inv/1-hosts.yml", "all: {children: {web: {hosts: {web-1: {size: large}, web-2: {}}}}}\n")
    write("inv/2-cloud", '#!/bin/sh\necho \'{"db": {"hosts": ["db-1"]}}\'; echo talk >&2\n', 0o755)
    write(
        "inv/3-groups.yml",
        "plugin: ansible.builtin.constructed\nkeyed_groups: [{key: size, prefix: size}]\n"
        "groups: {even: '\"2\" in inventory_hostname'}\n",
    )
    write("inv/4-broken.yml", "all: [\n")
    write("inv/group_vars/web/plain.yml", "ansible_become_password: '{{ vaulted }}'\n")
    write("inv/group_vars/web/vault.yml", encrypted("vaulted: 's3cret {{ 1 }}'\n"))
    inline = encrypted("in line").replace("\n", "\n  ")
    write("inv/host_vars/db-1.yml", f"ansible_become_password: !vault |\n  {inline}\n")
    write("password", "vault password\n")
    found = inventory("inv", vault_ids=["prod@password"])
    groups = {each.name: set(each.groups) for each in found.hosts}
    assert groups == {"web-1": {"web", "size_large"}, "web-2": {"web", "even"}, "db-1": {"db"}}
    assert [each.password for each in found.hosts] == ["s3cret 1", "s3cret 1", "in line"]
    assert all(each.directory == str(Path.cwd() / "inv") for each in found.hosts)
    (notice,) = found.notices
    assert "inv/4-broken.yml is no inventory that Ansible can read, and is skipped: YAML parsing failed" in notice
    assert "s3cret" not in repr(found)


def test_a_vaulted_value_without_its_password_is_one_error_wherever_it_is():
    write("hosts.yml", "all: {hosts: {a: {}}}\n")
    write("group_vars/all.yml", encrypted("ansible_user: x\n"))
    write("wrong", "another\n")
    for vault_ids in ([], ["wrong"]):
        error = refused("hosts.yml", vault_ids=vault_ids)
        assert "cannot be decrypted" in error.problem
        assert "--vault-id" in error.remedy
    assert "nowhere" in refused("hosts.yml", vault_ids=["nowhere"]).problem


def test_a_vault_password_is_not_asked_for_without_a_terminal():
    write("hosts.yml", "all: {hosts: {a: {}}}\n")
    done = subprocess.run(
        argv("plan", "--inventory", "hosts.yml", "--vault-id", "x@prompt", "--package", "sh"),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert done.returncode == 1
    assert "a vault password has to be typed, and there is no terminal" in done.stderr


def test_a_vault_password_is_typed_once_for_the_inventory_and_the_playbooks():
    inline = encrypted("in line").replace("\n", "\n        ")
    write(
        "hosts.yml",
        f"all:\n  hosts:\n    here:\n      ansible_connection: local\n      x: !vault |\n        {inline}\n",
    )
    write("group_vars/all.yml", encrypted("y: 1\n"))
    write(
        "site.yml",
        "- hosts: here\n  gather_facts: false\n  vars_files: [more.yml]\n"
        "  tasks: [{ansible.builtin.assert: {that: x == 'in line' and y == 1 and z == 2}}]\n",
    )
    write("more.yml", encrypted("z: 2\n"))
    words = argv("apply", "--inventory", "hosts.yml", "--vault-id", "prod@prompt", "--playbook", "site.yml")
    code, said = run_in_terminal(words, b"Vault password (prod): ", "vault password")
    assert code == 0, said
    assert said.count("Vault password") == 1


def test_each_inventory_that_cannot_be_read_is_one_error_with_its_reason():
    reasons = {
        write("broken.yml", "all: [\n"): "YAML parsing failed",
        write("broken.ini", "[web\nx\n"): "Failed to parse inventory",
        write("fails", "#!/bin/sh\necho no such cloud >&2\nexit 3\n", 0o755): "exit code 3: no such cloud",
        write("garbage", "#!/bin/sh\necho hello\n", 0o755): "Value could not be parsed as JSON",
        write("cloud.yml", "plugin: nobody.no.plugin\n"): "unknown plugin 'nobody.no.plugin'",
        write("secret.ini", "a ansible_password='s3cret\n"): "No closing quotation",
    }
    Path("empty").mkdir()
    reasons["empty"] = "there is no inventory in it"
    error = refused(*reasons)
    assert isinstance(error, ErrorGroup)
    assert len(error.errors) == len(reasons)
    for each, (name, reason) in zip(error.errors, reasons.items(), strict=True):
        assert each.problem.startswith(f"the inventory {name} cannot be read: ")
        assert reason in each.problem or name == "secret.ini"
    assert "s3cret" not in str(error)
    assert refused("nothing").problem == "the inventory nothing does not exist"


def test_a_program_that_nobody_may_run_is_said_to_be_that():
    write("program", "#!/bin/sh\necho '{}'\n", 0o644)
    assert refused("program").remedy == "If it is a program, make it executable: chmod +x program"


def test_a_program_that_hangs_ends_in_time_with_all_that_it_started():
    write("hangs", "#!/bin/sh\nsleep 4321 & exec sleep 4321\n", 0o755)
    assert refused("hangs", seconds=4).problem == "the inventory was not read within 4 s"
    assert processes_with("sleep 4321") == []


def test_a_program_that_prints_without_end_takes_a_bounded_memory():
    write("endless", "#!/bin/sh\nexec cat /dev/zero\n", 0o755)
    little = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({400 << 20},) * 2)"
    code = f"{little}; from mngr_ansible.inventory.reading import read; read(['endless'], seconds=60)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "what it says takes too much memory" in done.stderr


def test_a_limit_chooses_with_ansible_s_patterns_and_one_that_matches_nothing_is_an_error():
    write("hosts.ini", "[web]\na\nb\n[db]\nc\n")
    write("retry", "b\nc\n")
    assert [each.name for each in inventory("hosts.ini", limit="all:!web[0]").hosts] == ["b", "c"]
    found = inventory("hosts.ini", limit="@retry,nobody")
    assert [each.name for each in found.hosts] == ["b", "c"]
    assert found.notices == ("Could not match supplied host pattern, ignoring: nobody",)
    error = refused("hosts.ini", limit="nobody")
    assert error.problem == "--limit nobody matches no host of the inventory"
    assert error.remedy == "Choose among its hosts and groups: ansible-inventory -i hosts.ini --graph"
    assert [each.name for each in inventory("a,b", limit="b").hosts] == ["b"]
    write("empty.ini", "[web]\n")
    assert refused("empty.ini").problem == "there is no host in the inventory empty.ini"


def test_a_variable_that_cannot_be_rendered_is_an_error_only_where_it_is_needed():
    write(
        "hosts.ini",
        "a ansible_host='{{ nope }}'\nb ansible_host='{{ nope }}' other='{{ nope }}'\nc other='{{ nope }}'\n",
    )
    error = refused("hosts.ini")
    assert isinstance(error, InputError)
    assert error.problem == "ansible_host of a, b in the inventory cannot be used: 'nope' is undefined"
    assert [each.name for each in inventory("hosts.ini", limit="c").hosts] == ["c"]


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["--inventory", "hosts.ini", "--limit", ""], 64, "--limit '' names no host"),
        (["--inventory", ""], 64, "--inventory is empty"),
        (["--limit", "a"], 64, "--limit chooses among the hosts of an inventory, and none is given"),
        (
            ["--inventory", "hosts.ini", "--limit", "d", "--host", "d"],
            1,
            "d is in the inventory, and given with --host too",
        ),
        (["--inventory", "nothing", "--inventory", "hosts.ini"], 1, "the inventory nothing does not exist"),
        (["--inventory", "hosts.ini", "--limit", "a"], 1, "mngr_ansible_manifests of a in the inventory is 'web.yml'"),
        (["--inventory", "hosts.ini", "--limit", "b"], 1, "the manifest"),
        (["--inventory", "hosts.ini", "--limit", "c"], 1, "ansible_connection of c is docker"),
    ],
)
def test_what_is_wrong_with_an_inventory_is_one_error_of_the_command(words, code, problem):
    write(
        "hosts.ini",
        "a mngr_ansible_manifests=web.yml\nb mngr_ansible_manifests='[\"no.yml\"]'\nc ansible_connection=docker\nd\n",
    )
    done = subprocess.run(argv("plan", *words, "--package", "sh"), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {problem}")
    assert done.stderr.count("error:") == 1


def test_a_remedy_for_a_host_of_an_inventory_names_its_variables():
    write("hosts.ini", "a ansible_host=127.0.0.1 ansible_port=1\n")
    done = subprocess.run(
        argv("plan", "--inventory", "hosts.ini", "--package", "sh"), capture_output=True, text=True, cwd="."
    )
    assert done.returncode == 1
    assert "a: no ssh server listens on this port" in done.stderr
    assert "give the right port: ansible_port in the inventory." in done.stderr


def test_what_is_wrong_with_the_user_s_configuration_is_one_error_in_ansible_s_words():
    write("hosts.ini", "a\n")
    write("ansible.cfg", "[defaults]\nforks = many\n")
    assert "Config 'DEFAULT_FORKS' from" in refused("hosts.ini").problem


def test_hosts_of_an_inventory_come_before_others_and_names_of_this_machine_one_after_another():
    write("hosts.ini", "near ansible_connection=local\nhere ansible_connection=local\nfar\n")
    with open_targets(["dev@other:2222"], inventory=["hosts.ini"]) as (targets, control_path):
        assert [each.name for each in targets] == ["near", "here", "far", "dev@other:2222"]
        places = [each.place for each in targets]
        assert (places[0] == places[1] != "", places[2:]) == (True, ["", ""])
        assert (targets[0].connect, targets[0].work_dir) == (None, str(Path.cwd()))
        assert control_path is not None
