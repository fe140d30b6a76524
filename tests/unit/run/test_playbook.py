"""The playbook is made of known pieces; the data is apart from it, marked.

Source: docs/architecture.md "How a run is made".
"""

import base64
import json
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr_ansible.diff.due import Due
from mngr_ansible.errors import MngrAnsibleError
from mngr_ansible.portable import marked_text
from mngr_ansible.run import playbook as pieces
from mngr_ansible.run.bundle import bundled
from mngr_ansible.run.host_vars import host_vars, mark
from mngr_ansible.run.inventory import inventory
from mngr_ansible.run.playbook import CANARY, HostRun, Stage, playbook, run_stages
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.values import replace
from tests.support.builders import contribution, due, tree, write


def run(made: Due, alias: str = "host-1", **variables: object) -> HostRun:
    return HostRun(alias, variables, made, "/usr/bin/python3")


@pytest.fixture
def files(tmp_path):
    return due(contribution("claude", FileTransferSpec(write(tmp_path / "file"), "x")))


@pytest.fixture
def packages():
    return due(contribution("claude", "git>=2"))


def tasks(*runs: HostRun, is_fresh: bool = False) -> dict[str, dict[str, object]]:
    (play,) = yaml.safe_load(playbook(runs, is_fresh=is_fresh))
    assert play["hosts"] == "mngr_hosts"
    return {task["name"]: task for task in play["tasks"]}


def test_only_what_is_due_is_in_the_playbook(files, packages):
    always = "Check that data arrives as data"

    assert list(tasks(run(files))) == [always, "Copy files"]
    assert list(tasks(run(packages))) == [always, "Install packages with apt", "Assert versions"]
    assert list(tasks(run(Due(())))) == [always]


@pytest.mark.parametrize(("hosts", "is_fresh", "is_free"), [(2, True, True), (1, True, False), (2, False, False)])
def test_in_a_run_of_several_hosts_none_waits_for_another(files, hosts: int, is_fresh: bool, is_free: bool):
    text = playbook([run(files, f"host-{n}") for n in range(hosts)], is_fresh=is_fresh)
    assert ("  strategy: free\n" in text) is is_free


def test_a_host_with_a_time_of_its_own_has_no_task_and_no_transaction_that_takes_longer(files) -> None:
    before = time.time()
    one = replace(run(files), seconds=7.5)
    found = host_vars(one, 600)["mngr_ansible"]
    assert found["timeout"] == 7
    assert before + 7.5 <= found["until"] <= time.time() + 7.5
    assert "  timeout: " in playbook([one, run(files, "host-2")], is_fresh=True)
    assert "  timeout: " not in playbook([run(files)], is_fresh=True)
    assert "until" not in host_vars(run(files), 600)["mngr_ansible"]


def test_where_the_run_follows_at_once_the_actions_check_the_data_and_no_task_of_its_own(files, packages):
    both = Due((*files.outcomes, *packages.outcomes), files.transfers, packages.installs)

    found = tasks(run(both), is_fresh=True)

    assert list(found) == ["Copy files", "Install packages with apt", "Assert versions"]
    assert {each["ansible.builtin.import_role"]["rolespec_validate"] for each in found.values()} == {False}
    assert not any(
        "rolespec_validate" in each["ansible.builtin.import_role"] for each in list(tasks(run(both)).values())[1:]
    )


def test_the_canary_is_asserted_before_python3_is_installed_for_which_no_data_is_needed(files):
    bare = Due(files.outcomes, files.transfers, needs_python=True)
    assert list(tasks(run(bare), is_fresh=True)) == [
        "Check that data arrives as data",
        "Install python3",
        "Copy files",
    ]


def test_files_come_before_packages_and_python_before_both(files, packages):
    bare = Due((*files.outcomes, *packages.outcomes), files.transfers, packages.installs, needs_python=True)
    assert list(tasks(run(bare)))[1:] == [
        "Install python3",
        "Copy files",
        "Install packages with apt",
        "Assert versions",
    ]


