"""The role ``mngr_files`` with obstacles: on the host, in the sources, or in its variable."""

import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.controller import Controller, Run, leftovers, mode, planned, put


@dataclass(frozen=True)
class Obstacles:
    """What one run did where something else stood at the destinations."""

    out: Path
    run: Run


@pytest.fixture(scope="module")
def obstacles(tmp_path_factory: pytest.TempPathFactory) -> Obstacles:
    directory = tmp_path_factory.mktemp("obstacles")
    controller, out = Controller(directory), directory / "out"
    put(directory / "source", b"new")
    put(directory / "tree" / "a", b"new")
    put(directory / "tree" / "sub" / "b", b"new")
    put(out / "directory" / "kept", b"old")
    put(out / "other-directory" / "kept", b"old")
    put(out / "file", b"old", 0o600)
    put(out / "target", b"old")
    put(out / "existing" / "mine", b"mine").parent.chmod(0o700)
    put(out / "mode", b"new", 0o4755)
    (out / "link").symlink_to("target")
    (out / "dangling").symlink_to("nowhere")
    (out / "linked-directory").symlink_to("existing")
    os.mkfifo(out / "fifo")
    files = ["directory", "link", "dangling", "fifo", "file/below", "mode", "n" * 256, "last"]
    transfers: list[dict[str, Any]] = [
        {"id": name, "local_path": "source", "remote_path": f"{out}/{name}"} for name in files
    ]
    trees = ["file", "linked-directory", "existing"]
    transfers += [{"id": f"tree:{name}", "local_path": "tree", "remote_path": f"{out}/{name}"} for name in trees]
    transfers += [{"id": "link-in-way", "entries": [{"path": f"{out}/other-directory", "kind": "link", "target": "x"}]}]
    return Obstacles(out, controller.run(transfers))


def test_a_file_is_never_put_inside_a_directory_in_its_place(obstacles: Obstacles) -> None:
    assert obstacles.run.statuses["directory"] == "failed"
    assert obstacles.run.reason("directory").endswith(
        f"is a directory; give the full file name, such as {obstacles.out}/directory/source"
    )
    assert obstacles.run.statuses["link-in-way"] == "failed"
    for name in ("directory", "other-directory"):
        assert [path.name for path in (obstacles.out / name).iterdir()] == ["kept"]


def test_a_link_at_the_destination_is_replaced_and_its_target_untouched(obstacles: Obstacles) -> None:
    assert (obstacles.out / "target").read_bytes() == b"old"
    for name in ("link", "dangling"):
        assert not (obstacles.out / name).is_symlink()
        assert (obstacles.out / name).read_bytes() == b"new"


def test_special_files_are_not_replaced(obstacles: Obstacles) -> None:
    assert "is a fifo, a socket or a device" in obstacles.run.reason("fifo")
    assert (obstacles.out / "fifo").is_fifo()


def test_a_file_or_a_link_where_a_directory_is_needed_fails(obstacles: Obstacles) -> None:
    assert "is a file, and a directory is to go there" in obstacles.run.reason("tree:file")
    assert "is a link, and a directory is to go there" in obstacles.run.reason("tree:linked-directory")
    assert f"{obstacles.out}/file: is not a directory" in obstacles.run.reason("file/below")
    assert (obstacles.out / "file").read_bytes() == b"old"


def test_a_tree_is_added_to_an_existing_directory_whose_mode_and_files_stay(obstacles: Obstacles) -> None:
    existing = obstacles.out / "existing"
    assert obstacles.run.statuses["tree:existing"] == "changed"
    assert {path.name for path in existing.iterdir()} == {"a", "sub", "mine"}
    assert mode(existing) == 0o700


def test_a_mode_that_differs_is_set_without_writing_the_file(obstacles: Obstacles) -> None:
    assert obstacles.run.statuses["mode"] == "changed"
    assert mode(obstacles.out / "mode") == 0o644


