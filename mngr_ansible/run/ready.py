"""Ansible, made ready before it is known whether it is needed: it imports itself and reads the inventory meanwhile.

Its playbook is a fifo, so it waits there until the plan is known and the real playbook is written. Where nothing has to
change it is ended, and has run nothing. It is started at the first moment of a command, so this module imports little.
See docs/decisions.md "Ansible and ansible-runner".
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.run.inventory import alias, inventory
from mngr_ansible.run.places import temporary_run_directory
from mngr_ansible.run.process import RunProcess
from mngr_ansible.system.signals import signals_held, signals_ignored

PLAYBOOK = "provision.yml"
NEXT_PLAYBOOK = "next.yml"
"""The real playbook, until it takes the place of the fifo ``provision.yml``."""


class ReadyAnsible:
    """Ansible that waits for its playbook; it is used for one run, or not at all.

    Attributes:
        directory: the directory of the run, as ``temporary_run_directory`` makes it; the run directory is ``run`` in
            it, with an inventory of the names ``host-1``, ``host-2``, … and without their variables.
        hosts: how many names the inventory has.
        passwords: sudo's passwords that Ansible has, by these names.
        is_waiting: whether it waits still.
        sockets: where ssh may put the sockets of connections of this run.
    """

    def __init__(self, hosts: int, passwords: Mapping[str, str] | None = None) -> None:
        """Start it.

        Raises:
            OSError, InputError: that is not possible; then everything is done without it.
        """
        self.hosts, self.passwords = hosts, passwords or {}
        self.is_waiting = True
        with ExitStack() as stack:
            self.directory = stack.enter_context(temporary_run_directory())
            run = self.directory / "run"
            for each in (run, run / "inventory", run / "inventory" / "host_vars", run / "project"):
                each.mkdir(mode=0o700)
            (run / "inventory" / "hosts.yml").write_text(inventory(map(alias, range(hosts))))
            os.mkfifo(run / "project" / PLAYBOOK, 0o600)
            self._process = RunProcess(
                run,
                hosts=hosts,
                remote_tmp=str(self.directory / "tmp"),
                passwords=passwords,
                next_playbook=run / "project" / NEXT_PLAYBOOK,
            )
            self.sockets = self._process.sockets
            self._stack = stack.pop_all()

    def go(self) -> RunProcess:
        """Let Ansible read the playbook, which is written by now. The caller ends the process, at the latest
        :meth:`close` does."""
        self.is_waiting = False
        self._process.go()
        return self._process

    def put_playbook(self) -> None:
        """Put the playbook into its place, for another Ansible: this one is dead."""
        project = self.directory / "run" / "project"
        with suppress(FileNotFoundError):  # it is there already
            (project / NEXT_PLAYBOOK).rename(project / PLAYBOOK)

    def dismiss(self) -> None:
        """Nothing has to change: Ansible is not needed, and ends while other things are done."""
        if self.is_waiting:
            self._process.stop()

    def close(self) -> None:
        """End it, if it was not used, and remove the directory; a signal does not interrupt that."""
        with signals_ignored(), self._stack:
            self._process.end(is_over=self.is_waiting)


@contextmanager
def ready_ansible(hosts: int, passwords: Mapping[str, str] | None = None) -> Iterator[ReadyAnsible | None]:
    """Ansible, ready inside; None where it cannot be started this way: then it is started when it is needed."""
    ready = None
    try:
        with suppress(OSError, MngrAnsibleError), signals_held():
            ready = ReadyAnsible(hosts, passwords)
        yield ready
    finally:
        if ready is not None:
            ready.close()
