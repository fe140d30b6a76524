"""Workers in network namespaces of their own: hosts that only they reach, and what is left when one of them ends."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.command_line import argv, document, mngr_ansible, statuses
from tests.support.cores import OLDEST, NotHere, interpreter
from tests.support.hosts import AptRepository, User, running
from tests.support.processes import everything_recorded, run_in_terminal, started
from tests.support.waiting import wait_until

RUNNER = Path(sys.executable).with_name("ansible-runner")
SECRET = "canary-of-a-secret"
PASSWORD = "c4n4ry 'pass'\"word$HOME"
SLOW = "touch /tmp/begun\nwhile [ ! -e /tmp/go ]; do sleep 0.1; done\n"


class Site:
    """A network with one host, and a worker in it."""

    def __init__(self, stack, directory, number):
        self.network, self.tmp = f"mawork{os.getpid()}-{number}", directory / f"worker-{number}"
        self.tmp.mkdir()
        stack.callback(subprocess.run, ["ip", "netns", "del", self.network], capture_output=True)
        for words in (f"netns add {self.network}", f"-n {self.network} link set lo up"):
            subprocess.run(["ip", *words.split()], check=True, capture_output=True)
        repository = AptRepository(directory / f"apt-{number}")
        repository.add("mtool", "2.0", commands={"mtool": "echo mtool 2.0"})
        repository.add("slow", "1.0", commands={"slow": "echo slow 1.0"}, postinst=SLOW)
        self.host = stack.enter_context(
            running(
                layer="tools",
                users=(User("dev", "sudo with a password", PASSWORD),),
                repository=repository,
                lists="fresh",
                network=self.network,
                name=f"site{number}",
            )
        )

    def worker(self, runner=RUNNER, before=""):
        """The command of its worker; its temporary files are below ``tmp``."""
        return f"env TMPDIR={self.tmp} {before} ip netns exec {self.network} {shlex.quote(str(runner))} worker"

    def processes(self):
        """The processes of its jobs: they have its temporary directory in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                is_ours = f"TMPDIR={self.tmp}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def runners(self):
        """Its ``ansible-runner worker``."""
        return [each for each in self.processes() if each.cmdline()[1:] == [str(RUNNER), "worker"]]

    def kill(self):
        """Kill its ``ansible-runner worker``."""
        for each in self.runners():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended with the one before it
                each.kill()

    def left(self):
        """What jobs left on the worker's machine: files, processes, connections of ssh (they have a title)."""
        inside = subprocess.run(["ip", "netns", "pids", self.network], capture_output=True, text=True).stdout.split()
        connections = []
        for each in map(int, inside):
            with contextlib.suppress(psutil.Error):
                if psutil.Process(each).name() == "ssh":
                    connections.append(each)
        return [*map(str, self.tmp.rglob("*")), *self.processes(), *connections]


@pytest.fixture(scope="module")
def sites(tmp_path_factory, _hosts_are_possible):
    directory = tmp_path_factory.mktemp("sites")
    with ExitStack() as stack:
        made = [Site(stack, directory, number) for number in (1, 2)]
        key = (made[0].host.directory / "id_ed25519.pub").read_text()
        made[1].host.run("cat >/etc/ssh/authorized_keys", stdin=key)
        yield made


@pytest.fixture
def known(sites, tmp_path):
    file = tmp_path / "known_hosts"
    file.write_text("".join(each.host.known_hosts.read_text() for each in sites))
    return file


@pytest.fixture
def words(sites, known):
    """The options that lead to both hosts through both workers."""
    hosts = [word for each in sites for word in ("--host", each.host.address)]
    workers = [word for each in sites for word in ("--worker", each.worker())]
    return [*hosts, "--key", sites[0].host.key, "--known-hosts", known, *workers]


