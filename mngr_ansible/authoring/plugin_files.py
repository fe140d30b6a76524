"""The files that a plugin sends: missing ones, secrets that are not marked, modes that surprise."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mngr_ansible.plan.local_files import Problem, Skipped, TransferRequest, read_source
from mngr_ansible.portable.text import printable
from mngr_ansible.portable.trees import Entry
from mngr_ansible.report.findings import Finding
from mngr_ansible.spec.files import FileTransferSpec

_SECRET_NAME = re.compile(
    r"""
    [._]netrc | \.npmrc | \.pypirc | \.pgpass | \.my\.cnf | \.env(\..+)? | \.git-credentials | \.htpasswd
    | id_(rsa|dsa|ecdsa|ed25519)\w* | .*\.(pem|key|p12|pfx|kdbx|keystore|jks) | kubeconfig | \.dockerconfigjson
    | auth\.json | .*(token|secret|passw(or)?d|credential|api_?key|private_?key).*
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Names of files that usually hold a secret."""

_SECRET_PATH = re.compile(r"(.*/)?(\.docker/config\.json|\.kube/config|\.config/gh/hosts\.yml|\.claude\.json)")

_NO_SECRET = re.compile(
    r".*\.(pub|example|sample|template|md|rst|py|js|ts|go|rs|rb|c|h|html|css|svg|png)", re.IGNORECASE
)
"""Names that are no secrets, whatever else is in them: public keys, examples, programs, pages."""

_MOST_NAMES = 20
"""Names in one line."""

_MOST_READ = 500
"""Files of one transfer whose beginning is read."""


def file_findings(plugin: str, package: str, transfers: Sequence[FileTransferSpec]) -> Iterator[Finding]:
    """What is wrong with each transfer on this machine, and one line for all that is fine.

    ``package``: the plugin's own, whose files are not taken for the author's.
    """
    total, problems = 0, 0
    absent = []
    for spec in transfers:
        name = f"files: {printable(os.fspath(spec.remote_path))}"
        found = list(_place_findings(name, package, spec))
        result = read_source(TransferRequest(plugin, plugin, spec))
        if isinstance(result, Problem):
            found += [_not_there(name, path, why, plugin, result.kind) for path, why in result.details]
        elif isinstance(result, Skipped):
            absent.append(printable(os.fspath(spec.local_path)))
            found += _name_findings(name, spec)
        else:
            entries = result.claim.entries
            total += sum(each.kind != "directory" for each in entries)
            found += [*_secret_findings(name, spec, entries), *_mode_findings(name, spec, entries)]
            found += [Finding(name, "warning", each.removeprefix(f"{plugin}: ")) for each in result.notices]
        problems += bool(found)
        yield from found
    fine = len(transfers) - problems
    if transfers:
        missing = f"; optional, and not on this machine: {some_of(absent)}" if absent else ""
        count = f"{total} file{'' if total == 1 else 's'}"
        yield Finding(
            "files: transfers", "ok", f"{fine} of {len(transfers)} transfers without a remark, {count}{missing}"
        )


def some_of(names: Sequence[str]) -> str:
    """Names in a line, and how many more there are."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _not_there(name: str, path: str, why: str, plugin: str, kind: str) -> Finding:
    if kind == "missing" and path.startswith("~"):
        return Finding(
            name,
            "warning",
            f"{path} does not exist on this machine; for users without it provisioning stops",
            "If agents can do without it, mark it: is_required=False.",
        )
    if kind == "missing":
        return Finding(
            name,
            "problem",
            f"{path} does not exist on this machine",
            "Check the path, or mark it: is_required=False. A file of your package must also be in its wheel; say "
            'Path(__file__).parent / "NAME".',
        )
    why = why.removesuffix(f"; needed by {plugin}")
    return Finding(name, "problem", f"{path} cannot be copied: {why}", "Leave it out with exclude, or change it.")


