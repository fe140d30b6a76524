"""What single values must look like; the package and the roles have one rule for each."""

from __future__ import annotations

import pytest

from mngr_ansible.portable import validation


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        ("0640", 0o640),
        ("640", 0o640),
        ("0o640", 0o640),
        (0o640, 0o640),
        (1000, 1000),
        ("7777", 0o7777),
        ("0x1ff", None),
        ("9", None),
        ("", None),
        ("-1", None),
        ("u=rw", None),
        (True, None),
        (6.4, None),
        (None, None),
    ],
)
def test_a_mode_is_an_octal_string_or_an_int_by_its_value(value: object, bits: int | None) -> None:
    assert validation.mode_bits(value) == bits


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("agent", True), ("_apt", True), ("host$", True), ("1000", True), ("", False), ("-x", False), ("a b", False)],
)
def test_a_user_is_a_name_or_a_number(text: str, is_one: bool) -> None:
    assert validation.is_user_or_group(text) == is_one


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://example.org/key.asc", True),
        ("https://user:word@example.org:8443/x?y#z", True),
        ("https://[::1]/x", True),
        ("http://example.org/x", False),
        ("https://", False),
        ("https:///x", False),
        ("https://[x/y", False),
        ("https://example.org:port/", False),
        ("https://example.org:0/", False),
        ("https://example.org/a b", False),
        ("https://example.org/ä", False),
        ("https://example.org/x\n", False),
    ],
)
def test_a_download_has_an_https_address_with_a_host(url: str, is_one: bool) -> None:
    assert validation.is_https(url) == is_one


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://example.org/deb", True),
        ("http://example.org/deb", True),
        ("file:/srv/apt", True),
        ("copy:/srv/apt", True),
        ("https://user:word@example.org/deb", False),
        ("ftp://example.org/deb", False),
        ("https://example.org/a b", False),
        ("https://example.org/deb\nEnabled: no", False),
    ],
)
def test_a_repository_has_an_address_without_user_and_password(url: str, is_one: bool) -> None:
    assert validation.is_repository_url(url) == is_one


def test_a_fingerprint_has_40_hexadecimal_digits_with_or_without_blanks() -> None:
    digits = "0123456789abcdef0123456789abcdef01234567"
    blocks = " ".join(digits[at : at + 4] for at in range(0, 40, 4))
    assert validation.fingerprint(digits) == validation.fingerprint(blocks) == digits.upper()
    assert validation.fingerprint(digits[1:]) is None
    assert validation.fingerprint(digits + "0") is None


@pytest.mark.parametrize(("text", "is_one"), [("0aF" + "0" * 61, True), ("0" * 63, False), ("g" * 64, False)])
def test_a_checksum_has_64_hexadecimal_digits(text: str, is_one: bool) -> None:
    assert validation.is_sha256(text) == is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("bookworm", True), ("stable/updates", True), ("./", True), ("/", True), ("a b", False), ("a\nb", False)],
)
def test_a_suite_or_component_of_apt_is_one_word(text: str, is_one: bool) -> None:
    assert validation.is_apt_word(text) == is_one


@pytest.mark.parametrize(("text", "is_one"), [("vendor-2_x", True), ("Vendor", False), ("../x", False), ("", False)])
def test_a_repositorys_name_can_be_part_of_a_file_name(text: str, is_one: bool) -> None:
    assert validation.is_repository_name(text) == is_one


@pytest.mark.parametrize(("value", "meant"), [(440, "0440"), (400, "0400"), (444, "0444"), (500, "0500")])
def test_a_number_whose_digits_are_a_mode_and_that_is_none_itself_was_misread(value, meant):
    assert validation.misread_mode(value) == meant


@pytest.mark.parametrize(
    "octal", ["0400", "0440", "0444", "0500", "0600", "0640", "0644", "0664", "0700", "0755", "0777"]
)
def test_a_mode_that_yaml_read_as_octal_digits_was_not_misread(octal):
    assert validation.misread_mode(int(octal, 8)) == ""
