"""Fingerprints of OpenPGP keys as the role ``mngr_packages`` computes them, against what gpg says of real keys."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.controller import role_module
from tests.support.signing import Gpg, gpg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

keys = role_module("mngr_packages", "mngr_packages_keys")

pytestmark = pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg, which makes the keys")


@pytest.fixture(scope="session")
def maker() -> Iterator[Gpg]:
    with gpg() as made:
        yield made


def refusal(content: bytes, fingerprint: str) -> str:
    """Why it is not the expected key."""
    with pytest.raises(keys.KeyFileError) as caught:
        keys.only(content, fingerprint)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ["rsa2048", "rsa3072", "ed25519", "nistp256", "dsa2048"])
def test_the_fingerprint_of_a_key_is_that_of_gpg_armored_or_not(maker: Gpg, algorithm: str) -> None:
    key = maker.key(algorithm, algorithm, subkey="rsa2048")
    from_text = keys.only(key.text.encode(), key.fingerprint)
    from_bytes = keys.only(key.content, key.fingerprint)
    assert from_text == from_bytes
    assert maker.run("--dearmor", stdin=from_text.encode()) == key.content
    assert key.fingerprint in refusal(key.content, "0" * 40)


def test_a_subkey_is_not_taken_for_the_key_that_owns_it(maker: Gpg) -> None:
    key = maker.key("owner", subkey="ed25519")
    why = refusal(key.content, key.subkeys[0])
    assert why == f"{key.subkeys[0]} is only a subkey; the primary key is {key.fingerprint}"


def test_other_keys_in_the_file_are_left_out(maker: Gpg) -> None:
    good, bad = maker.key("good", subkey="ed25519"), maker.key("bad", "rsa2048")
    for content in (bad.content + good.content, (bad.text + good.text).encode(), good.content + bad.content):
        kept = keys.only(content, good.fingerprint)
        assert maker.run("--dearmor", stdin=kept.encode()) == good.content
    assert refusal(good.content + bad.content, "0" * 40).count(" and ") == 1


def test_headers_blank_lines_windows_ends_and_a_missing_checksum_change_nothing(maker: Gpg) -> None:
    key = maker.key("plain")
    expected = keys.only(key.content, key.fingerprint)
    lines = key.text.splitlines()
    without = [line for line in lines if not line.startswith("=")]
    headed = [lines[0], "Version: Some 1.0", "Comment: of = someone", *lines[1:]]
    for text in ("\n".join(without), "\n".join(headed), "\r\n".join(lines), f"# ours\n\n{key.text}\ntrailing"):
        assert keys.only(text.encode(), key.fingerprint) == expected


def test_a_damaged_file_or_one_without_a_public_key_is_refused(maker: Gpg) -> None:
    key = maker.key("damaged")
    spoilt = key.text.replace(key.text.splitlines()[3][:8], "AAAAAAAA")
    assert "damaged" in refusal(spoilt.encode(), key.fingerprint)
    assert refusal(key.content[:-3], key.fingerprint) == "it is cut off"
    assert refusal(b"<html>", key.fingerprint) == "it contains no OpenPGP key"
    assert refusal(b"", key.fingerprint) == "it contains no OpenPGP key"
    assert refusal(key.content + bytes(2), key.fingerprint) == "it is no OpenPGP key"
    secret = maker.run("--armor", "--export-secret-keys", key.fingerprint)
    assert refusal(secret, key.fingerprint) == "it contains a private key"
    signature = maker.run("--detach-sign", "-u", key.fingerprint, stdin=b"text")
    assert refusal(signature, key.fingerprint) == "it does not begin with a public key"
    version = b"\x06" + key.content[3:]
    assert "a key of version 6, and only version 4 is known" in refusal(key.content[:2] + version, key.fingerprint)


def test_a_packet_that_is_no_part_of_a_public_key_is_refused_wherever_it_stands(maker: Gpg) -> None:
    key, other = maker.key("vendor", subkey="ed25519"), maker.key("attacker")
    secret = maker.run("--export-secret-keys", other.fingerprint)
    for content in (key.content + secret, secret + key.content, (key.text + keys.armored(secret)).encode()):
        assert refusal(content, key.fingerprint) == "it contains a private key"
    kinds = set(range(64)) - {2, 6, 10, 12, 13, 14, 17, 5, 7}
    for kind in kinds:
        packet = bytes([0xC0 | kind, 3]) + b"PGP"
        expected = f"it contains a packet of kind {kind}, which is no part of a public key"
        assert refusal(key.content + packet, key.fingerprint) == expected
    for kind in (10, 12):  # every reader ignores a marker; what a keyring trusts says nothing here
        packet = bytes([0xC0 | kind, 3]) + b"PGP"
        assert keys.only(packet + key.content + packet, key.fingerprint) == keys.only(key.content, key.fingerprint)


def test_a_key_that_has_expired_or_is_revoked_is_refused(maker: Gpg) -> None:
    old, gone = maker.expired("old"), maker.revoked("gone")
    assert refusal(old.content, old.fingerprint) == f"the key {old.fingerprint} has expired on 2020-01-02"
    assert refusal(gone.content, gone.fingerprint) == f"the key {gone.fingerprint} is revoked"
    fresh = maker.key("fresh")
    maker.run("--quick-set-expire", fresh.fingerprint, "1y")
    renewed = maker.exported(fresh.fingerprint)
    assert keys.only(renewed.content, fresh.fingerprint)


def test_a_subkey_that_the_primary_key_did_not_sign_is_refused(maker: Gpg) -> None:
    key, other = maker.key("owner2"), maker.key("attacker2", subkey="ed25519")
    kind, start, length = next(each for each in packets(other.content) if each[0] == 14)
    subkey = other.content[start : start + length]
    assert kind == 14
    why = refusal(key.content + subkey, key.fingerprint)
    assert why == f"its subkey {other.subkeys[0]} is not signed by the primary key"


def packets(content: bytes) -> Iterator[tuple[int, int, int]]:
    """The kind, the offset and the length of every packet, in gpg's words."""
    listed = subprocess.run(["gpg", "--list-packets"], input=content, check=True, capture_output=True).stdout.decode()
    for line in listed.splitlines():
        if line.startswith("# off="):
            fields = dict(field.split("=") for field in line[2:].split() if "=" in field)
            yield int(fields["tag"]), int(fields["off"]), int(fields["hlen"]) + int(fields["plen"])


