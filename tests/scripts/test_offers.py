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
