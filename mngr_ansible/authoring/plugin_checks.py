"""The verb ``check-plugin``: what a plugin's author wants to know before others install it."""

from collections.abc import Sequence

from mngr_ansible.report.findings import Finding


def check_plugin(name: str) -> Sequence[Finding]:
    """Check the plugin."""
    raise NotImplementedError(name)
