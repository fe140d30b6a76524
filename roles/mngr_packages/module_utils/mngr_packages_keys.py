# SPDX-License-Identifier: GPL-3.0-or-later
"""Read OpenPGP public keys as far as their fingerprint needs it (RFC 4880); no gpg is needed on the host."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Packet = tuple[int, bytes, bytes]
    """The tag of a packet, its body, and all of its bytes."""

_BLOCK = re.compile(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t\r]*\n(?P<lines>.*?)^-----END PGP PUBLIC KEY BLOCK-----", re.M | re.S
)
_PRIMARY, _SUBKEY = 6, 14


class KeyFileError(Exception):
    """Why a file does not hold the expected key, as a clause without a full stop."""


def only(content: bytes, fingerprint: str) -> str:
    """The one key with this fingerprint, as armored text; other keys in the file are left out.

    Args:
        content: bytes of a key file, armored or not.
        fingerprint: 40 hexadecimal digits of the primary key.

    Raises:
        KeyFileError: there is no such key; the message names those that are there.
    """
    keys, subkeys = _split(_packets(_dearmored(content)))
    if fingerprint in keys:
        return armored(keys[fingerprint])
    if fingerprint in subkeys:
        raise KeyFileError(f"{fingerprint} is only a subkey; the primary key is {subkeys[fingerprint]}")
    raise KeyFileError(f"the key has the fingerprint {' and '.join(keys)}, wanted {fingerprint}")


def armored(content: bytes) -> str:
    """A key as ASCII-armored text (RFC 4880, section 6)."""
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
        raise KeyFileError("it holds a private key")
    blocks = [match["lines"] for match in _BLOCK.finditer(text)]
    if not blocks:
        raise KeyFileError("it holds no OpenPGP key")
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


def _packets(content: bytes) -> Iterator[Packet]:
    at = 0
    while at < len(content):
        try:
            tag, start, length = _header(content, at)
        except IndexError:
            raise KeyFileError("it is cut off") from None
        if start + length > len(content):
            raise KeyFileError("it is cut off")
        yield tag, content[start : start + length], content[at : start + length]
        at = start + length


def _header(content: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the packet that begins at this offset, the offset of its body, and the length of that."""
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


def _split(packets: Iterable[Packet]) -> tuple[dict[str, bytes], dict[str, str]]:
    """By fingerprint, the bytes of each key; and by each subkey's fingerprint, that of its primary key."""
    keys: dict[str, bytes] = {}
    subkeys: dict[str, str] = {}
    current: str | None = None
    for tag, body, whole in packets:
        if tag == _PRIMARY:
            current = _fingerprint(body)
            keys[current] = b""
        elif tag == _SUBKEY and current:
            subkeys[_fingerprint(body)] = current
        if current is None:
            raise KeyFileError("it does not begin with a public key")
        keys[current] += whole
    if not keys:
        raise KeyFileError("it holds no OpenPGP key")
    return keys, subkeys


def _fingerprint(body: bytes) -> str:
    if body[:1] != b"\x04":
        raise KeyFileError(f"it has a key of version {body[0] if body else 0}, and only version 4 is known")
    hashed = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(hashed, usedforsecurity=False).hexdigest().upper()  # SHA-1 by the standard
