"""What would change, as Ansible shows it with ``--diff``. Runs on the controller; standard library only.

It never holds the content of a secret, neither of a secret source nor of a file that only some users of the host may
read. A source is named as its user knows it; one that a program has planned is named by its destination.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from .mngr_ansible_portable import file_diff
from .mngr_ansible_portable.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .mngr_files_protocol import Comparison, Entry, Step, StepOutcome

    AnsibleDiff = dict[str, str]
    """One change: ``before`` and ``after`` with their headers, or ``prepared`` text."""


def ansible_diff(steps: Sequence[Step], comparison: Comparison, outcomes: Sequence[StepOutcome]) -> list[AnsibleDiff]:
    """The differences that the host found, with the new contents from the controller.

    They are those of steps that change something, or would.
    """
    unchanged = {each["id"] for each in outcomes if each["status"] == "failed" and not each["files_changed"]}
    entries = [entry for step in steps for entry in step["entries"]]
    left_out = [step["id"] in unchanged for step in steps for _ in step["entries"]]
    found = []
    for index in comparison["content_needed"]:
        if left_out[index]:
            continue
        previous = comparison["previous_contents"].get(str(index), "")
        found.append(_content_diff(entries[index], previous))
    for each in comparison["differences"]:
        texts = {"before": each["before"] + "\n", "after": each["after"] + "\n"}
        found.append({**texts, "before_header": each["path"], "after_header": each["path"]})
    return found


def _content_diff(entry: Entry, previous: str | None) -> AnsibleDiff:
    """How one file would change; ``previous`` is base64, empty for a new file, None if it is not to be shown."""
    path = printable(entry["path"])
    if entry["is_secret"]:
        return {"prepared": f"{path}: {file_diff.SECRET}\n"}
    if previous is None:
        return {"prepared": f"{path}: what is there is private, large or no file, and not shown\n"}
    content, before = entry["content"], file_diff.as_text(base64.b64decode(previous))
    if content is None:
        after = file_diff.source_text(entry["source"])
    else:
        after = file_diff.as_text(content) if len(content) <= file_diff.LARGEST else None
    if before is None or after is None:
        return {"prepared": f"{path}: {file_diff.NOT_TEXT}\n"}
    if before == after == "":
        return {
            "before": "nothing\n",
            "after": f"file {entry['mode']:04o}\n",
            "before_header": path,
            "after_header": path,
        }
    if before == after:
        return {"prepared": f"{path}: only characters change that are not shown\n"}
    return {"before": before, "after": after, "before_header": path, "after_header": entry["label"] or path}
