"""How long a run waits for another program's lock: a minute, and on a host that may be new as long as it may take."""

import dataclasses

import pytest

from mngr_ansible.portable.managers import LOCK_SECONDS
from mngr_ansible.provisioning.execution import host_runs
from mngr_ansible.provisioning.request import build_request
from tests.unit.provisioning.test_next_sources import prepared_host


@pytest.mark.parametrize(("is_patient", "seconds"), [(False, LOCK_SECONDS), (True, 285)])
def test_a_host_that_may_be_new_is_given_all_the_time_of_the_run(is_patient: bool, seconds: int) -> None:
    request = dataclasses.replace(build_request(timeout=300), is_patient=is_patient)
    (run,) = host_runs([prepared_host()], request, ".tmp")
    assert run.lock_seconds == seconds
