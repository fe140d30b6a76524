"""How many files may be open."""

import os
import resource

import pytest

from mngr_ansible.system.descriptors import room


@pytest.fixture
def limited(monkeypatch):
    """Make the limit of open files so many more than are open."""

    def limit(free):
        used = len(os.listdir("/dev/fd"))
        soft = free if free == resource.RLIM_INFINITY else used + free
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    return limit


@pytest.mark.parametrize(
    ("free", "at_once"), [(resource.RLIM_INFINITY, 32), (1000, 32), (16 + 4 * 8, 4), (16 + 7, 1), (0, 1)]
)
def test_as_many_at_once_as_there_is_room_for_and_one_at_least(limited, free, at_once):
    limited(free)
    assert room(8, 32) == at_once