def test_the_stages_of_a_run_have_the_order_of_the_playbook_and_the_ids_of_the_steps(tmp_path):
    file = write(tmp_path / "file")
    archive = {"manager": "archive", "url": "https://example.org/tool.tar.gz", "sha256": "0" * 64}
    made = due(
        contribution("a", FileTransferSpec(file, "/etc/first", owner="1001"), FileTransferSpec(file, "second")),
        contribution(
            "b", {"name": "tool", "sources": [archive]}, {"name": "app", "sources": [{"manager": "npm"}]}, "git"
        ),
        python=None,
        managers=("apt", "npm"),
        uid=1000,
        groups=(1000,),
        privilege="sudo",
    )

    assert run_stages(made) == (
        Stage("python3", ("bootstrap:python3",), ("python3",)),
        Stage("files", ("file:/srv/work/second", "file:/etc/first"), ("/srv/work/second", "/etc/first")),
        Stage("apt", ("package:git",), ("git",)),
        Stage("npm", ("package:app",), ("app",)),
        Stage("downloads", ("package:tool",), ("tool",)),
    )
    assert run_stages(Due(())) == ()


def test_a_piece_that_not_every_host_needs_has_a_condition(files, packages):
    both = tasks(run(files), run(packages, "host-2"))

    assert both["Copy files"]["when"] == "mngr_ansible.files | length > 0"
    assert both["Install packages with apt"]["when"] == "mngr_ansible.packages.apt | length > 0"
    assert "when" not in tasks(run(files), run(files, "host-2"))["Copy files"]


def test_the_first_lines_count_what_is_due_in_words(files, packages):
    assert "\n# One host, 1 file to change. The data is in" in playbook([run(files)])
    assert "\n# 2 hosts, 1 file and 1 package to change." in playbook([run(files), run(packages, "host-2")])


def test_the_canary_is_asserted_first_against_its_own_bytes(files):
    first = next(iter(tasks(run(files)).values()))
    assert base64.b64encode(CANARY.encode()).decode() in first["ansible.builtin.assert"]["that"]


def test_the_inventory_has_our_aliases_only(files):
    runs = [run(files, "host-1", ansible_host="{{ evil }}"), run(files, "host-2")]
    text = inventory(each.alias for each in runs)
    assert yaml.safe_load(text) == {"mngr_hosts": {"hosts": {"host-1": None, "host-2": None}}}


KNOWN_LINES = {
    line
    for name in ("_HEAD", "_CANARY")
    for line in getattr(pieces, name)
    .format(summary="SUMMARY", hosts="mngr_hosts", strategy="", canary=base64.b64encode(CANARY.encode()).decode())
    .split("\n")
} | {
    line.replace("@MANAGER@", "apt")
    for name in ("_BOOTSTRAP", "_FILES", "_REPOSITORIES", "_PACKAGES", "_DOWNLOADS", "_ASSERT", "_UNCHECKED")
    for line in getattr(pieces, name).split("\n")
}
CONDITION = re.compile(r"      when: mngr_ansible\.(files|packages\.apt) \| length > 0")
SUMMARY = re.compile(
    r"# (One host|\d+ hosts), (\d+ files?|\d+ packages?|nothing)( and \d+ packages?)? to change\. The data .*"
)


def is_known(line: str) -> bool:
    return line in KNOWN_LINES or bool(CONDITION.fullmatch(line) or SUMMARY.fullmatch(line))


