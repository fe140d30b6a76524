# SPDX-License-Identifier: GPL-3.0-or-later
"""Download over https only, bounded in time and size."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import signal
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from .mngr_ansible_portable import causes
from .mngr_ansible_portable.addresses import redacted, without_secrets
from .mngr_ansible_portable.text import clause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPMessage

SILENT_SECONDS = 20
"""How long a server may send nothing."""

_CHUNK = 1 << 18


class DownloadError(Exception):
    """What went wrong, as a clause without a full stop."""


class _TimeIsUpError(Exception):
    """The time is up. Not an OSError, which urllib would take for a failure of the network."""


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https, and refuses all others."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise DownloadError(f"it redirects to {without_secrets(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise DownloadError if the block takes longer, whatever it is doing at that moment."""

    def ring(*_: object) -> None:
        raise _TimeIsUpError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    except _TimeIsUpError:
        raise DownloadError("it took too long and was stopped") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fetch(url: str, path: str, limit: int, seconds: float) -> str:
    """Download into a new file that only this user can read; the SHA-256 of its content.

    Args:
        limit: bytes that it may have.
        seconds: that it may take.

    Raises:
        DownloadError: it failed, and the file is removed.
    """
    try:
        with within(seconds), open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            return _copy(url, file, limit)
    except BaseException as error:
        if os.path.exists(path):
            os.unlink(path)
        if isinstance(error, DownloadError):
            raise DownloadError(f"{without_secrets(url)}: {error}") from None
        raise


def _copy(url: str, file: BinaryIO, limit: int) -> str:
    digest, size = hashlib.sha256(), 0
    too_large = f"it is larger than {limit >> 20} MiB"
    try:
        with _opener().open(_request(url), timeout=SILENT_SECONDS) as response:
            if int(response.headers.get("Content-Length") or 0) > limit:
                raise DownloadError(too_large)
            while True:
                chunk = response.read(_CHUNK)
                if not chunk:
                    return digest.hexdigest()
                size += len(chunk)
                if size > limit:
                    raise DownloadError(too_large)
                digest.update(chunk)
                file.write(chunk)
    except urllib.error.HTTPError as error:
        raise DownloadError(f"the server answered {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_explanation(getattr(error, "reason", error), without_secrets(url))) from None


def _opener() -> urllib.request.OpenerDirector:
    """An opener for https and nothing else, through the host's proxy if it has one."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _OnlyHttps(),
    ):
        opener.add_handler(handler)
    return opener


def _request(url: str) -> urllib.request.Request:
    """The request. User and password of the address are sent to that server, not to those it redirects to."""
    parts = urlsplit(url)
    userinfo, _, address = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=address, fragment="").geturl())  # noqa: S310 - see _opener
    request.add_header("User-Agent", "mngr-ansible")
    if userinfo:
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(unquote(userinfo).encode()).decode()
        )
    return request


def _explanation(reason: object, url: str) -> str:
    """What went wrong on the way to an address, as a clause without a full stop."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the host does not trust the server's certificate ({reason.verify_message}); "
            "it may need the package ca-certificates, or the right time"
        )
    if isinstance(reason, TimeoutError) or "timed out" in str(reason):
        return f"the server sent nothing for {SILENT_SECONDS} s"
    if isinstance(reason, OSError) and (problem := causes.network(f"{url}\n{reason}")):
        return problem
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"it could not be downloaded: {clause(redacted(text))}"
