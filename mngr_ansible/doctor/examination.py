"""The questions of ``doctor``, and their order."""

import argparse
from collections.abc import Sequence

from mngr_ansible.report.findings import Finding


def examine(options: argparse.Namespace) -> Sequence[Finding]:
    """Ask this machine, then the hosts that the options name."""
    raise NotImplementedError(options)
