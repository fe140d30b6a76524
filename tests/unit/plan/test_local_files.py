"""Sources: what is excluded, what cannot be copied, and the user's settings for a plugin's files."""

import pytest

from mngr_ansible.errors import MissingFilesError
from mngr_ansible.plan.local_files import TransferRequest, read_sources
from mngr_ansible.plan.plan import resolve_destinations
from mngr_ansible.spec.files import FileTransferSpec
from tests.support.builders import compared, contribution, plan, state, statuses, tree, write


def names(*requests: TransferRequest) -> list[str]:
    return [each.relative for claim in read_sources(requests).claims for each in claim.entries]


def request(
    source: object, destination: str = "d", exclude_files=(), is_secret_allowed=True, **options
) -> TransferRequest:
    return TransferRequest(
        "p", "p", FileTransferSpec(source, destination, **options), tuple(exclude_files), is_secret_allowed
    )


def test_excluded_directories_are_not_even_opened(tmp_path):
    top = tree(tmp_path / "top", "a", "cache/b", "cache/deep/c", "x.log")
    (top / "cache" / "loop").symlink_to("/")

    assert names(request(top, exclude=["cache/", "*.log"])) == ["", "a"]


def test_the_users_patterns_are_on_the_destination(tmp_path):
    top = tree(tmp_path / "top", "a", "cache/b")

    assert names(request(top, "~/.claude", exclude_files=["~/.claude/cache/**"])) == ["", "a", "cache"]
    assert names(request(top, ".claude", exclude_files=["~/.claude/cache/**"])) == ["", "a", "cache", "cache/b"]


def test_a_transfer_that_is_excluded_as_a_whole_is_skipped_with_the_reason(tmp_path):
    source = write(tmp_path / "npmrc")
    settings = {"plugins": {"claude": {"exclude_files": ["~/.npmrc"]}}}

    made = plan(contribution("claude", FileTransferSpec(source, "~/.npmrc")), settings=settings)

    assert statuses(compared(made, state()).outcomes) == {"file:/root/.npmrc": "skipped"}
    assert made.skipped[0].reason == "excluded by exclude_files of claude in the settings"


def test_a_pattern_matches_every_spelling_of_a_destination_once_the_host_is_known(tmp_path):
    source = write(tmp_path / "npmrc")
    settings = {"plugins": {"claude": {"exclude_files": ["~/.npmrc"]}}}
    made = plan(contribution("claude", FileTransferSpec(source, "/home/u/.npmrc")), settings=settings)

    assert [each.destination for each in made.transfers] == ["/home/u/.npmrc"]
    host = state(home="/home/u", work_dir="/srv/w")
    on_host = resolve_destinations(resolve_destinations(made, "/home/u", "/srv/w"), "/home/u", "/srv/w")
    assert on_host.transfers == ()
    (outcome,) = compared(on_host, host).outcomes
    assert (outcome.id, str(outcome.status)) == ("file:/home/u/.npmrc", "skipped")
    assert outcome.reason == "excluded by exclude_files of claude in the settings"


def test_a_secret_that_the_settings_switch_off_need_not_exist(tmp_path):
    sources = read_sources([request(tmp_path / "gone", is_secret=True, is_secret_allowed=False)])
    assert [each.reason for each in sources.skipped] == ["secrets = false for p in the settings"]


def test_secrets_off_drops_secret_specs_whole_and_secret_files_one_by_one(tmp_path):
    top = tree(tmp_path / "top", "a")
    write(top / "key", mode=0o600)
    whole = request(top, is_secret=True, is_secret_allowed=False)
    single = request(top / "key", is_secret_allowed=False)

    sources = read_sources([whole, single, request(top, is_secret_allowed=False)])

    assert [each.reason for each in sources.skipped] == ["secrets = false for p in the settings"] * 2
    assert [each.relative for each in sources.claims[0].entries] == ["", "a"]
    assert sources.notices == (f"p: 1 secret file is not copied ({top}): secrets = false for p",)


