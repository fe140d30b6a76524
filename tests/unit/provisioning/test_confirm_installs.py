"""Which installations on this machine the user is asked to confirm."""

from __future__ import annotations

import dataclasses

from mngr_ansible import PackageRequirement, Source
from mngr_ansible.provisioning.provisioner import confirm_local_installs
from mngr_ansible.provisioning.request import Dialog, Prepared
from mngr_ansible.provisioning.targets import open_targets
from tests.support.builders import compared, contribution, found, plan, state


def test_nobody_is_asked_about_what_needs_first_what_is_only_printed() -> None:
    chain = [Source("npm", ("first",), scope="user", requires=("npm>=8",))], [Source("uv", ("free",))]
    wish = contribution("p", *(PackageRequirement(each[0].packages[0], sources=each) for each in chain))
    made = plan(wish)
    missing = {each.id: found("missing", each.id) for each in (*made.requirements, *made.implied.values())}
    host = dataclasses.replace(state(uid=1000, user="dev", privilege="none", managers=("apt", "uv")), findings=missing)
    with open_targets(()) as (targets, _):
        before = Prepared(targets[0], made, (wish,), host, compared(made, host, is_local=True))
    asked: list[str] = []

    (after,) = confirm_local_installs([before], Dialog(confirm=lambda question: not asked.append(question)))

    assert asked == ["Install free on this machine?"]
    assert after.due is not None
    assert [candidate.requirement.name for candidate in after.due.installs] == ["free"]
    assert {candidate.requirement.name for candidate in after.due.advised} == {"first", "npm"}