def test_one_failure_stops_no_other_transfer_and_fails_the_task_in_one_sentence(obstacles: Obstacles) -> None:
    assert obstacles.run.statuses["last"] == "changed"
    assert obstacles.run.code == 2
    assert obstacles.run.result["msg"].startswith("7 of 12 transfers failed; the first: ")
    assert "File name too long" in obstacles.run.reason("n" * 256)
    assert not leftovers(obstacles.out)


@pytest.mark.parametrize("is_program", [True, False], ids=["program", "module"])
def test_a_large_payload_goes_only_once_and_without_a_file_where_a_program_takes_it(
    tmp_path: Path, is_program: bool
) -> None:
    controller, content = Controller(tmp_path), os.urandom(3 << 20)
    put(tmp_path / "source" / "big", content)
    put(tmp_path / "source" / "zero", bytes(9 << 20))
    put(tmp_path / "source" / "small", b"small")
    transfers = [{"local_path": "source", "remote_path": f"{tmp_path}/out"}]
    way = {"MNGR_ANSIBLE_LIGHT": "on" if is_program else "off"}
    first = controller.run(transfers, "-vvv", **way)
    assert (first.code, set(first.statuses.values())) == (0, {"changed"}), first.output
    assert bool(re.findall("PUT .* TO .*mngr-ansible-bundle", first.output)) is not is_program
    assert (tmp_path / "out" / "big").read_bytes() == content
    assert (tmp_path / "out" / "zero").read_bytes() == bytes(9 << 20)
    (tmp_path / "out" / "small").unlink()
    second = controller.run(transfers, "-vvv", **way)
    assert second.result["mngr_steps"][0]["files_changed"] == 1
    assert "mngr-ansible-bundle" not in second.output
    assert not leftovers(tmp_path)


def test_what_is_too_large_for_a_program_goes_as_one_file_and_its_secrets_inside_the_program(tmp_path: Path) -> None:
    controller, content, secret = Controller(tmp_path), os.urandom(65 << 20), os.urandom(3 << 20)
    put(tmp_path / "source" / "big", content)
    put(tmp_path / "source" / "secret", secret, 0o600)
    ran = controller.run([{"local_path": "source", "remote_path": f"{tmp_path}/out"}], "-vvv")
    assert (ran.code, set(ran.statuses.values())) == (0, {"changed"}), ran.output
    assert len(re.findall(r"PUT .* TO .*mngr-ansible-bundle", ran.output)) == 1
    assert (tmp_path / "out" / "big").read_bytes() == content
    assert (tmp_path / "out" / "secret").read_bytes() == secret
    assert not leftovers(tmp_path)


