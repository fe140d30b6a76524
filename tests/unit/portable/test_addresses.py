"""What people see of an address: neither login nor query."""

from __future__ import annotations

import time

import pytest

from mngr_ansible.errors import InputError
from mngr_ansible.portable import addresses
from mngr_ansible.run.lines import shorten
from mngr_ansible.spec.sources import Source

ADDRESSES = [
    ("https://host/a/b", "https://host/a/b"),
    ("https://joe:geheim@host:8443/a?sig=geheim#geheim", "https://host:8443/a"),
    ("https://geheim@host", "https://host"),
    ("https://joe:geh@geheim@host/x", "https://host/x"),
    ("https://host/@scope/name", "https://host/@scope/name"),
    ("copy:/srv/apt", "copy:/srv/apt"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_an_address_is_shown_without_login_query_and_fragment(address: str, shown: str) -> None:
    assert addresses.without_secrets(address) == shown


@pytest.mark.parametrize(("address", "shown"), ADDRESSES[:-1])
@pytest.mark.parametrize("around", ["E: {} failed", '"{}"', "'{}'", "({})", "a\\n{}\\nb", "see {}, then", "<{}>"])
def test_any_text_is_shown_with_such_addresses(address: str, shown: str, around: str) -> None:
    given = address.partition("#")[0]
    redacted = addresses.redacted(around.format(given))
    assert "geheim" not in redacted
    assert shown in redacted


LOGINS = ["joe:GEH/EIM", "joe:GEH'EIM", 'joe:"GEH<EIM', "joe:GEH\\EIM", "joe:GE@H#EIM", "joe:GEH@a/EIM", "joe:#GEHEIM"]


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_may_have_characters_that_belong_in_no_address(login: str) -> None:
    shown = addresses.redacted(f"curl: cannot use 'http://{login}@host:80/x' here, joe@mail")
    assert shown == "curl: cannot use 'http://host:80/x' here, joe@mail"


@pytest.mark.parametrize("login", [*LOGINS, "GEH/EIM", "joe:GEH EIM", "joe:1/EIM", "joe:?GEHEIM", "joe:GEHEIM/"])
def test_what_is_one_address_loses_everything_before_its_last_at(login: str) -> None:
    assert addresses.without_login(f"http://{login}@host:80?GEH#GEH") == "http://host:80"


def test_text_without_addresses_stays_as_it_is() -> None:
    for text in ("", "joe@host", "what? no", "a:b@c", "git>=2.39,<3", "1:2.0-1", "file /srv/a?b"):
        assert addresses.redacted(text) == text


def test_a_long_text_takes_no_time() -> None:
    before = time.process_time()
    for text in (
        "a." * 500_000,
        "a://" * 250_000,
        "a://" + "x@" * 500_000,
        "https://" + "?" * 500_000,
        "a://b:c/'" * 50_000,
    ):
        addresses.redacted(text)
    assert time.process_time() - before < 20


def test_what_is_cut_out_of_a_message_cuts_no_login_in_two() -> None:
    address = "https://joe:geheim@host/x"
    for before in range(30):
        shown = shorten("-" * (2000 - before) + address + "-" * 9000)
        assert "geh" not in shown
        shown = shorten("-" * 9000 + address + "-" * (2000 - before))
        assert "geh" not in shown


def test_an_error_that_cuts_a_long_address_cuts_no_login_in_two() -> None:
    for length in (10, 90, 150, 250, 1000):
        url = f"https://joe:{'geheim' * length}@host/x"
        with pytest.raises(InputError) as caught:
            Source.from_value({"manager": "archive", "url": {"a": url}})
        assert "geheim" not in str(caught.value)
        with pytest.raises(InputError) as caught:
            Source.from_value({"url": url})
        assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://joe:geheim@host/x", "https://joe:geh/geheim@host/x", "https://[joe:geheim@host/x?sig=geheim", "geheim@x"],
)
def test_an_error_about_an_address_shows_no_secret_of_it(url: str) -> None:
    for given in (
        {"manager": "archive", "url": url, "sha256": "0" * 64},
        {"manager": "apt", "url": url},
        {"manager": "archive", "url": [url], "sha256": "0" * 64} if "geh/" not in url and "://" in url else None,
        {"manager": "apt", "repository": {"name": "x", "url": "copy:/srv", "key": url, "fingerprint": "0" * 40}},
        {"manager": "apt", "repository": {"name": "x", "url": url, "key": "https://x/y", "fingerprint": "0" * 40}},
    ):
        if given is None:
            continue
        with pytest.raises(InputError) as caught:
            Source.from_value(given)
        assert "geheim" not in str(caught.value) + caught.value.problem + caught.value.remedy
