"""The probe as shell text: shellcheck finds nothing, and every text of a plugin is quoted."""

import shlex
from pathlib import Path

import pytest

from mngr_ansible.host import templates
from mngr_ansible.host.probe_answer import WORDS
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.probe_script import probe_script
from mngr_ansible.plan.transfers import Claim, Destination, WriteOptions
from mngr_ansible.portable import trees
from tests.scripts.test_probe import HOSTILE
from tests.support.builders import requirements, tree
from tests.support.shellcheck import shellcheck

TEMPLATES = sorted(Path(templates.__file__).parent.glob("*.sh"))
NONCE = "0123456789abcdef"
ALLOWED = (
    "SC2086",  # $SUM and $STAT are several words
    "SC2043",  # one loop runs over one placeholder
    "SC2016",  # a script for root is one quoted word
    *("SC2030", "SC2031"),  # PATH is changed in a subshell alone
    *("SC2012", "SC2088"),  # nvm's and npm's directories, in the script of portable.check_script
    "SC2034",  # a shared function sets a variable that this script does not read
    "SC2317",  # not every function is called in every script
)
"""Complaints that are no faults: the templates switch them off in comments, which are not sent."""


@pytest.fixture
def request_of_everything(tmp_path):
    top = str(tree(tmp_path / "top", *HOSTILE))
    entries = trees.read(top).entries
    claims = (
        Claim("p", Destination("~/x"), entries),
        Claim("p", Destination("/srv/x"), entries, WriteOptions(owner="agent", group="it's"), is_mirror=True),
    )
    return ProbeRequest(claims, requirements("git>=2", "sh"), "~/it's", become=True, password="it's $SECRET @NONCE@")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_the_templates_are_clean_shell(template):
    assert shellcheck(template.read_text()) == []


def test_a_written_script_is_clean_shell(request_of_everything):
    script = probe_script(request_of_everything, request_of_everything.paths(), NONCE)

    assert shellcheck(script, exclude=ALLOWED) == []
    parts = script.split("\nas_root ")[1:]
    assert len(parts) == 2
    for part in parts:
        words = shlex.shlex(part, posix=True, punctuation_chars=False)
        words.whitespace_split, words.commenters = True, ""
        assert shellcheck(words.get_token() or "", exclude=ALLOWED) == []


def test_no_comment_and_no_placeholder_is_sent(request_of_everything):
    script = probe_script(request_of_everything, request_of_everything.paths(), NONCE)

    assert [line for line in script.splitlines() if line.lstrip().startswith("#")] == []
    assert "@" + "QUESTIONS@" not in script
    assert script.count("it's $SECRET @NONCE@".replace("'", "'\"'\"'")) == 1


def test_every_word_that_the_script_prints_is_in_the_table_of_the_reader():
    text = "".join(path.read_text() for path in TEMPLATES)
    printed = {line.split("say ")[1].split()[0] for line in text.splitlines() if "say " in line and "say()" not in line}
    assert printed <= set(WORDS)
