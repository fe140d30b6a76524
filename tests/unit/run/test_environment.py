"""The environment of Ansible's processes."""

from pathlib import Path

import pytest

from mngr_ansible.run.environment import MOST_FORKS, configuration, environment


@pytest.mark.parametrize(("hosts", "forks"), [(0, 1), (1, 1), (21, 21), (500, MOST_FORKS)])
def test_ansible_works_on_as_many_hosts_at_once_as_there_are_up_to_fifty(hosts: int, forks: int) -> None:
    assert environment(Path("/p"), Path("/s"), "", "~/x", hosts)["ANSIBLE_FORKS"] == str(forks)
    assert MOST_FORKS == 50


def test_ansible_does_not_look_a_thousand_times_a_second_at_many_hosts_and_at_one_as_often_as_ever() -> None:
    assert configuration(1) == ""
    assert configuration(2) == "[defaults]\ninternal_poll_interval = 0.02\n"
