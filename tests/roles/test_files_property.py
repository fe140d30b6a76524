"""Any tree with any field values arrives as a plain copier would make it, and is right when it is looked at again."""

import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mngr_ansible import FileTransferSpec, provision

ODD = [b"a", b"b c", b"-dash", b"$HOME", b"{{ 7*7 }}", b"~root", b"new\nline", b"bad\xff", b"'\"", b"\xc3\xbc"]
NAMES = st.sampled_from([*ODD, b"x" * 90, b"x.log", b"skip"])
FILES = st.tuples(
    st.sampled_from([(b"", 0), (b"text\n", 1), (b"\0\xff", 50), (b"z", 3000)]),
    st.sampled_from([0o644, 0o600, 0o755, 0o4711, 0o440]),
)
LINKS = st.sampled_from([b"f-a", b"nowhere", b"d-a", b"./f-x"])
DIRECTORY_MODES = st.sampled_from([0o755, 0o700, 0o750, 0o555])


def trees(depth: int = 2) -> st.SearchStrategy[dict[bytes, Any]]:
    """What a directory holds: the name says the kind, so that no file is where a directory is to go."""
    entries = st.dictionaries(NAMES.map(lambda name: (b"f-" + name)[:255]), FILES, max_size=3)
    links = st.dictionaries(NAMES.map(lambda name: (b"l-" + name)[:255]), LINKS, max_size=2)
    if not depth:
        return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, entries, links)
    below = st.tuples(trees(depth - 1), DIRECTORY_MODES)
    directories = st.dictionaries(
        st.one_of(NAMES.map(lambda name: (b"d-" + name)[:255]), st.just(b"skip")), below, max_size=2
    )
    return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, entries, links, directories)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["0640", "0604"]),
        "directory_mode": st.sampled_from(["0710", "0775"]),
        "exclude": st.lists(st.sampled_from(["*.log", "skip/"]), max_size=2, unique=True),
        "symlinks": st.sampled_from(["keep"]),
        "if_exists": st.sampled_from(["replace", "keep", "backup"]),
        "mirror": st.booleans(),
        "is_secret": st.booleans(),
        "owner": st.just("1234"),
        "group": st.just("4321"),
    },
).filter(lambda options: not (options.get("mirror") and options.get("if_exists") == "keep"))


def make(top: bytes, tree: dict[bytes, Any]) -> None:
    """Make a tree of the strategies on the disk."""
    os.makedirs(top, exist_ok=True)
    for name, what in tree.items():
        path = os.path.join(top, name)
        if isinstance(what, bytes):
            os.symlink(what, path)
        elif isinstance(what[0], dict):
            make(path, what[0])
            os.chmod(path, what[1])
        else:
            Path(os.fsdecode(path)).write_bytes(what[0][0] * what[0][1])
            os.chmod(path, what[1])


def found(top: bytes) -> dict[bytes, tuple[Any, ...]]:
    """What there is below a directory: kind, mode, owner, content."""
    there: dict[bytes, tuple[Any, ...]] = {}
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            mode = 0 if kind == stat.S_IFLNK else stat.S_IMODE(status.st_mode)
            content = os.readlink(path) if kind == stat.S_IFLNK else b""
            if kind == stat.S_IFREG:
                content = Path(os.fsdecode(path)).read_bytes()
            there[os.path.relpath(path, top)] = (kind, mode, status.st_uid, status.st_gid, content)
    return there


def is_excluded(relative: bytes, is_directory: bool, options: dict[str, Any]) -> bool:
    """The two patterns of these tests, as a person reads gitignore(5)."""
    parts, patterns = relative.split(b"/"), options.get("exclude", [])
    directories = parts if is_directory else parts[:-1]
    return ("*.log" in patterns and any(part.endswith(b".log") for part in parts)) or (
        "skip/" in patterns and b"skip" in directories
    )


