"""``python -m mngr_ansible`` is the command ``mngr-ansible``."""

import sys

from mngr_ansible.cli import main

sys.exit(main())