def test_every_length_of_packet_is_read() -> None:
    body = b"\x04" + bytes(300)
    forms = [
        bytes([0x99]) + len(body).to_bytes(2, "big"),
        bytes([0x9A]) + len(body).to_bytes(4, "big"),
        bytes([0xC6, 192 + ((len(body) - 192) >> 8), (len(body) - 192) & 0xFF]),
        bytes([0xC6, 255]) + len(body).to_bytes(4, "big"),
    ]
    fingerprints = {refusal(form + body, "0" * 40).split()[5] for form in forms}
    assert len(fingerprints) == 1
    for form in (bytes([0x9B]), bytes([0xC6, 0xE1])):
        assert refusal(form + body, "0" * 40) == "it has a packet of unknown length"


def test_gpg_reads_the_armored_text_that_we_write(maker: Gpg, tmp_path: Path) -> None:
    key = maker.key("round")
    (tmp_path / "key.asc").write_text("# Written by mngr-ansible\n" + keys.only(key.content, key.fingerprint))
    show = ["gpg", "--homedir", str(tmp_path), "--with-colons", "--show-keys", str(tmp_path / "key.asc")]
    tmp_path.chmod(0o700)
    assert key.fingerprint in subprocess.run(show, check=True, capture_output=True, text=True).stdout