def _place_findings(name: str, package: str, spec: FileTransferSpec) -> Iterator[Finding]:
    """A source that is only on the author's machine, or depends on where the user is."""
    text = os.fspath(spec.local_path)
    if not text.startswith(("/", "~/")) and text != "~":
        yield Finding(
            name,
            "warning",
            f"{printable(text)} is relative to the directory in which the user is",
            'Write Path(__file__).parent / "NAME" for a file of your package, ~/NAME for one of the user.',
        )
    home = Path.home()
    is_own = package and package in Path(text).parts
    if text.startswith("/") and not is_own and home != Path("/") and Path(text).is_relative_to(home):
        rest = Path(text).relative_to(home)
        yield Finding(name, "warning", f"{printable(text)} is in your own home", f"Write ~/{printable(str(rest))}.")


def is_secret_name(path: str) -> bool:
    """Whether a file of this name usually holds a secret."""
    base = path.rpartition("/")[2]
    if _NO_SECRET.fullmatch(base):
        return False
    return bool(_SECRET_NAME.fullmatch(base) or _SECRET_PATH.fullmatch(path))


def _name_findings(name: str, spec: FileTransferSpec) -> Iterator[Finding]:
    """For a source that is not here: what its names tell."""
    names = [os.fspath(spec.local_path), os.fspath(spec.remote_path)]
    if not spec.is_secret and any(map(is_secret_name, names)):
        yield _unmarked(name, printable(names[0]))


def _unmarked(name: str, path: str) -> Finding:
    return Finding(
        name,
        "warning",
        f"{path} looks like a secret and is not marked as one",
        "Mark it: is_secret=True. Then its mode is 0600, and no diff, log or report ever shows it.",
    )


def _secret_findings(name: str, spec: FileTransferSpec, entries: Sequence[Entry]) -> Iterator[Finding]:
    suspects = [
        each
        for each in entries
        if each.kind == "file"
        and not each.is_secret
        and (is_secret_name(each.source) or (not each.relative and is_secret_name(os.fspath(spec.remote_path))))
    ]
    yield from (_unmarked(name, _shown(each, spec)) for each in suspects)
    if spec.is_secret and spec.mode is not None and spec.mode & 0o077:
        yield Finding(
            name,
            "warning",
            f"it is a secret, and mode {spec.mode:04o} lets other users of the host read it",
            'Leave mode out (0600), or write mode="0600".',
        )


def _shown(entry: Entry, spec: FileTransferSpec) -> str:
    top = os.fspath(spec.local_path)
    return printable(f"{top}/{entry.relative}" if entry.relative else top)


def _mode_findings(name: str, spec: FileTransferSpec, entries: Sequence[Entry]) -> Iterator[Finding]:
    if spec.directory_mode is not None and not spec.directory_mode & 0o100:
        yield Finding(
            name,
            "problem",
            f"directory_mode {spec.directory_mode:04o}: not even the owner could enter the directories",
            'Add the bits for entering: directory_mode="0755".',
        )
    files = [each for each in entries if each.kind == "file"]
    open_to_all = [each for each in files if each.mode & 0o002]
    for each in open_to_all:
        yield Finding(
            name,
            "warning",
            f"{_shown(each, spec)}: mode {each.mode:04o} lets every user of the host change it",
            'Write mode="0644", or remove the bit: chmod o-w.',
        )
    scripts = [each for each in files[:_MOST_READ] if not each.mode & 0o111 and not each.is_secret and _is_script(each)]
    for each in scripts:
        yield Finding(
            name,
            "warning",
            f"{_shown(each, spec)} starts with #! and is not executable (mode {each.mode:04o})",
            'Write mode="0755", or chmod +x it.',
        )


def _is_script(entry: Entry) -> bool:
    try:
        with open(entry.source, "rb") as file:  # noqa: PTH123 - may be bytes that are no text
            return file.read(3) in (b"#!/", b"#! ")
    except OSError:
        return False
