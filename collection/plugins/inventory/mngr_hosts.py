# Copyright: The mngr-ansible authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ssh hosts of mngr, as mngr itself prints them; what they say is data and never a template."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mngr_hosts
author:
  - The mngr-ansible authors (!UNKNOWN)
version_added: 0.1.0
short_description: The ssh hosts of mngr
description:
  - Lists the hosts of agents that mngr reaches over ssh, with what is needed to connect to them. Their host keys are
    checked.
  - The groups are C(mngr) for all, C(provider_NAME), C(state_NAME), C(type_NAME) for the types of agents, and
    C(label_KEY) and C(label_KEY_VALUE) for labels of agents and hosts.
  - Host variables are RV(ignore:mngr_host_name), RV(ignore:mngr_host_id), RV(ignore:mngr_provider),
    RV(ignore:mngr_state), RV(ignore:mngr_labels), and RV(ignore:mngr_agents), a list with C(name), C(id), C(type),
    C(work_dir) and C(labels) of each agent.
  - The name of the file has to end in C(mngr_hosts.yml) or C(mngr_hosts.yaml).
requirements:
  - mngr with the plugin C(ansible), which is mngr-ansible
extends_documentation_fragment:
  - constructed
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices:
      - mngr.provisioning.mngr_hosts
  command:
    description:
      - The words of the command that prints the hosts. No shell runs it.
    type: list
    elements: str
    default:
      - mngr
      - ansible
      - inventory
      - --list
  timeout:
    description: Seconds that the command may take.
    type: int
    default: 300
"""

EXAMPLES = r"""
# mngr_hosts.yml
plugin: mngr.provisioning.mngr_hosts

# The same with groups and variables of your own
---
plugin: mngr.provisioning.mngr_hosts
keyed_groups:
  - key: mngr_agents | map(attribute='name')
    prefix: agent
groups:
  many_agents: mngr_agents | length > 5
compose:
  first_work_dir: mngr_agents[0].work_dir
"""

import json
import subprocess
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleParserError
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable

if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData

_ENDINGS = ("mngr_hosts.yml", "mngr_hosts.yaml")
_LONGEST = 2000


class InventoryModule(BaseInventoryPlugin, Constructable):
    """Adds what the command prints to the inventory."""

    NAME = "mngr.provisioning.mngr_hosts"

    def verify_file(self, path: str) -> bool:
        """Whether the file is for this plugin, by its name."""
        return super().verify_file(path) and path.endswith(_ENDINGS)

    def parse(self, inventory: InventoryData, loader: object, path: str, cache: bool = True) -> None:
        """Read the file, ask mngr, and add its hosts."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        groups, variables = self._asked()
        for group, hosts in groups.items():
            self.inventory.add_group(group)
            for host in hosts:
                self.inventory.add_host(host, group)
        strict = self.get_option("strict")
        for host, values in variables.items():
            for name, value in values.items():
                self.inventory.set_variable(host, name, value)
            known = self.inventory.get_host(host).get_vars()
            self._set_composite_vars(self.get_option("compose"), known, host, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), known, host, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host, strict=strict)

    def _asked(self) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
        """What the command prints: the hosts of each group, and the variables of each host."""
        command = self.get_option("command")
        words = " ".join(command)
        try:
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.get_option("timeout"), check=False
            )
        except subprocess.TimeoutExpired as error:
            raise AnsibleParserError(f"{words} did not end within {error.timeout:g} s. Raise 'timeout'.") from error
        except OSError as error:
            raise AnsibleParserError(f"{words} cannot be run: {error}. Install mngr, or set 'command'.") from error
        talk = to_text(done.stderr, errors="surrogate_or_replace").strip()
        if done.returncode != 0:
            said = talk[-_LONGEST:] or "it printed nothing"
            raise AnsibleParserError(f"{words} ended with exit code {done.returncode}: {said}")
        for line in talk.splitlines():
            self.display.warning(line)
        try:
            document = json.loads(done.stdout)
            variables = {host: dict(values) for host, values in document.pop("_meta")["hostvars"].items()}
            groups = {name: [str(host) for host in group["hosts"]] for name, group in document.items()}
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise AnsibleParserError(f"{words} did not print an inventory. Run it yourself to see why.") from error
        return groups, {host: variables.get(host, {}) for hosts in groups.values() for host in hosts}
