"""A manifest is read as the contribution of a plugin. Source: docs/contract.md "Manifest"."""

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement
from tests.support.builders import write

YAML = """\
files:
  - {local_path: ~/.npmrc, remote_path: .npmrc, is_required: false, is_secret: true}
  - {local_path: files/x, remote_path: /etc/x, mode: 0640}
packages:
  - git>=2.39
  - {name: node, version: ">=20", purpose: runs the agent}
"""
TOML = """\
packages = ["git>=2.39", {name = "node", version = ">=20", purpose = "runs the agent"}]
[[files]]
local_path = "~/.npmrc"
remote_path = ".npmrc"
is_required = false
is_secret = true
[[files]]
local_path = "files/x"
remote_path = "/etc/x"
mode = "0640"
"""


@pytest.mark.parametrize(("name", "text"), [("host.yml", YAML), ("host.yaml", YAML), ("host.toml", TOML)])
def test_a_manifest_is_yaml_or_toml_and_the_plugin_named_manifest(tmp_path, name, text):
    made = manifest.read(write(tmp_path / name, text))

    assert (made.plugin, made.who) == ("manifest", f"manifest ({name})")
    assert made.transfers == (
        FileTransferSpec("~/.npmrc", ".npmrc", is_required=False, is_secret=True),
        FileTransferSpec(tmp_path / "files" / "x", "/etc/x", mode="0640"),
    )
    assert made.requirements == (
        PackageRequirement.parse("git>=2.39"),
        PackageRequirement("node", ">=20", purpose="runs the agent"),
    )


def test_the_example_manifest_is_one():
    example = Path(__file__).parents[3] / "examples" / "manifest.yml"
    made = manifest.read(example)
    assert made.transfers[0].local_path == example.parent / "files" / "gitconfig"


def test_relative_sources_are_relative_to_the_manifest_wherever_we_are(tmp_path, monkeypatch):
    write(tmp_path / "deep" / "m.yml", "files: [{local_path: a, remote_path: b}]")
    monkeypatch.chdir(tmp_path)
    assert manifest.read("deep/m.yml").transfers[0].local_path == Path("deep/a")


def test_a_leading_tilde_of_its_own_path_is_the_home_and_no_other_is(home):
    write(home / "m.yml", "packages: [git]")
    assert manifest.read("~/m.yml").requirements == (PackageRequirement("git"),)
    with pytest.raises(InputError, match="cannot be read"):
        manifest.read("~nobody-here/m.yml")


@pytest.mark.parametrize("text", ["", "files:\npackages:\n", "{}", "files: []"])
def test_an_empty_manifest_contributes_nothing(tmp_path, text):
    made = manifest.read(write(tmp_path / "m.yml", text))
    assert (made.transfers, made.requirements) == ((), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pakages: [git]", r"unknown key 'pakages' \(did you mean packages\?\)"),
        ("files: [{local_path: a, remote_path: b, mod: '0600'}]", r"unknown key 'mod' \(did you mean mode\?\)"),
        ("packages: [{name: git, verison: '>=2'}]", r"unknown key 'verison' \(did you mean version\?\)"),
        ("packages: [{git: '>=2'}]", "unknown key 'git'"),
        ("3: x", "unknown key 3"),
        ("files: {local_path: a}", "files is not a list"),
        ("packages: git", "packages is not a list"),
        ("[git]", "not a mapping"),
        ("just words", "not a mapping"),
        ("files: [a:b]", "not a file transfer"),
        ("files: [{local_path: a}]", "remote_path is missing"),
        ("files: [{local_path: a, remote_path: ../b}]", "leaves work_dir"),
        ("files: [{local_path: a, remote_path: b, is_secret: 'yes'}]", "is_secret"),
        ("files: [{local_path: a, remote_path: b, mode: 640}]", "640 is read as a number, not as octal digits"),
        (
            "files: [{local_path: a, remote_path: b, directory_mode: 500}]",
            "FileTransferSpec.directory_mode: 500 is read",
        ),
        ("files: [{local_path: a, remote_path: b, mode: 0x1a0}]", "0x1a0 is read as a number"),
        ("packages: [{name: node, version: 2.10}]", "PackageRequirement.version: 2.10 is not a string"),
        ("files: [{local_path: a, remote_path: b, owner: a b}]", "is not the name or number of a user or group"),
        ("packages: [3]", "not a package requirement"),
        ("packages: [git=2]", "'=2' is not supported"),
        ("packages: [{name: node, version: 20}]", "version"),
        ("packages: ['git*']", "does not parse"),
    ],
)
def test_a_mistake_in_a_manifest_is_one_message_with_its_name_and_a_remedy(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as refused:
        manifest.read(write(tmp_path / "host.yml", text))
    assert "host.yml" in refused.value.problem
    assert refused.value.remedy
    assert refused.value.exit_code == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.yml", "files: ["),
        ("m.yml", "a: 2024-99-99"),
        ("m.yml", "packages: [git]\npackages: [vim]"),
        ("m.yml", "files: [{local_path: a, remote_path: b, local_path: c}]"),
        ("m.yml", "[" * 5000),
        ("m.yml", "!!python/object/apply:os.system [id]"),
        ("m.yml", "? [a]\n: b"),
        ("m.yml", "\x01"),
        ("m.toml", "files = ["),
        ("m.toml", "packages = ['git']\npackages = ['vim']"),
    ],
)
def test_what_does_not_parse_is_refused_and_nothing_is_run(tmp_path, name, text):
    with pytest.raises(InputError, match="does not parse"):
        manifest.read(write(tmp_path / name, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("packages:\n  - [git", "(at line 2, column 9)"),
        ("files: []\npackages: [git]\npackages: [vim]", "'packages' is given twice (at line 3, column 1)"),
        ("files: []\npackages: [a\x01b]", "the character U+0001 is not allowed (at line 2, column 13)"),
        ("packages: [{name: a, sources: [{manager: apt,\n  manager: dnf}]}]", "is given twice (at line 2, column 3)"),
        ("[" * 5000, "it is nested too deeply"),
    ],
)
def test_what_does_not_parse_is_told_with_its_place(tmp_path, text, message):
    with pytest.raises(InputError) as caught:
        manifest.read(write(tmp_path / "m.yml", text))
    assert caught.value.problem.endswith(message)


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "latin").write_bytes(b"\xff")
    for path, message in (
        (tmp_path / "none", "cannot be read"),
        (tmp_path, "cannot be read"),
        (tmp_path / "latin", "UTF-8"),
    ):
        with pytest.raises(InputError, match=message):
            manifest.read(path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["files", "packages", "local_path", "remote_path", "name", "checks", "mode"]), inner
        )
    ),
    max_leaves=8,
)


