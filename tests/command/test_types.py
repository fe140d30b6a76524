"""What a type checker says of a program that uses the package. Source: docs/python-api.md."""

import re
import subprocess
import sys

PROGRAM = """\
from mngr_ansible import Nonsense
from mngr_ansible.errors import PluginMngrErorr
from mngr_ansible import HostReport, PluginMngrError
import mngr_ansible
mngr_ansible.provsion()
def finish(report: HostReport) -> bool: return report.okay
raise PluginMngrError(1)
"""


def test_a_name_that_the_package_does_not_have_is_an_error_for_a_type_checker():
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "-c", PROGRAM]

    checked = subprocess.run(words, capture_output=True, text=True)

    assert (checked.returncode, checked.stderr) == (1, "")
    lines = re.findall(r"^<string>:(\d+): error: ", checked.stdout, re.MULTILINE)
    assert sorted(set(lines)) == ["1", "2", "5", "6", "7"]
