"""Contributions of all plugins become one plan. Source: docs/contract.md "Data", "mngr settings"."""

import pytest

from mngr_ansible.errors import ConflictError, MissingFilesError
from mngr_ansible.plan.plan import Plan, print_only, resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, plan, tree, write


@pytest.fixture
def file(tmp_path):
    return FileTransferSpec(write(tmp_path / "file"), "x")


@pytest.fixture
def absent(tmp_path):
    return FileTransferSpec(tmp_path / "absent", "x", is_required=False)


def skipped(made: Plan) -> list[tuple[str, str]]:
    return [(each.id(made.home, made.work_dir), each.plugin) for each in made.skipped]


def test_without_contributions_the_plan_is_empty():
    assert plan().is_empty


def test_an_optional_source_that_is_missing_is_a_skipped_step(absent):
    assert skipped(plan(contribution("claude", absent))) == [("file:/srv/work/x", "claude")]


def test_what_is_skipped_is_a_notice_where_another_plugin_has_the_step(file, absent):
    made = plan(contribution("claude", file), contribution("codex", absent))

    assert [each.plugins for each in made.transfers] == [("claude",)]
    assert any(notice.startswith("codex: x is skipped: ") for notice in made.all_notices)


def test_check_packages_false_for_a_plugin_drops_its_requirements_before_merging():
    made = plan(
        contribution("legacy", "git<1"),
        contribution("claude", "git>=2"),
        settings={"plugins": {"legacy": {"check_packages": False}}},
    )

    assert [(str(each.range), each.plugins) for each in made.requirements] == [(">=2", ("claude",))]
    assert skipped(made) == [("package:git", "legacy")]


def test_what_is_skipped_has_the_name_that_the_plan_gives_to_that_tool():
    made = plan(
        contribution("legacy", "nodejs<1"),
        contribution("claude", "node>=20"),
        settings={"plugins": {"legacy": {"check_packages": False}}},
    )
    assert [each.id for each in made.requirements] == ["package:node"]
    assert skipped(made) == [("package:node", "legacy")]


@pytest.mark.parametrize("off", [{"settings": {"check_packages": False}}, {"check_packages": False}])
def test_check_packages_false_for_all_skips_every_requirement(off):
    made = plan(contribution("claude", "git"), **off)
    assert (made.requirements, skipped(made)) == ((), [("package:git", "claude")])


def test_files_false_for_a_plugin_skips_its_files_even_missing_ones(tmp_path, file):
    missing = FileTransferSpec(tmp_path / "nowhere", "y")
    made = plan(
        contribution("claude", missing), contribution("codex", file), settings={"plugins": {"claude": {"files": False}}}
    )

    assert [each.plugins for each in made.transfers] == [("codex",)]
    assert skipped(made) == [("file:/srv/work/y", "claude")]


@pytest.mark.parametrize(("only", "files", "packages"), [("files", 1, 0), ("packages", 0, 1), (None, 1, 1)])
def test_only_leaves_the_other_half_out(file, only, files, packages):
    made = plan(contribution("claude", file, "git"), only=only)
    assert (len(made.transfers), len(made.requirements)) == (files, packages)


@pytest.mark.parametrize(
    ("command_line", "table", "global_setting", "is_printed"),
    [
        (None, None, "auto", False),
        (None, None, "print", True),
        (None, "auto", "print", False),
        (None, "print", "auto", True),
        ("auto", "print", "print", False),
        ("print", "auto", "auto", True),
    ],
)
def test_install_is_the_command_lines_before_the_plugins_table_before_the_global_setting(
    command_line, table, global_setting, is_printed
):
    tables = {"claude": {"install": table}} if table else {}
    made = plan(
        contribution("claude", "git"), settings={"install": global_setting, "plugins": tables}, install=command_line
    )
    assert made.requirements[0].is_printed is is_printed


@pytest.mark.parametrize(
    ("command_line", "table", "global_setting", "is_local"),
    [(None, None, "auto", False), (None, "auto", "auto", True), ("auto", None, "auto", True)],
)
def test_auto_counts_on_this_machine_only_from_a_plugins_table_or_the_command_line(
    command_line, table, global_setting, is_local
):
    tables = {"claude": {"install": table}} if table else {}
    made = plan(
        contribution("claude", "git"), settings={"install": global_setting, "plugins": tables}, install=command_line
    )
    assert made.requirements[0].is_installed_locally is is_local


def test_mngrs_own_switch_overrides_all_settings():
    made = print_only(plan(contribution("claude", "git"), install="auto"))
    assert (made.requirements[0].is_printed, made.install) == (True, "print")


def test_missing_sources_are_reported_before_anything_is_laid_over(tmp_path, file):
    gone = FileTransferSpec(tmp_path / "gone", "x")
    with pytest.raises(MissingFilesError, match=r"needed by manifest \(host\.yml\)"):
        plan(contribution("manifest", gone, origin="manifest (host.yml)"), contribution("command-line", file))


def test_ids_are_final_when_the_host_is_known(tmp_path):
    spec = FileTransferSpec(tree(tmp_path / "t", "a"), "~/")
    made = plan(contribution("claude", spec), work_dir="")

    on_host = resolve_destinations(made, "/home/u", "/srv/w")

    assert [each.id for each in made.transfers] == ["file:~"]
    assert [each.id for each in on_host.transfers] == ["file:/home/u"]
    assert [each.path for each in on_host.transfers[0].files] == ["/home/u/a"]


def test_two_destinations_that_clash_only_on_the_host_are_an_error_then(tmp_path, file):
    made = plan(
        contribution("claude", file),
        contribution("codex", FileTransferSpec(tree(tmp_path / "t", "a"), "~/w/x")),
        work_dir="",
    )
    with pytest.raises(ConflictError, match="a file for claude, a directory for codex"):
        resolve_destinations(made, "/home/u", "/home/u/w")
