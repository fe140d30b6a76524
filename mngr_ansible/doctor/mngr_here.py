"""mngr on this machine, as a program that is run: its version, its plugins, and what it says of ours."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.doctor.programs import Programs, Told
from mngr_ansible.inputs.plugins import OURSELVES
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.versions import Range
from mngr_ansible.report.findings import Finding
from mngr_ansible.system.homes import expanded

_SECONDS = 60
"""How long mngr may take to start: it imports every plugin."""

_LISTED = 8


type Ask = Callable[..., Told]
"""mngr with these words → what it says."""


def about_mngr(programs: Programs, program: str | None) -> Iterator[Finding]:
    """mngr itself, then its plugins. ``program``: its path; None where there is none."""
    if program is None:
        yield finding(HERE, "mngr", "ok", "not installed here; mngr-ansible works without it")
        return
    with tempfile.TemporaryDirectory(prefix="mngr-ansible-doctor-", ignore_cleanup_errors=True) as directory:
        given = expanded(os.environ.get("MNGR_HOST_DIR") or f"~/.{os.environ.get('MNGR_ROOT_NAME', 'mngr')}")
        try:
            _copy_settings(given, Path(directory))
        except OSError as error:
            text = f"{printable(str(error.filename or given))} cannot be read: {error.strerror}"
            yield finding(HERE, "mngr", "problem", text, "Correct its owner and its permissions")
            return

        def ask(*words: str) -> Told:
            told = programs.ask([program, *words], _SECONDS, {**os.environ, "MNGR_HOST_DIR": directory})
            out, err = (each.replace(directory, str(given)) for each in (told.out, told.err))
            return Told(told.code, out, err)

        yield from _about_mngr(ask, program)


def _copy_settings(given: Path, to: Path) -> None:
    """Copy what mngr reads of its directory: each start of mngr writes there, so it gets one that is thrown away.

    Source: mngr 0.3.0, ``config/loader.py`` and ``config/pre_readers.py``.

    Raises:
        OSError: a file cannot be read.
    """
    for each in (given / "config.toml", *given.glob("profiles/*/settings*.toml")):
        if each.is_file():
            copy = to / each.relative_to(given)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(each.read_bytes())


def _about_mngr(ask: Ask, program: str) -> Iterator[Finding]:
    version, wanted = ask("--version"), _wanted()
    number = re.search(r"\d+(?:\.\d+)+\S*", version.out)
    if version.code or number is None:
        text = f"{printable(program)} does not start: {version.last}"
        yield finding(HERE, "mngr", "problem", text, "Install what it names, or mngr itself again")
        return
    if wanted and not Range.parse(wanted).contains(number[0]):
        text = f"mngr {printable(number[0])} is installed, and mngr-ansible works with {wanted}"
        yield finding(HERE, "mngr", "problem", text, f"Install another version: pip install 'imbue-mngr{wanted}'")
        return
    listed = _document(ask("plugin", "list", "--format", "json")).get("plugins")
    rows = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    ours = next((each for each in rows if each.get("name") == OURSELVES), None)
    here = f"mngr {printable(number[0])}, {printable(program)}"
    if ours is None:
        text = f"{here}, has no plugin {OURSELVES}, so mngr create provisions nothing"
        yield finding(HERE, "mngr", "warning", text, "Add it: mngr plugin add mngr-ansible")
        return
    if not _is_enabled(ours):
        text = f"{here}, has the plugin {OURSELVES} disabled, so mngr create provisions nothing"
        yield finding(HERE, "mngr", "warning", text, f"Enable it: mngr plugin enable {OURSELVES}")
        return
    yield finding(
        HERE, "mngr", "ok", f"{here}, with the plugin {OURSELVES} {printable(str(ours.get('version', '')))[:40]}"
    )
    yield from _plugins(ask, rows)


def _plugins(ask: Ask, rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """What mngr's own ``ansible plugins`` says: it loads all, checks their hooks, and reads the settings."""
    told = ask(OURSELVES, "plugins", "--format", "json")
    document = _document(told)
    errors = [each for each in document.get("errors", ()) if isinstance(each, dict)]
    for number, each in enumerate(errors[:_LISTED], 1):
        problem, remedy = (printable(" ".join(str(each.get(key, "")).split()))[:600] for key in ("problem", "remedy"))
        yield finding(HERE, "mngr plugins", "problem", problem, remedy, "" if len(errors) == 1 else f"({number})")
    if errors:
        return
    if not document:
        text = f"mngr {OURSELVES} plugins fails: {told.last}"
        yield finding(HERE, "mngr plugins", "problem", text, f"Run it by hand: mngr {OURSELVES} plugins -v")
        return
    notices = [each for each in document.get("notices", ()) if isinstance(each, dict)]
    for number, each in enumerate(notices[:_LISTED], 1):
        of = "" if len(notices) == 1 else f"({number})"
        yield finding(HERE, "mngr plugins", "warning", printable(str(each.get("text", "")))[:600], "", of)
    if notices:
        return
    disabled = [str(each.get("name")) for each in rows if not _is_enabled(each)]
    asked = [str(each.get("name")) for each in document.get("plugins", ()) if isinstance(each, dict)]
    text = (
        f"{_names(asked)} {'has' if len(asked) == 1 else 'have'} hooks that are called" if asked else "none has hooks"
    )
    off = f"; disabled: {_names(disabled)}" if disabled else ""
    yield finding(HERE, "mngr plugins", "ok", f"{text}{off}")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return printable(", ".join(names[:_LISTED]))[:400] + more


def _is_enabled(row: Mapping[str, Any]) -> bool:
    return str(row.get("enabled", "true")).lower() == "true"


def _wanted() -> str:
    """The versions of mngr that we work with. Source: PEP 508."""
    for line in metadata.requires("mngr-ansible") or ():
        if found := re.match(r"imbue-mngr\s*\(?([^;)]*)", line):
            return str(Range.parse(found[1].replace(" ", "")))
    return ""


def _document(told: Told) -> Mapping[str, Any]:
    """The JSON document that it printed; an empty one where there is none."""
    start = told.out.find("{")
    try:
        found = json.loads(told.out[start:]) if start >= 0 else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
