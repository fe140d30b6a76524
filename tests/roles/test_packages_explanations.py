"""What the role ``mngr_packages`` says when a package manager fails: the cause, what to do, and one full stop each."""

from __future__ import annotations

import re

import pytest

from tests.support.controller import role_module

explanations = role_module("mngr_packages", "mngr_packages_explanations")

OUTPUTS = [
    "E: Something is broken.",
    "reading\nError: it failed...",
    "the last line of a program.\n",
    "",
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)",
    "error: failed to init transaction (unable to lock database)",
    "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
    "E: Held packages were changed and -y was used without --allow-change-held-packages.",
    "E: Packages need to be removed but remove is disabled.",
    "E: Unable to correct problems, you have held broken packages.",
    "Problem: rival conflicts with mtool",
    "tar: write error: No space left on device",
    "Errors were encountered while processing:\n broken\nE: Sub-process /usr/bin/dpkg returned an error code (1)",
    "warning: %post(hurt-1.0-1.noarch) scriptlet failed, exit status 3",
    "E: Unable to locate package nowhere",
    "npm error code EACCES",
    "E: Failed to fetch http://127.0.0.1/x  Could not connect to 127.0.0.1:80.",
    "error: externally-managed-environment",
    "sudo: a password is required",
]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("manager", ["apt", "dnf", "npm"])
def test_every_explanation_is_two_sentences_or_more_each_with_one_full_stop(output: str, manager: str) -> None:
    text = explanations.explain(manager, 100, output, ["mtool"], "sudo", 60)
    assert re.fullmatch(r"\S.*[^. ]\.", text), text
    assert ".." not in text
    assert ". " in text
    assert not re.search(r"\{\w*\}", text)


def test_the_last_line_of_an_unknown_failure_is_quoted_without_its_own_full_stop() -> None:
    text = explanations.explain("apt", 100, "E: Something is broken.\n", ["mtool"], "root", 60)
    assert text.startswith("apt failed with exit status 100: Something is broken. ")
    silent = explanations.explain("dnf", 1, "\n", ["mtool"], "root", 60)
    assert silent.startswith("dnf failed with exit status 1: it gave no reason. ")


def test_a_manager_that_was_stopped_is_reported_with_its_time() -> None:
    assert explanations.explain("apt", 124, "", ["mtool"], "sudo", 60) == (
        "apt did not end within 60 s and was stopped. Finish it on the host, then run again: sudo dpkg --configure -a."
    )


NPM = """npm error code E404
npm error 404 Not Found - GET https://user:pw@registry.example/nosuch - Not found
npm error 404
npm error A complete log of this run can be found in: /root/.npm/_logs/2026-11-26T10_00_00_000Z-debug-0.log

"""


@pytest.mark.parametrize(
    ("manager", "output", "reason"),
    [
        ("npm", NPM.replace("E404", "EODD"), "404 Not Found - GET https://registry.example/nosuch - Not found"),
        ("npm", "npm ERR! code EJSONPARSE\nnpm ERR! path /x\nnpm ERR! Invalid package.json\n", "Invalid package.json"),
        ("pip", "ERROR: nosuch is not a supported wheel\n\n\n", "nosuch is not a supported wheel"),
        ("apt", "E: Something is broken.\nE: \n", "Something is broken"),
        ("dnf", "Error: \nError: the rpm database is odd\n   \n", "the rpm database is odd"),
        ("brew", "Warning: it is odd.\n\n  See /var/log/brew.log\n", "Warning: it is odd"),
    ],
)
def test_the_reason_is_the_line_that_says_why_and_never_an_empty_one_or_a_logs_path(manager, output, reason):
    assert f"failed with exit status 1: {reason}" in explanations.explain(manager, 1, output, ["nosuch"], "root", 60)


def test_what_the_table_knows_is_named_and_an_address_loses_its_login():
    known = explanations.explain("npm", 1, NPM, ["nosuch"], "root", 60)
    assert known.startswith("npm does not know the package https://registry.example/nosuch. ")


@pytest.mark.parametrize(("manager", "command"), [("pacman", "pacman -Sp x y"), ("apk", "apk add --simulate x y")])
def test_the_command_to_try_is_one_of_that_manager(manager, command):
    assert command in explanations.explain(manager, 1, "Authentication required", ["x", "y"], "root", 60)
