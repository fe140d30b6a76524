"""Sources: what stays here, what cannot be sent, and what the user decided about a plugin's files."""

import pytest

from mngr_ansible.diff.due import compare
from mngr_ansible.errors import MissingFilesError
from mngr_ansible.plan.local_files import TransferRequest, read_sources
from mngr_ansible.plan.plan import resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import plan, state, statuses, tree, wants, write


def names(*wishes: TransferRequest) -> list[str]:
    return [each.relative for claim in read_sources(wishes).claims for each in claim.entries]


def wish(
    source: object, destination: str = "d", exclude_files=(), is_secret_allowed=True, **options
) -> TransferRequest:
    return TransferRequest(
        "p", "p", FileTransferSpec(source, destination, **options), tuple(exclude_files), is_secret_allowed
    )


def test_excluded_directories_are_not_even_opened(tmp_path):
    top = tree(tmp_path / "top", "a", "cache/b", "cache/deep/c", "x.log")
    (top / "cache" / "loop").symlink_to("/")

    assert names(wish(top, exclude=["cache/", "*.log"])) == ["", "a"]


def test_the_users_patterns_are_on_the_destination(tmp_path):
    top = tree(tmp_path / "top", "a", "cache/b")

    assert names(wish(top, "~/.claude", exclude_files=["~/.claude/cache/**"])) == ["", "a", "cache"]
    assert names(wish(top, ".claude", exclude_files=["~/.claude/cache/**"])) == ["", "a", "cache", "cache/b"]


def test_a_transfer_that_is_excluded_as_a_whole_is_skipped_with_the_reason(tmp_path):
    source = write(tmp_path / "npmrc")
    settings = {"plugins": {"claude": {"exclude_files": ["~/.npmrc"]}}}

    made = plan(wants("claude", FileTransferSpec(source, "~/.npmrc")), settings=settings)

    assert statuses(compare(made, state(), is_local=False).outcomes) == {"file:/root/.npmrc": "skipped"}
    assert made.skipped[0].reason == "exclude_files of claude in the settings leaves it out"


def test_one_name_for_a_destination_is_as_good_as_another_once_the_host_is_known(tmp_path):
    source = write(tmp_path / "npmrc")
    settings = {"plugins": {"claude": {"exclude_files": ["~/.npmrc"]}}}
    made = plan(wants("claude", FileTransferSpec(source, "/home/u/.npmrc")), settings=settings)

    assert [each.destination for each in made.transfers] == ["/home/u/.npmrc"]
    host = state(home="/home/u", work_dir="/srv/w")
    settled = resolve_destinations(resolve_destinations(made, "/home/u", "/srv/w"), "/home/u", "/srv/w")
    assert settled.transfers == ()
    (outcome,) = compare(settled, host, is_local=False).outcomes
    assert (outcome.id, str(outcome.status)) == ("file:/home/u/.npmrc", "skipped")
    assert outcome.reason == "exclude_files of claude in the settings leaves it out"


def test_a_secret_that_the_user_wants_none_of_need_not_be_there(tmp_path):
    sources = read_sources([wish(tmp_path / "gone", is_secret=True, is_secret_allowed=False)])
    assert [reason for _, reason in sources.skipped] == ["secrets are off for p in the settings"]


def test_secrets_off_drops_secret_specs_whole_and_secret_files_one_by_one(tmp_path):
    top = tree(tmp_path / "top", "a")
    write(top / "key", mode=0o600)
    whole = wish(top, is_secret=True, is_secret_allowed=False)
    single = wish(top / "key", is_secret_allowed=False)

    sources = read_sources([whole, single, wish(top, is_secret_allowed=False)])

    assert [reason for _, reason in sources.skipped] == ["secrets are off for p in the settings"] * 2
    assert [each.relative for each in sources.claims[0].entries] == ["", "a"]
    assert sources.notices == [f"p: 1 secret file stays here ({top}): secrets are off for p"]


def test_a_secret_that_others_can_read_is_told_with_the_command_that_closes_it(tmp_path):
    open_secret = write(tmp_path / "it's", mode=0o640)
    told = f"others can read this secret of p here; chmod 600 '{tmp_path}/it'\"'\"'s'"

    (notice,) = read_sources([wish(open_secret, is_secret=True), wish(open_secret, "e", is_secret=True)]).notices
    assert notice.endswith(told)

    with pytest.raises(MissingFilesError, match="1 secret can be read by others") as refused:
        read_sources([wish(open_secret, is_secret=True)], is_strict=True)
    assert told in str(refused.value)


def test_a_closed_secret_and_an_open_file_that_is_none_are_not_told(tmp_path):
    closed = write(tmp_path / "closed", mode=0o600)

    sources = read_sources([wish(closed, is_secret=True), wish(write(tmp_path / "open"), "e")], is_strict=True)
    assert not sources.notices


def test_everything_that_cannot_be_sent_is_told_at_once(tmp_path):
    top = tree(tmp_path / "top", "a")
    (top / "out").symlink_to("../outside")
    wishes = [
        wish(top),
        wish(tmp_path / "gone", "e"),
        wish(write(tmp_path / "file"), "f", mirror=True),
        wish(write(tmp_path / "secret"), "g", is_secret=True),
    ]

    with pytest.raises(MissingFilesError) as refused:
        read_sources(wishes, is_strict=True)
    words = ("1 required file is missing", "leads out", "is a file, and mirror needs a directory", "chmod 600")
    assert all(each in str(refused.value) for each in words), refused.value


@pytest.mark.parametrize("symlinks", ["keep", "follow", "refuse"])
def test_links_inside_a_source_are_kept_followed_or_refused(tmp_path, symlinks):
    top = tree(tmp_path / "top", "a", "d/b")
    (top / "to-file").symlink_to("a")
    (top / "to-directory").symlink_to("d")
    (top / "out").symlink_to(tree(tmp_path / "elsewhere", "c"))
    if symlinks == "follow":
        assert names(wish(top, symlinks=symlinks)) == [
            *("", "a", "d", "d/b", "out", "out/c", "to-directory", "to-directory/b", "to-file")
        ]
    else:
        with pytest.raises(MissingFilesError) as refused:
            read_sources([wish(top, symlinks=symlinks)])
        assert str(refused.value).count("is a link") == (1 if symlinks == "keep" else 3)


def test_links_that_lead_nowhere_or_to_what_holds_them_cannot_be_followed(tmp_path):
    top = tree(tmp_path / "top", "d/a")
    (top / "d" / "up").symlink_to("..")
    (top / "gone").symlink_to("nothing")

    with pytest.raises(MissingFilesError) as refused:
        read_sources([wish(top, symlinks="follow")])
    assert "is a link to nothing" in str(refused.value)
    assert "is a link to a directory that holds it" in str(refused.value)
