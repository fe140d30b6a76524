"""What the guess goes by whether Ansible will be needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mngr_ansible.provisioning import readiness
from mngr_ansible.provisioning.request import Prepared, Target
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import contribution, plan

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def digest(source: Path, *, content: str, host: str = "a", **options: Any) -> str:
    source.write_text(content)
    made = plan(contribution("p", FileTransferSpec(source, "/srv/x", **options)))
    target = Target(host, None, None, None)
    return readiness.digest_of([Prepared(target, made, ())])


def test_it_goes_by_the_hosts_and_by_the_content_of_files_but_not_of_secrets(tmp_path: Path) -> None:
    source = tmp_path / "x"
    one = digest(source, content="one")
    assert one == digest(source, content="one")
    assert one != digest(source, content="two")
    assert one != digest(source, content="one", host="b")
    secret = digest(source, content="one", is_secret=True)
    assert secret == digest(source, content="two", is_secret=True)
    assert secret != one
