"""What managers offer is asked at the same time and answered one after the other, in every sh."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from mngr_ansible.portable import offers

if TYPE_CHECKING:
    from pathlib import Path

NPM = """\
#!/bin/sh
for word do case $word in tool-*) name=$word ;; esac; done
[ "$name" != tool-0 ] || { echo '"1.0.0"'; exit; }
number=1
while [ $number -le 400 ]; do
  echo "  \\"$number.${name#tool-}.0\\""
  number=$((number + 1))
done
echo E404 >&2
"""


def test_the_answers_about_packages_that_are_asked_for_at_the_same_time_are_never_mixed(
    shell: list[str], tmp_path: Path
) -> None:
    (tmp_path / "npm").write_text(NPM)
    (tmp_path / "npm").chmod(0o755)
    names = [f"tool-{number}" for number in range(10)]
    script = offers.script({"npm": names, "uv": names[:1]}, "root")
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for _ in range(3):
        done = subprocess.run(shell, input=script, env=environment, capture_output=True, text=True, check=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("mngr-offer npm ")]
        expected = ['0 | "1.0.0"', "0 | ", "0 | mngr-status 0"]
        for number in range(1, 10):
            expected += [f'{number} |   "{major}.{number}.0"' for major in range(1, 401)]
            expected += [f"{number} | E404", f"{number} | ", f"{number} | mngr-status 0"]
        assert lines == [f"mngr-offer npm {each}" for each in expected]
        assert offers.read(done.stdout.splitlines(), {"npm": names[:1]})["npm"].offers["tool-0"].versions == ("1.0.0",)


APT = """\
#!/bin/sh
case " $* " in *" update "*) ;; *) exit ;; esac
echo x >>"${0%/*}/tries"
[ "$(wc -l <"${0%/*}/tries")" -le 2 ] || exit 0
echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 312 (python3)$WHY" >&2
exit 100
"""


def _refreshed(shell: list[str], directory: Path, **environment: str) -> tuple[int, list[str]]:
    """How often apt was asked for its lists, and what the script says of that."""
    (directory / "apt-get").write_text(APT)
    (directory / "apt-get").chmod(0o755)
    script = offers.script({"apt": ["git"]}, "root", refresh={"apt": 120})
    variables = os.environ | {"PATH": f"{directory}:{os.environ['PATH']}", **environment}
    done = subprocess.run(shell, input=script, env=variables, capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("mngr-offer apt refresh | ")]
    return len((directory / "tries").read_text().split()), said


def test_the_lists_are_fetched_when_another_program_gives_their_lock_free(shell: list[str], tmp_path: Path) -> None:
    tries, said = _refreshed(shell, tmp_path)
    assert tries == 3
    assert said[-1] == "mngr-offer apt refresh | mngr-status 0"
    assert not any("312" in line for line in said)


def test_a_lock_that_cannot_be_made_is_not_waited_for(shell: list[str], tmp_path: Path) -> None:
    tries, said = _refreshed(shell, tmp_path, WHY=" - open (30: Read-only file system)")
    assert tries == 1
    assert said[-1] == "mngr-offer apt refresh | mngr-status 100"
