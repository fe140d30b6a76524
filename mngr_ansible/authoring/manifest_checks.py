"""The verb ``check``: what is wrong with manifests, without a plan or a host."""

from collections.abc import Sequence

from mngr_ansible.report.findings import Finding


def check_manifests(paths: Sequence[str]) -> Sequence[Finding]:
    """Check each file."""
    raise NotImplementedError(paths)
