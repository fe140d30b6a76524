"""``plan --diff``: what would change in files, shown before it is done. Source: docs/contract.md "Commands"."""

import json
import os

from mngr_ansible.host import contents
from mngr_ansible.host.connection import LocalShell
from tests.support.builders import tree, write
from tests.support.command_line import document, mngr_ansible
from tests.support.json_schema import schema_errors


def diffs(work, *files):
    """What ``plan --diff --json`` says of every step, by name below work_dir."""
    manifest = write(work.parent / "m.json", json.dumps({"files": files}))
    made = document(mngr_ansible("plan", "--diff", "--manifest", manifest, "--work-dir", work, "--json"))
    assert (schema_errors(made), made["errors"]) == ([], [])
    return {step["id"].removeprefix(f"file:{work}/"): step.get("diff") for step in made["hosts"][0]["steps"]}


def transfer(source, destination, **more):
    return {"local_path": str(source), "remote_path": destination, **more}


def test_text_is_shown_as_a_unified_diff_and_an_unchanged_file_not_at_all(work, tmp_path):
    write(work / "old", "one\ntwo\n\tthree\n")
    write(work / "same", "same\n")
    new, same = write(tmp_path / "new", "one\n2\n\tthree\n"), write(tmp_path / "same", "same\n")

    shown = diffs(work, transfer(new, "old"), transfer(same, "same"), transfer(new, "created"))

    assert shown == {
        "old": f"--- {work}/old\n+++ {work}/old\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n \tthree",
        "same": None,
        "created": f"--- /dev/null\n+++ {work}/created\n@@ -0,0 +1,3 @@\n+one\n+2\n+\tthree",
    }


def test_a_secrets_content_is_never_shown_nor_what_is_private_there(work, tmp_path):
    write(work / "token", "canary-there\n")
    write(work / "private", "canary-there\n", 0o600)
    ours, secret = write(tmp_path / "ours", "ours\n"), write(tmp_path / "secret", "canary-here\n", 0o600)

    shown = diffs(
        work,
        transfer(ours, "private"),
        transfer(secret, "token"),
        transfer(secret, "new"),
        transfer(ours, "named", is_secret=True),
    )

    assert shown["new"] == f"{work}/new: secret, not shown"
    assert shown["named"] == f"{work}/named: secret, not shown"
    assert shown["token"].startswith(f"{work}/token: secret, not shown\n{work}/token: mode 0644, owner ")
    assert "not shown: the current file is private, too large, not a regular file, or one too many" in shown["private"]
    assert "canary" not in str(shown)


def test_content_that_is_not_text_or_too_large_is_one_line(work, tmp_path):
    write(work / "large", "a" * (contents.LARGEST + 1))
    (work / "binary").write_bytes(b"\0\xff")
    ours = write(tmp_path / "ours", "ours\n")
    (tmp_path / "binary").write_bytes(b"\xff\0")

    shown = diffs(work, transfer(ours, "large"), transfer(ours, "binary"), transfer(tmp_path / "binary", "new"))

    assert [text.count("\n") for text in shown.values()] == [0, 0, 0]
    assert shown["binary"] == f"{work}/binary: not text, or more than 256 KiB"


def test_the_fetched_contents_are_limited(work, tmp_path):
    names = [f"f{number:02}" for number in range(30)]
    for name in names:
        write(work / "tree" / name, "a" * 200_000)
    text = diffs(work, transfer(tree(tmp_path / "tree", *names), "tree"))["tree"]
    assert text.count("+content") == 4 * 1024 * 1024 // 200_000
    assert text.count("one too many") == 30 - text.count("+content")


def test_modes_links_deletions_and_backups_are_described_in_words(work, tmp_path):
    top = tree(tmp_path / "tree", "a", "b")
    (top / "link").symlink_to("a")
    there = tree(work / "tree", "a", "b", "stale")
    (there / "a").chmod(0o600)
    (there / "b").write_text("other\n")

    text = diffs(work, transfer(top, "tree", mirror=True, if_exists="backup"))["tree"]

    owner = f"{os.getuid()}:{os.getgid()}"
    assert f"{there}/a: mode 0600, owner {owner} -> mode 0644" in text.splitlines()
    assert f"{there}/b: the current file is kept beside it as a backup" in text.splitlines()
    assert f"{there}/link: link to a" in text.splitlines()
    assert f"{there}/stale: renamed to a backup" in text.splitlines()


def test_control_characters_of_contents_do_nothing_to_a_terminal(work, tmp_path):
    write(work / "x", "a\x1b]0;evil\x07\n")
    ours = write(tmp_path / "ours", "b\r\x9b\u202e\n")
    done = mngr_ansible("plan", "--diff", "--file", f"{ours}:x", "--work-dir", work)
    assert done.returncode == 0
    assert all(char.isprintable() or char in "\n\t" for char in done.stdout)
    assert "-a\\x1b]0;evil\\x07" in done.stdout
    assert "+b\\r\\x9b\\u202e" in done.stdout


def test_contents_are_fetched_in_one_round_trip_and_none_is_made_without_paths(tmp_path):
    asked = []

    class Counting(LocalShell):
        def run(self, script, timeout):
            asked.append(script)
            return super().run(script, timeout)

    assert contents.fetch_contents(Counting(), [], as_root=False) == {}
    assert asked == []
    odd = write(tmp_path / "a'b\n$HOME c", "x")
    assert contents.fetch_contents(Counting(), [str(odd), str(tmp_path / "none")], as_root=False) == {str(odd): b"x"}
    assert len(asked) == 1
