"""What mngr itself needs on a host: a plan like any other, but no plugin is asked.

It is made before an agent exists, from a list that is mngr's own, and python3. It obeys ``install``, ``scope`` and the
other settings as every plan does.
"""

from collections.abc import Sequence

from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.plan.plan import build, print_only
from mngr_ansible.provisioning.gathering import connect
from mngr_ansible.provisioning.request import Prepared, Request, Target
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.values import replace

TOOLS = ("ca-certificates", "openssh-server", "tmux", "curl", "rsync", "git", "jq", "xxd", "util-linux")
"""What mngr 0.3 needs on every host. Source: ``REQUIRED_HOST_PACKAGES`` in ``imbue.mngr.providers.ssh_host_setup``."""

ESSENTIAL = frozenset({"git", "rsync", "tmux"})
"""What every ``mngr create`` needs; without one of the others only some agents fail, later."""


def requirements(names: Sequence[str] = TOOLS) -> tuple[PackageRequirement, ...]:
    """The tools of these names as requirements, each known to the catalog."""
    return tuple(PackageRequirement(name) for name in names)


def gather(
    targets: Sequence[Target],
    request: Request,
    needs: Sequence[PackageRequirement] | None = None,
    *,
    is_lenient: bool = False,
) -> list[Prepared]:
    """The bootstrap plan for every host; no plugin is asked. Then ssh begins to connect.

    Args:
        targets: the hosts.
        request: its settings and options count; its contributions are left out.
        needs: the tools; default: :func:`requirements`.
        is_lenient: only a tool of :data:`ESSENTIAL` that cannot be installed stops a host; the rest is a warning.
    """
    chosen = needs or requirements()
    if is_lenient:
        chosen = [replace(each, is_required=each.name in ESSENTIAL) for each in chosen]
    asked = Contribution("mngr", requirements=tuple(chosen))
    plan = build([asked], request.settings, install=request.install, check_packages=request.check_packages)
    if plan.requirements:
        plan = replace(plan, installs_python="if possible" if is_lenient else "always")
    plan = print_only(plan) if request.is_print_only else plan
    connect(targets, request)
    return [Prepared(target, plan, (asked,)) for target in targets]
