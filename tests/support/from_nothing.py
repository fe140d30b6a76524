"""Try the README from nothing: in a fresh root tree that has git, ssh, Python and pip, up to a provisioned host.

    python -m tests.support.from_nothing

The commands are the blocks of README.md that are marked ``demo`` and ``first host``, word for word. The tree is a layer
of the test hosts, with the Python of this machine copied into it, a copy of this checkout, and an entry ``build-1`` in
``~/.ssh/config``, which is a test host. Nothing else of this machine is in it but what pip's own configuration names,
so that packages can be downloaded: its indexes, certificates and proxies. It needs root, on Linux.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.support.hosts import AptRepository, SshHost, running, why_not
from tests.support.hosts.layers import layer_root

ROOT = Path(__file__).resolve().parents[2]
LAYER = "tools"
"""What the tree stands on: a checkout was made with git, and a host is reached with ssh."""
NAME = "build-1"
"""The host in the README's commands."""
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_NOT_COPIED = (
    *("site-packages", "dist-packages", "__pycache__", "config-*"),
    *("test", "idlelib", "tkinter", "turtledemo", "_tkinter*"),
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
"""uv does not read pip's configuration: its variables for the same."""


def main() -> int:
    """Run all; the exit code of the first command that fails, or 1 where the host is not as the README says."""
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 1
    since = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mngr-ansible-nothing-") as made, _host(Path(made)) as host:
        work = Path(made)
        (work / "mount").mkdir()
        settings = pip_settings()
        seed(work / "seed", host)
        code = _run(work, _environment(settings), _local_paths(settings))
        if code:
            return code
        told = host.run("cat /root/.config/git/config; git --version", check=False).stdout
    expected = (ROOT / "examples/files/gitconfig").read_text()
    if not told.startswith(expected) or "git version" not in told:
        print(f"{NAME} is not as the README says:\n{told}", file=sys.stderr)
        return 1
    print(f"{NAME} has what the README says, after {time.monotonic() - since:.0f} s")
    return 0


def block(mark: str) -> str:
    """The code block of the README that follows ``<!-- MARK -->``."""
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"^<!-- {re.escape(mark)} -->\n```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"README.md has no block that is marked {mark!r}"
    return found[1]


def _host(work: Path) -> AbstractContextManager[SshHost]:
    """A host without git, which its repository of packages offers."""
    (work / "apt").mkdir()
    repository = AptRepository(work / "apt")
    repository.add("git", "1:2.39.5-1", commands={"git": "echo git version 2.39.5"})
    return running(layer="python", repository=repository, lists="fresh", name=NAME)


def pip_settings() -> dict[str, str]:
    """What this machine's pip is configured with, by option. Source: pip's "Configuration"."""
    done = subprocess.run([*_pip(), "config", "list"], capture_output=True, text=True, check=True)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name.rpartition(".")[2]: " ".join(ast.literal_eval(value).split()) for name, _, value in pairs}


def _pip() -> list[str]:
    """The pip that the README's commands mean here, else the one of our Python."""
    found = shutil.which("pip")
    return [found] if found else [getattr(sys, "_base_executable", sys.executable), "-m", "pip"]


def _local_paths(settings: Mapping[str, str]) -> list[str]:
    """What of this machine's disk pip's settings name."""
    words = " ".join(settings.values()).split()
    paths = [unquote(urlsplit(each).path) if each.startswith("file://") else each for each in words]
    there = [Path(each) for each in paths if each.startswith("/") and Path(each).exists()]
    # An index names files beside itself: /srv/index/simple has links to /srv/index/files.
    tops = [each.parent if each.name == "simple" else each for each in there]
    return list(dict.fromkeys(str(each) for each in tops if len(each.parts) > 2))


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment in the tree."""
    proxies = {name: value for each in _PROXIES for name in (each, each.upper()) if (value := os.environ.get(name))}
    of_uv = {variable: settings[option] for option, variable in _FOR_UV.items() if settings.get(option)}
    of_pip = {f"PIP_{option.upper().replace('-', '_')}": value for option, value in settings.items() if value}
    of_pip = {name: value for name, value in of_pip.items() if name not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX")}
    return {
        "HOME": "/root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_INDEX_STRATEGY": "unsafe-best-match",  # as pip does: all indexes are equal
        **proxies,
        **of_pip,
        **of_uv,
    }


def seed(place: Path, host: SshHost) -> None:
    """Write what is copied over the layer: Python with pip, the checkout, and the way to the host."""
    _python(place / "usr/local")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (ROOT / name).is_file():
            target = place / "root/mngr-ansible" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    ssh = place / "root/.ssh"
    ssh.mkdir(parents=True, mode=0o700)
    shutil.copy2(host.key, ssh / "id_ed25519")
    shutil.copy2(host.known_hosts, ssh / "known_hosts")
    (ssh / "config").write_text(
        f"Host {NAME}\n    HostName {host.hostname}\n    Port {host.port}\n    User {host.user}\n"
    )


def _python(place: Path) -> None:
    """Copy this machine's Python and its pip, without any other package, and the libraries that a Debian lacks."""
    library = Path(sysconfig.get_paths()["stdlib"])
    shutil.copytree(library, place / "lib" / PYTHON, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=False)
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (place / "bin").mkdir()
    shutil.copy2(program, place / "bin" / PYTHON)
    (place / "bin/python3").symlink_to(PYTHON)
    pip = subprocess.run([*_pip(), "--version"], capture_output=True, text=True, check=True).stdout.split(" from ", 1)[
        1
    ]
    packages = Path(pip.rpartition(" (")[0]).parent
    for each in packages.glob("pip*"):
        if each.name == "pip" or re.fullmatch(r"pip-[\d.]+\.dist-info", each.name):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(each, place / "lib" / PYTHON / "site-packages" / each.name, ignore=ignored)
    (place / "bin/pip").write_text(f'#!/bin/sh\nexec {PYTHON} -m pip "$@"\n')
    (place / "bin/pip").chmod(0o755)
    for each in _libraries([program, *(place / "lib" / PYTHON / "lib-dynload").glob("*.so")]):
        if not (layer_root(LAYER) / each.relative_to("/")).exists():
            shutil.copy2(each, place / "lib" / each.name)


def _libraries(files: list[Path]) -> Iterator[Path]:
    """The shared libraries that these files need, as the loader of this machine finds them."""
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True, check=False).stdout
    yield from (Path(each) for each in dict.fromkeys(re.findall(r"=> (/\S+)", told)))


def _run(work: Path, environment: Mapping[str, str], bound: list[str]) -> int:
    """Run the README's commands in the tree; each is shown."""
    script = "\n".join(("set -eux", "cd mngr-ansible", block("demo"), block("first host")))
    namespaces = ["--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
    inside = ["bash", "-c", script]
    shell = ["sh", str(Path(__file__).with_suffix(".sh")), str(work), str(layer_root(LAYER)), *inside]
    command, paths = ["unshare", *namespaces, *shell], "".join(f"{each}\n" for each in bound)
    done = subprocess.run(command, input=paths, text=True, env=dict(environment))  # not in argv: it may have a login
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
