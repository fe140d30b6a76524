"""What a cause of failure is: what a tool prints for it, and what people are told. And the causes that all tools share.

Shared with the roles (Python 3.9, standard library only). The tables of each tool are in ``system_causes`` and
``language_causes``; what searches in them is in ``causes``.
"""

from __future__ import annotations

from typing import NamedTuple

AGAIN = "Run again when it is free. Finished steps are skipped"

OF_SOURCE = frozenset(
    ("network", "key", "checksum", "clock", "held", "conflict", "unmet", "unknown", "policy", "permission", "refused")
)
"""The kinds of causes that belong to one source of a package: another source may succeed on the same host."""


class Cause(NamedTuple):
    """A cause of failures of one tool.

    Attributes:
        kind: ``locked`` by another program; ``interrupted`` earlier; ``full`` disk; ``script`` of a package failed;
            ``read-only`` system; ``privilege`` is missing; ``broken``: the tool itself; or one of ``OF_SOURCE``:
            ``network``, ``key`` (no, a wrong or an expired signature), ``checksum``, ``clock`` (or expired lists),
            ``held`` back on the host, ``conflict`` with another package, ``unmet`` dependency, ``unknown`` package,
            ``policy`` of the host, ``permission`` to write, ``refused`` by the tool for another reason.
        patterns: regular expressions. The cause is found if one of them is in the output.
        problem: what happened and why, as a sentence without full stop. It may name in braces what the groups found,
            and ``tool``, ``names`` (of packages), ``try_it`` (a command that changes nothing), ``sudo`` (or
            empty) and ``why`` (what the network's failure is, or the tool's own sentence).
        remedy: what to do, as sentences without the last full stop; the same words.
    """

    kind: str
    patterns: tuple[str, ...]
    problem: str
    remedy: str


_SERVER = r"(?P<server>[^\s'\"`<>()\[\],;/]+?)"
_NAME = r"(?P<server>[^\s'\"`<>()\[\],;:/]+)"

NETWORK = (
    (
        (
            rf"Temporary failure resolving '{_SERVER}'",
            rf"Could not resolve '{_SERVER}'",
            rf"(?i)could(?: not|n't) resolve (?:host|proxy)(?: name)?:? (?:for )?'?(?:\w+://)?{_NAME}",
            rf"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) {_NAME}",
            rf"Failed to resolve '{_SERVER}'",
            rf"lookup {_SERVER}(?: on \S+)?: (?:no such host|server misbehaving)",
            rf"Something wicked happened resolving '{_SERVER}:",
            r"Name or service not known|failed to lookup address|nodename nor servname|ENOTFOUND|EAI_AGAIN",
            r"[Tt]emporary failure in name resolution|DNS(?: lookup error|: \w)|Could(?: not|n't) resolve",
        ),
        "the name {server} cannot be resolved (DNS)",
    ),
    (
        (
            r"407\s+(?:Proxy|authenticationrequired)|[Pp]roxy Authentication Required|HTTP code 407|Status code: 407",
            r"response 407|tunnel failed.*407",
        ),
        "the proxy asks for a login",
    ),
    (
        (
            r"(?i)(?:unable|could not|cannot|failed) to connect to (?:the )?proxy|Cannot connect to proxy|ProxyError",
            r"tunneling socket could not be established|Received HTTP code \d+ from proxy|proxy (?:error|unreachable)",
        ),
        "the proxy does not let it through",
    ),
    (
        (
            rf"[Cc]onnect(?:ion)? to {_SERVER} (?:\([^)\n]*\) ?)?port (?P<port>\d+)[^\n]*[Rr]efused",
            rf"Failed to connect to {_SERVER} port (?P<port>\d+)",
            rf"Could not connect to {_SERVER} \([^)\n]*\)\. - connect \(111",
            rf"ECONNREFUSED {_SERVER}(?:\s|$)",
            rf"host='{_SERVER}', port=(?P<port>\d+)\)[^\n]*(?:refused|Errno 111)",
            r"[Cc]onnection refused|ECONNREFUSED|Couldn't connect to server|Could not connect to server",
        ),
        "{server} refuses the connection",
    ),
    (
        (
            rf"Could not connect to {_SERVER} \([^)\n]*\), connection timed out",
            rf"connect ETIMEDOUT {_SERVER}(?:\s|$)",
            rf"[Cc]onnection to {_SERVER} timed out",
            rf"connect (?:ENETUNREACH|EHOSTUNREACH) {_SERVER}(?:\s|$)",
            rf"Cannot initiate the connection to {_SERVER} \(",
            r"(?i)timed?[ -]?out|ERR_SOCKET_TIMEOUT|Timeout was reached|Operation too slow|deadline has elapsed",
            r"Network is unreachable|No route to host|ENETUNREACH|EHOSTUNREACH|network error \(check",
        ),
        "{server} does not answer",
    ),
    (
        (
            r"(?i)certificate (?:verification failed|verify failed|has expired|is not trusted|subject name|problem)",
            r"(?i)self.signed certificate|unable to (?:get|verify)[a-z ]* certificate|invalid peer cert|UnknownIssuer",
            r"SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_VERIFY_LEAF|CERT_HAS_EXPIRED|ERR_TLS_CERT",
            r"server certificate|SSL certificate problem|SSLCertVerificationError|SSL peer certificate|TLS: server",
        ),
        "the host does not trust the server's certificate (TLS)",
    ),
    (
        (
            r"NOSPLIT|does the network require authentication|Clearsigned file isn't valid",
            r"Unexpected token .?<|<!DOCTYPE html|(?i:invalid json response body)",
        ),
        "something on the network answers in the server's place (a login page?)",
    ),
    ((r"\bE401\b|\b401\s+(?:Unauthorized|Client Error)|: 401\b",), "the server asks for a login"),
    ((r"\bE403\b|\b403\s+(?:Forbidden|Client Error)|: 403\b",), "the server refuses access (403)"),
    (
        (
            r"\bE?(?P<code>5\d\d)\b\s+(?:Internal|Bad Gateway|Service|Gateway|Server)",
            r"(?:Status code|error): (?P<code>5\d\d)\b",
            r"npm (?:error|ERR!) code E(?P<code>5\d\d)",
            r"too many (?P<code>5\d\d) error responses",
        ),
        "the server has an error ({code})",
    ),
    (
        (r"\b404\s+Not Found|: 404\b|\bE404\b|File has unexpected size|not found on medium",),
        "the server no longer has what the lists name",
    ),
    (
        (
            r"ECONNRESET|[Cc]onnection (?:was )?reset|socket hang up|closed connection|Connection aborted",
            r"Broken pipe|unexpected end of file|transfer closed",
        ),
        "the connection was cut off",
    ),
    ((r"WRONG_VERSION_NUMBER|[Ww]rong version number",), "{server} does not speak https there"),
    ((r"Curl error \(\d+\): (?P<words>[^\[\n]+?)(?: \[|\n|$)",), "{words}"),
)
"""What fails on the way to a server: patterns, and the clause for people, which may name ``server``."""

