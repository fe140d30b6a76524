"""``mngr ansible init|check``: manifests are written and checked where only mngr is installed as a command."""

import json


def test_a_manifest_is_written_and_checked_and_no_file_is_replaced(local, project):
    written = local.run("ansible", "init", "agent-host.yml")
    assert written.returncode == 0, written.stderr
    assert "mngr ansible plan AGENT --manifest agent-host.yml\n" in written.stdout
    assert "mngr-ansible" not in written.stdout
    assert "UserWarning" not in written.stderr
    checked = local.run("ansible", "check", "agent-host.yml", "--format", "json")
    assert checked.returncode == 0, checked.stderr
    assert [each["status"] for each in json.loads(checked.stdout)["checks"]] == ["ok"]

    again = local.run("ansible", "init", "agent-host.yml")
    assert again.returncode == 1
    assert "agent-host.yml exists already" in again.stderr
    assert "Name another file: mngr ansible init my-agent-host.yml" in " ".join(again.stderr.split())

    (project / "agent-host.yml").write_text("package: [git]\n")
    wrong = local.run("ansible", "check", "agent-host.yml")
    assert wrong.returncode == 1
    assert "did you mean packages?" in wrong.stdout
