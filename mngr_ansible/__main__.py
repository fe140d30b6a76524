"""``python -m mngr_ansible`` is the command ``mngr-ansible``."""

import sys

from mngr_ansible.cli.main import main

sys.exit(main())
