"""What ``check-plugin`` says of the files and tools that a plugin needs."""

import os

import pytest

from mngr_ansible import FileTransferSpec, PackageRequirement, Source
from mngr_ansible.authoring.plugin_checks import few
from mngr_ansible.authoring.plugin_files import file_findings
from mngr_ansible.authoring.plugin_packages import package_findings
from mngr_ansible.catalog.lookup import tool_names
from tests.support.builders import write


def of_files(*specs):
    found = list(file_findings("tutor", "mngr_tutor", specs))
    assert found[-1].name == "files: transfers"
    return [(each.name, each.status, each.text) for each in found[:-1]]


def of_packages(*values):
    needed = [PackageRequirement.from_value(each) for each in values]
    return [(each.name, each.status, each.text, each.remedy) for each in package_findings("tutor", needed)]


def test_a_required_file_that_is_missing_is_a_problem_and_an_optional_one_is_told(tmp_path):
    required = FileTransferSpec(tmp_path / "absent", ".x")
    assert of_files(required) == [("files: .x", "problem", f"{tmp_path}/absent does not exist on this machine")]
    optional = FileTransferSpec("~/.toolrc", "~/.toolrc", is_required=False)
    assert of_files(optional) == []
    assert list(file_findings("tutor", "", [optional]))[-1].text.endswith(
        "optional, and not on this machine: ~/.toolrc"
    )


@pytest.mark.parametrize(
    "name",
    [
        ".netrc",
        "id_ed25519",
        "token",
        "my-token.json",
        ".npmrc",
        "server.key",
        ".env.local",
        "credentials",
        "auth.json",
    ],
)
def test_a_name_of_a_secret_that_is_not_marked_is_found(tmp_path, name):
    source = write(tmp_path / "place" / name)
    for path in (source, source.parent):  # alone, and in a directory
        ((_, status, text),) = of_files(FileTransferSpec(path, ".x"))
        assert status == "warning"
        assert text == f"{source} looks like a secret and is not marked as one"
    assert of_files(FileTransferSpec(source, ".x", is_secret=True)) == []
    source.chmod(0o600)
    assert of_files(FileTransferSpec(source, ".x")) == [], "what only its owner can read is a secret anyway"


@pytest.mark.parametrize("name", ["id_ed25519.pub", "tokens.py", "secrets.md", ".env.example", "settings.toml"])
def test_a_name_that_is_no_secret_is_not_taken_for_one(tmp_path, name):
    assert of_files(FileTransferSpec(write(tmp_path / name), ".x")) == []


def test_a_secret_that_is_not_here_is_known_by_its_name():
    ((_, status, text),) = of_files(FileTransferSpec("~/.netrc", "~/.netrc", is_required=False))
    assert (status, text) == ("warning", "~/.netrc looks like a secret and is not marked as one")


def test_modes_that_surprise_are_found(tmp_path):
    script = write(tmp_path / "run.sh", "#!/bin/sh\n")
    assert "is not executable (mode 0644)" in of_files(FileTransferSpec(script, ".x"))[0][2]
    assert of_files(FileTransferSpec(script, ".x", mode="0755")) == []
    assert "every user of the host change it" in of_files(FileTransferSpec(script, ".x", mode="0777"))[0][2]
    secret = FileTransferSpec(write(tmp_path / "a"), ".x", is_secret=True, mode="0644")
    assert "lets other users of the host read it" in of_files(secret)[0][2]
    (tmp_path / "tree").mkdir()
    write(tmp_path / "tree/a")
    tree = FileTransferSpec(tmp_path / "tree", ".x", directory_mode="0644")
    assert of_files(tree)[0][1] == "problem"


def test_a_source_that_is_only_where_the_author_is_is_found(tmp_path, home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rules")
    assert "is relative to the directory in which the user is" in of_files(FileTransferSpec("rules", ".x"))[0][2]
    write(home / "rules")
    assert "is in your own home" in of_files(FileTransferSpec(home / "rules", ".x"))[0][2]
    assert of_files(FileTransferSpec("~/rules", ".x")) == []
    write(home / "src/mngr_tutor/rules")
    assert of_files(FileTransferSpec(home / "src/mngr_tutor/rules", ".x")) == [], "a file of the package"


def test_a_source_that_cannot_be_copied_is_a_problem(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    ((_, status, text),) = of_files(FileTransferSpec(tmp_path / "pipe", ".x"))
    assert status == "problem"
    assert "cannot be copied" in text


def test_tools_of_the_catalog_have_no_remark_but_systems_without_a_source():
    assert of_packages("git>=2.30", "jq", "ripgrep") == [("packages: requirements", "ok", "git>=2.30, jq, ripgrep", "")]


def test_a_name_that_nothing_knows_is_told_with_the_nearest():
    (finding, *_) = of_packages("ripgrap")
    assert finding[:2] == ("packages: ripgrap", "warning")
    assert "(did you mean ripgrep?)" in finding[2]


def test_two_ranges_without_a_common_version_are_a_problem():
    assert of_packages("git>=3", "git<2")[0][:2] == ("packages: requirements", "problem")


def test_a_source_whose_version_is_not_accepted_is_a_problem():
    asked = PackageRequirement("tool", ">=2", sources=(Source("npm", ("tool",), version="1.4"),))
    assert of_packages(asked)[0][:3] == ("packages: tool", "problem", "npm gives 1.4, and >=2 does not accept that")


def test_systems_without_a_source_are_named_and_an_optional_tool_may_lack_them():
    sources = (Source("apt", ("fd-find",)),)
    found = of_packages(PackageRequirement("fd", sources=sources))
    assert found[0][1] == "warning"
    assert found[0][2] == "no source for fedora, rocky, opensuse, arch, alpine, macos: it cannot be installed there"
    assert of_packages(PackageRequirement("fd", sources=sources, is_required=False))[0][1] == "ok"


def test_a_condition_that_no_host_meets_is_found():
    source = Source("apt", when={"os": ["debain"]})
    assert any("did you mean debian" in each[2] for each in of_packages(PackageRequirement("fd", sources=(source,))))


def test_of_many_findings_of_one_kind_the_first_are_shown_and_the_rest_is_counted(tmp_path):
    for number in range(30):
        write(tmp_path / "keys" / f"{number:02}.pem")
    findings = few(list(file_findings("tutor", "", [FileTransferSpec(tmp_path / "keys", ".keys")])))
    *first, more, total = findings
    assert [each.text.partition(" looks")[0] for each in first] == [
        f"{tmp_path}/keys/{each:02}.pem" for each in range(20)
    ]
    assert (more.name, more.status, more.text, more.remedy) == (
        "files: more",
        "warning",
        "10 more like these",
        first[0].remedy,
    )
    assert total.text == "0 of 1 transfers without a remark, 30 files"
    names = [PackageRequirement(f"unheard-of-{number}") for number in range(3000)]
    findings = few(list(package_findings("tutor", names)))
    assert [each.text for each in findings[20:]] == ["2980 more like these", "each has a remark"]
    fine = few(list(package_findings("tutor", [PackageRequirement(each) for each in tool_names()])))
    assert fine[-1].text.endswith(f" and {len(tool_names()) - 20} more")