def test_hosts_that_only_workers_reach_are_changed_through_them_and_no_secret_is_left_anywhere(
    sites, words, tmp_path, home
):
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / os.fsdecode(b"a \xff$HOME")).write_text("x")
    files = [word for name in ("secret", "tree") for word in ("--file", f"{tmp_path}/{name}:/srv/{name}")]
    files += ["--package", "mtool>=2"]
    as_dev = [str(each).replace("root@", "dev@") for each in words]
    task = {"copy": {"dest": "/etc/of-sudo", "content": "{{ inventory_hostname }}"}, "become": True}
    (tmp_path / "own").mkdir()
    (tmp_path / "own/site.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    own = ["--playbook", tmp_path / "own/site.yml"]

    with everything_recorded() as seen:
        command = argv("apply", *files, *own, "--become", "--ask-become-pass", *as_dev, "-v")
        code, said = run_in_terminal(command, b"Password for sudo on the hosts: ", PASSWORD)
    planned = mngr_ansible("plan", *files, *words, "--json")

    assert code == 0, said
    for number, site in enumerate(sites):
        assert set(statuses(planned, number).values()) == {"ok"}
        found = site.host.run("cat /srv/secret; stat -c ' %a %U' /srv/secret; mtool").stdout
        assert found == f"{SECRET} 600 root\nmtool 2.0\n"
        assert site.host.run("stat -c %U /etc/of-sudo").stdout == "root\n"
        names = subprocess.run(["ls", f"{site.host.root_path}/srv/tree"], capture_output=True).stdout
        assert names == b"a \xff$HOME\n"
        assert site.left() == []
    assert len(seen) > 100
    for canary in (SECRET, PASSWORD[:6]):
        assert not [each for each in seen if canary in each]
        assert canary not in said
        assert not [each for each in home.rglob("*") if each.is_file() and canary.encode() in each.read_bytes()]


def begun(sites, process):
    """Wait until the slow package is being installed on all hosts."""
    wait_until(
        lambda: process.poll() is not None or all((each.host.root_path / "tmp/begun").exists() for each in sites),
        seconds=120,
    )
    assert process.poll() is None, process.communicate()


def gone(*sites):
    """Wait until nothing of any job is left on the workers."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not any(each.left() for each in sites), seconds=30)
    assert [each.left()[-3:] for each in sites] == [[] for _ in sites]


@pytest.fixture
def slow(sites):
    """A package that is installed when ``/tmp/go`` is there."""
    yield ["--package", "slow", "--file", f"{__file__}:/srv/file"]
    for each in sites:
        each.host.run(
            "touch /tmp/go; while pgrep -x 'apt-get|dpkg' >/dev/null; do sleep 0.1; done; rm -f /tmp/go /tmp/begun"
        )
        each.host.run("dpkg --purge --force-all slow; rm -f /srv/file")


def test_hosts_of_a_worker_that_is_killed_are_unknown_and_the_others_end_well(sites, words, slow):
    lost, whole = sites
    with started(argv("apply", *slow, *words, "--json")) as process:
        begun(sites, process)
        lost.kill()
        whole.host.run("touch /tmp/go")
        stdout, stderr = process.communicate(timeout=120)
    done = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    assert process.returncode == 1
    found = [statuses(done, index) for index in (0, 1)]
    assert found[0] == {"file:/srv/file": "changed", "package:slow": "unknown"}
    assert set(found[1].values()) == {"changed"}
    (error,) = document(done)["errors"]
    assert error["host"] == lost.host.address
    assert "the outcome of slow is unknown" in error["problem"]
    assert lost.worker() in error["problem"]
    gone(lost)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_on_its_workers(sites, words, slow, number):
    with started(argv("apply", *slow, *words, "--json")) as process:
        begun(sites, process)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    if number == signal.SIGINT:
        done = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
        assert process.returncode == 130, stdout + stderr
        assert [statuses(done, index)["package:slow"] for index in (0, 1)] == ["unknown"] * 2
    gone(*sites)


SITE = """\
- hosts: web
  roles: [greet, beside, elsewhere]
- hosts: localhost
  gather_facts: false
  tasks:
    - command: ip netns identify
      register: here
      changed_when: false
    - set_fact:
        place: "{{ here.stdout }}"
- hosts: web
  gather_facts: false
  tasks:
    - name: Say who this is
      become: true
      copy:
        dest: /etc/of-playbook
        content: >-
          {{ inventory_hostname }} {{ groups['web'] | length }} {{ groups['far'] }} {{ secret }} {{ level | shout }}
          {{ release }} {{ greeting }} {{ beside }} {{ elsewhere }} {{ hostvars.localhost.place }}
          {{ hostvars['web-2'].ansible_become_password is defined }}
          {{ lookup('file', 'link/file') }} {{ lookup('env', 'WHOSE') }}
    - script: run.sh
      changed_when: false
    - name: Keep it quiet
      command: "echo {{ secret }}"
      no_log: true
- hosts: web-2
  gather_facts: false
  tasks:
    - name: Do it
      command: "echo {{ secret }}"
      no_log: true
      failed_when: true
"""


def own_playbook(directory, vault):
    """A playbook with all that may stand beside it or is named there."""
    own = directory / "own"
    for path, text in {
        own / "site.yml": SITE,
        own / "broken.yml": "- import_playbook: \"{{ lookup('env', 'WHOSE') }}.yml\"\n",
        own / "ours.yml": "- hosts: web-1\n  gather_facts: false\n  tasks: [ping: ]\n",
        own / "run.sh": "#!/bin/sh\nexit 0\n",
        own / "ansible.cfg": "[defaults]\nroles_path = ../more\nhost_key_checking = False\n",
        own / "filter_plugins/shout.py": "class FilterModule:\n    def filters(self): return {'shout': str.upper}\n",
        own / "group_vars/web.yml": f"secret: {vaulted(SECRET, vault)}\nlevel: playbook\n",
        own / "roles/beside/tasks/main.yml": "- set_fact: {beside: beside}\n",
        own / ".git/config": "huge",
        directory / "more/elsewhere/tasks/main.yml": "- set_fact: {elsewhere: elsewhere}\n",
        directory / "linked/file": "linked",
        directory / "greet/tasks/main.yml": "- set_fact: {greeting: hello}\n",
        directory / "greet/meta/main.yml": "galaxy_info: {author: a, description: d, license: MIT, "
        "min_ansible_version: '2.16'}\n",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (own / "link").symlink_to(directory / "linked")
    (own / "nowhere").symlink_to("absent")
    with tarfile.open(directory / "greet.tar.gz", "w:gz") as archive:
        archive.add(directory / "greet", "greet")
    (own / "requirements.yml").write_text(f"roles: [{{name: greet, src: file://{directory}/greet.tar.gz}}]\n")
    return own


def vaulted(text, password):
    """The text as ansible-vault has it in a YAML file."""
    words = [sys.executable, "-m", "ansible", "vault", "encrypt_string", "--vault-id", f"prod@{password}"]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout.strip()


def inventory(sites, known, path):
    """Both hosts as web-1 and web-2, and one that is in no run."""
    groups = {
        "web": {
            "hosts": {
                f"web-{number}": {
                    "ansible_host": each.host.hostname,
                    "ansible_port": each.host.port,
                    "ansible_user": user,
                    "ansible_become_password": PASSWORD,
                }
                for number, (each, user) in enumerate(zip(sites, ("dev", "root"), strict=False), 1)
            },
            "vars": {"level": "inventory", "release": "{{ ansible_facts['distribution'] }}"},
        },
        "far": {"hosts": {"far-1": {"ansible_host": "192.0.2.1"}}},
    }
    common = {
        "ansible_ssh_private_key_file": str(sites[0].host.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
    }
    path.write_text(json.dumps({"all": {"vars": common, "children": groups}}))
    return path


def test_an_own_playbook_goes_to_the_workers_with_all_that_is_beside_it_and_no_secret_is_left_anywhere(
    sites, known, tmp_path, home, monkeypatch
):
    monkeypatch.setenv("WHOSE", "ours")
    (tmp_path / "vault").write_text(f"#!/bin/sh\necho '{PASSWORD[:6]}'\n")
    (tmp_path / "vault").chmod(0o700)
    own = own_playbook(tmp_path, tmp_path / "vault")
    words = ["--inventory", inventory(sites, known, tmp_path / "hosts.json"), "--limit", "web", "--vault-id"]
    words += [f"prod@{tmp_path}/vault", "--playbook", own / "site.yml", "--playbook", own / "broken.yml"]
    words += [word for each in sites for word in ("--worker", each.worker(before="WHOSE=theirs"))]
    before = set(tmp_path.rglob("*"))

    with everything_recorded() as seen:
        done = mngr_ansible("apply", *words, "--json", "-v")
    site, broken = (f"playbook:{own}/{name}.yml" for name in ("site", "broken"))
    found = [statuses(done, number) for number in (0, 1)]
    assert found == [{site: "changed", broken: "failed"}, {site: "failed", broken: "not-reached"}], done.stderr
    reasons = [step["reason"] for host in document(done)["hosts"] for step in host["steps"]]
    assert "theirs.yml" in reasons[1]  # it can be loaded here, and not there
    assert "no_log" in reasons[2]
    for number, each in enumerate(sites, 1):
        said = each.host.run("cat /etc/of-playbook; stat -c ' %U' /etc/of-playbook").stdout.split()
        assert said == [
            *(f"web-{number}", "2", "['far-1']", SECRET, "PLAYBOOK", "Debian", "hello", "beside", "elsewhere"),
            *(each.network, str(number == 2), "linked", "theirs", "root"),
        ]
        assert each.left() == []
    assert len(seen) > 100
    kept = [each for each in (*home.rglob("*"), *(set(tmp_path.rglob("*")) - before)) if each.is_file()]
    for canary in (SECRET, PASSWORD[:6]):
        assert not [each for each in seen if canary in each]
        assert canary not in done.stdout + done.stderr
        assert not [each for each in kept if canary.encode() in each.read_bytes()]


def test_an_own_playbook_on_a_worker_that_is_killed_is_unknown_and_on_the_others_it_ends_well(sites, words, tmp_path):
    lost, whole = sites
    slow = "touch /tmp/begun; while [ ! -e /tmp/go ]; do sleep 0.1; done"
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "Wait", "shell": slow}]}
    (tmp_path / "site.yml").write_text(json.dumps([play]))
    own = ["--file", f"{__file__}:/srv/ours", "--playbook", "site.yml"]
    with started(argv("apply", *own, *words, "--json"), cwd=tmp_path) as process:
        begun(sites, process)
        lost.kill()
        whole.host.run("touch /tmp/go")
        stdout, stderr = process.communicate(timeout=120)
    done = subprocess.CompletedProcess([], process.returncode, stdout, stderr)
    assert process.returncode == 1
    found = [statuses(done, index) for index in (0, 1)]
    assert found[0] == {"file:/srv/ours": "changed", "playbook:site.yml": "unknown"}, stderr
    assert set(found[1].values()) == {"changed"}
    (error,) = document(done)["errors"]
    assert error["host"] == lost.host.address
    assert "the outcome of site.yml is unknown" in error["problem"]
    assert lost.worker() in error["problem"]
    gone(lost)
    for each in sites:
        each.host.run("touch /tmp/go; sleep 0.3; rm -f /tmp/go /tmp/begun /srv/ours")


@pytest.fixture(scope="module")
def oldest_runner(tmp_path_factory):
    """``ansible-runner`` with the oldest ansible-core that is supported, in an environment of its own."""
    directory = tmp_path_factory.mktemp("oldest")
    uv = Path(sys.executable).with_name("uv")
    uv = str(uv) if uv.exists() else "uv"
    try:
        subprocess.run([uv, "venv", "-q", "--python", str(interpreter("3.12")), str(directory)], check=True)
    except NotHere as error:
        pytest.skip(str(error))
    wanted = [f"ansible-core=={OLDEST}.*", "ansible-runner==2.3.6", "setuptools<81"]
    install = [uv, "pip", "install", "-q", "--python", str(directory / "bin/python"), *wanted]
    for _ in range(3):
        if not subprocess.run(install, capture_output=True).returncode:
            return directory / "bin/ansible-runner"
    pytest.skip("ansible-runner cannot be installed")


def test_a_worker_with_another_ansible_does_the_same(sites, known, oldest_runner, tmp_path):
    site = sites[0]
    (tmp_path / "file").write_text(f"{time.time()}")
    words = ["--host", site.host.address, "--key", site.host.key, "--known-hosts", known]
    words += ["--worker", site.worker(oldest_runner, "ANSIBLE_LIBRARY=/nowhere ANSIBLE_STRATEGY=nonsense")]
    content = "{{ ansible_facts['distribution'] }} {{ mngr_host_name }} {{ ansible_version.major }}"
    copy = {"copy": {"content": content, "dest": "/etc/of-playbook"}}
    (tmp_path / "site.yml").write_text(json.dumps([{"hosts": "all", "tasks": [copy]}]))
    own = ["--playbook", tmp_path / "site.yml"]
    done = mngr_ansible("apply", "--file", f"{tmp_path}/file:/srv/other", *own, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(statuses(done).values()) == {"changed"}
    assert site.host.run("cat /etc/of-playbook").stdout == f"Debian {site.host.address} 2"
    assert site.host.run("cat /srv/other").stdout == (tmp_path / "file").read_text()
    assert site.left() == []


def test_a_worker_without_ansible_is_said_to_have_none(sites, known, tmp_path):
    """The runner is started by a Python whose directory has no ansible-playbook, and PATH has none."""
    site = sites[0]
    code = f"import sys; sys.path.insert(0, {str(RUNNER.parents[1])!r}); sys.argv[0] = 'x'; sys.path[:0] = {sys.path!r}"
    script = tmp_path / "runner"
    script.write_text(f"{code}\nfrom ansible_runner.__main__ import main\nsys.exit(main(['worker']))\n")
    words = ["--host", site.host.address, "--key", site.host.key, "--known-hosts", known]
    python = interpreter("3.12").resolve()
    command = f"env TMPDIR={site.tmp} PATH=/usr/bin:/bin {python} {script}"
    done = mngr_ansible("plan", "--package", "git", *words, "--worker", command)
    assert done.returncode == 1
    assert "has no ansible-playbook" in done.stderr
    assert "Install ansible-core there, beside its ansible-runner." in done.stderr
