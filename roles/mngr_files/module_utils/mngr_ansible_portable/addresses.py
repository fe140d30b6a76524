"""Addresses (URLs) as people may see them: without login and query, which may hold passwords, tokens and signatures.

Shared with the roles (Python 3.9, standard library only). The whole address goes only to the program that downloads.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from .regular_expressions import regex

_PARTS = regex(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,20}://)(?P<login>[^\s/:]*:(?!\d*/)[^\s/]*/\S{0,2000}@|[^/\s]*@)?(?P<rest>[^\s\"'<>\\?]*)(?P<query>\?[^\s\"'<>\\]*)?"
)
"""A login ends at the last ``@`` before the path; where a password, which is no port, may have a ``/``, at the last."""
PROXIES = ("https_proxy", "http_proxy", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""Variables that name a proxy. Source: curl(1), "ENVIRONMENT"."""
_SHORTEST_SECRET = 4
"""Characters of a part of an address below which it is no secret, but a word that may stand anywhere."""


def without_secrets(address: str) -> str:
    """One address without login, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return unreadable(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def has_secrets(address: str) -> bool:
    """Whether :func:`without_secrets` leaves out a part that the server needs: a login or a query. A valid address."""
    parts = urlsplit(address)
    return "@" in parts.netloc or bool(parts.query)


def unreadable(text: str) -> str:
    """What was meant as an address and is none, for an error: nothing up to its last ``@``, and no query."""
    return re.sub(r"(?s)(://|^).*@", r"\1", text).partition("?")[0]


def without_login(address: str) -> str:
    """One address of a server, such as a proxy, perhaps written wrongly: nothing before its last ``@`` but the scheme,
    whatever is in its password, and neither query nor fragment."""
    return re.sub(r"[?#].*", "", re.sub(r"(?s)://.*@", "://", address), flags=re.DOTALL)


def redacted(text: str) -> str:
    """Any text, such as the output of a program, with all addresses in it without login and query."""
    return _PARTS.sub(lambda found: found["scheme"] + found["rest"], text)


def secrets(address: str) -> set[str]:
    """The parts of an address that nobody may see, for Ansible to remove from everything it prints."""
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address
        return {address}
    login = parts.netloc.rpartition("@")[0]
    password = login.partition(":")[2]
    found = {login, unquote(login), password, unquote(password), parts.query}
    return {each for each in found if len(each) >= _SHORTEST_SECRET}
