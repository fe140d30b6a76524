"""The verb ``check``: what is wrong with manifests, all of it at once, without a host.

Everything that a run would refuse before it contacts a host is found here too: what cannot be said with a place in the
file is asked of the plan itself.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mngr_ansible.authoring.manifest_entries import Entries
from mngr_ansible.authoring.manifest_remarks import file_remarks, package_remarks, plan_problems
from mngr_ansible.authoring.manifest_text import ManifestText, Problem
from mngr_ansible.errors import InputError
from mngr_ansible.inputs import manifest
from mngr_ansible.inputs.arguments import current_directory
from mngr_ansible.plan.requirements import tool_name
from mngr_ansible.portable.text import one_stop
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.validation import nearest, short_repr


def check_manifests(paths: Sequence[str]) -> Sequence[Finding]:
    """Check each file: one finding for each problem, named ``FILE:LINE:COLUMN``; one for a file without any.

    In TOML, which gives no places, the name is such as ``FILE: files 2 mode``.
    """
    findings: list[Finding] = []
    for path in dict.fromkeys(paths):
        findings += _check(path)
    seen: Counter[str] = Counter()
    unique = []
    for each in findings:
        seen[each.name] += 1
        again = f" ({seen[each.name]})" if seen[each.name] > 1 else ""
        unique.append(Finding(each.name + again, each.status, each.text, each.remedy))
    return unique


def _check(path: str) -> Iterator[Finding]:
    try:
        text, is_file = manifest.read_text(path)
    except InputError as error:
        yield Finding(path, "problem", error.problem, error.remedy)
        return
    file = manifest.expanded(path)
    read = ManifestText(text, is_toml=file.suffix == ".toml")
    entries = Entries(read, file.parent if is_file else current_directory())
    problems = [*read.problems]
    if read.is_readable:
        problems += _document_problems(read, entries)
        problems += [*entries.problems, *_missing(read, entries), *_unmarked(read, entries)]
        problems += [*_twice(read, entries), *_misspelt(read, entries)]
        problems += [*file_remarks(read, entries.transfers), *package_remarks(read, entries.requirements)]
        if not problems and not entries.transfers and not entries.requirements:
            remedy = "Write files or packages, or remove the file."
            problems.append(Problem("", "it has no files and no packages", remedy, is_warning=True))
        elif all(each.is_warning for each in problems):
            problems += plan_problems(read, entries.transfers, entries.requirements, file.name)
    for each in sorted(problems, key=_in_order):
        between = ":" if each.place[:1].isdigit() else ": " if each.place else ""
        status = "warning" if each.is_warning else "problem"
        remedy = manifest.toml_words(each.remedy) if read.is_toml else each.remedy
        yield Finding(f"{path}{between}{each.place}", status, one_stop(each.text), remedy)  # type: ignore[arg-type]
    if not problems:
        yield Finding(path, "ok", _summary(entries))


def _in_order(problem: Problem) -> tuple[list[int], bool]:
    """By line and column; those without a place first."""
    return [int(each) for each in problem.place.split(":") if each.isdigit()], problem.is_warning


def _document_problems(read: ManifestText, entries: Entries) -> Iterator[Problem]:
    """What is wrong with the keys of the document; its entries go into ``entries``."""
    document = {} if read.document is None else read.document
    if not isinstance(document, Mapping):
        yield Problem(read.place(()), "it is not a mapping", "Write the keys files and packages, each with a list.")
        return
    for key in document:
        if key not in manifest.EXAMPLES:
            text = f"unknown key {short_repr(key)}{nearest(str(key), tuple(manifest.EXAMPLES))}"
            yield Problem(read.place((str(key),)), text, f"Known keys: {', '.join(manifest.EXAMPLES)}.")
    for key, add in (("files", entries.add_file), ("packages", entries.add_package)):
        values = document.get(key)
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
            if values is not None:
                remedy = f"{key} must be a list, such as {manifest.EXAMPLES[key]}."
                yield Problem(read.place((key,)), f"{key} is not a list", remedy)
            continue
        for number, value in enumerate(values):
            add(number, value)


def _missing(read: ManifestText, entries: Entries) -> Iterator[Problem]:
    """The sources that are not there, and have to be."""
    for number, each in entries.transfers.items():
        if each.is_required and not _exists(each):
            text = f"local_path: {each.local_path} does not exist"
            remedy = "Create it, correct the path, or write is_required: false."
            yield Problem(read.place(("files", number, "local_path")), text, remedy)


def _unmarked(read: ManifestText, entries: Entries) -> Iterator[Problem]:
    """The files that look like secrets, and would be copied as any other. One that only its owner can read is a secret
    anyway."""
    from mngr_ansible.authoring.plugin_files import is_secret_name

    for number, each in entries.transfers.items():
        source = manifest.expanded(each.local_path)
        if each.is_secret or source.is_dir() or not is_secret_name(str(source)):
            continue
        if not source.exists() or source.stat().st_mode & 0o077:
            text = f"local_path: {each.local_path} looks like a secret and is not marked as one"
            remedy = "Write is_secret: true. Then its mode is 0600, and nothing ever shows its content."
            yield Problem(read.place(("files", number, "local_path")), text, remedy, is_warning=True)


def _exists(transfer: FileTransferSpec) -> bool:
    return os.path.lexists(manifest.expanded(transfer.local_path))


def _twice(read: ManifestText, entries: Entries) -> Iterator[Problem]:
    """What is given twice in different words: one destination of two files, one package in two entries."""
    destinations: dict[str, int] = {}
    for number, each in entries.transfers.items():
        where = str(each.remote_path)
        if where in destinations and not manifest.expanded(each.local_path).is_dir():
            first = read.place(("files", destinations[where])).partition(":")[0]
            text = f"remote_path: {where} is the destination of another entry too (line {first}); the last one wins"
            place = read.place(("files", number, "remote_path"))
            yield Problem(place, text, "Remove one of the entries, or change its remote_path.", is_warning=True)
        destinations[where] = number
    names: dict[str, int] = {}
    for number, requirement in entries.requirements.items():
        tool = tool_name(requirement.name)
        if tool in names:
            first = read.place(("packages", names[tool])).partition(":")[0]
            other = entries.requirements[names[tool]].name
            also = "" if other == requirement.name else f" as {other}"
            text = f"{requirement.name} is in another entry too{also} (line {first}); the versions of both have to fit"
            remedy = "Write one entry with both, such as 'git>=2.39,<3'."
            yield Problem(read.place(("packages", number)), text, remedy, is_warning=True)
        names[tool] = number


def _misspelt(read: ManifestText, entries: Entries) -> Iterator[Problem]:
    """Names that are nearly those of tools of the catalog, where nothing else says how they are found."""
    from mngr_ansible.catalog.lookup import find_tool, similar_tool

    for number, each in entries.requirements.items():
        if each.sources or each.checks or find_tool(each.name) is not None:
            continue
        if meant := similar_tool(each.name):
            text = f"the catalog does not contain {each.name!r} (did you mean {meant}?)"
            remedy = f"Write {meant}, or leave it if the host's package manager has a package {each.name}."
            yield Problem(read.place(("packages", number)), text, remedy, is_warning=True)


def _summary(entries: Entries) -> str:
    absent = sum(not _exists(each) for each in entries.transfers.values())
    parts = [_counted(len(entries.transfers), "file"), _counted(len(entries.requirements), "package")]
    note = f" ({absent} optional, not on this machine)" if absent else ""
    return f"{parts[0]}{note}, {parts[1]}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


SCHEMA = Path(__file__).parents[1] / "manifest.schema.json"
"""The JSON Schema of a manifest, for editors."""
