"""What ``check`` says of entries of a manifest that are right each by itself: modes, mirrors, versions of sources, and
what only the plan finds, each at its place."""

import re
from collections.abc import Iterator, Mapping

from mngr_ansible.authoring.manifest_text import ManifestText, Path, Problem
from mngr_ansible.authoring.plugin_packages import version_contradictions
from mngr_ansible.errors import ConflictError, ErrorGroup, MissingFilesError, MngrAnsibleError
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.misspelt import condition_notices
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.plan import local_files
from mngr_ansible.plan.plan import build
from mngr_ansible.plan.requirements import tool_name
from mngr_ansible.spec.files import FileTransferSpec
from mngr_ansible.spec.packages import PackageRequirement

type _Transfers = Mapping[int, FileTransferSpec]
type _Requirements = Mapping[int, PackageRequirement]


def file_remarks(read: ManifestText, transfers: _Transfers) -> Iterator[Problem]:
    """Modes that surprise, and mirrors that no run would make. ``transfers``: by their number."""
    for number, each in transfers.items():
        entry = ("files", number)
        if each.is_secret and each.mode is not None and each.mode & 0o077:
            text = f"mode: it is a secret, and {each.mode:04o} lets other users of the host read it"
            yield Problem(read.place((*entry, "mode")), text, 'Write mode: "0600", or leave mode out.', is_warning=True)
        elif each.mode is not None and each.mode & 0o002:
            text = f"mode: {each.mode:04o} lets every user of the host change it"
            yield Problem(read.place((*entry, "mode")), text, 'Write mode: "0644".', is_warning=True)
        if each.directory_mode is not None and not each.directory_mode & 0o100:
            text = f"directory_mode: with {each.directory_mode:04o} not even the owner could enter the directories"
            yield Problem(read.place((*entry, "directory_mode")), text, 'Write directory_mode: "0755".')
        if each.mirror and str(each.remote_path) in (".", "~", "~/"):
            where = "the work directory" if str(each.remote_path) == "." else "the home directory"
            text = f"mirror: a mirror of {where} would delete what else is in it"
            remedy = "Name a directory in it as remote_path, or remove mirror."
            yield Problem(read.place((*entry, "mirror")), text, remedy)


def package_remarks(read: ManifestText, requirements: _Requirements) -> Iterator[Problem]:
    """Sources whose version the requirement refuses, and systems that no host has. ``requirements``: by number."""
    for number, each in requirements.items():
        for position, text in version_contradictions(each):
            place = read.place(("packages", number, "sources", position, "version"))
            yield Problem(place, text, "Correct version of the source, or the range.")
        for notice in condition_notices([Contribution("manifest", requirements=(each,), origin="")]):
            text = notice.partition(f"{each.name}: ")[2]
            field = re.match(r"a source is for (\w+) (\S+),", text)
            where: Path = ("packages", number, "sources")
            for position, source in enumerate(each.sources):
                named = () if source.when is None or field is None else getattr(source.when, field[1])
                if field is not None and field[2].strip("'\"") in named:
                    where = ("packages", number, "sources", position, "when", field[1])
            yield Problem(read.place(where), text, "Correct the name.", is_warning=True)


def plan_problems(
    read: ManifestText, transfers: _Transfers, requirements: _Requirements, name: str
) -> Iterator[Problem]:
    """What only the plan itself finds: contradictions, and sources that cannot be sent."""
    asked = Contribution("manifest", tuple(transfers.values()), tuple(requirements.values()), name)
    try:
        build([asked], Settings())
    except MngrAnsibleError as error:
        for each in error.errors if isinstance(error, ErrorGroup) else (error,):
            placed = []
            if isinstance(each, MissingFilesError):
                placed = [*_not_copyable(read, transfers)]
            elif isinstance(each, ConflictError):
                placed = [*_conflicts(read, each, transfers, requirements)]
            yield from placed or [Problem("", _one_line(each.problem), _remedy(each))]


def _not_copyable(read: ManifestText, transfers: _Transfers) -> Iterator[Problem]:
    for number, each in transfers.items():
        result = local_files.read_source(local_files.TransferRequest("manifest", "manifest", each))
        for path, why in result.details if isinstance(result, local_files.Problem) else ():
            place = read.place(("files", number, "local_path"))
            text = f"local_path: {path} cannot be copied: {why.partition('; needed by ')[0]}"
            yield Problem(place, text, "Give another source, remove the file, or list it in exclude.")


def _conflicts(
    read: ManifestText, error: ConflictError, transfers: _Transfers, requirements: _Requirements
) -> Iterator[Problem]:
    """A contradiction at the later of the entries that it is about."""
    tool = error.problem.partition(":")[0]
    same = [number for number, each in requirements.items() if tool_name(each.name) == tool_name(tool)]
    if same:
        yield Problem(read.place(("packages", same[-1])), _one_line(error.problem), _remedy(error))
        return
    for path in dict.fromkeys(re.findall(r"^  (\S+?):?(?: .*)?$", error.problem, re.MULTILINE)):
        about = [number for number, each in transfers.items() if f"{path}/".startswith(f"{each.remote_path}/")]
        about += [number for number, each in transfers.items() if f"{each.remote_path}/".startswith(f"{path}/")]
        if about:
            place, first = (read.place(("files", each, "remote_path")) for each in (max(about), min(about)))
            text = f"remote_path: a file and a directory are needed in one place: {path}{_line(first)}"
            yield Problem(place, text, "Change one of the destinations.")


def _line(place: str) -> str:
    line, colon, _ = place.partition(":")
    return f" (line {line} names it too)" if colon else ""


def _one_line(problem: str) -> str:
    first, *listed = problem.split("\n")
    return f"{first}: {', '.join(' '.join(line.split()) for line in listed)}" if listed else first


def _remedy(error: MngrAnsibleError) -> str:
    return re.sub(r" ?Nothing was changed(?: on any host)?\.", "", error.remedy)