def test_a_source_that_changed_since_it_was_planned_stops_everything(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    source = put(tmp_path / "source", b"planned")
    steps = [
        {"id": "good", "entries": [planned(tmp_path / "out" / "good", put(tmp_path / "good"))]},
        {"id": "bad", "entries": [planned(tmp_path / "out" / "bad", source)]},
    ]
    put(source, b"another")
    run = controller.run(steps)
    assert (run.code, run.statuses) == (2, {"bad": "failed"})
    assert "the source changed since it was planned; run again" in run.reason("bad")
    assert not (tmp_path / "out").exists()


def test_what_changed_since_it_was_planned_a_moment_ago_stops_nothing_else(tmp_path: Path) -> None:
    """One file is written anew, one is deleted, one grows, as in the directory of a program that runs."""
    controller, out = Controller(tmp_path), tmp_path / "out"
    for name in ("anew", "deleted", "growing", "quiet"):
        put(tmp_path / name, name.encode())
    entries = [planned(out / name, tmp_path / name) for name in ("anew", "deleted", "growing", "quiet")]
    put(tmp_path / "anew", b"shorter"[:3])
    put(tmp_path / "growing", b"growing and growing")
    (tmp_path / "deleted").unlink()

    run = controller.run([{"id": "tree", "is_due": True, "entries": entries}])

    assert (run.code, run.statuses) == (0, {"tree": "changed"}), run.output
    found = {path.name: path.read_bytes() for path in out.iterdir()}
    assert found == {"anew": b"sho", "growing": b"growing", "quiet": b"quiet"}
    assert run.reason("tree") == f"{tmp_path}/deleted: it was deleted meanwhile, and was not sent"
    assert f"{tmp_path}/anew: it changed after it was planned; it was sent as it is now" in run.result["warnings"]
    assert not leftovers(tmp_path / "controller")


def test_all_sources_that_cannot_be_sent_are_named_before_anything_is_copied(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "fine")
    (tmp_path / "bad").mkdir()
    os.mkfifo(tmp_path / "bad" / "fifo")
    (tmp_path / "bad" / "link").symlink_to("/etc")
    names = ["fine", "missing", "bad"]
    run = controller.run([{"id": name, "local_path": name, "remote_path": f"{tmp_path}/out/{name}"} for name in names])
    assert (run.code, run.statuses) == (2, {"missing": "failed", "bad": "failed"})
    for text in ("missing: it does not exist", "fifo: it is a fifo", "link: it is a link to the absolute path /etc"):
        assert text in run.result["msg"]
    assert not (tmp_path / "out").exists()


def test_everything_wrong_with_the_variable_is_reported_at_once(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "a")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"remote_path": "relative"}, "transfer 1: remote_path relative is neither absolute nor begins with ~/"),
        ({"remote_path": "~/../x"}, "leads out of the home directory"),
        ({"remote_path": "~root/x"}, "remote_path ~root/x is neither absolute"),
        ({"mode": "1777"}, "mode '1777' is not an octal mode of at most 0777"),
        ({"mode": 644}, "mode 644 is not an octal mode"),
        ({"mode": 440}, "mode 440 is read as a number, which is mode 0670; write it in quotes: mode: '0440'"),
        ({"local_path": "*.conf"}, "it does not exist (patterns are not expanded"),
        ({"id": "same"}, ""),
        ({"id": "same"}, "another transfer has the id 'same' too"),
    ]
    base = {"local_path": "a", "remote_path": f"{tmp_path}/out"}
    transfers = [{"id": str(number), **base, **change} for number, (change, _) in enumerate(wrong)]
    run = controller.run(transfers)
    assert run.code == 2
    for _, text in wrong:
        assert text in run.result["msg"]
    misspelt = controller.run([{**base, "modus": "0644"}])
    assert "modus" in misspelt.output
    assert not (tmp_path / "out").exists()


def test_of_two_transfers_with_one_path_the_later_counts_also_in_the_second_run(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "one" / "a", b"one")
    put(tmp_path / "two", b"two")
    transfers = [
        {"local_path": "one", "remote_path": "~/d"},
        {"local_path": "two", "remote_path": f"{controller.home}/d/a"},
    ]
    assert controller.run(transfers).result["changed"] is True
    assert (controller.home / "d" / "a").read_bytes() == b"two"
    assert controller.run(transfers).result["changed"] is False


def test_a_full_disk_keeps_the_old_file_and_leaves_no_temporary_one(tmp_path: Path) -> None:
    controller = Controller(tmp_path)
    put(tmp_path / "big", bytes(40 << 20))
    put(tmp_path / "out" / "big", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    transfers = [{"id": name, "local_path": name, "remote_path": f"{tmp_path}/out/{name}"} for name in ("big", "small")]
    put(tmp_path / "small", b"small")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 << 20, limits[1]))
    try:
        run = controller.run(transfers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert run.statuses == {"big": "failed", "small": "changed"}
    assert (
        run.reason("big")
        == f"{tmp_path}/out/big: the file is larger than this user, or the file system, may have; see ulimit -f"
    )
    assert (tmp_path / "out" / "big").read_bytes() == b"old"
    assert not leftovers(tmp_path)
