# SPDX-License-Identifier: GPL-3.0-or-later
"""Download over https alone, bounded in time and size."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import re
import signal
import ssl
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit

SILENT_SECONDS = 20
"""How long a server may say nothing."""

_CHUNK = 1 << 18


class DownloadError(Exception):
    """What went wrong, as a clause without a full stop."""


class _TimeIsUpError(Exception):
    """No OSError: urllib would take that for a failure of the network."""


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(newurl).scheme != "https":
            raise DownloadError(f"it redirects to {shown(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_address(url):
    """Whether this is an https address that can be downloaded from."""
    try:
        return bool(re.fullmatch(r"https://[!-~]+", url)) and bool(urlsplit(url).hostname) and urlsplit(url).port != 0
    except ValueError:
        return False


def shown(url):
    """An address as people may see it: without login, query and fragment, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def secrets(url):
    """The parts of an address that nobody may see."""
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    return {text for text in (userinfo, userinfo.partition(":")[2], unquote(userinfo), parts.query) if len(text) > 3}


@contextlib.contextmanager
def within(seconds):
    """Raise DownloadError when the block takes longer, whatever it is doing."""

    def ring(*_):
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


def fetch(url, path, limit, seconds):
    """Download into a new file that only the login can read; the SHA-256 of what came.

    Raises:
        DownloadError: nothing is left of it then.
    """
    try:
        with within(seconds), open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            return _copy(url, file, limit)
    except BaseException as error:
        if os.path.exists(path):
            os.unlink(path)
        if isinstance(error, DownloadError):
            raise DownloadError(f"{shown(url)}: {error}") from None
        raise


def _copy(url, file, limit):
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
        raise DownloadError(_explained(getattr(error, "reason", error))) from None


def _opener():
    """What opens https and nothing else, through the host's proxy where it has one."""
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


def _request(url):
    """The request; a login in the address goes to that server alone, not to where it redirects."""
    parts = urlsplit(url)
    userinfo, _, address = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=address, fragment="").geturl())  # noqa: S310 - see _opener
    request.add_header("User-Agent", "mngr-ansible")
    if userinfo:
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(unquote(userinfo).encode()).decode()
        )
    return request


def _explained(reason):
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the host does not trust the server's certificate ({reason.verify_message}); "
            "it may need the package ca-certificates, or the right time"
        )
    if isinstance(reason, TimeoutError) or "timed out" in str(reason):
        return f"the server said nothing for {SILENT_SECONDS} s"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"it could not be downloaded: {text}"
