"""What would change, as Ansible shows it with ``--diff``. Runs on the controller; standard library only.

Never the content of a secret: neither of a source that is one, nor of what not everybody may read on the host.
"""

from __future__ import annotations

import base64

SHOWN = 256 << 10
"""The largest content that is shown, in bytes."""


def described(steps, answer):
    """The differences that the host told of, with the new contents from here."""
    entries = [entry for step in steps for entry in step["entries"]]
    befores = answer["befores"] or {}
    found = [_content(entries[index], befores.get(str(index), b"")) for index in answer["wanting"] or []]
    for each in answer["differences"] or []:
        texts = {"before": each["before"] + "\n", "after": each["after"] + "\n"}
        found.append({**texts, "before_header": each["path"], "after_header": each["path"]})
    return found


def _content(entry, before):
    path = shown(entry["path"])
    if entry["is_secret"]:
        return {"prepared": f"{path}: secret, not shown\n"}
    if before is None:
        return {"prepared": f"{path}: what is there is private, large or no file, and not shown\n"}
    texts = _text(base64.b64decode(before)), _after(entry)
    if None in texts:
        return {"prepared": f"{path}: not text, or more than {SHOWN >> 10} KiB\n"}
    return {"before": texts[0], "after": texts[1], "before_header": path, "after_header": shown(entry["source"])}


def _after(entry):
    if entry["size"] > SHOWN:
        return None
    try:
        with open(entry["source"], "rb") as file:
            return _text(file.read(SHOWN))
    except OSError:
        return None


def _text(data):
    """The content as text whose control characters can do nothing to a terminal; None where it is not text."""
    if b"\0" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def shown(path):
    """A path for people: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
