"""Playbooks of the user's own on this machine: in the same run, with what stands beside them, and their failures."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mngr_ansible import MngrAnsibleError, Report, provision
from mngr_ansible.diff.outcome import Status
from mngr_ansible.errors import RunError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.inputs.fleet import build_fleet
from mngr_ansible.provisioning.gathering import gather
from mngr_ansible.provisioning.own_playbooks import made_ready, run_around
from mngr_ansible.provisioning.provisioner import inspect
from mngr_ansible.provisioning.reporting import apply_report
from mngr_ansible.provisioning.request import SILENT, Prepared, Request, build_request
from mngr_ansible.provisioning.targets import host_target, open_targets
from mngr_ansible.provisioning.wave import run_wave
from mngr_ansible.report.report import Interrupted
from mngr_ansible.run.own_playbook_requirements import installed
from mngr_ansible.run.runner import RunStop
from mngr_ansible.values import replace
from tests.support.command_line import document, mngr_ansible, statuses
from tests.support.processes import processes_with
from tests.support.waiting import wait_until

SECRET = "hunter2-of-the-playbook"


INTERRUPTED = """
import os, sys
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.provisioning import gathering, provisioner
from mngr_ansible.provisioning.request import build_request
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.report.report import Interrupted

request = build_request(files=["run.py:there"], settings={"playbooks": [{"path": sys.argv[1], "when": "before"}]})
try:
    gathered = gathering.gather([host_target("localhost", LocalShell(), os.getcwd())], request)
    provisioner.provision(gathered, request)
except Interrupted as stop:
    print(*(f"{each.id} {each.status}" for each in stop.report.hosts[0].outcomes), sep="\\n")
    sys.exit(type(stop.signal).__name__)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "mngr-ansible"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def playbook(path: Path, *tasks: dict[str, Any], hosts: str = "all", **keys: Any) -> Path:
    play = {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **keys}
    return write(path, json.dumps([play]))


def copying(destination: Path, text: str) -> dict[str, Any]:
    return {"name": "Write", "ansible.builtin.copy": {"dest": str(destination), "content": text}}


def inspected(directory: Path, own: object) -> tuple[list[Prepared], Request]:
    """This machine, looked at, with a file of ours to write and one playbook."""
    write(directory / "wanted", "ours\n")
    request = build_request(files=[f"{directory}/wanted:{directory}/ours"], settings={"playbooks": [own]})
    gathered = gather([host_target("localhost", LocalShell(), str(directory))], request)
    request = made_ready(gathered, request, SILENT)
    return inspect(gathered, request), request


def ended(report: Report) -> dict[str, tuple[str, str]]:
    (host,) = report.hosts
    return {each.id: (str(each.status), each.reason) for each in host.outcomes}


def test_what_stands_beside_a_playbook_counts_as_when_a_person_runs_it(tmp_path, monkeypatch):
    there, own = tmp_path / "there", tmp_path / "own"
    monkeypatch.setenv("OF_THE_USER", "environment")
    monkeypatch.setenv("ANSIBLE_LIBRARY", "/nowhere")
    write(own / "group_vars/all.yml", "one: group\ntwo: group\n")
    write(own / "host_vars/localhost.yml", "two: host\n")
    write(own / "filter_plugins/shout.py", "class FilterModule:\n    def filters(self): return {'shout': str.upper}\n")
    write(
        own / "lib/say.py",
        "from ansible.module_utils.basic import AnsibleModule\nAnsibleModule({}).exit_json(word='module')\n",
    )
    write(own / "ansible.cfg", "[defaults]\nroles_path = more\nlibrary = lib\nhash_behaviour = nonsense\n")
    write(own / "more/web/defaults/main.yml", "three: role\n")
    write(
        own / "more/web/tasks/main.yml",
        f"""\
        - say:
          register: said
        - copy:
            dest: {there}
            content: >-
              {{{{ one | shout }}}} {{{{ two }}}} {{{{ three }}}} {{{{ said.word }}}} {{{{ ansible_system }}}}
              {{{{ lookup('env', 'OF_THE_USER') }}}} {{{{ lookup('file', 'beside') }}}} {{{{ mngr_agent_name }}}}
              {{{{ mngr_agent_type }}}} {{{{ mngr_work_dir }}}} {{{{ mngr_host_name }}}}
        """,
    )
    write(own / "beside", "file")
    playbook(own / "site.yml", gather_facts=True, roles=["web"])
    report = provision(playbooks=[own / "site.yml"], work_dir=tmp_path)
    assert (report.ok, ended(report)) == (True, {f"playbook:{own}/site.yml": ("changed", "")})
    assert there.read_text().split() == [
        *("GROUP", "host", "role", "module", "Linux", "environment", "file", "agent", "generic", str(tmp_path)),
        "localhost",
    ]


