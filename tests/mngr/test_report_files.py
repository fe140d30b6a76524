"""``mngr ansible plan|apply --report --junit``: as stand-alone, and only where the user says so himself."""

from __future__ import annotations


def test_plan_and_apply_of_an_agent_write_the_files_that_the_user_names(local, project, tmp_path):
    made = local.create("one")
    assert made.returncode == 0, made.stderr
    page, cases = tmp_path / "page.html", tmp_path / "cases.xml"
    files = ["--report", str(page), "--junit", str(cases)]
    local.settings('files = [{local_path = "README", remote_path = "copied"}]')

    planned = local.run("ansible", "plan", "one", *files)
    assert planned.returncode == 0, planned.stderr
    assert " would change</h1>" in page.read_text()
    assert "> agent one, " in page.read_text()
    assert ">checking</th>" in page.read_text(), "when the host was at what"
    assert 'failures="0" errors="0"' in cases.read_text()

    applied = local.run("ansible", "apply", "one", *files)
    assert applied.returncode == 0, applied.stderr
    assert "<h1>Apply: as planned</h1>" in page.read_text()
    assert ">copying 1 file (10 B)</th>" in page.read_text()

    unknown = local.run("ansible", "apply", "nobody", *files)
    assert unknown.returncode == 1
    assert "<h1>Apply: nothing was done</h1>" in page.read_text()
    assert "nobody" in page.read_text()
    assert 'errors="1"' in cases.read_text()

    refused = local.run("ansible", "apply", "one", "--junit", str(tmp_path / "none/cases.xml"))
    assert refused.returncode == 1
    assert "there is no directory" in refused.stderr

    theirs = tmp_path / "theirs.html"
    local.settings(f'[commands.ansible-plan]\nreport = "{theirs}"')
    ignored = local.run("ansible", "plan", "one")
    assert ignored.returncode == 0, ignored.stderr
    assert f"report = '{theirs}' in the settings of this repository is ignored" in ignored.stderr
    assert not theirs.exists()
