"""What we rely on in ansible-core and ansible-runner, so that an upgrade that changes it fails here and says what."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.portable import marked_text
from mngr_ansible.run.environment import environment
from mngr_ansible.run.host_vars import mark
from mngr_ansible.run.playbook import CANARY
from tests.support.controller import ROLES

if TYPE_CHECKING:
    from pathlib import Path

UNSAFE = {"__ansible_unsafe": "{{ 7 * 7 }}"}
SHOW = """
from ansible.module_utils.basic import AnsibleModule
rows = {"type": "list", "elements": "dict"}
module = AnsibleModule({"text": {"type": "str"}, "place": {"type": "path"}, "rows": rows})
module.exit_json(**module.params)
"""
RECORD = """
import json, os, psutil, sys
from ansible_runner.interface import init_runner
seen = []
def handle(event):
    seen.append({"event": event["event"], "data": event.get("event_data", {}), "stdout": event.get("stdout", "")})
    return False
runner = init_runner(
    private_data_dir=sys.argv[1], project_dir=sys.argv[2], inventory=sys.argv[3], binary=sys.executable,
    cmdline="-P -E -m ansible playbook site.yml", event_handler=handle, cancel_callback=lambda: False,
    fact_cache_type="none", settings={"suppress_ansible_output": True, "suppress_output_file": True})
import signal
status, code = runner.run()
is_untouched = signal.getsignal(signal.SIGINT) is signal.default_int_handler
sessions = [os.getsid(each.pid) for each in [psutil.Process(), *psutil.Process().parents()] if each.pid > 1]
print(json.dumps({"code": code, "status": status, "events": seen, "sigint": is_untouched, "sessions": sessions,
    "environment": dict(runner.config.env)}))
