"""All that is wanted on a host, there already or not: what ``render --desired`` writes.

Source: docs/ops.md "A run directory".
"""

from mngr_ansible.diff.files import wanted_transfers
from mngr_ansible.diff.packages import wanted_packages
from mngr_ansible.diff.resolver import Resolver
from mngr_ansible.host.state import HostState
from mngr_ansible.plan.plan import Plan
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import compared, contribution, file_state, found, plan, state, tree, write

VENDOR = {"name": "vendor", "url": "https://example.org", "suite": "./", "key": "https://example.org/k"}
VENDOR["fingerprint"] = "0" * 40


def wanted_names(desired: Plan, there: HostState) -> tuple[list[str], list[str]]:
    """The names of what is installed and of what is only checked."""
    resolver = Resolver(there, desired.policy, desired.implied)
    due = compared(desired, there)
    made = wanted_packages(desired.requirements, resolver, due.installs, is_local=False)
    return [each.requirement.name for each in made.installs], [each.name for each in made.verified]


def test_every_file_is_there_whether_it_is_due_or_not(tmp_path):
    desired = plan(contribution("p", FileTransferSpec(tree(tmp_path / "tree", "same", "other"), "/srv/d")))
    there = state({"/srv/d/same": file_state("content"), "/srv/d/other": file_state("old")})

    (made,) = wanted_transfers(desired, there, compared(desired, there).transfers, become=False)

    assert [each.path for each in made.entries] == ["/srv/d", "/srv/d/other", "/srv/d/same"]


def test_what_root_writes_for_the_login_keeps_the_owner_that_the_host_has(tmp_path):
    desired = plan(contribution("p", FileTransferSpec(tree(tmp_path / "tree", "roots", "new"), "/srv/d", group="0")))
    there = state({"/srv/d/roots": file_state("content")}, uid=1000, groups=(1000,), privilege="sudo")

    (made,) = wanted_transfers(desired, there, (), become=False)

    assert made.as_root
    assert {each.path: each.options.owner for each in made.entries} == {
        "/srv/d": "1000",
        "/srv/d/new": "1000",
        "/srv/d/roots": None,
    }


def test_what_is_there_is_installed_from_its_source_as_if_it_were_missing():
    desired = plan(
        contribution("p", "git>=2", {"name": "app", "sources": [{"manager": "npm", "requires": ["node>=20"]}]})
    )
    there = state(findings={"git": "ok", "app": "ok"}, managers=("apt", "npm"))
    implied = {each.id: found("ok", each.id) for each in desired.implied.values()}
    there = HostState(there.login, there.system, there.paths, {**there.findings, **implied})

    installs, verified = wanted_names(desired, there)

    assert (sorted(installs), verified) == (["app", "git", "node"], [])


def test_no_repository_is_added_for_what_is_there_already():
    added = {"manager": "apt", "repository": VENDOR}
    there = state(findings={"tool": "ok", "both": "ok"})
    both = {"name": "both", "sources": [added, {"manager": "apt"}]}
    desired = plan(contribution("p", {"name": "tool", "sources": [added]}, both))

    assert wanted_names(desired, there) == (["both"], ["tool"])


def test_what_cannot_be_installed_here_is_checked(tmp_path):
    write(tmp_path / "x")
    desired = plan(contribution("p", {"name": "tool", "sources": [{"manager": "dnf"}]}))

    assert wanted_names(desired, state(findings={"tool": "ok"})) == ([], ["tool"])
