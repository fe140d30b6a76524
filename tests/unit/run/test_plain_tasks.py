"""Plain tasks: the text of the playbook of ``render --tasks``.

Source: docs/contract.md "Commands", docs/ops.md "One plain task a step".
"""

import dataclasses
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import InputError
from mngr_ansible.run.bundle import bundled
from mngr_ansible.run.plain_checks import wrapped
from mngr_ansible.run.plain_tasks import plain_playbook
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.yaml_text import Template, document
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, due, state, tree, write


class _Loader(yaml.SafeLoader):
    """Reads data that is marked ``!unsafe`` as text with the mark before it."""


_Loader.add_constructor("!unsafe", lambda loader, node: f"!unsafe {loader.construct_scalar(node)}")


def plays(*runs: HostRun) -> list[dict]:
    return yaml.load(plain_playbook(runs, bundled(runs))["provision.yml"], Loader=_Loader)


def host(name: str, *requests: object, **fields) -> HostRun:
    return HostRun(name, {}, due(contribution("p", *requests)), "/usr/bin/python3", state=state(), **fields)


def tasks_of(play: dict, module: str) -> list[dict]:
    return [task for task in play["tasks"] if f"ansible.builtin.{module}" in task]


def test_hosts_with_the_same_tasks_share_a_file_and_all_are_in_one_play_so_that_none_ends_it_for_others():
    runs = [host("r1", "git"), host("r2", "jq"), host("r3", "git"), host("r4", stop="no"), host("r5")]

    texts = plain_playbook(runs, bundled(runs))
    (play,) = yaml.load(texts["provision.yml"], Loader=_Loader)

    assert list(texts) == ["provision.yml", "tasks/r1.yml", "tasks/r2.yml"]
    assert play["hosts"] == "mngr_hosts"
    assert [(each.get("ansible.builtin.include_tasks"), each["when"]) for each in play["tasks"]] == [
        ("tasks/r1.yml", 'inventory_hostname in ["r1", "r3"]'),
        ("tasks/r2.yml", 'inventory_hostname in ["r2"]'),
        (None, 'inventory_hostname in ["r4"]'),
    ]
    assert [list(each.get("vars", {})) for each in play["tasks"]] == [["git_is_ok"], ["jq_is_ok"], []]
    assert yaml.load(texts["tasks/r2.yml"], Loader=_Loader)[0]["register"] == "jq_found"


def test_every_task_uses_a_module_of_ansible_itself(tmp_path):
    files = FileTransferSpec(tree(tmp_path / "tree", "a", "b"), "d"), FileTransferSpec(write(tmp_path / "x"), "x")

    (play,) = plays(host("r1", *files, "git>=2.39,<3"))

    known = {"name", "register", "when", "changed_when", "failed_when", "check_mode", "become", "loop", "loop_control"}
    assert {key for task in play["tasks"] for key in task} - known == {
        "ansible.builtin.copy",
        "ansible.builtin.file",
        "ansible.builtin.command",
    }


def test_a_package_is_installed_by_the_printed_words_only_where_the_check_fails_and_is_checked_again():
    (play,) = plays(host("r1", "git>=2.39,<3"))

    look, _refresh, install, again = tasks_of(play, "command")
    argv = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "git"]
    assert install["ansible.builtin.command"]["argv"] == argv
    assert install["when"] == "not git_is_ok | bool"
    assert (look["register"], again["register"], again["failed_when"]) == ("git_found", "git_found", install["when"])
    assert again["when"] == ["git_installed is not skipped", "not ansible_check_mode"]
    assert "git_version is version('2.39', '>=') and git_version is version('3', '<')" in play["vars"]["git_is_ok"]


@pytest.mark.parametrize(
    ("privilege", "becomes", "first"), [("root", None, "env"), ("sudo", True, "env"), ("doas", None, "doas")]
)
def test_what_needs_root_is_a_task_that_becomes_root_or_names_doas_itself(privilege, becomes, first):
    fields = {"uid": 0 if privilege == "root" else 1000, "privilege": privilege}
    one = HostRun("r1", {}, due(contribution("p", "git"), **fields), None, state=state(**fields))

    (play,) = plays(one)

    _look, refresh, install, _again = tasks_of(play, "command")
    assert {refresh.get("become"), install.get("become")} == {becomes}
    assert install["ansible.builtin.command"]["argv"][0] == first