def test_a_secret_that_others_can_read_is_reported_with_the_command_that_closes_it(tmp_path):
    open_secret = write(tmp_path / "it's", mode=0o640)
    advice = f"other users can read this secret of p; run: chmod 600 '{tmp_path}/it'\"'\"'s'"

    (notice,) = read_sources([request(open_secret, is_secret=True), request(open_secret, "e", is_secret=True)]).notices
    assert notice.endswith(advice)

    with pytest.raises(MissingFilesError, match="1 secret can be read by other users") as refused:
        read_sources([request(open_secret, is_secret=True)], is_strict=True)
    assert advice in str(refused.value)


def test_a_closed_secret_and_an_open_file_that_is_no_secret_are_not_reported(tmp_path):
    closed = write(tmp_path / "closed", mode=0o600)

    sources = read_sources([request(closed, is_secret=True), request(write(tmp_path / "open"), "e")], is_strict=True)
    assert not sources.notices


def test_everything_that_cannot_be_copied_is_reported_at_once(tmp_path):
    top = tree(tmp_path / "top", "a")
    (top / "out").symlink_to("../outside")
    requests = [
        request(top),
        request(tmp_path / "gone", "e"),
        request(write(tmp_path / "file"), "f", mirror=True),
        request(write(tmp_path / "secret"), "g", is_secret=True),
    ]

    with pytest.raises(MissingFilesError) as refused:
        read_sources(requests, is_strict=True)
    messages = ("1 required file is missing", "leads out", "is a file, and mirror needs a directory", "chmod 600")
    assert all(each in str(refused.value) for each in messages), refused.value


@pytest.mark.parametrize("symlinks", ["keep", "follow", "refuse"])
def test_links_inside_a_source_are_kept_followed_or_refused(tmp_path, symlinks):
    top = tree(tmp_path / "top", "a", "d/b")
    (top / "to-file").symlink_to("a")
    (top / "to-directory").symlink_to("d")
    (top / "out").symlink_to(tree(tmp_path / "elsewhere", "c"))
    if symlinks == "follow":
        assert names(request(top, symlinks=symlinks)) == [
            *("", "a", "d", "d/b", "out", "out/c", "to-directory", "to-directory/b", "to-file")
        ]
    else:
        with pytest.raises(MissingFilesError) as refused:
            read_sources([request(top, symlinks=symlinks)])
        assert str(refused.value).count("is a link") == (1 if symlinks == "keep" else 3)


def test_links_that_lead_nowhere_or_to_what_holds_them_cannot_be_followed(tmp_path):
    top = tree(tmp_path / "top", "d/a")
    (top / "d" / "up").symlink_to("..")
    (top / "gone").symlink_to("nothing")

    with pytest.raises(MissingFilesError) as refused:
        read_sources([request(top, symlinks="follow")])
    assert "is a link to nothing" in str(refused.value)
    assert "is a link to a directory that contains it" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("*.txt", "patterns are not expanded"),
        ("file[12]", "patterns are not expanded"),
        ("{a,b}", "patterns are not expanded"),
        ("$HOME/x", "variables and ~user are not expanded"),
        ("${HOME}/x", "variables and ~user are not expanded"),
        ("~bob", "variables and ~user are not expanded"),
        ("plain", ""),
    ],
)
def test_a_missing_source_that_was_meant_for_a_shell_says_what_is_not_expanded(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFilesError) as refused:
        read_sources([request(name)])
    assert f"needed by p{f' ({hint}' if hint else ''}" in str(refused.value)
    assert ("expanded" in str(refused.value)) is bool(hint)
    assert hint in read_sources([request(name, is_required=False)]).skipped[0].reason
    write(tmp_path / name)
    assert read_sources([request(name)]).claims


def test_of_thousands_of_bad_sources_twenty_are_named(tmp_path):
    with pytest.raises(MissingFilesError) as refused:
        read_sources([request(tmp_path / f"gone{number}") for number in range(5762)])
    lines = str(refused.value).splitlines()
    assert (lines[0], lines[21], len(lines)) == ("5762 required files are missing", "  and 5742 more", 23)


def test_of_many_secrets_that_others_can_read_twenty_are_named(tmp_path):
    top = tree(tmp_path / "top", *(f"s{number}" for number in range(25)))
    notices = read_sources([request(top, is_secret=True)]).notices
    assert (len(notices), notices[-1]) == (21, "other users can read 5 more secrets")