def test_one_that_comes_before_prepares_the_host_which_is_looked_at_again(tmp_path):
    write(tmp_path / "wanted", "ours\n")
    write(tmp_path / "there", "ours\n")
    before = playbook(tmp_path / "base.yml", copying(tmp_path / "there", "theirs"))
    after = playbook(tmp_path / "site.yml", {"ansible.builtin.command": f"grep -q ours {tmp_path}/there"})
    report = provision(
        files=[f"{tmp_path}/wanted:{tmp_path}/there"],
        settings={"playbooks": [{"path": str(before), "when": "before"}, str(after)]},
    )
    assert [(each, status) for each, (status, _) in ended(report).items()] == [
        (f"playbook:{before}", "changed"),
        (f"file:{tmp_path}/there", "changed"),  # the first look had found it as it should be
        (f"playbook:{after}", "changed"),
    ]
    assert report.ok


def test_one_that_fails_before_stops_its_host_and_what_no_log_hides_is_nowhere(tmp_path, state):
    write(tmp_path / "wanted", "ours\n")
    play = playbook(
        tmp_path / "base.yml",
        {"name": "Keep a secret", "ansible.builtin.command": f"sh -c 'echo {SECRET}; exit 3'", "no_log": True},
    )
    words = ["apply", "--file", f"{tmp_path}/wanted:{tmp_path}/there", "--playbook", play, "--json", "-v"]
    done = mngr_ansible(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert statuses(done) == {f"file:{tmp_path}/there": "changed", f"playbook:{play}": "failed"}
    assert "Keep a secret: the output has been hidden" in document(done)["hosts"][0]["steps"][1]["reason"]
    assert "Keep a secret" in done.stderr
    kept = b"".join(each.read_bytes() for each in state.rglob("*") if each.is_file())
    assert b"Keep a secret" in kept
    assert SECRET.encode() not in done.stdout.encode() + done.stderr.encode() + kept
    report = provision(
        files=[f"{tmp_path}/wanted:{tmp_path}/other"], settings={"playbooks": [{"path": str(play), "when": "before"}]}
    )
    assert ended(report)[f"file:{tmp_path}/other"] == (
        "not-reached",
        f"nothing was changed on this host, because {play} did not end well",
    )
    assert (report.ok, (tmp_path / "other").exists()) == (False, False)


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("- hosts: all\n  roles: [nginx]\n", "role 'nginx' was not found", "requirements.yml"),
        (
            "- hosts: all\n  tasks: [{community.x.y: }]\n",
            "couldn't resolve module/action 'community.x.y'",
            "collection",
        ),
        ("- hosts: all\n  tasks: [\n", "(line 3 of ", "--syntax-check"),
        ("- hosts: all\n  vars_prompt: [{name: version}]\n", "asks for version (vars_prompt)", "group_vars"),
    ],
    ids=["role", "module", "syntax", "question"],
)
def test_what_cannot_be_run_is_one_error_before_anything_is_changed(tmp_path, text, problem, remedy):
    write(tmp_path / "wanted", "ours\n")
    write(tmp_path / "site.yml", text)
    with pytest.raises(MngrAnsibleError, match=r"the playbook .*site\.yml (cannot be run: |asks for )") as refused:
        provision(files=[f"{tmp_path}/wanted:{tmp_path}/there"], playbooks=[tmp_path / "site.yml"])
    assert problem in refused.value.problem
    assert remedy in refused.value.remedy
    assert not (tmp_path / "there").exists()


def test_plays_for_other_hosts_are_skipped_and_those_for_this_machine_are_run(tmp_path):
    write(
        tmp_path / "site.yml",
        json.dumps(
            [
                {"hosts": "databases", "tasks": [{"ansible.builtin.fail": {"msg": "never"}}]},
                {"hosts": "!localhost", "tasks": [{"ansible.builtin.fail": {"msg": "never"}}]},
            ]
        ),
    )
    done = mngr_ansible("apply", "--playbook", "site.yml", "--json", cwd=tmp_path)
    assert (done.returncode, statuses(done)) == (0, {"playbook:site.yml": "skipped"})
    assert "no play of site.yml is for these hosts; its plays are for: databases, !localhost" in done.stderr


