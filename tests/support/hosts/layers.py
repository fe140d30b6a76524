"""The Debian trees that test hosts stand on: made once, cached outside of the checkout, never written to again."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS = {
    "bare": ("openssh-server",),
    "python": ("openssh-server", "python3"),
    "tools": (
        *("openssh-server", "python3", "sudo", "opendoas", "procps"),
        *("git", "tmux", "rsync", "jq", "curl", "xxd", "ca-certificates"),
    ),
    "languages": (
        *("openssh-server", "python3", "sudo", "opendoas", "nodejs", "npm", "pipx", "python3-pip", "python3-venv"),
        *("ca-certificates", "curl", "gpg"),
    ),
    "dnf": ("openssh-server", "python3", "sudo", "procps", "dnf", "dnf-plugins-core", "rpm", "createrepo-c"),
    "zypper": ("openssh-server", "python3", "sudo", "procps", "zypper", "rpm"),
    "pacman": ("openssh-server", "python3", "sudo", "procps", "pacman-package-manager"),
    "uutils": ("openssh-server", "python3", "sudo", "procps", "rust-coreutils"),
    "sudo-rs": ("openssh-server", "python3", "sudo-rs", "procps"),
}
"""The packages of each layer beside Debian's ``minbase``. Only ``tools`` has what mngr itself needs."""

MADE_WHEN_USED = {"apt-for-ansible": (*LAYERS["tools"], "python3-apt")}
"""Layers that no test needs: for benchmarks, in which Ansible's own module ``apt`` runs."""

_RELEASES = {"sudo-rs": "trixie"}
"""The release of Debian of layers that use another one than this machine."""

_UUTILS = 'for f in "$1"/usr/lib/cargo/bin/coreutils/*; do ln -sf "${f#"$1"}" "$1/usr/bin/${f##*/}"; done'
_HOOKS = {
    "uutils": (_UUTILS,),
    "sudo-rs": ('ln -s sudo-rs "$1"/usr/bin/sudo', 'echo "@includedir /etc/sudoers.d" >"$1"/etc/sudoers'),
}
"""sh code that changes a layer after its packages are installed; ``$1`` is its root directory."""

_OFFERED = {"bare": ("python3",)}
"""Packages whose files are kept beside a layer, so that installing them there needs no mirror."""

_DISGUISE = Path(__file__).with_name("disguise")
_DISGUISED = ("dnf", "zypper", "pacman")
"""The layers that look like the system whose package manager they have."""

_RECIPE = "1"
"""Part of every tree's name: a new number makes new trees."""


class LayerError(Exception):
    """A layer could not be made; the message ends with the output of mmdebstrap."""


def cache_directory() -> Path:
    """Where the trees are kept: ``$MNGR_ANSIBLE_TEST_CACHE``, else a directory in the user's cache."""
    if chosen := os.environ.get("MNGR_ANSIBLE_TEST_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mngr-ansible-tests"


def layer_root(layer: str) -> Path:
    """The root directory of a layer, made now if the cache has none (about 15 s)."""
    return _made(layer) / "root"


def offered_packages(layer: str) -> list[Path]:
    """The ``.deb`` files that belong to a layer but are not installed in it: python3 and what it needs for ``bare``."""
    return sorted((_made(layer) / "offered").glob("*.deb"))


def _packages(layer: str) -> tuple[str, ...]:
    return LAYERS[layer] if layer in LAYERS else MADE_WHEN_USED[layer]


def _made(layer: str) -> Path:
    sources = _debian_sources(_RELEASES.get(layer))
    disguise = (_DISGUISE.read_text(),) if layer in _DISGUISED else ()
    more = (*_OFFERED.get(layer, ()), *_HOOKS.get(layer, ()), *disguise)
    recipe = "\n".join((_RECIPE, layer, *_packages(layer), *more, *sources))
    target = cache_directory() / f"{layer}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        if not target.is_dir():
            _make(layer, sources, target)
    return target


def _make(layer: str, sources: tuple[str, ...], target: Path) -> None:
    building = target.with_suffix(".building")
    shutil.rmtree(building, ignore_errors=True)
    (building / "offered").mkdir(parents=True)
    hooks = []
    if offered := _OFFERED.get(layer):
        install = f"apt-get install -y -qq --download-only --no-install-recommends {' '.join(offered)}"
        hooks = [
            f'--customize-hook=export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"; apt-get clean && {install}',
            f'--customize-hook=cp "$1"/var/cache/apt/archives/*.deb "{building / "offered"}"',
        ]
    hooks += [f"--customize-hook={each}" for each in _HOOKS.get(layer, ())]
    if layer in _DISGUISED:
        hooks.append(f'--customize-hook=chroot "$1" sh -s {layer} <"{_DISGUISE}"')
    # The host keys that the package made would be the same on every host; each host gets its own.
    hooks.append('--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*')
    command = ["unshare", "--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(_packages(layer))}", *_proxy_options(), *hooks]
    command += ["", str(building / "root"), *sources]
    for _ in range(3):  # a mirror may fail once
        shutil.rmtree(building / "root", ignore_errors=True)
        made = subprocess.run(
            command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if not made.returncode:
            building.rename(target)
            return
    shutil.rmtree(building, ignore_errors=True)
    raise LayerError(f"mmdebstrap could not make the layer {layer!r}:\n{made.stdout[-3000:]}")


@cache
def _debian_sources(release: str | None = None) -> tuple[str, ...]:
    """The distribution's own sources of this machine, as one-line entries; foreign repositories are left out.

    ``release``: another one of Debian, of which the main suite is enough.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    suites = {codename} if release else {codename, f"{codename}-updates", f"{codename}-security"}
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    entries = [line.split() for line in dict.fromkeys(listed.stdout.splitlines())]
    sources = [
        f"deb {uri} {release or suite} {component}"
        for uri, suite, component in entries
        if suite in suites and component in {"main", "universe"}
    ]
    if not sources:
        raise LayerError(f"apt on this machine has no source for {codename or 'its release'}; layers are made from it.")
    return tuple(sources)


def _proxy_options() -> list[str]:
    dumped = subprocess.run(["apt-config", "dump", "Acquire"], text=True, capture_output=True, check=True)
    lines = (line.rstrip(";") for line in dumped.stdout.splitlines() if "::Proxy " in line)
    return [f"--aptopt={line}" for line in lines]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file, so that processes that want the same layer make it once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
