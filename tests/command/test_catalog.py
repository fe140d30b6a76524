"""``mngr-ansible catalog``: what it prints of the tools that it knows."""

from __future__ import annotations

import json

import jsonschema

from mngr_ansible.catalog.lookup import tool_names
from tests.support.command_line import document, mngr_ansible
from tests.support.json_schema import SCHEMA


def test_the_verb_lists_all_tools_in_a_line_each() -> None:
    lines = mngr_ansible("catalog").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(tool_names())
    assert max(map(len, lines)) <= 100


def test_the_verb_says_of_one_tool_what_is_proven_and_what_is_not() -> None:
    shown = mngr_ansible("catalog", "codex").stdout
    assert "  found by command: codex\n" in shown
    assert "  from npm: @openai/codex for the remote user, needs node-npm>=16 (tested)\n" in shown
    assert "  from dnf: fd-find (not tested)\n" in mngr_ansible("catalog", "fd").stdout


def test_no_tool_has_a_source_that_is_shown_twice() -> None:
    assert (
        "  from nodesource, apt: nodejs 22.21.0, only on debian, ubuntu, x86_64, aarch64 (not tested)\n"
        in mngr_ansible("catalog", "nodejs").stdout
    )
    for tool in document(mngr_ansible("catalog", "--json"))["tools"]:
        shown = [json.dumps(source, sort_keys=True) for source in tool["sources"]]
        assert len(set(shown)) == len(shown), tool["name"]


def test_the_verbs_document_follows_the_schema() -> None:
    report = document(mngr_ansible("catalog", "--json"))
    jsonschema.validate(report, SCHEMA)
    assert [each["name"] for each in report["tools"]] == list(tool_names())


def test_an_unknown_tool_is_an_error_with_the_nearest_name() -> None:
    shown = mngr_ansible("catalog", "ripgrap")
    assert shown.returncode == 1
    assert "the catalog does not contain 'ripgrap' (did you mean ripgrep?)" in shown.stderr