def test_what_an_inventory_has_as_a_template_is_rendered_when_it_is_used_as_by_hand(tmp_path):
    inventory = write(
        tmp_path / "hosts.yml",
        """\
        web:
          hosts:
            first: {own: 1, ansible_host: 127.0.0.1, ansible_port: 1}
            second: {ansible_connection: local, beyond: "{{ hostvars['first'].own | default('none') }}"}
          vars:
            port: "{{ port_override | default(8080) }}"
            system: ["{{ ansible_facts.system | default('none') }}", !unsafe "{{ port }}"]
            text: !unsafe "{{ port }}"
            leader: "{{ groups['web'] | first }} {{ groups['db'] | first | default('nobody') }}"
            here: "{{ inventory_file | basename }} {{ inventory_dir }}"
            beside: "{{ lookup('file', 'beside') }}"
        db: {}
        """,
    )
    write(tmp_path / "own/beside", "file")
    wanted = "{{ port }} {{ system | join(' ') }} {{ text }} {{ leader }} {{ here }} {{ beyond }} {{ beside }}"
    play = playbook(
        tmp_path / "own/site.yml",
        {"ansible.builtin.pause": {"prompt": "nobody can answer"}},
        {"name": "Drain", "ansible.builtin.ping": {}, "delegate_to": "first", "ignore_unreachable": True},
        copying(tmp_path / "there", wanted),
        vars={"port_override": 9090},
        gather_facts=True,
    )
    write(play, json.dumps([*json.loads(play.read_text()), {"hosts": "fresh"}, {"hosts": "db"}, {"hosts": "first"}]))
    done = mngr_ansible("apply", "--inventory", inventory, "--limit", "second", "--playbook", play, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there").read_text() == (
        f"9090 Linux {{{{ port }}}} {{{{ port }}}} first nobody hosts.yml {tmp_path} 1 file"
    )
    assert "Drain failed: first cannot be reached: " in done.stderr
    assert f"warning: {play}: what is for fresh is not run: " in done.stderr


def test_where_it_ended_because_of_another_host_it_has_not_ended_well(tmp_path):
    tasks = [
        {"ansible.builtin.ping": None},
        {"ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname == 'a'"},
    ]
    plays = [{"hosts": "b"}, {"hosts": "a:c", "any_errors_fatal": True}, {"hosts": "b"}]
    play = write(tmp_path / "site.yml", json.dumps([{"gather_facts": False, "tasks": tasks} | each for each in plays]))
    inventory = write(tmp_path / "hosts", "".join(f"{each} ansible_connection=local\n" for each in "abc"))
    with open_targets((), inventory=[inventory], has_playbooks=True) as (targets, control_path):
        request = build_request(fleet=build_fleet(playbooks=[play]), control_path=control_path)
        gathered = gather(targets, request)
        request = made_ready(gathered, request, SILENT)
        report = run_wave(inspect(gathered, request), request, SILENT, "apply")  # in one wave, however slow it is here
    reason = "it ended before it was through, because it failed on other hosts"
    assert [(host.outcomes[0].status, host.outcomes[0].reason) for host in report.hosts] == [
        ("failed", "ansible.builtin.fail: no"),
        ("failed", reason),  # its first play ended well, its second one was left out
        ("failed", reason),
    ]


@pytest.mark.parametrize("failure", [RunError("no Ansible", remedy="Install it."), SystemExit("signal")], ids=type)
def test_what_a_playbook_has_done_is_reported_where_ours_cannot_be_run(tmp_path, failure):
    play = playbook(tmp_path / "base.yml", copying(tmp_path / "there", "theirs"))
    prepared, request = inspected(tmp_path, {"path": str(play), "when": "before"})

    def run_ours(_hosts, _request):
        raise failure

    if isinstance(failure, SystemExit):
        with pytest.raises(Interrupted) as stop:
            run_around(prepared, request, SILENT, "apply", RunStop(), run_ours)
        assert stop.value.signal is failure
        report = stop.value.report
    else:
        report = run_around(prepared, request, SILENT, "apply", RunStop(), run_ours)
        assert report.hosts[0].error.problem == "no Ansible"
    assert {step: status for step, (status, _) in ended(report).items()} == {
        f"playbook:{play}": "changed",
        f"file:{tmp_path}/ours": "not-reached",
    }


def test_what_ours_have_done_is_reported_where_a_playbook_cannot_be_started(tmp_path, monkeypatch):
    play = playbook(tmp_path / "site.yml")
    prepared, request = inspected(tmp_path, str(play))

    def run_ours(hosts, _request):
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        done = apply_report(hosts, "apply", None)
        changed = (replace(each, status=Status.CHANGED) for each in done.hosts[0].outcomes)
        return replace(done, hosts=(replace(done.hosts[0], outcomes=tuple(changed)),))

    report = run_around(prepared, request, SILENT, "apply", RunStop(), run_ours)
    (file, (own, reason)) = (ended(report)[f"file:{tmp_path}/ours"], ended(report)[f"playbook:{play}"])
    assert (file[0], own, report.ok) == ("changed", "failed", False)
    assert "Ansible could not be started" in reason
    assert report.hosts[0].error.host == "localhost"


