"""``FileTransferSpec``: paths, modes, owners, and the values that are refused. Source: docs/contract.md "Data"."""

import dataclasses
import inspect
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import InputError
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.validation import normal_remote_path


def remote(path: object) -> str:
    return str(FileTransferSpec("/l", path).remote_path)


@pytest.mark.parametrize("path", ["a/b", Path("a/b"), PurePosixPath("a/b")])
def test_paths_are_strings_or_path_objects(path):
    assert FileTransferSpec(path, path) == FileTransferSpec("a/b", "a/b")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("a/../b", "b"),
        ("./a//b/.", "a/b"),
        ("d/", "d"),
        ("/srv/d/", "/srv/d"),
        ("//srv/../etc/x", "/etc/x"),
        ("~/x/../y/", "~/y"),
        ("~//x", "~/x"),
        (".", "."),
    ],
)
def test_a_destination_is_normalised_as_text_and_a_trailing_slash_means_nothing(written, normal):
    assert remote(written) == normal


@pytest.mark.parametrize("home", ["~/", "~/.", "~/x/..", "~", Path("~/")])
def test_the_home_itself_may_be_a_destination_however_it_is_written(home):
    assert remote(home) == "~"


@pytest.mark.parametrize("name", ["~root", "~root/x", "$HOME/x", "${X}", "a/~/b", "{{ x }}", "-rf", "a b", "*", "ü\t"])
def test_every_other_text_is_a_plain_name(name):
    assert remote(name) == name


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("..", "leaves work_dir"),
        ("a/../../b", "leaves work_dir"),
        ("~/..", "leaves the home"),
        ("~/a/../../b", "leaves the home"),
        ("", "is empty"),
        ("a\0b", "NUL"),
        ("a\nb", "newline"),
        ("/", "root directory"),
        ("/..", "root directory"),
        ("n" * 256, "too long"),
        ("d/" * 2500, "too long"),
        ("\ud800", "not allowed in a path"),
        ("./~/x", "means the home"),
        ("a/../~", "means the home"),
    ],
)
def test_a_destination_that_leaves_its_base_or_is_not_a_path_is_refused(path, why):
    with pytest.raises(InputError, match=why) as refused:
        FileTransferSpec("/l", path)
    assert refused.value.remedy


@given(st.text(alphabet="ab./~$", min_size=1, max_size=12))
def test_what_is_normal_stays_as_it_is_and_never_leaves(text):
    try:
        normal = normal_remote_path(text)
    except ValueError:
        return
    assert normal_remote_path(normal) == normal
    assert ".." not in normal.split("/")
    assert normal.startswith("~/") == (text.startswith("~/") or text == "~")
    assert normal.startswith("/") == text.startswith("/")


@pytest.mark.parametrize("path", ["", "a\0b", "\ud800"])
def test_a_source_that_is_not_a_path_is_refused(path):
    with pytest.raises(InputError, match=r"FileTransferSpec\.local_path"):
        FileTransferSpec(path, "x")


@pytest.mark.parametrize(
    ("mode", "bits"), [("0640", 0o640), ("640", 0o640), ("0o640", 0o640), (0o640, 0o640), (0, 0), ("0777", 0o777)]
)
def test_a_mode_is_an_octal_string_or_an_int_by_its_value(mode, bits):
    assert FileTransferSpec("l", "r", mode=mode).mode == bits


@pytest.mark.parametrize("mode", ["4755", "01777", 0o4755, 640, -1, "u=rw", "0888", "", " 0640", True, 6.4])
def test_a_mode_with_other_bits_or_of_another_form_is_refused(mode):
    with pytest.raises(InputError, match=r"FileTransferSpec\.mode"):
        FileTransferSpec("l", "r", mode=mode)


@pytest.mark.parametrize("field", ["mode", "directory_mode"])
def test_a_mode_that_lost_its_quotes_is_refused_with_both_ways_to_write_it(field):
    with pytest.raises(InputError, match=rf"FileTransferSpec\.{field}: 644 is not a mode here") as refused:
        FileTransferSpec("l", "r", **{field: 644})
    assert refused.value.remedy == f'Write it in quotes: {field}: "0644" (in Python: 0o644 or "0644").'


def test_the_signature_is_that_of_the_contract():
    parameters = inspect.signature(FileTransferSpec).parameters
    assert {name: each.default for name, each in parameters.items()} == {
        "local_path": inspect.Parameter.empty,
        "remote_path": inspect.Parameter.empty,
        "is_required": True,
        "mode": None,
        "directory_mode": None,
        "owner": None,
        "group": None,
        "exclude": (),
        "symlinks": "keep",
        "is_secret": False,
        "if_exists": "replace",
        "mirror": False,
    }
    assert list(parameters) == [field.name for field in dataclasses.fields(FileTransferSpec)]


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("directory_mode", "0755", 0o755),
        ("owner", "agent", "agent"),
        ("owner", "1000", "1000"),
        ("group", 0, "0"),
        ("group", "_www-data", "_www-data"),
        ("owner", "machine$", "machine$"),
        ("exclude", ["cache/", "!cache/keep"], ("cache/", "!cache/keep")),
        ("symlinks", "follow", "follow"),
        ("if_exists", "backup", "backup"),
        ("mirror", True, True),
    ],
)
def test_a_transfer_says_how_it_is_written_on_the_host(field, value, kept):
    assert getattr(FileTransferSpec("l", "r", **{field: value}), field) == kept


@pytest.mark.parametrize("name", ["", "-r", "a b", "a:b", "$HOME", "root\n", "../x", "a/b", "ü", "99999999999"])
@pytest.mark.parametrize("field", ["owner", "group"])
def test_what_is_not_the_name_of_a_user_is_refused(field, name):
    with pytest.raises(InputError, match=rf"FileTransferSpec\.{field}"):
        FileTransferSpec("l", "r", **{field: name})


@pytest.mark.parametrize(
    ("field", "options"),
    [("exclude", {"exclude": ["ok", "!"]}), ("mirror", {"mirror": True, "if_exists": "keep"})],
)
def test_what_contradicts_itself_or_does_not_parse_is_refused(field, options):
    with pytest.raises(InputError, match=rf"FileTransferSpec\.{field}") as refused:
        FileTransferSpec("l", "r", **options)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("local_path", 3),
        ("remote_path", None),
        ("is_required", "yes"),
        ("is_required", 1),
        ("owner", True),
        ("owner", -1),
        ("exclude", "cache/"),
        ("exclude", [1]),
        ("symlinks", "copy"),
        ("if_exists", None),
        ("is_secret", "true"),
        ("mirror", 0),
    ],
)
def test_a_transfer_with_a_wrong_type_or_word_names_its_field(field, value):
    with pytest.raises(InputError, match=rf"FileTransferSpec\.{field}: (?!.*not supported)") as refused:
        FileTransferSpec(**{"local_path": "l", "remote_path": "r", field: value})
    assert refused.value.remedy


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(InputError, match=r"unknown key 'remote_pth' \(did you mean remote_path\?\)") as refused:
        FileTransferSpec.from_mapping({"local_path": "l", "remote_pth": "r"})
    assert "remote_path" in refused.value.remedy


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match="remote_path is missing"):
        FileTransferSpec.from_mapping({"local_path": "l"})