"""


class Lab:
    """A playbook on this machine, with nothing of the user's own Ansible."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "inventory" / "host_vars").mkdir(parents=True)
        (path / "project" / "library").mkdir(parents=True)
        (path / "private").mkdir()
        (path / "ansible.cfg").touch()
        (path / "project" / "library" / "show.py").write_text(SHOW)
        (path / "inventory" / "hosts.yml").write_text("all:\n  hosts:\n    host-1:\n")
        self.variables()

    def variables(self, name: str = "host-1.json", **more: Any) -> None:
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (self.path / "inventory" / "host_vars" / name).write_text(json.dumps({**local, **more}))

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}
        own = {"ANSIBLE_CONFIG": str(self.path / "ansible.cfg"), "ANSIBLE_HOME": str(self.path / "home")}
        return {**kept, **own, "LC_ALL": "C.UTF-8", **more}

    def play(self, tasks: str, **more: str) -> subprocess.CompletedProcess[str]:
        self._write(tasks)
        command = [sys.executable, "-P", "-m", "ansible", "playbook", "-i", str(self.path / "inventory"), "site.yml"]
        return subprocess.run(
            command, cwd=self.path / "project", env=self.environment(**more), capture_output=True, text=True
        )

    def run(self, tasks: str, **more: str) -> dict[str, Any]:
        """The same through ansible-runner, as the supervisor calls it: what it recorded."""
        self._write(tasks)
        places = [str(self.path / "private"), str(self.path / "project"), str(self.path / "inventory")]
        command = [sys.executable, "-P", "-c", RECORD, *places]
        done = subprocess.run(command, env=self.environment(**more), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        recorded: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return recorded

    def _write(self, tasks: str) -> None:
        head = "- name: Play\n  hosts: all\n  gather_facts: false\n  tasks:\n"
        (self.path / "project" / "site.yml").write_text(head + textwrap.indent(textwrap.dedent(tasks), "    "))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


SHOW_DATA = """
- name: Show
  show:
    text: "{{ data }}"
    rows: "{{ rows }}"
  register: shown
- ansible.builtin.copy:
    content: "{{ shown | to_json }}"
    dest: "{{ playbook_dir }}/shown"
"""


def shown(lab: Lab) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((lab.path / "project" / "shown").read_text())
    return result


def test_marked_text_in_a_json_file_is_data_also_inside_lists_and_unmarked_text_is_a_template(lab: Lab) -> None:
    lab.variables(data=UNSAFE, rows=[{"deep": UNSAFE}])
    assert lab.play(SHOW_DATA).returncode == 0
    assert (shown(lab)["text"], shown(lab)["rows"]) == ("{{ 7 * 7 }}", [{"deep": "{{ 7 * 7 }}"}])
    lab.variables(data="{{ 7 * 7 }}", rows=[])
    assert lab.play(SHOW_DATA).returncode == 0
    assert shown(lab)["text"] == "49"


def test_the_canary_tells_whether_the_mark_is_honoured(lab: Lab) -> None:
    value = base64.b64encode(CANARY.encode()).decode()
    check = f"- ansible.builtin.assert:\n    that: mngr_ansible.canary | b64encode == '{value}'\n"
    lab.variables(mngr_ansible=mark({"canary": CANARY}))
    assert lab.play(check).returncode == 0
    lab.variables(mngr_ansible={"canary": CANARY})
    assert lab.play(check).returncode == 2


OF_ROLES = """
- ansible.builtin.import_role: {name: mngr_files, rolespec_validate: false}
- ansible.builtin.import_role: {name: mngr_packages, tasks_from: install, rolespec_validate: false}
  ignore_errors: true
"""


def test_a_list_that_is_one_text_arrives_only_where_the_mark_is_honoured(lab: Lab) -> None:
    for name in ("first", "second"):
        (lab.path / name).write_text("{{ 7 * 7 }}")
    transfers = [{"local_path": str(lab.path / "first"), "remote_path": str(lab.path / "{{ 7 * 7 }}")}]
    text = marked_text.dump(transfers)
    requirements = marked_text.dump([{"name": "mngr-{{ 7 * 7 }}"}])

    lab.variables(mngr_files_transfers=mark(text), mngr_packages_requirements=mark(requirements))
    done = lab.play(OF_ROLES, ANSIBLE_ROLES_PATH=str(ROLES))
    assert "mngr-{{ 7 * 7 }}" in done.stdout.replace("\\", "")  # no manager's package has such a name
    assert (lab.path / "{{ 7 * 7 }}").read_text() == "{{ 7 * 7 }}"

    lab.variables(mngr_files_transfers=text.replace("first", "second"), mngr_packages_requirements=requirements)
    done = lab.play(OF_ROLES, ANSIBLE_ROLES_PATH=str(ROLES))
    assert done.returncode == 2
    assert "Nothing was copied: the data of this run did not arrive as it was sent" in done.stdout
    assert not (lab.path / "49").exists()

    packages = OF_ROLES.replace("mngr_files,", "mngr_packages, tasks_from: assert,")
    lab.variables(mngr_packages_requirements=requirements)
    done = lab.play(packages, ANSIBLE_ROLES_PATH=str(ROLES))
    assert "Nothing was changed: the data of this run did not arrive as it was sent" in done.stdout


def test_plain_text_arguments_are_not_expanded_and_paths_are(lab: Lab) -> None:
    text = {"__ansible_unsafe": "~/$HOME"}
    lab.variables(data=text, rows=[])
    assert lab.play(SHOW_DATA.replace('rows: "{{ rows }}"', 'place: "{{ data }}"')).returncode == 0
    assert shown(lab)["text"] == "~/$HOME"
    assert "$" not in shown(lab)["place"]


@pytest.mark.parametrize(
    ("tasks", "more", "code"),
    [
        ("- ansible.builtin.command: 'true'\n", {}, 0),
        ("- ansible.builtin.command: 'false'\n", {}, 2),
        ("- ansible.builtin.command: 'true'\n", {"ansible_connection": "ssh", "ansible_port": 1}, 4),
    ],
)
def test_the_exit_codes_are_these(lab: Lab, tasks: str, more: dict[str, Any], code: int) -> None:
    lab.variables(ansible_host="127.0.0.1", **more)
    done = lab.play(tasks, ANSIBLE_SSH_ARGS="-o BatchMode=yes")
    assert done.returncode == code, done.stdout + done.stderr


TASKS = """
- name: Good
  ansible.builtin.command: 'true'
- name: Ignored
  ansible.builtin.command: 'false'
  ignore_errors: true
- name: Items
  ansible.builtin.fail:
    msg: "{{ item }}"
  loop: [one, two]
"""


def test_the_events_have_these_names_and_fields(lab: Lab) -> None:
    recorded = lab.run(TASKS)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for each in recorded["events"]:
        by_name.setdefault(each["event"], []).append(each["data"])
    assert recorded["code"] == 2
    assert [each["task"] for each in by_name["playbook_on_task_start"]] == ["Good", "Ignored", "Items"]
    assert by_name["runner_on_ok"][0]["host"] == "host-1"
    assert by_name["runner_on_ok"][0]["res"]["rc"] == 0
    assert [bool(each.get("ignore_errors")) for each in by_name["runner_on_failed"]] == [True, False]
    assert [each["res"]["msg"] for each in by_name["runner_item_on_failed"]] == ["one", "two"]
    assert len({each["task_uuid"] for each in by_name["runner_item_on_failed"]}) == 1
    assert by_name["playbook_on_stats"][0]["processed"] == {"host-1": 1}


def test_an_unreachable_host_is_an_event_of_its_own(lab: Lab) -> None:
    lab.variables(ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    recorded = lab.run("- ansible.builtin.command: 'true'\n", ANSIBLE_SSH_ARGS="-o BatchMode=yes")
    (event,) = [each for each in recorded["events"] if each["event"] == "runner_on_unreachable"]
    assert "Connection refused" in event["data"]["res"]["msg"]


def test_a_play_that_matches_no_host_is_called_successful_but_has_no_stats(lab: Lab) -> None:
    (lab.path / "inventory" / "hosts.yml").write_text("all:\n  hosts: {}\n")
    recorded = lab.run("- ansible.builtin.command: 'true'\n")
    assert recorded["status"] == "successful"
    assert not [each for each in recorded["events"] if each["event"] == "runner_on_ok"]


SESSIONS = """
import os, psutil
print(*{os.getsid(each.pid) for each in [psutil.Process(), *psutil.Process().parents()] if each.pid > 1})
"""


def test_workers_have_a_session_of_their_own_so_that_killing_the_main_ones_group_misses_them(lab: Lab) -> None:
    (lab.path / "sessions.py").write_text(SESSIONS)
    recorded = lab.run(f"- ansible.builtin.command: {sys.executable} {lab.path}/sessions.py\n")
    first = next(each for each in recorded["events"] if each["event"] == "runner_on_ok")
    seen = {int(word) for word in first["data"]["res"]["stdout"].split()}
    assert len(seen - set(recorded["sessions"])) >= 2  # the main process's, which pexpect makes, and the worker's


def test_runner_switches_host_key_checking_off_only_where_nobody_says_anything(lab: Lab) -> None:
    assert lab.run("- ansible.builtin.ping:\n")["environment"]["ANSIBLE_HOST_KEY_CHECKING"] == "False"
    recorded = lab.run("- ansible.builtin.ping:\n", ANSIBLE_HOST_KEY_CHECKING="True")
    assert recorded["environment"]["ANSIBLE_HOST_KEY_CHECKING"] == "True"


def test_runner_writes_the_callers_environment_to_disk_so_that_we_give_it_little(lab: Lab) -> None:
    lab.run("- ansible.builtin.ping:\n", A_CANARY="c4n4ry")
    (command,) = (lab.path / "private" / "artifacts").glob("*/command")
    assert "c4n4ry" in command.read_text()


def test_a_handler_that_says_no_keeps_events_off_the_disk_and_a_cancel_callback_leaves_signals_alone(lab: Lab) -> None:
    recorded = lab.run("- ansible.builtin.ping:\n")
    assert list((lab.path / "private" / "artifacts").glob("*/job_events/*.json")) == []
    assert recorded["sigint"] is True


def test_a_large_result_comes_whole_only_with_the_variable(lab: Lab) -> None:
    tasks = "- ansible.builtin.debug:\n    msg: \"{{ 'x' * 800000 }}\"\n"
    size = {}
    for limit in ("", "50000000"):
        recorded = lab.run(tasks, **({"MAX_EVENT_RES": limit} if limit else {}))
        size[limit] = max(len(json.dumps(each["data"].get("res", {}))) for each in recorded["events"])
    assert size[""] < 800_000 < size["50000000"]


def test_every_variable_that_we_set_is_one_that_ansible_knows(tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "ansible", "config", "list", "--format", "json"], capture_output=True, text=True
    )
    text = listed.stdout
    of_plugins = {"ANSIBLE_PIPELINING", "ANSIBLE_SSH_ARGS", "ANSIBLE_SSH_RETRIES", "ANSIBLE_REMOTE_TEMP"}
    ours = {name for name in environment(tmp_path, tmp_path, "", "~/x", 1) if name.startswith("ANSIBLE_")}
    assert [name for name in sorted(ours - of_plugins - {"ANSIBLE_CONFIG"}) if f'"{name}"' not in text] == []


def test_roles_beside_the_playbook_win_and_linked_module_utils_are_followed(lab: Lab, tmp_path: Path) -> None:
    for place, word in ((lab.path / "project" / "roles", "beside"), (tmp_path / "other", "elsewhere")):
        (place / "greeting" / "tasks").mkdir(parents=True)
        (place / "greeting" / "tasks" / "main.yml").write_text(f"- ansible.builtin.debug:\n    msg: {word}\n")
    utils = lab.path / "project" / "module_utils"
    utils.mkdir()
    (tmp_path / "real.py").write_text("WORD = 'linked'\n")
    (utils / "mngr_linked.py").symlink_to(tmp_path / "real.py")
    more = "from ansible.module_utils.mngr_linked import WORD\nmodule.params['text'] = WORD\nmodule.exit"
    (lab.path / "project" / "library" / "show.py").write_text(SHOW.replace("module.exit", more))
    tasks = "- ansible.builtin.import_role:\n    name: greeting\n- show:\n  register: shown\n"
    tasks += "- ansible.builtin.debug:\n    var: shown.text\n"
    done = lab.play(tasks, ANSIBLE_ROLES_PATH=str(tmp_path / "other"))
    assert done.returncode == 0, done.stdout
    assert "beside" in done.stdout
    assert "elsewhere" not in done.stdout
    assert "linked" in done.stdout


def test_raw_needs_no_python(lab: Lab) -> None:
    lab.variables(ansible_python_interpreter="/no/python")
    assert lab.play("- ansible.builtin.raw: 'true'\n").returncode == 0
    assert lab.play("- ansible.builtin.command: 'true'\n").returncode == 2
