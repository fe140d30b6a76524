"""OpenPGP public keys, read as far as their fingerprint needs it (RFC 9580), and no further: what is odd is refused.

Shared with the roles (Python 3.9, standard library only). The tools that check signatures (gpgv, sqv, rpm) read a key
file in ways of their own. So what we pass on is made anew: the packets of the one key with the full fingerprint, of
kinds that belong to a public key. 32-bit and 64-bit key ids are never compared: others can make keys with the same.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from .regular_expressions import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class KeyFileError(Exception):
    """Why a file does not hold the expected key, as a clause without a full stop."""


class _Packet(NamedTuple):
    """One packet: its kind (the standard says "tag" or "type ID"), its body, and all of its bytes."""

    kind: int
    body: bytes
    whole: bytes


_BLOCK = regex(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t\r]*\n(?P<lines>.*?)^-----END PGP PUBLIC KEY BLOCK-----",
    re.MULTILINE | re.DOTALL,
)
_ARMOR = regex(
    r"(?:-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n"
    r"(?:[A-Za-z][A-Za-z-]*:[^\r\n]*\r?\n)*[ \t]*\r?\n(?:[A-Za-z0-9+/=]+[ \t]*\r?\n)+"
    r"-----END PGP PUBLIC KEY BLOCK-----\s*)+"
)
_SIGNATURE, _PRIMARY, _MARKER, _TRUST, _USER_ID, _SUBKEY, _USER_ATTRIBUTE = 2, 6, 10, 12, 13, 14, 17
_KEPT = (_SIGNATURE, _PRIMARY, _USER_ID, _SUBKEY, _USER_ATTRIBUTE)
"""The kinds of packets that make a public key. Source: RFC 9580, section 10.1."""
_LEFT_OUT = (_MARKER, _TRUST)
"""Kinds that every reader has to ignore, or that mean something only in the keyring of whoever wrote them."""
_SECRET = (5, 7)
_REVOCATION, _BINDING, _BINDING_REVOCATION = 0x20, 0x18, 0x28
_CERTIFICATIONS = (0x10, 0x11, 0x12, 0x13, 0x1F)
"""Kinds of signatures: what a key says of itself, or another key says of it (RFC 9580, section 5.2.1)."""
_CREATED, _EXPIRES, _FLAGS, _ISSUER_FINGERPRINT = 2, 9, 27, 33
"""Kinds of subpackets of a signature (RFC 9580, section 5.2.3)."""


class _Key:
    """A primary key and the packets that follow it."""

    def __init__(self, primary: _Packet) -> None:
        self.fingerprint = _fingerprint(primary.body)
        self.created = int.from_bytes(primary.body[1:5], "big")
        self.packets = [primary]

    def check(self, now: float) -> None:
        """Refuse a key that is revoked, that has expired, or that has a subkey that nobody vouches for.

        Nothing is verified here: whoever can change the file can make it look worse, and then it is refused. The tools
        that use the key verify all of it again.
        """
        signatures = [_Signature(each.body) for each in self.packets if each.kind == _SIGNATURE]
        if any(each.kind == _REVOCATION for each in signatures):
            raise KeyFileError(f"the key {self.fingerprint} is revoked")
        own = [each for each in signatures if each.is_by(self.fingerprint) and each.kind in _CERTIFICATIONS]
        lifetimes = [each for each in own if each.has_key_properties]
        if lifetimes:
            latest = max(lifetimes, key=lambda each: each.created)
            if latest.lifetime and self.created + latest.lifetime <= now:
                day = time.strftime("%Y-%m-%d", time.gmtime(self.created + latest.lifetime))
                raise KeyFileError(f"the key {self.fingerprint} has expired on {day}")
        for subkey, following in zip(self.packets, [*self.packets[1:], None]):
            kind = _Signature(following.body).kind if following and following.kind == _SIGNATURE else None
            if subkey.kind == _SUBKEY and kind not in (_BINDING, _BINDING_REVOCATION):
                raise KeyFileError(f"its subkey {_fingerprint(subkey.body)} is not signed by the primary key")


class _Signature:
    """A signature, as far as its kind and its hashed subpackets go; nothing of it is verified."""

    def __init__(self, body: bytes) -> None:
        self.kind, self.created, self.lifetime = -1, 0, 0
        self.has_key_properties = False
        self._issuer = b""
        if body[:1] != b"\x04" or len(body) < 6:  # older ones say nothing about a key, newer ones belong to newer keys
            self.kind = body[2] if body[:2] == b"\x03\x05" and len(body) > 2 else -1
            return
        self.kind = body[1]
        for kind, value in _subpackets(body[6 : 6 + int.from_bytes(body[4:6], "big")]):
            if kind == _CREATED:
                self.created = int.from_bytes(value, "big")
            elif kind == _EXPIRES:
                self.lifetime = int.from_bytes(value, "big")
            elif kind == _ISSUER_FINGERPRINT:
                self._issuer = value[1:]
            self.has_key_properties = self.has_key_properties or kind in (_EXPIRES, _FLAGS)

    def is_by(self, fingerprint: str) -> bool:
        """Whether it may be by the key with this fingerprint: it says so, or it does not say by whom it is."""
        return not self._issuer or self._issuer.hex().upper() == fingerprint


def is_armored(text: str) -> bool:
    """Whether a text is armored public keys (RFC 9580, section 6) and nothing else, without control characters."""
    is_printable = all(character.isprintable() or character in "\t\r\n" for character in text)
    return is_printable and _ARMOR.fullmatch(text) is not None


def only(content: bytes, fingerprint: str) -> str:
    """The one key with this fingerprint, as armored text made anew; other keys in the file are left out.

    Args:
        content: bytes of a key file, armored or not.
        fingerprint: 40 hexadecimal digits of the primary key, upper case.

    Raises:
        KeyFileError: there is no such key, and the message names those that are there; or it is revoked or expired; or
            the file holds anything else than public keys.
    """
    keys = _keys(_packets(_dearmored(content)))
    for key in keys:
        if key.fingerprint == fingerprint:
            break
        subkeys = [_fingerprint(each.body) for each in key.packets if each.kind == _SUBKEY]
        if fingerprint in subkeys:
            raise KeyFileError(f"{fingerprint} is only a subkey; the primary key is {key.fingerprint}")
    else:
        names = " and ".join(dict.fromkeys(each.fingerprint for each in keys))
        raise KeyFileError(f"the key has the fingerprint {names}, expected {fingerprint}")
    if sum(each.fingerprint == fingerprint for each in keys) > 1:
        raise KeyFileError(f"it contains the key {fingerprint} more than once")
    key.check(time.time())
    return armored(b"".join(each.whole for each in key.packets))


def fingerprints(content: bytes) -> list[str]:
    """The fingerprints of the primary keys of a file, armored or not.

    Raises:
        KeyFileError: it holds anything else than public keys.
    """
    return [each.fingerprint for each in _keys(_packets(_dearmored(content)))]


def armored(content: bytes) -> str:
    """A key as ASCII-armored text (RFC 9580, section 6)."""
    text = base64.b64encode(content).decode()
    body = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    checksum = base64.b64encode(_crc(content).to_bytes(3, "big")).decode()
    edge = "PGP PUBLIC KEY BLOCK-----"
    return f"-----BEGIN {edge}\n\n{body}\n={checksum}\n-----END {edge}\n"


def _dearmored(content: bytes) -> bytes:
    """The packets of a key file; of all its blocks if it is armored."""
    if content[:1] and content[0] & 0x80:
        return content
    text = content.decode("ascii", "replace")
    if "PRIVATE KEY BLOCK" in text:
        raise KeyFileError("it contains a private key")
    blocks = [match["lines"] for match in _BLOCK.finditer(text)]
    if not blocks:
        raise KeyFileError("it contains no OpenPGP key")
    return b"".join(map(_block, blocks))


def _block(lines: str) -> bytes:
    """The packets of one armored block: header lines, an empty line, base64, and perhaps a checksum."""
    _, _, body = "\n".join(["", *(line.strip() for line in lines.splitlines())]).partition("\n\n")
    rows = [row for row in body.split("\n") if row]
    checksum = rows.pop()[1:] if rows and re.fullmatch(r"=[A-Za-z0-9+/]{4}", rows[-1]) else ""
    try:
        content = base64.b64decode("".join(rows), validate=True)
    except (binascii.Error, ValueError):
        raise KeyFileError("its armor is damaged") from None
    if checksum and base64.b64decode(checksum) != _crc(content).to_bytes(3, "big"):
        raise KeyFileError("its armor is damaged: the checksum is wrong")
    return content


def _crc(content: bytes) -> int:
    """The CRC-24 of an armored block."""
    crc = 0xB704CE
    for byte in content:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc


def _packets(content: bytes) -> Iterator[_Packet]:
    at = 0
    while at < len(content):
        try:
            kind, start, length = _header(content, at)
        except IndexError:
            raise KeyFileError("it is cut off") from None
        if start + length > len(content):
            raise KeyFileError("it is cut off")
        yield _Packet(kind, content[start : start + length], content[at : start + length])
        at = start + length


def _header(content: bytes, at: int) -> tuple[int, int, int]:
    """The kind of the packet that begins at this offset, the offset of its body, and the length of that."""
    first, second = content[at], content[at + 1]
    if not first & 0x80:
        raise KeyFileError("it is no OpenPGP key")
    if first & 0x40:
        if second < 192:
            return first & 0x3F, at + 2, second
        if second < 224:
            return first & 0x3F, at + 3, ((second - 192) << 8) + content[at + 2] + 192
        if second == 255:
            return first & 0x3F, at + 6, int.from_bytes(content[at + 2 : at + 6], "big")
        raise KeyFileError("it has a packet of unknown length")
    size = (1, 2, 4, 0)[first & 0x03]
    if not size:
        raise KeyFileError("it has a packet of unknown length")
    return (first >> 2) & 0x0F, at + 1 + size, int.from_bytes(content[at + 1 : at + 1 + size], "big")


def _subpackets(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The subpackets of a signature: the kind of each, and its value."""
    at = 0
    while at < len(content):
        first = content[at]
        if first < 192:
            length, start = first, at + 1
        elif first < 255:
            length, start = ((first - 192) << 8) + int.from_bytes(content[at + 1 : at + 2], "big") + 192, at + 2
        else:
            length, start = int.from_bytes(content[at + 1 : at + 5], "big"), at + 5
        if not length or start + length > len(content):
            raise KeyFileError("it has a damaged signature")
        yield content[start] & 0x7F, content[start + 1 : start + length]
        at = start + length


def _keys(packets: Iterable[_Packet]) -> list[_Key]:
    """The keys of a file, each with what follows it."""
    keys: list[_Key] = []
    for packet in packets:
        if packet.kind in _SECRET:
            raise KeyFileError("it contains a private key")
        if packet.kind not in (*_KEPT, *_LEFT_OUT):
            raise KeyFileError(f"it contains a packet of kind {packet.kind}, which is no part of a public key")
        if packet.kind in _LEFT_OUT:
            continue
        if packet.kind == _PRIMARY:
            keys.append(_Key(packet))
            continue
        if not keys:
            raise KeyFileError("it does not begin with a public key")
        if packet.kind == _SUBKEY:
            _fingerprint(packet.body)
        keys[-1].packets.append(packet)
    if not keys:
        raise KeyFileError("it contains no OpenPGP key")
    return keys


def _fingerprint(body: bytes) -> str:
    if body[:1] != b"\x04":
        raise KeyFileError(f"it has a key of version {body[0] if body else 0}, and only version 4 is known")
    if len(body) > 0xFFFF:
        raise KeyFileError("it has a key that is too long")
    hashed = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(hashed, usedforsecurity=False).hexdigest().upper()  # SHA-1 by the standard
