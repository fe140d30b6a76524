"""What starts Ansible on a worker: without the worker's own settings, and what killed jobs have left is removed."""

import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mngr_ansible.run.supervisor import MOST_MEMORY
from mngr_ansible.run.worker_job import Job
from tests.support.shellcheck import shellcheck
from tests.support.shells import SHELLS

SCRIPT = Path("mngr_ansible/run/worker.sh")


@pytest.fixture
def made(tmp_path):
    """A job as ansible-runner unpacks it, beside the directories of others."""
    directory = tmp_path / "tmp-of-this"
    with Job(1, 60) as job:
        job.finish()
        zipfile.ZipFile(job.file).extractall(directory)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ansible-playbook"
    program.write_text("#!/bin/sh\nenv; echo limit=$(ulimit -d); echo words: $*; exit 4\n")
    program.chmod(0o755)
    return directory


def run(shell, directory, **variables):
    path = f"{directory.parent}/bin:/usr/bin:/bin"
    return subprocess.run(
        [*shell, "run.sh", "provision.yml", "-i", "x"],
        cwd=directory / "project",
        env={"PATH": path, "HOME": "/", "TMPDIR": str(directory.parent), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_shellcheck_finds_nothing():
    assert shellcheck(SCRIPT.read_text()) == []


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_ansible_gets_our_settings_and_none_of_the_workers(shell, made):
    done = run(
        shell,
        made,
        ANSIBLE_LIBRARY="/foreign",
        ANSIBLE_STRATEGY="foreign",
        ANSIBLE_CALLBACK_PLUGINS="/foreign:/of/ansible-runner",
        ANSIBLE_STDOUT_CALLBACK="awx_display",
        OWN="kept",
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert done.returncode == 4
    assert found["limit"] == str(MOST_MEMORY >> 10), "Ansible reads a module's answer from a host without a limit"
    assert "words: provision.yml -i x" in done.stdout
    assert "foreign" not in done.stdout
    assert found["ANSIBLE_CALLBACK_PLUGINS"] == "/of/ansible-runner"
    assert (found["ANSIBLE_STDOUT_CALLBACK"], found["OWN"]) == ("awx_display", "kept")
    assert found["ANSIBLE_CONFIG"] == str(made / "ansible.cfg")
    assert found["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert f'ControlPath="{found["TMPDIR"]}/%C"' in found["ANSIBLE_SSH_ARGS"]
    assert not Path(found["TMPDIR"]).exists()


def test_what_killed_jobs_left_is_removed_and_nothing_else(made):
    top = made.parent
    ended = subprocess.Popen(["true"])
    ended.wait()
    content = {"killed": str(ended.pid), "running": str(os.getpid()), "new": "", "old": "", "foreign": None}
    for name, mark in content.items():
        (top / name / "project").mkdir(parents=True)
        (top / name / "project" / "secret").write_text("x")
        if mark is not None:
            (top / name / "mngr-ansible-worker").write_text(mark)
    os.utime(top / "old", (0, 0))
    (top / "elsewhere").mkdir()
    (top / "elsewhere" / "mngr-ansible-worker").write_text(str(ended.pid))
    (top / "link").symlink_to("elsewhere")
    (top / "elsewhere").rename(top / "bin" / "elsewhere")
    (top / "link").unlink()
    (top / "link").symlink_to("bin/elsewhere")

    assert run(["/bin/sh"], made).returncode == 4
    assert sorted(each.name for each in top.iterdir()) == ["bin", "foreign", "link", "new", "running", "tmp-of-this"]
    assert (top / "bin" / "elsewhere").exists()


def of_runner(made):
    """Run the script as an ``ansible-runner worker`` does."""
    program = made.parent / "bin" / "ansible-runner"
    program.write_text(f"cd {made}/project\n/bin/sh run.sh provision.yml\nexit 0\n")
    path = f"{made.parent}/bin:/usr/bin:/bin"
    environment = {"PATH": path, "TMPDIR": str(made.parent)}
    return subprocess.run(["sh", program, "worker"], env=environment, capture_output=True, text=True, timeout=60)


def long_ago(path, minutes=2):
    os.utime(path, (time.time() - 60 * minutes,) * 2)


def test_what_a_job_left_that_was_killed_before_it_began_is_removed_unless_a_runner_may_have_it(made):
    top = made.parent
    (top / "old").mkdir()
    (top / "old/mngr-ansible-worker").write_text("")
    long_ago(top / "old")
    waits = subprocess.Popen(["sh", "-c", "read -r line", "ansible-runner", "worker"], stdin=subprocess.PIPE)
    of_runner(made)
    assert (top / "old").exists(), "it may be the one of the runner that waits"
    waits.communicate(b"\n")
    limit = time.monotonic() + 120
    while (top / "old").exists():  # other tests may have runners
        assert time.monotonic() < limit
        of_runner(made)


def test_the_archive_of_a_job_that_was_killed_while_it_came_is_removed_and_nothing_else(made):
    top = made.parent
    with Job(1, 60) as job:
        job.finish()
        job.file.seek(0)
        archive = job.file.read()
    content = {
        "tmpkilled_1": archive[:200],
        "tmpcomes__1": archive,
        "tmpforeign1": b"PK" + bytes(100),
        "of-a-user": archive,
    }
    for name, data in content.items():
        (top / name).write_bytes(data)
        long_ago(top / name)
    (top / "tmpis__new1").write_bytes(archive)
    (top / "tmpa__link1").symlink_to("of-a-user")
    with (top / "tmpcomes__1").open():
        assert run(["/bin/sh"], made).returncode == 4
    left = {each.name for each in top.iterdir()}
    assert left == {*content, "tmpis__new1", "tmpa__link1", "bin", "tmp-of-this"} - {"tmpkilled_1"}


def test_no_directory_of_sockets_is_left_however_early_the_script_is_killed(made):
    """Where the job's directory has a short name they are in it; else their name has the runner's number."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    left, foreign = (Path(f"/tmp/mngr-worker-{number}-tests") for number in (ended.pid, os.getpid()))
    for each in (left, foreign):
        each.mkdir()
    try:
        assert run(["/bin/sh"], made).returncode == 4
        assert (left.exists(), foreign.exists()) == (False, True)
    finally:
        foreign.rmdir()
    with TemporaryDirectory(dir="/tmp") as short:
        shutil.move(made, f"{short}/job")
        (made.parent / "bin").rename(f"{short}/bin")
        done = run(["/bin/sh"], Path(short, "job"))
        assert f"TMPDIR={short}/job/tmp\n" in done.stdout
        assert not Path(short, "job/tmp").exists()


def test_a_worker_without_ansible_says_so(made):
    (made.parent / "bin" / "ansible-playbook").unlink()
    done = run(["/bin/sh"], made)
    assert (done.returncode, done.stdout) == (127, "mngr-ansible: the worker has no ansible-playbook\n")


def test_the_job_is_removed_when_what_has_started_the_script_is_killed(made):
    program = made.parent / "bin" / "ansible-playbook"
    program.write_text("#!/bin/sh\ntouch begun\nexec sleep 600\n")
    script = "/bin/sh run.sh provision.yml & wait"  # in the place of ansible-runner
    environment = {"PATH": f"{made.parent}/bin:/usr/bin:/bin", "TMPDIR": str(made.parent)}
    runner = subprocess.Popen(["/bin/sh", "-c", script], cwd=made / "project", env=environment, start_new_session=True)
    limit = time.monotonic() + 60
    while not (made / "project" / "begun").exists():
        assert time.monotonic() < limit
        time.sleep(0.02)
    runner.kill()
    runner.wait()
    while made.exists() or list(Path("/tmp").glob(f"mngr-worker-{runner.pid}-*")):
        assert time.monotonic() < limit
        time.sleep(0.02)
