"""``python -m mngr_ansible`` is the command ``mngr-ansible``."""

from mngr_ansible.cli.main import command

command()