def test_an_anchor_may_be_merged_and_overridden(tmp_path):
    text = "files:\n- &a {local_path: /a, remote_path: b, is_secret: true}\n- {<<: *a, remote_path: c}\n"
    made = manifest.read(write(tmp_path / "m.yml", text))
    assert made.transfers[1] == FileTransferSpec("/a", "c", is_secret=True)


def test_a_path_with_a_null_is_refused():
    with pytest.raises(InputError, match="is not a path"):
        manifest.read("a\0b")


def refusal(document: object) -> InputError | None:
    try:
        manifest.contribution(document, plugin="manifest", origin="manifest (x)", directory=Path("/d"))
    except InputError as error:
        return error
    return None


@given(ANYTHING)
def test_any_document_is_understood_or_refused_with_a_remedy(document):
    error = refusal(document)
    assert error is None or (error.problem.startswith("manifest (x): ") and error.remedy)


def test_json_is_a_manifest_too(tmp_path):
    assert manifest.read(write(tmp_path / "m.json", json.dumps({"packages": ["git"]}))).requirements


@pytest.mark.parametrize("name", ["m.yml", "m.toml"])
def test_a_byte_order_mark_and_carriage_returns_change_nothing(tmp_path, name):
    line = "packages: [git]" if name.endswith("yml") else 'packages = ["git"]'
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\r\n")
    assert [each.name for each in manifest.read(tmp_path / name).requirements] == ["git"]


def test_a_value_that_stands_for_gigabytes_is_shortened_in_the_message(tmp_path):
    text = "files:\n- exclude:\n"
    text += "  - &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    text += "  local_path: x\n  remote_path: y\n"
    (tmp_path / "m.yml").write_text(text)
    with pytest.raises(InputError) as refused:
        manifest.read(tmp_path / "m.yml")
    assert len(refused.value.problem) < 2000


def test_a_manifest_without_an_end_is_refused():
    with pytest.raises(InputError, match="the manifest /dev/zero is larger than 16 MiB"):
        manifest.read("/dev/zero")


