"""What a worker is sent: a whole run directory, in files that only their owner can read."""

import json
import stat
import zipfile

import pytest

from mngr_ansible.errors import InputError, UsageError
from mngr_ansible.run.own_playbook import OwnPlaybookRun
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.runner import RunRecord, RunStop
from mngr_ansible.run.worker import Worker
from mngr_ansible.run.worker_job import ROOT, Job
from mngr_ansible.run.worker_run import Access, run_on_worker
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, write


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssh bastion ansible-runner worker", ("ssh", "bastion", "ansible-runner", "worker")),
        ("sh -c 'a b $HOME; c'", ("sh", "-c", "a b $HOME; c")),
    ],
)
def test_a_command_is_split_into_words_as_sh_does_it(text, words):
    assert Worker.parse(text) == Worker(text, words)


@pytest.mark.parametrize("text", ["ssh 'bastion", " ", "''", "\\"])
def test_a_command_without_words_or_with_an_open_quote_is_refused(text):
    with pytest.raises(UsageError, match="--worker"):
        Worker.parse(text)


def test_every_file_of_a_job_is_readable_by_its_owner_alone_and_the_rest_says_nothing_of_the_hosts():
    with Job(3, 60.5) as job:
        job.add("scripts/host-1", "secret")
        job.add_role("mngr_files")
        job.finish()
        archive = zipfile.ZipFile(job.file)
        assert {each.external_attr >> 16 for each in archive.infolist()} == {stat.S_IFREG | 0o600}
        assert archive.read("scripts/host-1") == b"secret"
        assert "project/roles/mngr_files/action_plugins/mngr_files_copy.py" in archive.namelist()
        assert not [each for each in archive.namelist() if "__pycache__" in each]
        assert json.loads(archive.read("env/settings"))["job_timeout"] == 61
        assert b"@" not in archive.read("project/run.sh").replace(b'"$@"', b"")
        assert set(job.kwargs) == {"ident", "binary", "cmdline", "fact_cache_type"}


def test_with_an_own_playbook_only_the_script_and_files_of_the_archive_say_anything_of_it(tmp_path):
    own = OwnPlaybookRun(tmp_path / "it's.yml", {"ANSIBLE_ROLES_PATH": f"{ROOT}/paths/1"})
    with Job(3, 60, own=own, words=["--vault-id", f"a b@{ROOT}/vault/0", f"{ROOT}/playbook/it's.yml"]) as job:
        job.add_directory("playbook/empty/")
        job.open("playbook/run.sh", 0o755).close()
        job.finish()
        archive = zipfile.ZipFile(job.file)
        script = archive.read("project/run.sh").decode()
    with Job(3, 60) as ours:
        assert job.kwargs == ours.kwargs
    assert """set -- '--vault-id' 'a b@'"$private"'/vault/0' ''"$private"'/playbook/it'\\''s.yml'\n""" in script
    assert """export ANSIBLE_ROLES_PATH=''"$private"'/paths/1'\n""" in script
    assert "ANSIBLE_INJECT_FACT_VARS" not in script
    modes = {each.filename: oct(each.external_attr >> 16) for each in archive.infolist()}
    assert (modes["playbook/empty/"], modes["playbook/run.sh"]) == ("0o40700", "0o100755")


def test_a_source_that_was_changed_since_the_plan_is_an_error_before_any_worker_is_started(tmp_path):
    source = write(tmp_path / "file")
    made = due(contribution("claude", FileTransferSpec(source, "x")))
    source.write_text("another content")
    run = HostRun("host-1", {"ansible_host": "x"}, made, "/usr/bin/python3")
    with pytest.raises(InputError, match=r"was changed by another program since it was planned"):
        run_on_worker(
            Worker("false", ("false",)),
            [run],
            {"host-1": Access({}, None)},
            tmp_path,
            seconds=60,
            timeout=60,
            record=RunRecord(),
            stop=RunStop(),
            on_event=print,
        )