def plain(value: object) -> object:
    """A marked value without its marks; a string that has none is an error."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    assert not isinstance(value, str), f"{value!r} is a template"
    return value


def lists(value: object) -> object:
    """The same with each text that stands for a list as that list."""
    if isinstance(value, dict):
        return {key: lists(each) for key, each in value.items()}
    return marked_text.load(value)


SYNTAX = st.sampled_from(
    ["{{ lookup('pipe', 'id') }}", "{% if 1 %}", "'", '"', "\\", "\n", ": ", "- ", "#", "!!", "$X", "~", "&"]
)
TEXT = st.lists(st.text(min_size=1, max_size=6) | SYNTAX, min_size=1, max_size=4).map("".join)
NAMES = st.lists(st.binary(min_size=1, max_size=5).map(os.fsdecode) | TEXT, min_size=1, max_size=4).map("".join)


def planned(plugin: str, directory: Path, name: str, remote: str, purpose: str, args: list[str]):
    """What is due of a plugin that needs a tree with that file name, and a tool; None where the words are refused."""
    try:
        tree(directory / "tree", name.replace("/", "_").replace("\0", "_"))
        tool = {"name": "git", "purpose": purpose, "checks": [{"kind": "command", "value": "git", "args": args}]}
        return due(
            contribution(plugin, FileTransferSpec(directory / "tree", remote), tool), contribution("other", "vim<2")
        )
    except (MngrAnsibleError, OSError, UnicodeEncodeError):
        return None


@settings(max_examples=120, deadline=None)
@given(plugin=TEXT, name=NAMES, remote=NAMES, purpose=TEXT, args=st.lists(TEXT, max_size=2), typed=TEXT)
def test_no_text_of_a_plugin_is_in_the_playbook_and_every_string_of_the_data_is_marked(
    plugin, name, remote, purpose, args, typed
):
    with tempfile.TemporaryDirectory() as directory:
        made = planned(plugin, Path(directory), name, remote, purpose, args)
        if made is None:
            return
        one = run(made, ansible_host=typed)

        text = playbook([one]) + playbook([one], is_fresh=True)
        written = json.dumps(host_vars(one, 60), ensure_ascii=True)

    assert [line for line in text.split("\n") if not is_known(line)] == []
    data = lists(plain(json.loads(written)))
    assert written.isascii()
    assert data["ansible_host"] == typed
    assert data["mngr_ansible"]["canary"] == CANARY
    assert data["mngr_ansible"]["packages"]["apt"] == [each.resolved() for each in made.installs]
    sent = {entry_path(each) for step in data["mngr_ansible"]["files"] for each in step["entries"]}
    assert sent == {os.fsencode(each.path) for step in made.transfers for each in step.entries}


def entry_path(entry: dict[str, str]) -> bytes:
    assert ("path" in entry) != ("path_b64" in entry)
    return entry["path"].encode() if "path" in entry else base64.b64decode(entry["path_b64"])


def test_a_name_that_is_not_utf_8_is_sent_as_base64_in_a_key_of_its_own(tmp_path):
    top = tree(tmp_path / "t", "bad\udcff")
    (top / "link").symlink_to("bad\udcff")

    data = lists(plain(host_vars(run(due(contribution("p", FileTransferSpec(top, "x")))), 60)))

    _, file, link = data["mngr_ansible"]["files"][0]["entries"]
    assert base64.b64decode(file["path_b64"]) == b"/srv/work/x/bad\xff"
    assert base64.b64decode(file["source_b64"]) == os.fsencode(top) + b"/bad\xff"
    assert base64.b64decode(link["target_b64"]) == b"bad\xff"
    assert not {"path", "source"} & set(file)


def test_a_list_for_a_role_is_one_text_where_the_run_follows_at_once_and_an_empty_one_stays_a_list(files, packages):
    of_files = host_vars(run(files), 60)["mngr_ansible"]
    of_packages = host_vars(run(packages), 60)["mngr_ansible"]
    later = host_vars(run(packages), 60, bundled([run(packages)]))["mngr_ansible"]

    assert list(of_files["files"]) == ["__ansible_unsafe"]
    assert marked_text.is_marked(of_packages["packages"]["apt"]["__ansible_unsafe"])
    assert marked_text.is_marked(of_packages["required"]["__ansible_unsafe"])
    assert (
        of_files["required"]
        == of_files["files_as_root"]
        == of_packages["files"]
        == of_packages["packages"]["npm"]
        == []
    )
    assert later["required"][0]["name"] == {"__ansible_unsafe": "git"}


def test_a_mark_covers_every_leaf_and_leaves_other_values_alone():
    value = {"a": ["x", 1, None, True, {"b": ("y",)}], "c": {"__ansible_unsafe": "z"}}
    marked = {"a": [{"__ansible_unsafe": "x"}, 1, None, True, {"b": [{"__ansible_unsafe": "y"}]}]}
    assert mark(value) == {**marked, "c": {"__ansible_unsafe": {"__ansible_unsafe": "z"}}}


def test_a_secret_and_a_top_directory_are_marked_as_such(tmp_path):
    secret = FileTransferSpec(tree(tmp_path / "t", "key"), "x", is_secret=True)

    data = lists(plain(host_vars(run(due(contribution("p", secret))), 60)))
    top, key = data["mngr_ansible"]["files"][0]["entries"]

    assert (top["is_top"], top["mode"], key["is_secret"], key["mode"]) == (True, "0700", True, "0600")


def test_the_interpreter_is_the_one_that_was_found_unless_the_connection_says_another(files):
    found = plain(host_vars(run(files), 60))
    given = plain(host_vars(run(files, ansible_python_interpreter="/opt/python"), 60))

    assert found["ansible_python_interpreter"] == "/usr/bin/python3"
    assert given["ansible_python_interpreter"] == "/opt/python"