_FULL = Cause(
    "full",
    (
        r"[Nn]o space left on device|ENOSPC",
        r"don't have enough free space|not enough free (?:disk )?space",
        r"more space needed on|[Nn]ot enough (?:disk )?space|Partition \S+ too full",
        r"Disk quota exceeded|EDQUOT",
    ),
    "The host's disk is full",
    "Free some space and run again",
)
_READ_ONLY = Cause(
    "read-only",
    (
        r"[Rr]ead-only file system|EROFS|is mounted read.only",
        r"(?:bootc|ostree)[^\n]* (?:read-only|not supported)|is a transactional-server|transactional-update",
    ),
    "The host's system is read-only",
    "Install it as this system wants it (its image, a layer, a container), or use a source of the scope user",
)
_PRIVILEGE = Cause(
    "privilege",
    (
        r"a password is required|a terminal is required|you must have a tty|Authentication required",
        r"superuser privileges|[Rr]oot privileges are required|unless you are root|are you root\?",
        r"Could not open lock file [^\n]*\(13: Permission denied\)",
    ),
    "The remote user can no longer become root without a password",
    "Allow it, or run as root: {try_it}",
)
_KILLED = Cause(
    "broken",
    (r"(?m)^(?:Killed|Terminated)$|Cannot allocate memory|JavaScript heap out of memory|MemoryError",),
    "The host has too little memory for {tool}, or stopped it",
    "Look on the host with dmesg what was killed, free memory, and run again",
)
_MISSING = Cause(
    "refused",
    (
        r"(?m)^(?:/usr/bin/)?env: ['\u2018]?(?P<program>[^'\u2019\n:]+)['\u2019]?: No such file",
        r"sudo: (?P<program>\S+): command not found",
    ),
    "The host has no {program} where root looks for programs, so {tool} cannot run",
    "Install it for the whole system, or use another source",
)
_NETWORK_FAILURE = Cause(
    "network",
    (
        r"Failed to fetch|Unable to fetch|Temporary failure resolving|Could(?: not|n't) (?:resolve|connect)",
        r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ECONNRESET|ENETUNREACH|EHOSTUNREACH",
        r"[Ff]ailed (?:to (?:download|retrieve|fetch|connect)|retrieving)|Cannot download",
        r"[Cc]onnection (?:refused|broken)",
        r"Network is unreachable|No route to host|Some index files failed|Valid metadata not found|Curl error",
        r"could not find database|[Pp]roxy [Aa]uthentication|network error|temporary error \(try|DNS lookup|DNS: ",
        r"error sending request|Request failed after|NewConnectionError|Max retries exceeded|Download \(curl\) error",
        r"SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|CERT_HAS_EXPIRED|UnknownIssuer",
        r"(?i)certificate verif|invalid json response body|Unexpected token",
        r"\bE(?:401|403|407|5\d\d)\b|FETCH_ERROR|socket hang up|does not have a Release file",
    ),
    "{tool} could not fetch what it needs{why}",
    "Check the host's network and package sources, and run again",
)
COMMON_FIRST = (_READ_ONLY, _FULL, _PRIVILEGE)
"""Causes of every tool that count before the tool's own: a full disk makes tools say many things."""
COMMON_LAST = (_NETWORK_FAILURE, _MISSING, _KILLED)
"""Causes of every tool that count where no other one is found."""