def test_a_requirements_file_is_installed_once_into_a_place_of_ours(tmp_path, state):
    write(tmp_path / "greet/tasks/main.yml", "- debug: {msg: hello}\n")
    write(
        tmp_path / "greet/meta/main.yml",
        "galaxy_info: {author: me, description: d, license: MIT, min_ansible_version: '2.16'}\n",
    )
    own = tmp_path / "own"
    own.mkdir()
    with tarfile.open(own / "greet.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "greet", "greet")
    write(own / "requirements.yml", f"roles: [{{name: greet, src: file://{own}/greet.tar.gz}}]\n")
    play = playbook(own / "site.yml", roles=["greet"])
    assert ended(provision(playbooks=[play])) == {f"playbook:{play}": ("ok", "")}
    (place,) = (state / "galaxy").iterdir()
    before = (place / "roles").stat().st_mtime_ns
    assert installed(play, "site.yml", 60) == place
    assert (place / "roles").stat().st_mtime_ns == before
    assert not Path("~/.ansible/roles/greet").expanduser().exists()


def test_a_requirement_that_cannot_be_had_is_one_error(tmp_path):
    write(tmp_path / "requirements.yml", f"collections: [{{name: {tmp_path}/absent.tar.gz, type: file}}]\n")
    with pytest.raises(
        MngrAnsibleError, match=r"the collections of requirements\.yml beside site\.yml cannot be"
    ) as no:
        installed(tmp_path / "site.yml", "site.yml", 60)
    assert f"ansible-galaxy collection install -r {tmp_path}/requirements.yml" in no.value.remedy


def test_an_installation_that_hangs_is_ended_and_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"http://127.0.0.1:{silent.getsockname()[1]}/greet.tar.gz"
        write(tmp_path / "requirements.yml", f"- {{name: greet, src: {where}}}\n")
        with pytest.raises(
            MngrAnsibleError, match=r"the roles of requirements\.yml beside site\.yml were not installed"
        ):
            installed(tmp_path / "site.yml", "site.yml", 4)
    assert processes_with(str(tmp_path)) == []


def test_when_the_time_is_up_it_is_unknown_and_nothing_of_it_runs_any_more(tmp_path):
    mark = f"mark-{os.getpid()}"
    play = playbook(
        tmp_path / "site.yml", {"name": "Hang", "ansible.builtin.command": f"sh -c 'sleep 600; echo {mark}'"}
    )
    report = provision(playbooks=[play], timeout=6)
    assert ended(report) == {f"playbook:{play}": ("unknown", "it was running when the run was cut off")}
    (host,) = report.hosts
    assert host.error is not None
    assert host.error.problem == f"the time was up; the outcome of {play} is unknown"
    assert processes_with(mark) == []


def test_ctrl_c_in_one_that_comes_before_says_what_was_not_reached_and_ends_all_of_it(tmp_path):
    mark = f"mark-{os.getpid()}-c"
    task = {"name": "Hang", "ansible.builtin.command": f"sh -c 'touch {tmp_path}/hangs; sleep 600; echo {mark}'"}
    play = playbook(tmp_path / "base.yml", task)
    (tmp_path / "run.py").write_text(INTERRUPTED)
    words = [sys.executable, "run.py", str(play)]
    done = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until((tmp_path / "hangs").exists, 60)
    done.send_signal(signal.SIGINT)
    said, error = done.communicate(timeout=60)
    assert said.decode().splitlines() == [f"playbook:{play} unknown", f"file:{tmp_path}/there not-reached"]
    assert error.decode().strip() == "KeyboardInterrupt"
    assert processes_with(mark) == []


def test_a_plan_only_says_that_a_run_can_tell_and_a_rendered_directory_that_it_has_none(tmp_path):
    play = playbook(tmp_path / "site.yml")
    done = mngr_ansible("plan", "--playbook", play, "--detailed-exitcode", "--json")
    assert done.returncode == 0
    (step,) = document(done)["hosts"][0]["steps"]
    assert (step["status"], step["kind"], step["reason"]) == ("unknown", "playbook", "only a run can tell")
    rendered = mngr_ansible("render", tmp_path / "out", "--playbook", play)
    assert f"the playbook {play} is not in the directory; run it with ansible-playbook" in rendered.stderr
    assert f"Your own playbooks are not in it: `{play}`" in " ".join((tmp_path / "out/README.md").read_text().split())
    missing = mngr_ansible("plan", "--playbook", tmp_path / "absent.yml")
    assert missing.returncode == 1
    assert "absent.yml does not exist" in missing.stderr
