"""What the pages, the roles' metadata and nox say of supported versions is what is tested."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from tests.support.cores import CORES, HOST_PYTHONS, NEWEST, OLDEST, ROOT

ROLES = sorted(each.name for each in (ROOT / "roles").iterdir())
SENTENCE = f"ansible-core {OLDEST} to {NEWEST}"


def test_the_sessions_of_nox_are_the_supported_pairs() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "--list", "--json"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    sessions = {each["session"] for each in json.loads(listed.stdout)}
    assert sessions == {f"cores({core}-python{python})" for core, pythons in CORES.items() for python in pythons}


def test_a_session_of_nox_finds_the_tests() -> None:
    session = f"cores({OLDEST}-python{CORES[OLDEST][0]})"
    found = subprocess.run(
        [sys.executable, "-m", "nox", "-s", session, "--", "--collect-only", "-q"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert f"::test_a_rendered_directory_runs_with_each_core[{OLDEST}]" in found.stdout
    assert f"[{NEWEST}]" not in found.stdout


@pytest.mark.parametrize("role", ROLES)
def test_the_metadata_and_the_page_of_each_role_name_the_oldest_version_that_is_tested(role: str) -> None:
    metadata = yaml.safe_load((ROOT / "roles" / role / "meta/main.yml").read_text())["galaxy_info"]
    assert metadata["min_ansible_version"] == OLDEST
    page = (ROOT / "roles" / role / "README.md").read_text()
    assert SENTENCE in re.sub(r"\s+", " ", page)
    assert re.search(rf"[Pp]ython3?\W{{1,2}}{re.escape(HOST_PYTHONS[0])}\b", page)


def test_the_page_for_ops_teams_and_the_collection_name_the_versions_that_are_tested() -> None:
    for page in ("docs/ops.md", "docs/promises.md", "README.md"):
        assert SENTENCE in re.sub(r"\s+", " ", (ROOT / page).read_text()), page
    runtime = yaml.safe_load((ROOT / "collection/meta/runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={OLDEST}.0"


def test_nothing_is_left_out_when_ansible_lint_looks() -> None:
    content = [*ROOT.glob("roles/**/*.yml"), *ROOT.glob("playbooks/*.yml"), *ROOT.glob("molecule/**/*.yml")]
    assert [path for path in content if "noqa" in path.read_text()] == []
    settings = yaml.safe_load((ROOT / ".ansible-lint").read_text())
    assert settings["profile"] == "production"
    assert {"skip_list", "warn_list", "enable_list"} & set(settings) == set()
