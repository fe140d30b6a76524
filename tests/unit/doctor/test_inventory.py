"""What an inventory says wrongly, or in a way that people should know, is a finding."""

from mngr_ansible.doctor.examination import about_inventory, of_inventory
from mngr_ansible.errors import ErrorGroup, InputError
from mngr_ansible.host.connection import LocalShell
from mngr_ansible.provisioning.targets import host_target
from mngr_ansible.values import replace

TARGET = host_target("web-1", LocalShell(), "/")


def test_an_inventory_that_can_be_read_is_fine():
    (found,) = about_inventory([TARGET, TARGET])
    assert (found.name, found.status, found.text) == (
        "controller: inventory",
        "ok",
        "Ansible can read it; 2 hosts to look at",
    )


def test_each_remark_about_an_inventory_is_a_warning():
    found = list(about_inventory([replace(TARGET, notices=("x is skipped", "y hides z"))]))
    assert [(each.name, each.status, each.text) for each in found] == [
        ("controller: inventory (1)", "warning", "x is skipped"),
        ("controller: inventory (2)", "warning", "y hides z"),
    ]


def test_what_cannot_be_read_is_a_problem_with_its_remedy():
    one, other = InputError("a cannot be read", remedy="Correct it."), InputError("b\x1b[m", remedy="Write it.")
    assert [each.name for each in of_inventory(one)] == ["controller: inventory"]
    found = of_inventory(ErrorGroup([one, other]))
    assert [(each.name, each.status, each.remedy) for each in found] == [
        ("controller: inventory (1)", "problem", "Correct it."),
        ("controller: inventory (2)", "problem", "Write it."),
    ]
    assert "\x1b" not in found[1].text
