"""Whether this machine can run test hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

_TOOLS = ("mmdebstrap", "dpkg-deb", "apt-get", "unshare", "nsenter", "setsid", "ip", "ssh", "ssh-keygen")


def why_not() -> str | None:
    """Why this machine cannot run test hosts, as a sentence with the remedy; None if it can."""
    if not sys.platform.startswith("linux"):
        return "Test hosts need Linux."
    if os.geteuid() != 0:
        return "Test hosts need root, for their namespaces and mounts."
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        return f"Test hosts need {', '.join(missing)}. On Debian: tests/support/hosts/prepare."
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "Test hosts need the right to make namespaces. In a container: --privileged."
    return None
