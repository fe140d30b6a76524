"""What is kept of a run on a real host: all that explains a failure, and nothing of a good run."""

import json

from tests.support.command_line import document, mngr_ansible, on
from tests.support.hosts import AptRepository


def test_a_failed_run_names_the_directory_that_is_kept_and_a_good_one_leaves_nothing(ssh_host, tmp_path, home):
    runs = home / ".local/state/mngr-ansible/runs"
    repository = AptRepository(tmp_path / "apt")
    repository.add("broken", "1", postinst="echo no >&2; exit 1")
    repository.add("good", "1", commands={"good": "echo good 1"})
    host = ssh_host(repository=repository)
    assert mngr_ansible("apply", "--package", "good", *on(host)).returncode == 0
    assert list(runs.iterdir()) == []
    failed = mngr_ansible("apply", "--package", "broken", "--json", *on(host))
    (kept,) = runs.iterdir()
    assert failed.returncode == 1
    assert document(failed)["notices"] == [{"text": f"the run directory is kept in {kept}"}]
    assert "Install packages with apt" in (kept / "project/provision.yml").read_text()
    events = [json.loads(line) for line in (kept / "events.jsonl").read_text().splitlines()]
    assert any(event["kind"] == "failed" and "broken" in event["text"] for event in events)
    assert json.loads((kept / "report.json").read_text())["ok"] is False