def test_text_that_looks_like_a_template_is_marked_as_data_also_in_a_name_of_a_task(tmp_path):
    odd = write(tmp_path / "{{ 7*7 }}", "x")

    (play,) = plays(host("r1", FileTransferSpec(odd, "{{ 7*7 }}/{% x")))

    (copy,) = tasks_of(play, "copy")
    assert copy["ansible.builtin.copy"]["src"].startswith("!unsafe files/{{")
    assert copy["ansible.builtin.copy"]["dest"].startswith("!unsafe ")
    assert not re.search(r"\{[{%#]", copy["name"])


def test_a_host_that_is_known_to_fail_has_one_task_that_says_why():
    (play,) = plays(host("r1", "git", stop="git cannot be installed: {{ nothing }}"))

    assert [task["ansible.builtin.fail"]["msg"] for task in play["tasks"]] == [
        "!unsafe git cannot be installed: {{ nothing }}"
    ]


def test_a_secret_is_read_from_the_environment_and_never_shown(tmp_path):
    secret = FileTransferSpec(write(tmp_path / "key", "hush", 0o600), "key", is_secret=True)

    (play,) = plays(host("r1", secret))

    check, copy_it, write_it = play["tasks"]
    assert [each["name"] for each in check["loop"]] == ["MNGR_SECRET_1"]
    assert (
        copy_it["ansible.builtin.copy"]["src"] == "{{ lookup('ansible.builtin.env', 'MNGR_SECRET_1_FILE') | realpath }}"
    )
    assert write_it["ansible.builtin.template"]["src"] == "mngr_secret_1.j2"
    assert (copy_it["no_log"], write_it["no_log"]) == (True, True)


def test_what_vault_has_encrypted_is_copied_as_it_is(tmp_path):
    files = [FileTransferSpec(write(tmp_path / name, "x", mode), name) for name, mode in (("a", 0o644), ("b", 0o600))]

    (play,) = plays(host("r1", *files))

    assert [each["ansible.builtin.copy"]["decrypt"] for each in tasks_of(play, "copy")] == [False, False]


@pytest.mark.parametrize("known", ["parents", "parents_as_root"])
def test_a_missing_directory_above_a_destination_is_made_whoever_was_asked_about_it(tmp_path, known):
    one = host("r1", FileTransferSpec(write(tmp_path / "x"), "/etc/app/first"))
    one = dataclasses.replace(one, state=state(**{known: {"/etc/app": "W"}}))

    (play,) = plays(one)

    assert [each["ansible.builtin.file"]["path"] for each in tasks_of(play, "file")] == ["/etc/app"]


def test_requirements_with_similar_names_have_variables_of_their_own():
    (play,) = plays(host("r1", "lib-a", "lib.a", "7zip"))

    assert list(play["vars"]) == ["lib_a_is_ok", "lib_a_2_is_ok", "tool_7zip_is_ok"]


def test_a_name_that_is_not_utf8_is_refused_with_what_to_do_instead(tmp_path):
    spec = FileTransferSpec(tree(tmp_path / "tree", "bad\udcff"), "d")

    with pytest.raises(InputError, match="is not UTF-8") as refused:
        plays(host("r1", spec))

    assert "leave --tasks out" in refused.value.remedy


def test_the_text_is_the_same_for_the_same_hosts(tmp_path):
    one = host("r1", FileTransferSpec(tree(tmp_path / "tree", "a"), "d"), "git")
    texts = {tuple(plain_playbook([dataclasses.replace(one)], bundled([one])).items()) for _ in range(2)}
    assert len(texts) == 1


@given(st.lists(st.sampled_from(["word", "&&", "'a && b'", '"x  y"', "'" + "z" * 99 + "'", "$(c)"]), max_size=40))
def test_a_wrapped_line_has_the_same_words(words):
    line = " ".join(words)

    made = wrapped(line)

    assert made.replace("&&\n", "&& ").replace("\\\n", "") == line or line.endswith("&&")


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_what_is_written_is_read_back_and_no_data_is_a_template(value):
    (read,) = yaml.load(document([{"value": value}]), Loader=_Loader)

    assert read["value"] == _marked(value)


def _marked(value):
    if isinstance(value, str):
        return f"!unsafe {value}" if re.search(r"\{[{%#]", value) else value
    if isinstance(value, list):
        return [_marked(each) for each in value]
    return {_marked(key): _marked(each) for key, each in value.items()}


def test_what_is_meant_as_a_template_stays_one():
    assert yaml.safe_load(document([{"a": Template("{{ item }}")}])) == [{"a": "{{ item }}"}]
