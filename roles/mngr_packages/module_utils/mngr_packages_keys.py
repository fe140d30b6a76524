# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP public keys, as far as a fingerprint needs it (RFC 4880): no gpg on the host is asked for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

_BLOCK = re.compile(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t\r]*\n(?P<lines>.*?)^-----END PGP PUBLIC KEY BLOCK-----", re.M | re.S
)
_PRIMARY, _SUBKEY = 6, 14


class KeyTroubleError(Exception):
    """Why this is not the wanted key, as a clause without a full stop."""


def only(content, fingerprint):
    """The one key with this fingerprint, as armored text; other keys beside it are left out.

    Args:
        content: bytes of a key file, armored or not.
        fingerprint: 40 hexadecimal digits of the primary key.

    Raises:
        KeyTroubleError: there is no such key; the clause tells which ones there are.
    """
    keys, subkeys = _split(_packets(_dearmored(content)))
    if fingerprint in keys:
        return armored(keys[fingerprint])
    if fingerprint in subkeys:
        raise KeyTroubleError(f"{fingerprint} is only a subkey; the primary key is {subkeys[fingerprint]}")
    raise KeyTroubleError(f"the key has the fingerprint {' and '.join(keys)}, wanted {fingerprint}")


def armored(content):
    """Bytes of a key as text."""
    text = base64.b64encode(content).decode()
    body = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    checksum = base64.b64encode(_crc(content).to_bytes(3, "big")).decode()
    edge = "PGP PUBLIC KEY BLOCK-----"
    return f"-----BEGIN {edge}\n\n{body}\n={checksum}\n-----END {edge}\n"


def _dearmored(content):
    """The packets in bytes, of all blocks where they are armored."""
    if content[:1] and content[0] & 0x80:
        return content
    text = content.decode("ascii", "replace")
    if "PRIVATE KEY BLOCK" in text:
        raise KeyTroubleError("it holds a private key")
    blocks = [match["lines"] for match in _BLOCK.finditer(text)]
    if not blocks:
        raise KeyTroubleError("it holds no OpenPGP key")
    return b"".join(map(_block, blocks))


def _block(lines):
    """One armored block: header lines, an empty line, base64, and perhaps a checksum."""
    _, _, body = "\n".join(["", *(line.strip() for line in lines.splitlines())]).partition("\n\n")
    rows = [row for row in body.split("\n") if row]
    checksum = rows.pop()[1:] if rows and re.fullmatch(r"=[A-Za-z0-9+/]{4}", rows[-1]) else ""
    try:
        content = base64.b64decode("".join(rows), validate=True)
    except (binascii.Error, ValueError):
        raise KeyTroubleError("its armor is damaged") from None
    if checksum and base64.b64decode(checksum) != _crc(content).to_bytes(3, "big"):
        raise KeyTroubleError("its armor is damaged: the checksum is wrong")
    return content


def _crc(content):
    crc = 0xB704CE
    for byte in content:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc


def _packets(content):
    """Each packet: its tag, its body, and all of its bytes."""
    at = 0
    while at < len(content):
        try:
            tag, start, length = _header(content, at)
        except IndexError:
            raise KeyTroubleError("it is cut off") from None
        if start + length > len(content):
            raise KeyTroubleError("it is cut off")
        yield tag, content[start : start + length], content[at : start + length]
        at = start + length


def _header(content, at):
    """The tag of the packet that begins here, where its body begins, and how long that is."""
    first, second = content[at], content[at + 1]
    if not first & 0x80:
        raise KeyTroubleError("it is no OpenPGP key")
    if first & 0x40:
        if second < 192:
            return first & 0x3F, at + 2, second
        if second < 224:
            return first & 0x3F, at + 3, ((second - 192) << 8) + content[at + 2] + 192
        if second == 255:
            return first & 0x3F, at + 6, int.from_bytes(content[at + 2 : at + 6], "big")
        raise KeyTroubleError("it has a packet of unknown length")
    size = (1, 2, 4, 0)[first & 0x03]
    if not size:
        raise KeyTroubleError("it has a packet of unknown length")
    return (first >> 2) & 0x0F, at + 1 + size, int.from_bytes(content[at + 1 : at + 1 + size], "big")


def _split(packets):
    """The bytes of each key by its fingerprint, and the fingerprint of its primary key by each subkey's."""
    keys, subkeys, current = {}, {}, None
    for tag, body, whole in packets:
        if tag == _PRIMARY:
            current = _fingerprint(body)
            keys[current] = b""
        elif tag == _SUBKEY and current:
            subkeys[_fingerprint(body)] = current
        if current is None:
            raise KeyTroubleError("it does not begin with a public key")
        keys[current] += whole
    if not keys:
        raise KeyTroubleError("it holds no OpenPGP key")
    return keys, subkeys


def _fingerprint(body):
    if body[:1] != b"\x04":
        raise KeyTroubleError(f"it has a key of version {body[0] if body else 0}, and only version 4 is known")
    told = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(told, usedforsecurity=False).hexdigest().upper()  # the standard's choice, not ours
