"""``apply`` on this machine, from the command line to Ansible and back."""

import os

from mngr_ansible.cli.main import main
from tests.support.command_line import document, mngr_ansible
from tests.support.json_schema import options_of_every_kind, schema_errors


def test_plan_then_apply_on_this_machine_print_documents_of_the_schema(tmp_path):
    (tmp_path / "work").mkdir()
    words = options_of_every_kind(tmp_path)
    where = ["--work-dir", tmp_path / "work", "--json"]

    plan, apply = mngr_ansible("plan", *words, *where), mngr_ansible("apply", *words, *where)

    assert (schema_errors(document(plan)), schema_errors(document(apply))) == ([], [])
    assert (plan.returncode, document(plan)["ok"], document(plan)["command"]) == (0, True, "plan")
    assert (apply.returncode, document(apply)["ok"], document(apply)["command"]) == (1, False, "apply")
    steps = {step["id"]: step for step in document(apply)["hosts"][0]["steps"]}
    assert steps[f"file:{tmp_path}/work/tree"]["files"] == {"total": 2, "due": 2}
    assert steps[f"file:{tmp_path}/work/absent"]["status"] == "skipped"
    assert steps["package:no-such-tool"]["status"] == "advised"


def test_on_this_machine_a_missing_package_is_only_advised_and_stdout_has_only_the_command(tmp_path, capfd):
    (tmp_path / "x").write_text("x")

    code = main(["apply", "--file", f"{tmp_path}/x:y", "--package", "no-such-tool", "--work-dir", str(tmp_path)])

    output = capfd.readouterr()
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert code == 1
    *before, install = output.out.splitlines()
    assert install == f"{sudo}apt-get install -y no-such-tool"
    assert before in ([], [f"{sudo}apt-get update"])
    assert "no-such-tool is missing" in output.err
    assert (tmp_path / "y").read_text() == "x"
