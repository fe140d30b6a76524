"""How local sources are read, and which are refused; with real files."""

import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from mngr_ansible.portable import snapshots, trees
from mngr_ansible.portable.trees import Entry, Tree, TreeError


def put(path: Path, content: bytes = b"x", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def found(tree: Tree) -> dict[str, Entry]:
    return {entry.relative: entry for entry in tree.entries}


def problems(path: Path) -> dict[str, str]:
    with pytest.raises(TreeError) as caught:
        trees.read(str(path))
    return {os.path.relpath(where, path): why for where, why in caught.value.problems}


def test_a_file_is_one_entry_that_stands_for_the_destination(tmp_path: Path) -> None:
    source = put(tmp_path / "a", b"hello", 0o640)
    digest = hashlib.sha256(b"hello").hexdigest()
    entry = Entry("", "file", str(source), 0o640, 5, digest, None, is_secret=False)
    assert trees.read(str(source)) == Tree((entry,), ())


def test_parents_come_before_what_is_in_them_and_empty_directories_count(tmp_path: Path) -> None:
    for name in ("b/c/d", "b-c", "b.d", "a"):
        put(tmp_path / "top" / name)
    (tmp_path / "top" / "b" / "empty").mkdir()
    names = [entry.relative for entry in trees.read(str(tmp_path / "top")).entries]
    assert names[0] == ""
    assert set(names) == {"", "a", "b", "b-c", "b.d", "b/c", "b/c/d", "b/empty"}
    assert all(name.rpartition("/")[0] in names[:index] for index, name in enumerate(names) if name)


def test_sources_keep_their_own_modes(tmp_path: Path) -> None:
    put(tmp_path / "top" / "run", mode=0o755)
    (tmp_path / "top" / "shared").mkdir()
    (tmp_path / "top" / "shared").chmod(0o775)
    entries = found(trees.read(str(tmp_path / "top")))
    assert (entries["run"].mode, entries["shared"].mode) == (0o755, 0o775)


def test_special_bits_are_dropped_with_a_notice(tmp_path: Path) -> None:
    put(tmp_path / "top" / "suid", mode=0o4755)
    (tmp_path / "top").chmod(0o1777)
    tree = trees.read(str(tmp_path / "top"))
    assert (found(tree)["suid"].mode, found(tree)[""].mode) == (0o755, 0o777)
    assert len(tree.notices) == 2
    assert "suid: its setuid, setgid or sticky bit is not copied" in "\n".join(tree.notices)


@pytest.mark.parametrize(("own", "sent"), [(0o644, 0o600), (0o755, 0o700), (0o700, 0o700), (0o400, 0o600)])
def test_only_its_owner_may_read_a_secret(tmp_path: Path, own: int, sent: int) -> None:
    put(tmp_path / "top" / "key", mode=own)
    entries = found(trees.read(str(tmp_path / "top"), is_secret=True))
    assert (entries["key"].mode, entries["key"].is_secret, entries[""].mode) == (sent, True, 0o700)


def test_a_file_that_only_its_owner_may_read_is_a_secret(tmp_path: Path) -> None:
    put(tmp_path / "top" / "key", mode=0o400)
    put(tmp_path / "top" / "open", mode=0o644)
    entries = found(trees.read(str(tmp_path / "top")))
    assert (entries["key"].mode, entries["key"].is_secret) == (0o600, True)
    assert (entries["open"].is_secret, entries[""].is_secret) == (False, False)


def test_given_modes_replace_the_sources_own(tmp_path: Path) -> None:
    put(tmp_path / "top" / "key", mode=0o400)
    entries = found(trees.read(str(tmp_path / "top"), mode=0o640, directory_mode=0o750, is_secret=True))
    assert (entries["key"].mode, entries[""].mode, entries["key"].is_secret) == (0o640, 0o750, True)


def test_a_link_at_the_top_is_followed(tmp_path: Path) -> None:
    source = put(tmp_path / "real" / "a")
    (tmp_path / "link").symlink_to("real")
    assert found(trees.read(str(tmp_path / "link")))["a"].source == str(source)


def test_links_that_stay_inside_stay_links(tmp_path: Path) -> None:
    put(tmp_path / "top" / "sub" / "a")
    targets = {
        "up": "sub/a",
        "sub/down": "../sub/a",
        "dangling": "nowhere",
        "loop": "loop",
        "self": ".",
        "sub/top": "..",
    }
    for name, target in targets.items():
        (tmp_path / "top" / name).symlink_to(target)
    entries = found(trees.read(str(tmp_path / "top")))
    links = {name: entry.target for name, entry in entries.items() if entry.kind == "link"}
    assert links == targets
    assert {entry.mode for entry in entries.values() if entry.kind == "link"} == {0o777}


def test_links_that_leave_the_directory_are_refused_whichever_way_they_take(tmp_path: Path) -> None:
    top = tmp_path / "top"
    put(top / "x" / "y" / "file")
    targets = {
        "absolute": str(top / "x"),
        "up": "../other",
        "by-its-own-name": "../top/x",
        "x/deep": "../../other",
        "through": "x/y/back/../../other",
    }
    (top / "x" / "y" / "back").symlink_to("../..")
    for name, target in targets.items():
        (top / name).symlink_to(target)
    assert set(problems(top)) == set(targets)


def test_all_that_cannot_be_sent_is_reported_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "top"
    put(top / "fine")
    os.mkfifo(top / "fifo")
    monkeypatch.chdir(top)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    (top / "away").symlink_to("/etc")
    why = problems(top)
    assert why["fifo"] == "is a fifo, which cannot be sent"
    assert why["socket"] == "is a socket, which cannot be sent"
    assert why["away"].startswith("is a link to the absolute path /etc")
    assert len(why) == 3


def test_a_source_that_cannot_be_opened_is_refused() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        put(Path(directory, "top", "file"), mode=0)
        put(Path(directory, "top", "directory", "a")).parent.chmod(0)
        is_root = os.geteuid() == 0
        try:
            if is_root:
                os.seteuid(65534)  # root reads everything
            assert problems(Path(directory, "top")) == {"file": "Permission denied", "directory": "Permission denied"}
        finally:
            if is_root:
                os.seteuid(0)
            Path(directory, "top", "directory").chmod(0o700)


def test_a_device_is_refused() -> None:
    assert problems(Path("/dev/null")) == {".": "is a device, which cannot be sent"}


@pytest.mark.parametrize("name", ["missing", "dangling", "null\0character"])
def test_a_missing_source_is_an_error_with_its_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(TreeError) as caught:
        trees.read(f"{tmp_path}/{name}")
    assert caught.value.problems[0][1] in ("does not exist", "is not a path: it has a null character")
    assert str(tmp_path) in str(caught.value)


def test_names_with_any_bytes_are_read_and_can_be_printed(tmp_path: Path) -> None:
    names = [b"bad\xff", b"new\nline", b"$HOME", b"-dash", b"{{ 7*7 }}", "é".encode(), b"n" * 255]
    for name in names:
        put(tmp_path / "top" / os.fsdecode(name))
    assert {os.fsencode(entry.relative) for entry in trees.read(str(tmp_path / "top")).entries} == {b"", *names}
    assert trees.printable(os.fsdecode(b"bad\xff\n")) == "bad\\xff\\n"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """A kernel file whose size is not its content's never settles, as a log that is written all the time."""
    kernel_file = Path(f"/proc/{os.getpid()}/status")
    if not kernel_file.exists():
        pytest.skip("needs /proc")
    assert problems(kernel_file) == {".": "changed while it was read, 4 times"}


def test_a_file_of_a_directory_that_never_settles_is_left_out_with_a_notice(tmp_path: Path) -> None:
    """The same kernel file, inside a directory: the rest is sent, and the host keeps what it has of this one."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    put(tmp_path / "top" / "a")
    (tmp_path / "top" / "log").symlink_to(f"/proc/{os.getpid()}/status")
    found = trees.read(str(tmp_path / "top"), symlinks="follow")
    assert ([entry.relative for entry in found.entries], found.unsettled) == (["", "a"], {"log"})
    assert found.notices[0].endswith("it changed each time it was read, and is not sent; the host keeps what it has")


def test_what_is_deleted_while_a_directory_is_read_is_one_notice(tmp_path: Path) -> None:
    for name in ("gone/a", "gone2/b", "stays/c"):
        put(tmp_path / "top" / name)

    def delete(relative: str, _is_directory: bool) -> bool:
        if relative.startswith("gone/") or relative == "gone2":
            shutil.rmtree(tmp_path / "top" / relative.partition("/")[0])
        return False

    found = trees.read(str(tmp_path / "top"), excluded=delete)
    assert [entry.relative for entry in found.entries if "stays" in entry.relative] == ["stays", "stays/c"]
    assert not any(entry.relative.endswith(("a", "b")) for entry in found.entries)
    assert [notice.partition(": ")[2] for notice in found.notices] == [
        "deleted while the directory was read, and not sent"
    ]


def test_a_large_file_is_read_in_blocks(tmp_path: Path) -> None:
    content = os.urandom(snapshots.BLOCK * 2 + 1)
    entry = trees.read(str(put(tmp_path / "big", content))).entries[0]
    assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
