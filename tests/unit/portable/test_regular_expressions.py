import copy
import re

import pytest

from mngr_ansible.portable.regular_expressions import regex


def test_an_expression_does_what_the_compiled_one_does():
    number = regex(r"v?(\d+)", re.IGNORECASE)
    for _ in range(2):
        assert number.fullmatch("V12")[1] == "12"
        assert number.sub("n", "a 1") == "a n"
    assert (number.pattern, number.groups, number.flags) == ("v?(\\d+)", 1, re.compile("v", re.IGNORECASE).flags)
    assert copy.deepcopy(number).search("v7")[0] == "v7"


def test_it_is_compiled_once_when_it_is_first_used():
    broken = regex("(")
    with pytest.raises(re.error):
        broken.search("")
    used = regex("a")
    assert used.search("a")
    assert used.search is used.search


def test_every_expression_of_the_package_is_a_regular_expression():
    import importlib
    import pkgutil

    import mngr_ansible.portable

    found = 0
    for each in pkgutil.iter_modules(mngr_ansible.portable.__path__):
        module = importlib.import_module(f"mngr_ansible.portable.{each.name}")
        for value in vars(module).values():
            if isinstance(value, regex):
                assert value.groups >= 0
                found += 1
    assert found > 50
