"""What surrounds a run on this machine: the user, limits, the clock, the locale and proxies."""

import contextlib
import locale
import os
import pwd
import re
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.portable.addresses import without_login
from mngr_ansible.portable.text import printable
from mngr_ansible.report.findings import Finding

_FEW_FILES = 256
"""Open files that a run on a few dozen hosts needs."""
_DAY = 86400
_PROXY_SECONDS = 3
_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


def about_surroundings() -> Iterator[Finding]:
    """The user, open files, the clock, the locale and proxies."""
    yield _user()
    yield _open_files()
    yield _clock()
    yield _locale()
    yield from _proxies()


def _user() -> Finding:
    number, home = os.getuid(), os.environ.get("HOME", "")
    try:
        entry = pwd.getpwuid(number)
    except KeyError:
        text = f"the user {number} has no name in passwd, and ssh does not work without one"
        return finding(HERE, "user", "problem", text, "Add an entry to /etc/passwd, or run as another user")
    if home and os.path.realpath(home) != os.path.realpath(entry.pw_dir):
        own = printable(entry.pw_dir)
        text = f"{entry.pw_name}; HOME is {printable(home)[:200]}, and passwd says {own}: ssh looks for keys there, "
        text += "and a login by hand also for its configuration and known_hosts"
        remedy = f"Set HOME to {own}, or name the files: --key FILE --known-hosts FILE"
        return finding(HERE, "user", "warning", text, remedy)
    return finding(HERE, "user", "ok", f"{entry.pw_name}, home {printable(entry.pw_dir)}")


def _open_files() -> Finding:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return finding(HERE, "open files", "ok", "no limit")
    if limit < _FEW_FILES:
        text = f"at most {limit} files may be open, so few hosts are worked on at once"
        return finding(HERE, "open files", "warning", text, "Raise the limit: ulimit -n 1024")
    return finding(HERE, "open files", "ok", f"at most {limit} at once")


def _clock() -> Finding:
    with contextlib.suppress(OSError):
        installed = Path(__file__).stat().st_mtime
        if time.time() < installed - _DAY:
            shown = time.strftime("%Y-%m-%d", time.gmtime())
            text = f"this machine's clock says {shown}, which is before mngr-ansible was installed"
            return finding(HERE, "clock", "problem", text, "Set the clock: certificates and signatures depend on it")
    return finding(HERE, "clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))


def _locale() -> Finding:
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    name, value = next(((each, os.environ[each]) for each in names if os.environ.get(each)), ("", ""))
    shown = f"{name}={printable(value)[:60]}" if name else "no locale is set"
    remedy = (
        f"Set one that is installed (locale -a): export LC_ALL={'en_US' if sys.platform == 'darwin' else 'C'}.UTF-8"
    )
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "")
        encoding = locale.nl_langinfo(locale.CODESET)
    except locale.Error:
        text = f"{shown}, and this locale is not installed; names of files are read as UTF-8 anyway"
        return finding(HERE, "locale", "warning", text, remedy)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    if encoding.upper().replace("-", "") != "UTF8":
        text = f"{shown}, whose encoding is {encoding}: characters outside of it are shown as \\u…"
        return finding(HERE, "locale", "warning", text, remedy)
    return finding(HERE, "locale", "ok", f"{shown}, UTF-8")


def _proxies() -> Iterator[Finding]:
    given: dict[str, str] = {}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        if value := os.environ.get(name) or os.environ.get(name.upper()):
            given[name] = value
    if not given:
        yield finding(HERE, "proxy", "ok", "none in the environment")
        return
    addresses: dict[str, list[str]] = {}
    for name, value in given.items():
        addresses.setdefault(value, []).append(name)
    for value, names in addresses.items():
        yield _proxy(", ".join(names), value)


def _proxy(names: str, value: str) -> Finding:
    address = value if "://" in value else f"http://{value}"
    kept = without_login(address)
    shown = printable(kept)[:200]
    try:
        parts = urlsplit(kept)
        is_address = urlsplit(address).hostname == parts.hostname and not re.search(r"[\s\\]", address)
        host, port = parts.hostname if is_address else None, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = None, None
    remedy = "Correct that variable, or unset it"
    if not host or not port:
        return finding(HERE, "proxy", "warning", f"{names} is {shown}, which is no address of a proxy", remedy, names)
    try:
        with socket.create_connection((host, port), _PROXY_SECONDS):
            pass
    except socket.gaierror:
        text = f"{shown} ({names}) is no proxy that is known: {printable(host)[:100]} cannot be resolved"
        return finding(HERE, "proxy", "warning", text, remedy, names)
    except OSError as error:
        text = f"{shown} ({names}) does not answer: {printable(error.strerror or str(error) or 'no answer in time')}"
        return finding(HERE, "proxy", "warning", text, "Start that proxy, or correct or unset the variable", names)
    text = f"{shown} ({names}) answers; hosts do not get it from here"
    return finding(HERE, "proxy", "ok", text, of=names)
