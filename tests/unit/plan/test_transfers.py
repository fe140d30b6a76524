"""All plugins' files laid over each other. Source: docs/contract.md "Data"."""

import os
import socket
from pathlib import Path

import pytest

from mngr_ansible.errors import ConflictError, MissingFilesError
from mngr_ansible.plan.local_files import TransferRequest, read_sources
from mngr_ansible.plan.transfers import Claim, Destination, Transfer, overlay
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import tree, write


def request(plugin: str, source: object, destination: str = "x", **options) -> TransferRequest:
    return TransferRequest(plugin, options.pop("origin", plugin), FileTransferSpec(source, destination, **options))


def claims(*requests: TransferRequest) -> tuple[Claim, ...]:
    return read_sources(requests).claims


def laid(
    *requests: TransferRequest, home: str = "/home/u", work_dir: str = "/srv/w"
) -> tuple[dict[str, Transfer], tuple[str, ...]]:
    transfers, notices, _ = overlay(claims(*requests), home, work_dir)
    return {each.destination: each for each in transfers}, notices


def paths(transfer: Transfer) -> list[str]:
    return [os.path.relpath(each.path, transfer.destination) for each in transfer.files]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~/", "/home/u"),
        ("~/a/b", "/home/u/a/b"),
        ("~root/x", "/srv/w/~root/x"),
        ("$X", "/srv/w/$X"),
        (".", "/srv/w"),
        ("a", "/srv/w/a"),
        ("/etc/a", "/etc/a"),
    ],
)
@pytest.mark.parametrize(("home", "work_dir"), [("/home/u", "/srv/w"), ("/home/u/", "/srv/w/")])
def test_a_destination_is_below_work_dir_below_home_or_absolute(text, path, home, work_dir):
    assert Destination.of(FileTransferSpec("l", text)).resolve(home, work_dir) == path


@pytest.mark.parametrize(("text", "shown"), [("~/a", "~/a"), ("~/", "~"), ("a", "a"), (".", "."), ("/a", "/a")])
def test_without_a_host_a_destination_stays_text(text, shown):
    assert Destination(text).resolve("~", "") == shown


def test_home_may_be_the_root_directory():
    assert Destination("~/a").resolve("/", "/w") == "/a"


def test_a_leading_tilde_of_a_source_is_the_callers_home_and_nothing_else_is_expanded(home, tmp_path, monkeypatch):
    write(home / "a", "at home")
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "~root" / "a")
    write(tmp_path / "$HOME" / "a")

    sources = [
        each.entries[0].source for each in claims(request("p", "~/a"), request("p", "~root/a"), request("p", "$HOME/a"))
    ]

    assert sources == [str(home / "a"), str(tmp_path / "~root/a"), str(tmp_path / "$HOME/a")]


def test_all_missing_required_sources_are_in_one_error_with_the_plugin_of_each_overridden_ones_too(tmp_path):
    present = write(tmp_path / "present")
    requests = [
        request("claude", tmp_path / "a", "same"),
        request("codex", present, "same"),
        request("manifest", tmp_path / "b", origin="manifest (host.yml)"),
        request("codex", present / "below-a-file"),
    ]

    with pytest.raises(MissingFilesError) as missing:
        read_sources(requests)

    text = missing.value.problem
    assert "3 required files are missing" in text
    assert f"{tmp_path}/a " in text
    assert "needed by claude" in text
    assert "needed by manifest (host.yml)" in text
    assert "below-a-file" in text
    assert "Nothing was changed" in missing.value.remedy


def test_a_missing_optional_source_is_skipped_and_overrides_nothing(tmp_path):
    first = request("claude", write(tmp_path / "present"), "same")
    absent = request("codex", tmp_path / "absent", "same", is_required=False)

    sources = read_sources([first, absent])
    found, skipped = sources.claims, tuple(each.request for each in sources.skipped)

    assert [each.plugin for each in found] == ["claude"]
    assert skipped == (absent,)


def unreadable_fifo(path: Path) -> None:
    os.mkfifo(path)


def unreadable_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def link_out(path: Path) -> None:
    path.symlink_to("../../etc/passwd")


def absolute_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def circle(path: Path) -> None:
    path.symlink_to("../circle")
    (path.parent.parent / "circle").symlink_to("tree/odd")


@pytest.mark.parametrize("make", [unreadable_fifo, unreadable_socket, link_out, absolute_link, circle])
@pytest.mark.parametrize("is_required", [True, False])
def test_what_cannot_be_copied_is_an_error_with_its_path_and_its_plugin(tmp_path, monkeypatch, make, is_required):
    monkeypatch.chdir(tmp_path)
    make(tree(tmp_path / "tree", "fine") / "odd")

    with pytest.raises(MissingFilesError, match="needed by claude") as refused:
        read_sources([request("claude", tmp_path / "tree", is_required=is_required)])

    assert "tree/odd" in refused.value.problem


def test_dropped_mode_bits_are_a_notice_that_names_the_plugin(tmp_path):
    notices = read_sources([request("claude", write(tmp_path / "tool", mode=0o4755))]).notices
    assert len(notices) == 1
    assert notices[0].startswith("claude: ")
    assert "setuid" in notices[0]


