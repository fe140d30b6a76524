"""mngr's open connection: what one command of it holds; and our settings in mngr's."""

import dataclasses
import random
import string
import subprocess
import threading

import pytest

pytest.importorskip("imbue.mngr")

from mngr_ansible.host.connection import HostStoppedError
from mngr_ansible.host.probe_request import ProbePath, ProbeRequest
from mngr_ansible.host.probe_script import probe_script
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.mngr.config import AnsiblePluginConfig
from mngr_ansible.mngr.connection import MngrConnection


class Said:
    """What mngr's host says of a command."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.stdout, self.stderr, self.success = done.stdout, done.stderr, done.returncode == 0


class Host:
    """A host of mngr that runs commands here, each as one argument."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def execute_idempotent_command(self, command, timeout_seconds):
        self.commands.append(command)
        return Said(subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=timeout_seconds))


def test_a_thousand_destinations_with_long_names_fit_into_one_command():
    chance = random.Random(1)
    names = ("".join(chance.choices(string.ascii_letters, k=30)) for _ in range(1000))
    places = [
        ProbePath("", f"/srv/agents/some/longer/directory/{name}/file-{number}") for number, name in enumerate(names)
    ]

    assert MngrConnection(None, "host").holds(probe_script(ProbeRequest((), ()), places, "0" * 16))


def test_a_long_script_gives_the_same_answer_as_a_short_one():
    host = Host()
    connection = MngrConnection(host, "host")
    padding = "\n".join(f": {number} padding" for number in range(3000))

    assert connection.run('echo "it\'s ü"', 10).stdout.strip() == "it's ü"
    assert connection.run(f'{padding}\necho "it\'s ü"', 10).stdout.strip() == "it's ü"
    assert all(len(command) < 128 * 1024 for command in host.commands)


def test_mngr_accepts_every_setting_that_we_have():
    assert set(AnsiblePluginConfig.model_fields) - {"enabled"} == {each.name for each in dataclasses.fields(Settings)}


def test_a_script_that_is_stopped_from_another_thread_is_not_waited_for():
    begun, end = threading.Event(), threading.Event()

    class Silent:
        def execute_idempotent_command(self, command, timeout_seconds):
            begun.set()
            end.wait()

    connection = MngrConnection(Silent(), "host")
    stopper = threading.Thread(target=lambda: (begun.wait(), connection.stop()))
    stopper.start()
    with pytest.raises(HostStoppedError):
        connection.run("echo", 600)
    stopper.join()
    end.set()
    assert connection.waiting == []
