"""What a directory to run later has instead of what is only on this machine: names of files, variables of secrets.

Source: docs/ops.md "A run directory".
"""

import dataclasses
import json

import yaml

from mngr_ansible.run.bundle import bundled
from mngr_ansible.run.directory import write_run_directory
from mngr_ansible.run.host_vars import host_vars
from mngr_ansible.run.playbook import HostRun, playbook
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, requirements, tree, write


def run(*files: FileTransferSpec, alias: str = "r1", **options) -> HostRun:
    return HostRun(alias, {"ansible_connection": "ssh"}, due(contribution("p", *files)), "/usr/bin/python3", **options)


def test_a_file_has_its_own_name_and_of_two_with_one_name_the_second_gets_a_number(tmp_path):
    one, two = write(tmp_path / "one" / "app.conf", "1"), write(tmp_path / "two" / "app.conf", "2")
    top = tree(tmp_path / "deploy", "x", "sub/y")

    files = bundled([run(FileTransferSpec(one, "a"), FileTransferSpec(two, "b"), FileTransferSpec(top, "d"))]).files

    names = {str(source).removeprefix(f"{tmp_path}/"): name for source, name in files.items()}
    assert names == {
        "one/app.conf": "files/app.conf",
        "two/app.conf": "files/app-2.conf",
        "deploy/x": "files/deploy/x",
        "deploy/sub/y": "files/deploy/sub/y",
    }


def test_no_file_has_the_name_of_a_directory_of_another_source(tmp_path):
    top, file = tree(tmp_path / "etc", "x"), write(tmp_path / "other" / "etc")

    names = list(bundled([run(FileTransferSpec(top, "d"), FileTransferSpec(file, "f"))]).files.values())

    assert names == ["files/etc/x", "files/etc-2"]


def test_secrets_are_counted_over_all_hosts_and_one_source_has_one_variable(tmp_path):
    token, key = write(tmp_path / "token", "t", 0o600), write(tmp_path / "key", "k\0", 0o600)
    both, one = FileTransferSpec(token, "/srv/token"), FileTransferSpec(key, "/srv/key")

    secrets = bundled([run(both), run(one, both, alias="r2")]).secrets

    assert {each.variable: (each.is_base64, each.places) for each in secrets.values()} == {
        "MNGR_SECRET_1": (False, (("r1", "/srv/token"), ("r2", "/srv/token"))),
        "MNGR_SECRET_2": (True, (("r2", "/srv/key"),)),
    }


def test_what_the_environment_must_hold_is_checked_before_anything_else_is_done(tmp_path):
    address = "https://joe:word@example.org/tool.tar.gz?sig=1"
    tool = {"name": "tool", "sources": [{"manager": "archive", "url": address, "sha256": "0" * 64}]}
    secret = FileTransferSpec(write(tmp_path / "token", "t", 0o600), "/srv/token")
    one = HostRun("r1", {}, due(contribution("p", secret, tool)), None)

    data = host_vars(one, 60, bundled([one]))["mngr_ansible"]["environment"]
    (play,) = yaml.safe_load(playbook([one], has_addresses=True, has_environment=True))

    assert [each["name"]["__ansible_unsafe"] for each in data] == ["MNGR_SECRET_1", "MNGR_URL_TOOL"]
    assert data[0]["unset"]["__ansible_unsafe"] == (
        "MNGR_SECRET_1 is not set in the environment. It must contain the content of /srv/token; README.md says how. "
        "Nothing was changed."
    )
    assert "Check that the environment" in play["tasks"][1]["name"]


def test_a_host_that_cannot_be_changed_has_one_task_that_says_why_and_another_one_its_work(tmp_path):
    works = run(FileTransferSpec(write(tmp_path / "file"), "/srv/file"))
    stopped = HostRun("r2", {}, due(), None, stop="mtool cannot be installed. Render again.")

    (play,) = yaml.safe_load(playbook([works, stopped]))

    stop = play["tasks"][1]
    assert (stop["ansible.builtin.fail"]["msg"], stop["when"]) == (
        "{{ mngr_ansible.stop }}",
        "mngr_ansible.stop | length > 0",
    )
    assert host_vars(stopped, 60)["mngr_ansible"]["stop"] == {
        "__ansible_unsafe": "mtool cannot be installed. Render again."
    }


def test_what_a_person_installs_is_checked_at_the_end(tmp_path):
    one = HostRun("r1", {}, due(), None, verified=requirements("mtool>=2"))

    write_run_directory(tmp_path / "run", [one], {}, timeout=60, stage=True)

    (play,) = yaml.safe_load((tmp_path / "run/project/provision.yml").read_text())
    data = json.loads((tmp_path / "run/inventory/host_vars/r1.json").read_text())["mngr_ansible"]
    assert play["tasks"][-1]["name"] == "Assert versions"
    assert [each["name"]["__ansible_unsafe"] for each in data["required"]] == ["mtool"]
    assert (tmp_path / "run/project/roles/mngr_packages").is_dir()


def test_on_this_machine_the_python_of_the_ansible_that_runs_is_used(tmp_path):
    made = due(contribution("p", FileTransferSpec(write(tmp_path / "file"), "/srv/file")), is_local=True)
    one = HostRun("localhost", {"ansible_connection": "local"}, made, None)

    assert host_vars(one, 60, bundled([one]))["ansible_python_interpreter"] == "{{ ansible_playbook_python }}"


def test_the_page_of_a_directory_names_variables_and_places_and_no_path_of_this_machine(tmp_path):
    token, file = write(tmp_path / "token", "t", 0o600), write(tmp_path / "a|b`c", "x")
    one = run(FileTransferSpec(token, "/srv/token"), FileTransferSpec(file, "/srv/a|b`c"), has_password=True)
    jump = {"ansible_connection": "ssh", "ansible_ssh_common_args": "-o StrictHostKeyChecking=yes -o ProxyJump=web1"}
    one = dataclasses.replace(one, variables=jump)
    steps = [{"id": each.id, "status": str(each.status)} for each in one.due.outcomes]

    write_run_directory(tmp_path / "run", [one], {"hosts": [{"host": "r1", "steps": steps}]}, timeout=60, stage=True)

    page = (tmp_path / "run/README.md").read_text()
    assert "| `MNGR_SECRET_1` | the content of `/srv/token` on r1 |" in page
    assert "| r1 | `file:/srv/a\\|b'c` | missing |" in page
    assert "--ask-become-pass" in page
    assert "r1 is reached through the jump host `web1`: whoever runs it" in page.replace("\n", " ")
    assert "`artifacts/*/command`" in page
    assert str(tmp_path) not in page
    assert all(len(line) <= 120 for line in page.splitlines() if not line.startswith("|"))