def test_the_later_plugin_wins_a_file_and_a_notice_says_so(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")

    steps, notices = laid(request("base", one, "a/../x"), request("claude", two, "x"))

    assert [each.entry.source for each in steps["/srv/w/x"].files] == [str(two)]
    assert steps["/srv/w/x"].plugins == ("claude",)
    assert notices == ("/srv/w/x: claude overrides base",)


def test_a_later_single_file_wins_over_one_in_a_directory(tmp_path):
    steps, notices = laid(
        request("base", tree(tmp_path / "t", "a", "b"), "d"), request("claude", write(tmp_path / "one"), "d/a")
    )

    assert paths(steps["/srv/w/d"]) == ["b"]
    assert steps["/srv/w/d/a"].plugins == ("claude",)
    assert notices == ("/srv/w/d/a: claude overrides base",)


def test_a_later_directory_wins_over_a_single_file_whose_step_is_gone(tmp_path):
    steps, notices = laid(
        request("base", write(tmp_path / "one"), "d/a"), request("claude", tree(tmp_path / "t", "a", "b"), "d")
    )

    assert paths(steps["/srv/w/d"]) == ["a", "b"]
    assert list(steps) == ["/srv/w/d"]
    assert notices == ("/srv/w/d/a: claude overrides base",)


def test_two_directories_with_one_destination_are_one_step_that_names_both(tmp_path):
    one, two = tree(tmp_path / "one", "a", "b"), tree(tmp_path / "two", "b", "c")

    steps, notices = laid(request("base", one, "d"), request("claude", two, "d/"))

    assert list(steps) == ["/srv/w/d"]
    assert steps["/srv/w/d"].plugins == ("base", "claude")
    assert [Path(each.entry.source).parent.name for each in steps["/srv/w/d"].files] == ["one", "two", "two"]
    assert notices == ("/srv/w/d/b: claude overrides base",)


def test_many_overrides_of_one_directory_are_one_notice(tmp_path):
    names = [f"f{number}" for number in range(50)]
    one, two = tree(tmp_path / "one", *names), tree(tmp_path / "two", *names)

    _, notices = laid(request("base", one, "d"), request("claude", two, "d"))

    assert notices == ("/srv/w/d/f0 and 49 more: claude overrides base",)


@pytest.mark.parametrize("names", [(), ("a",)])
def test_the_same_destination_twice_in_one_plugin_is_a_notice(tmp_path, names):
    one = tree(tmp_path / "one", *names) if names else write(tmp_path / "one")
    two = tree(tmp_path / "two", "b") if names else write(tmp_path / "two")

    steps, notices = laid(request("claude", one, "d"), request("claude", two, "d"))

    assert steps["/srv/w/d"].plugins == ("claude",)
    assert len(notices) == 1
    assert notices[0].startswith("claude names /srv/w/d more than once")


def test_one_plugin_that_names_a_file_alone_and_in_a_directory_gets_a_notice(tmp_path):
    _, notices = laid(
        request("claude", tree(tmp_path / "t", "a"), "d"), request("claude", write(tmp_path / "one"), "d/a")
    )
    assert notices == ("claude names /srv/w/d/a more than once; the last one is used",)


def test_a_conflict_inside_one_manifest_is_not_blamed_on_plugins(tmp_path):
    both = (
        request("manifest", write(tmp_path / "one"), "d"),
        request("manifest", write(tmp_path / "two"), "d/f"),
    )
    with pytest.raises(ConflictError) as one:
        laid(*both)
    assert one.value.problem == "manifest needs a file and a directory in one place\n  /srv/w/d"
    assert one.value.remedy == "Change one destination. Nothing was changed."


@pytest.mark.parametrize("is_file_first", [True, False])
@pytest.mark.parametrize("below", ["d", "d/e/f"])
def test_a_file_where_another_plugin_needs_a_directory_is_an_error_that_names_both(tmp_path, is_file_first, below):
    file = request("claude", write(tmp_path / "one"), "d")
    directory = request("base", tree(tmp_path / "t", "a"), below)
    both = (file, directory) if is_file_first else (directory, file)

    with pytest.raises(ConflictError, match=r"/srv/w/d: a file for claude, a directory for base"):
        laid(*both)


@pytest.mark.parametrize(("one", "two"), [("~/x", "/home/u/x"), ("x", "/srv/w/x"), ("~/", "/home/u"), (".", "/srv/w")])
def test_destinations_that_differ_as_text_are_compared_again_on_the_host(tmp_path, one, two):
    sources = [tree(tmp_path / "one", "a"), tree(tmp_path / "two", "a")]
    both = [request("base", sources[0], one), request("claude", sources[1], two)]

    as_text, _ = laid(*both, home="~", work_dir="")
    on_host, notices = laid(*both)

    assert len(as_text) == 2
    assert len(on_host) == 1
    assert notices[0].endswith("/a: claude overrides base")


def test_a_tree_in_work_dir_itself_meets_a_file_there_before_the_host_is_known(tmp_path):
    steps, notices = laid(
        request("base", tree(tmp_path / "t", "a", "b"), "."),
        request("claude", write(tmp_path / "a"), "a"),
        home="~",
        work_dir="",
    )
    assert sorted(steps) == [".", "a"]
    assert notices == ("a: claude overrides base",)


def test_an_id_shows_bytes_that_are_not_utf_8():
    destination = Destination("bad\udcff")
    assert Transfer(destination.resolve("/h", "/w"), ("p",), (), is_directory=False).id == "file:/w/bad\\xff"
