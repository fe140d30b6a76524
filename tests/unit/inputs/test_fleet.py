"""The options for many hosts are read with the same rules everywhere."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import UsageError
from mngr_ansible.inputs.fleet import Canary, Fleet, OwnPlaybook, build_fleet


@given(total=st.integers(1, 10_000), percent=st.integers(1, 100))
def test_a_part_of_the_hosts_is_rounded_up_and_is_at_least_one(total: int, percent: int) -> None:
    assert Canary.parse(f"{percent}%").of(total) == max(1, math.ceil(total * percent / 100))


@given(total=st.integers(1, 100), hosts=st.integers(1, 200))
def test_a_number_of_hosts_is_at_most_all_of_them(total: int, hosts: int) -> None:
    assert Canary.parse(hosts).of(total) == Canary.parse(str(hosts)).of(total) == min(total, hosts)


@pytest.mark.parametrize("value", [0, "0", "0%", "500%", "-1", "1.5", "two", "", True, [1], "10 %%", "1e3"])
def test_a_canary_that_is_none_is_refused_with_the_spelling(value: Any) -> None:
    with pytest.raises(UsageError, match=r"--canary .* is not a number of hosts above 0") as caught:
        Canary.parse(value)
    assert "--canary 10%" in caught.value.remedy


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("forks", each) for each in (0, "0", -1, 1.5, "many", True, 10_000, math.nan)),
        *(("host_timeout", each) for each in (0, "0", -1, "soon", math.inf, True)),
        *(("max_fail_percentage", each) for each in (-1, 101, "500%", "half", math.nan)),
        *(("workers", each) for each in (["  "], [3], "ssh bastion")),
        *(("playbooks", each) for each in ("site.yml", [3], [""])),
    ],
)
def test_a_value_that_its_option_does_not_take_is_wrong_usage(option: str, value: Any) -> None:
    with pytest.raises(UsageError):
        build_fleet(**{option: value})


def test_numbers_may_be_texts_as_on_a_command_line() -> None:
    fleet = build_fleet(
        canary="25%", forks="7", host_timeout="1.5", max_fail_percentage="20%", playbooks=["a.yml"], workers=["w x"]
    )
    assert fleet == Fleet(Canary(percent=25), 7, 1.5, 20, workers=("w x",), playbooks=(OwnPlaybook("a.yml"),))
    assert build_fleet() == Fleet()
