"""What is wrong with playbooks of the user's own is known before any host is contacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.inputs.fleet import Fleet, OwnPlaybook
from mngr_ansible.provisioning.gathering import require_playbooks

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the playbook site\.yml does not exist"):
        require_playbooks(Fleet(playbooks=(OwnPlaybook("site.yml", base=str(tmp_path)),)))
