"""What a diff asks a host for. Source: docs/security.md, proof 7."""

import contextlib
from pathlib import PurePosixPath

import pytest

from mngr_ansible.diff import preview
from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import ShellResult
from mngr_ansible.host.state import PathNode
from tests.support.builders import due, file_state, state
from tests.unit.diff.conftest import X


class Asked:
    """A host that is asked for contents, and only counts that."""

    is_local, variables = False, {}

    def __init__(self) -> None:
        self.scripts: list[str] = []

    def run(self, script: str, timeout: float) -> ShellResult:
        self.scripts.append(script)
        return ShellResult("", "", 0)


@pytest.mark.parametrize(("real", "is_asked"), [({}, True), ({str(PurePosixPath(X).parent): "/srv/rootonly"}, False)])
def test_a_file_that_the_probe_found_at_two_places_is_not_read(file, real, is_asked):
    above = [PurePosixPath(X).parent, *PurePosixPath(X).parent.parents]
    nodes = {str(each): PathNode("directory", 0o755, 0, "root") for each in above}
    found = state({X: file_state("old")}, path_nodes=nodes, real=real)
    made, host = due(file, files={X: file_state("old")}, path_nodes=nodes, real=real), Asked()
    with pytest.raises(HostError) if is_asked else contextlib.nullcontext():  # it answers nothing
        preview.file_changes(host, made.transfers, found)
    assert bool(host.scripts) is is_asked