@pytest.mark.parametrize(
    ("name", "text", "spelling"),
    [
        ("m.yml", "files: [{local_path: a, remote_path: b, mode: 440}]", 'mode: "0440"'),
        ("m.yml", "files: [{local_path: a, remote_path: b, mode: 999}]", 'mode: "0640"'),
        ("m.json", '{"files": [{"local_path": "a", "remote_path": "b", "mode": 400}]}', 'mode: "0400"'),
        ("m.toml", 'files = [{local_path = "a", remote_path = "b", mode = 440}]', 'mode: "0440" or "0670"'),
        ("m.toml", 'files = [{local_path = "a", remote_path = "b", mode = 0o644}]', 'mode: "0420" or "0644"'),
        ("m.toml", 'files = [{local_path = "a", remote_path = "b", mode = 0o600}]', 'mode: "0600"'),
        ("m.yml", "packages: [{name: node, version: 2.10}]", 'version: "2.10"'),
        ("m.yml", "packages: [{name: node, version: 1_0}]", 'version: "1_0"'),
    ],
)
def test_a_number_where_text_is_meant_is_refused_with_the_spelling_to_use(tmp_path, name, text, spelling):
    with pytest.raises(InputError) as refused:
        manifest.read(write(tmp_path / name, text))
    assert spelling in refused.value.remedy


def test_settings_refuse_a_mode_that_is_a_number_and_yaml_takes_octal_digits(tmp_path):
    document = {"files": [{"local_path": "a", "remote_path": "b", "mode": 0o440}]}
    with pytest.raises(InputError, match=r"settings: FileTransferSpec\.mode: 288 is read as a number") as refused:
        manifest.contribution(document, plugin="settings", origin="settings", directory=tmp_path)
    assert refused.value.remedy == 'Write it in quotes: mode: "0440".'
    read = manifest.read(write(tmp_path / "m.yml", "files: [{local_path: a, remote_path: b, mode: 0440}]"))
    assert read.transfers[0].mode == 0o440


def test_a_wrong_entry_is_named_by_its_number_and_its_list(tmp_path):
    text = "files: [{local_path: a, remote_path: b}, {local_path: a, remote_path: b, mode: 440}]\npackages: [git, '']\n"
    with pytest.raises(InputError, match=r"manifest \(m\.yml\): entry 2 of files: FileTransferSpec\.mode"):
        manifest.read(write(tmp_path / "m.yml", text))
    with pytest.raises(InputError, match=r"manifest \(m\.yml\): entry 2 of packages: "):
        manifest.read(write(tmp_path / "m.yml", text.replace(", mode: 440", "")))


@pytest.mark.parametrize(("field", "value", "meant"), [("owner", "010", "10"), ("group", "0100", "100")])
def test_the_number_of_an_owner_is_decimal_and_not_octal(tmp_path, field, value, meant):
    entry = f"files: [{{local_path: a, remote_path: b, {field}: {value}}}]"
    with pytest.raises(InputError, match=f"{value} begins with a zero, so YAML reads it in base 8") as refused:
        manifest.read(write(tmp_path / "m.yml", entry))
    assert refused.value.remedy == f"Write {meant} without the zero, or a name in quotes."


@pytest.mark.parametrize("value", ["4_40", "0x1A4", "0b11", "6:40"])
def test_a_number_in_any_other_base_is_no_mode(tmp_path, value):
    with pytest.raises(InputError, match=f"{value} is read as a number"):
        manifest.read(write(tmp_path / "m.yml", f"files: [{{local_path: a, remote_path: b, mode: {value}}}]"))


def test_a_fifo_is_read_when_somebody_writes_to_it_and_has_no_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    text = "files: [{local_path: a, remote_path: b}]"
    writer = threading.Thread(target=lambda: (tmp_path / "fifo").write_text(text))
    writer.start()
    made = manifest.read(tmp_path / "fifo")
    writer.join()
    assert (made.transfers[0].local_path, made.file) == (tmp_path / "a", "")


def test_a_fifo_to_which_nobody_writes_is_an_error_and_not_a_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match=r"no program wrote to this fifo for 0\.1 s"):
        manifest.read(tmp_path / "fifo", fifo_seconds=0.1)


def test_a_fifo_that_never_ends_is_an_error_when_the_time_of_the_run_is_up(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="it did not end in time"):
        manifest.read(tmp_path / "fifo", seconds=0.1)
    writer = os.open(tmp_path / "fifo", os.O_RDWR)
    os.write(writer, b"files: []\n")
    with pytest.raises(InputError, match="it did not end in time"):
        manifest.read(tmp_path / "fifo", seconds=0.1)
    os.close(writer)


def test_a_manifest_that_is_a_link_says_where_its_sources_start(tmp_path):
    write(tmp_path / "real" / "m.yml", "files: [{local_path: a, remote_path: b}]")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "m.yml").symlink_to("../real/m.yml")
    made = manifest.read(tmp_path / "links" / "m.yml")
    assert made.transfers[0].local_path == tmp_path / "links" / "a"
    assert made.who == f"manifest (m.yml, a link to {tmp_path}/real/m.yml; its sources start at {tmp_path}/links)"
    (tmp_path / "real" / "same.yml").symlink_to("m.yml")
    assert manifest.read(tmp_path / "real" / "same.yml").who == "manifest (same.yml)"