def expected(
    source: bytes, before: dict[bytes, tuple[Any, ...]], options: dict[str, Any]
) -> dict[bytes, tuple[Any, ...]]:
    """What a straightforward copier makes of what was there; backups aside."""
    uid, gid = int(options.get("owner", 0)), int(options.get("group", 0))
    sent = {}
    for relative, (kind, mode, _, _, content) in found(source).items():
        if is_excluded(relative, kind == stat.S_IFDIR, options):
            continue
        if kind == stat.S_IFDIR:
            is_private = options.get("is_secret", False)
            expected_mode = int(options.get("directory_mode", "0700" if is_private else f"{mode & 0o777:o}"), 8)
        elif kind == stat.S_IFREG:
            is_private = options.get("is_secret", False) or not mode & 0o044
            expected_mode = mode & 0o777 if not is_private else 0o700 if mode & 0o100 else 0o600
            expected_mode = int(options["mode"], 8) if "mode" in options else expected_mode
        else:
            expected_mode = 0
        sent[relative] = (kind, expected_mode, uid, gid, content)
    after = dict(before)
    if options.get("mirror"):
        kept = {each for each in before if is_excluded(each, before[each][0] == stat.S_IFDIR, options)}
        kept |= {b"/".join(each.split(b"/")[:n]) for each in (*kept, *sent) for n in range(1, each.count(b"/") + 1)}
        if options.get("if_exists") == "backup":  # a directory that holds a backup stays
            files = [each for each in before if before[each][0] != stat.S_IFDIR and each not in sent]
            kept |= {b"/".join(each.split(b"/")[:n]) for each in files for n in range(1, each.count(b"/") + 1)}
        after = {each: what for each, what in before.items() if each in sent or each in kept}
    for relative, what in sent.items():
        there = before.get(relative)
        if there is None or options.get("if_exists") != "keep":
            after[relative] = what
            if there is not None and "owner" not in options and there[0] != stat.S_IFLNK and there[0] == what[0]:
                after[relative] = (*what[:2], there[2], after[relative][3], what[4])
            if there is not None and "group" not in options and there[0] != stat.S_IFLNK and there[0] == what[0]:
                after[relative] = (*after[relative][:3], there[3], what[4])
    return after


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others: needs root")
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(cases=st.lists(st.tuples(trees(), st.one_of(st.just({}), trees(1)), OPTIONS), min_size=5, max_size=5))
def test_any_tree_with_any_field_values_arrives_as_a_plain_copier_makes_it(cases, tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("p")
    specs, expectations = [], []
    for number, (tree, before, wished) in enumerate(cases):
        source, out = os.fsencode(tmp_path / f"source{number}"), os.fsencode(tmp_path / f"out{number}")
        make(source, tree)
        make(out, before)
        sent = [name for name, what in found(source).items() if what[0] != stat.S_IFDIR]
        is_empty = all(is_excluded(name, False, wished) for name in sent)  # a mirror of it is refused
        options = {key: value for key, value in wished.items() if key != "mirror" or not is_empty}
        specs.append(FileTransferSpec(os.fsdecode(source), os.fsdecode(out), **options))
        expectations.append((out, expected(source, found(out), options)))

    report = provision(files=specs, work_dir=tmp_path)

    assert report.ok, report.to_dict()
    for out, tree in expectations:
        there = {name: what for name, what in found(out).items() if b".mngr-backup-" not in name}
        assert there == tree
    before = [
        (path, os.lstat(path).st_ino, os.lstat(path).st_mtime_ns) for out, _ in expectations for path in every(out)
    ]
    again = provision(files=specs, work_dir=tmp_path)
    assert {str(each.status) for each in again.hosts[0].outcomes} == {"ok"}, again.to_dict()
    assert before == [
        (path, os.lstat(path).st_ino, os.lstat(path).st_mtime_ns) for out, _ in expectations for path in every(out)
    ]
    shutil.rmtree(tmp_path)


def every(top: bytes) -> list[bytes]:
    return sorted(os.path.join(directory, name) for directory, ds, fs in os.walk(top) for name in ds + fs)
