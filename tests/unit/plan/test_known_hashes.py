"""Content that has not changed since an earlier plan is not read again; what may have changed is."""

import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mngr_ansible.plan.known_hashes import KEPT_SETS, KnownHashes
from mngr_ansible.plan.local_files import TransferRequest, read_sources
from mngr_ansible.spec.files import FileTransferSpec

_opened: list[str] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else "")


sys.addaudithook(_listen)


@pytest.fixture
def opened() -> Iterator[Callable[[Path], set[str]]]:
    """Names of the files below a directory that were opened since the last call."""
    global _opened  # noqa: PLW0603 - an audit hook cannot be removed

    def names(top: Path) -> set[str]:
        found = {os.path.relpath(each, top) for each in _opened or () if each.startswith(f"{top}/")}
        assert _opened is not None
        _opened.clear()
        return found

    _opened = []
    yield names
    _opened = None


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "mngr-ansible" / "hashes"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A source whose files nobody has changed for a while."""
    for number in range(100):
        path = tmp_path / "top" / f"{number % 3}" / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content {number}")
    settle(tmp_path / "top")
    return tmp_path / "top"


def settle(top: Path) -> None:
    """Wait until one more change of the newest file would have another time."""
    newest = max(each.stat().st_ctime_ns for each in top.rglob("*"))
    probe = top.parent / "clock"
    while probe.touch() or probe.stat().st_ctime_ns < newest + 150_000_000:
        pass


def read(*sources: Path, reads_all: bool = False, **options: object) -> dict[str, str]:
    """The hash of each file by its name."""
    requests = [TransferRequest("p", "p", FileTransferSpec(each, f"/srv/{each.name}", **options)) for each in sources]
    claims = read_sources(requests, reads_all=reads_all).claims
    return {each.relative: each.sha256 for claim in claims for each in claim.entries if each.kind == "file"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_content_that_did_not_change_is_read_once(top, state, opened):
    first = read(top)
    assert len(opened(top)) == 100
    assert read(top) == first
    assert opened(top) == set()


def test_all_is_read_where_somebody_wants_that(top, state, opened):
    first = read(top)
    opened(top)
    assert read(top, reads_all=True) == first
    assert len(opened(top)) == 100


def test_a_change_is_seen_that_leaves_the_size_and_the_time_of_the_content_as_they_were(top, state, opened):
    read(top)
    changed, replaced = top / "1" / "1", top / "2" / "2"
    before = [each.stat() for each in (changed, replaced)]
    changed.write_text("CONTENT 1")
    replaced.rename(top.parent / "old")
    replaced.write_text("CONTENT 2")
    for path, status in zip((changed, replaced), before, strict=True):
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    opened(top)

    found = read(top)

    assert opened(top) == {"1/1", "2/2"}
    assert (found["1/1"], found["2/2"]) == (sha256("CONTENT 1"), sha256("CONTENT 2"))


def test_what_was_changed_just_before_it_was_read_is_read_again(top, state, opened):
    (top / "0" / "0").write_text("new")
    read(top)
    opened(top)
    read(top)
    assert opened(top) == {"0/0"}


def test_a_file_system_that_keeps_whole_seconds_is_trusted_only_after_two_of_them(state):
    now = time.time_ns()
    fine, coarse = now - 500_000_001, (now - 500_000_000) // 1_000_000_000 * 1_000_000_000
    statuses = [
        SimpleNamespace(st_dev=1, st_ino=n, st_size=1 << 20, st_mtime_ns=at, st_ctime_ns=at)
        for n, at in enumerate((fine, coarse, coarse - 2_000_000_000))
    ]
    first = KnownHashes(["source"])
    assert first.find(statuses) == [None, None, None]
    for each in statuses:
        first.add(each, "ab" * 32)
    first.save()

    assert KnownHashes(["source"]).find(statuses) == ["ab" * 32, None, "ab" * 32]


def test_nothing_is_kept_about_secrets_nor_any_name_and_nobody_else_can_read_it(top, state):
    public, secret = top / "0" / "0", top / "1" / "1"
    (top / "2" / "2").chmod(0o600)  # a secret, since only its owner can read it
    settle(top)
    read(top)
    settle(top)
    requests = [
        TransferRequest("p", "p", FileTransferSpec(top, "/srv/top")),
        TransferRequest("q", "q", FileTransferSpec(secret, "/srv/secret", is_secret=True)),
    ]
    read_sources(requests)

    kept = b"".join(each.read_bytes() for each in state.iterdir())
    with_secret = max(state.iterdir(), key=lambda each: each.stat().st_mtime_ns).read_bytes()
    digests = {path: bytes.fromhex(sha256(path.read_text())) for path in (public, secret, top / "2" / "2")}
    assert digests[public] in with_secret
    assert digests[secret] not in with_secret
    assert digests[top / "2" / "2"] not in kept
    assert b"top" not in kept
    assert [stat.S_IMODE(each.stat().st_mode) for each in (state, *state.iterdir())] == [0o700, 0o600, 0o600]


def test_what_became_a_secret_is_forgotten(top, state):
    read(top)
    read(top, is_secret=True)
    (kept,) = state.iterdir()
    assert bytes.fromhex(sha256("content 0")) not in kept.read_bytes()


@pytest.mark.parametrize("broken", ["cut", "changed", "empty", "link", "fifo", "open to others"])
def test_a_broken_file_is_ignored_and_written_anew(top, state, opened, broken):
    first = read(top)
    (kept,) = state.iterdir()
    whole = kept.read_bytes()
    kept.unlink()
    if broken == "link":
        (top.parent / "elsewhere").write_bytes(whole)
        kept.symlink_to(top.parent / "elsewhere")
    elif broken == "fifo":
        os.mkfifo(kept, 0o600)
    else:
        at = whole.index(bytes.fromhex(first["0/0"]))
        bad = {"cut": whole[:-72], "changed": whole[:at] + b"\0" + whole[at + 1 :], "empty": b""}.get(broken, whole)
        kept.write_bytes(bad)
        kept.chmod(0o644 if broken == "open to others" else 0o600)
    opened(top)

    assert read(top) == first

    assert len(opened(top)) == 100
    assert kept.read_bytes() == whole


def test_only_the_newest_sets_of_sources_are_kept(tmp_path, state):
    for number in range(KEPT_SETS + 3):
        large = tmp_path / f"large{number}"
        large.write_bytes(bytes(1 << 20))
        os.utime(large, (1, 1))
    settle(tmp_path)
    for number in range(KEPT_SETS + 3):
        read(tmp_path / f"large{number}")
    assert len(list(state.iterdir())) == KEPT_SETS


def test_nothing_is_kept_of_a_few_small_files_nor_where_it_cannot_be_written(tmp_path, state, monkeypatch, top):
    read(top / "0" / "0")
    assert not state.exists()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert read(top) == read(top)
