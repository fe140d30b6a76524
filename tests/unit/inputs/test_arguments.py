"""Arguments of the command line and of the API. Source: docs/contract.md "Commands"."""

import pytest

from mngr_ansible.errors import UsageError
from mngr_ansible.inputs.arguments import as_paths, as_tuple, file_option, package_option
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement


def test_a_file_option_is_split_at_its_first_colon():
    assert file_option("a:~/b:c") == FileTransferSpec("a", "~/b:c")


@pytest.mark.parametrize("text", ["", "a", ":b", "a:", "a:../b"])
def test_a_file_option_that_does_not_parse_is_a_usage_error(text):
    with pytest.raises(UsageError, match="--file") as refused:
        file_option(text)
    assert refused.value.remedy
    assert refused.value.exit_code == 64


def test_a_package_option_is_a_requirement_in_its_string_form():
    assert package_option("git>=2.39") == PackageRequirement("git", ">=2.39")


@pytest.mark.parametrize(
    ("text", "message"),
    [("node^20", "'^20' is not supported; write '>=20,<21'"), ("a b", "requirement 'a b' does not parse")],
)
def test_a_package_option_that_does_not_parse_is_a_usage_error(text, message):
    with pytest.raises(UsageError) as refused:
        package_option(text)
    assert refused.value.problem.startswith(f"--package {text!r}: ")
    assert refused.value.problem.endswith(message)


@pytest.mark.parametrize("values", ["git", b"git", {"name": "git"}, 3, None])
def test_a_single_value_is_not_a_list(values):
    with pytest.raises(UsageError, match=r"packages = .* is not a list") as refused:
        as_tuple("packages", values)
    assert refused.value.remedy == "Give a list: packages=[…]."


@pytest.mark.parametrize("path", [3, None, b"m.yml"])
def test_what_is_not_a_path_in_a_list_of_paths_is_one_error(path):
    with pytest.raises(UsageError, match=r"manifests contains .*, which is not a path"):
        as_paths("manifests", ["a.yml", path])


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        (package_option, "git>=2,<1", "--package 'git>=2,<1': '>=2,<1' allows no version"),
        (package_option, "git>=abc", "--package 'git>=abc': 'abc' is not a version"),
        (file_option, "a:../x", "--file 'a:../x': '../x' leaves work_dir through '..'"),
        (file_option, f"a:{'b' * 300}", "is too long for a path"),
    ],
)
def test_a_wrong_option_is_shown_in_bounds_and_without_the_names_of_classes(option, value, problem):
    with pytest.raises(UsageError) as refused:
        option(value)
    assert problem in refused.value.problem
    assert len(refused.value.problem) < 500
