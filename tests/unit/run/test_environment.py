"""The environment of Ansible's processes."""

from pathlib import Path

import pytest

from mngr_ansible.run.environment import MOST_FORKS, environment


@pytest.mark.parametrize(("hosts", "forks"), [(0, 1), (1, 1), (21, 21), (500, MOST_FORKS)])
def test_ansible_works_on_as_many_hosts_at_once_as_there_are_up_to_fifty(hosts: int, forks: int) -> None:
    assert environment(Path("/p"), Path("/s"), "", "~/x", hosts)["ANSIBLE_FORKS"] == str(forks)
    assert MOST_FORKS == 50
