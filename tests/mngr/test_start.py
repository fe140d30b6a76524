"""mngr imports us at the start of every command, so that must cost little. Modules are counted, not seconds."""

import json
import subprocess
import sys

_START = """\
import json, sys
import mngr_ansible.mngr.plugin as plugin
plugin.register_cli_commands(), plugin.register_cli_options("create"), plugin.register_help_topics()
print(json.dumps([each for each in sys.modules if each.partition(".")[0] == "mngr_ansible"]))
"""


def test_the_start_of_mngr_imports_the_plugin_and_its_commands_and_nothing_below_them():
    done = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, check=True)
    assert {each.removeprefix("mngr_ansible.") for each in json.loads(done.stdout)} == {
        "mngr_ansible", "mngr", "mngr.authoring", "mngr.commands", "mngr.config", "mngr.invocation", "mngr.plugin",
        "values",
    }  # fmt: skip
