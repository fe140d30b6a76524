"""What a directory to run later has instead of what is only on this machine: files under names of their own, and the
environment variables of secrets. Pure, except that secrets are looked at once: is it text?

Source: docs/ops.md "A run directory".
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

from mngr_ansible.plan.transfers import PlacedEntry
from mngr_ansible.portable import snapshots
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.values import field, frozen

FILES = "files"
"""The directory of the files, beside the playbook."""


@frozen
class Secret:
    """A secret that the run reads from its environment.

    Attributes:
        variable: ``MNGR_SECRET_1``, counted in the order of the hosts and of the paths there.
        is_base64: the value is base64, since a variable cannot hold the bytes: they are not text.
        places: where it is written: ``(host, path)``; bytes of a path that are not UTF-8 as ``\\xff``.
    """

    variable: str
    is_base64: bool
    places: tuple[tuple[str, str], ...]

    @property
    def unset(self) -> str:
        """What is wrong where the variable is not set."""
        paths = ", ".join(dict.fromkeys(path for _, path in self.places))
        form = "the base64 of the content" if self.is_base64 else "the content"
        return (
            f"{self.variable} is not set in the environment. It must contain {form} of {paths}; README.md says how. "
            "Nothing was changed"
        )


@frozen
class Bundle:
    """What the data of a directory to run later refers to. ``files``: source → path beside the playbook."""

    files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)


def bundled(runs: Sequence[HostRun]) -> Bundle:
    """The names of all files, and the variables of all secrets, of these hosts in their order.

    Raises:
        OSError: a secret cannot be read any more.
    """
    files: dict[str, str] = {}
    tops: dict[str, str] = {}
    places: dict[str, list[tuple[str, str]]] = {}
    secrets: dict[str, Entry] = {}
    for run, placed in placed_files(runs):
        entry = placed.entry
        if entry.is_secret:
            secrets[entry.source] = entry
            places.setdefault(entry.source, []).append((run.alias, printable(placed.path)))
        else:
            files.setdefault(entry.source, posixpath.join(FILES, _name(placed, tops)))
    return Bundle(
        _told_apart(files),
        {
            source: Secret(f"MNGR_SECRET_{number}", not _is_text(entry), tuple(dict.fromkeys(places[source])))
            for number, (source, entry) in enumerate(secrets.items(), 1)
        },
    )


def placed_files(runs: Sequence[HostRun]) -> Iterator[tuple[HostRun, PlacedEntry]]:
    """Every file with content that these hosts get."""
    for run in runs:
        for due in run.due.transfers:
            yield from ((run, placed) for placed in due.entries if placed.entry.kind == "file")


def _name(placed: PlacedEntry, tops: dict[str, str]) -> str:
    """The name of a source: its own, with those of the directories below the one that is copied.

    ``tops``: the name of every file or directory that was named until now; of two with one name the second gets a
    number.
    """
    entry = placed.entry
    below = f"/{entry.relative}" if entry.relative else ""
    is_inside = bool(below) and entry.source.endswith(below)
    top = entry.source[: -len(below)] if is_inside else entry.source
    if top not in tops:
        own = posixpath.basename(top) or "root"
        tops[top] = _free(own, set(tops.values()))
    return tops[top] + below if is_inside else tops[top]


def _free(name: str, taken: set[str]) -> str:
    """The name, or with the first number that makes it another one: ``key.pem``, ``key-2.pem``."""
    stem, dot, end = name.rpartition(".")
    stem, end = (stem, dot + end) if stem else (name, "")
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{stem}-{number}{end}"
    return found


def _told_apart(files: Mapping[str, str]) -> dict[str, str]:
    """The same; where one source is a file and another's directory at one place, the file gets another name."""
    directories = {parent for name in files.values() for parent in _parents(name)}
    found: dict[str, str] = {}
    taken = set(files.values()) | directories
    for source, name in files.items():
        if name in directories:
            name = _free(name, taken)  # noqa: PLW2901
            taken.add(name)
        found[source] = name
    return found


def _parents(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name


def _is_text(secret: Entry) -> bool:
    """Whether an environment variable can hold the content of a secret: UTF-8 without null characters."""
    content = BytesIO()
    snapshots.copy_beginning(secret.source, secret.size, content)
    try:
        return "\0" not in content.getvalue().decode("utf-8")
    except UnicodeDecodeError:
        return False
