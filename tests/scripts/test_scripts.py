"""The sh scripts that are sent to hosts: ShellCheck finds no mistake in them, and they have no comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr_ansible.host import templates
from mngr_ansible.host.login_shell import FIRST_LINE
from mngr_ansible.portable import check_script, checks, managers, offers, trusted_programs
from mngr_ansible.portable.sh import without_comments
from tests.support.shellcheck import shellcheck

UNUSED = ("SC2317", "SC2329")
"""Codes for functions that are never called: a script begins with functions of which it uses only some."""

ODD = 'it\'s $HOME `id` \\ "x" ~ *; & | > \n new'

REQUIREMENTS = {
    "nothing": [],
    "name": [{"name": "git"}],
    "packages": [
        {"name": "fd", "version": ">=8", "packages": {manager: ["fd", "fd-find"] for manager in managers.TABLE}}
    ],
    "kinds": [
        {"name": kind, "checks": [{"kind": kind, "value": value}, {"kind": kind, "value": value, "pattern": "x(.*)"}]}
        for kind in checks.KINDS
        for value in ("~/tool", ODD)
        if (kind, value) != ("command", "~/tool")
    ],
    "many": [{"name": f"tool{number}"} for number in range(20)],
}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_shellcheck_finds_nothing_in_the_check_of_requirements(name: str) -> None:
    found = shellcheck(
        check_script.annotated_script([checks.complete(each) for each in REQUIREMENTS[name]]), exclude=UNUSED
    )
    assert found == []


@pytest.mark.parametrize("privilege", ["root", "sudo", "doas"])
def test_shellcheck_finds_nothing_in_the_script_that_asks_package_managers(privilege: str) -> None:
    found = shellcheck(
        offers.annotated_script({manager: ["git", ODD] for manager in managers.TABLE}, privilege), exclude=UNUSED
    )
    assert found == []


def test_comments_are_not_sent_to_the_host() -> None:
    requirements = [checks.complete({"name": "git"})]
    for script in (check_script.script(requirements), offers.script({"apt": ["git"]}, "root"), check_script.PATHS):
        assert [line for line in script.splitlines() if line.lstrip().startswith("#")] == []


def test_what_is_our_own_text_in_a_script_is_ascii() -> None:
    requirements = [checks.complete({"name": name}) for name in ("git", "node", "python3", "docker")]
    packages = {manager: ["git"] for manager in managers.TABLE}
    sent = [check_script.script(requirements, has_paths=has_paths) for has_paths in (False, True)]
    sent += [offers.script(packages, privilege, ("dnf",), dict.fromkeys(packages, 9)) for privilege in ("root", "sudo")]
    sent += [check_script.PATHS, without_comments(trusted_programs.SCRIPT), FIRST_LINE]
    sent += [templates.text(path.name) for path in Path(templates.__file__).parent.glob("*.sh")]
    assert [line for script in sent for line in script.splitlines() if not line.isascii()] == []


def test_a_line_of_a_request_that_looks_like_a_comment_is_sent() -> None:
    script = check_script.script([checks.complete({"name": "a", "checks": [{"kind": "shell", "value": "b\n# c\nd"}]})])
    assert "'b\n# c\nd'" in script
