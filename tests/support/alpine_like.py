"""A test host that is like Alpine: BusyBox's userland, ash as its sh, and an ``apk`` that works on apk's own database.

Alpine itself cannot be had here. The database and the words of ``apk`` are those of apk-tools 2.14.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.hosts import SshHost

_OS_RELEASE = """\
NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.20.3
PRETTY_NAME="Alpine Linux v3.20"
"""

# It knows the packages of /srv/apk: a file for each, with its version. `add` writes a command and a database entry.
_APK = r"""#!/bin/sh
database=/lib/apk/db/installed
case $1 in
  policy)
    shift
    for name do
      [ -e "/srv/apk/$name" ] || continue
      echo "$name policy:"
      echo "  $(cat "/srv/apk/$name"):"
      echo '    https://dl-cdn.alpinelinux.org/alpine/v3.20/main'
    done ;;
  update)
    echo 'fetch https://dl-cdn.alpinelinux.org/alpine/v3.20/main/x86_64/APKINDEX.tar.gz'
    touch /var/cache/apk/APKINDEX.0.tar.gz ;;
  add)
    shift
    names=
    for name do
      case $name in --wait) skip=1; continue ;; -*) continue ;; esac
      [ -z "$skip" ] || { skip=; continue; }
      if [ ! -e "/srv/apk/$name" ]; then
        printf 'ERROR: unable to select packages:\n  %s (no such package):\n' "$name"
        echo "    required by: world[$name]"
        exit 1
      fi
      names="$names $name"
    done
    for name in $names; do
      version=$(cat "/srv/apk/$name")
      echo "(1/1) Installing $name ($version)"
      printf '#!/bin/sh\necho %s %s\n' "$name" "${version%-r*}" >"/usr/bin/$name"
      chmod 755 "/usr/bin/$name"
      printf 'C:Q1\nP:%s\nV:%s\nA:x86_64\n\n' "$name" "$version" >>$database
    done
    echo 'OK: 10 MiB in 20 packages' ;;
  *) exit 1 ;;
esac
"""
_KEPT = (
    "sh",
    "mount",
    "umount",
    "su",
    "login",
    "init",
    "busybox",
    "dpkg",
    "dpkg-deb",
    "rpm",
    "ip",
    "hostname",
    "pidof",
)
"""Applets that this host has in another way, or that Alpine's BusyBox does not have."""


def make_alpine_like(host: SshHost, **packages: str) -> None:
    """Turn a host of the layer ``tools`` into one that is like Alpine, with an ``apk`` that offers these packages.

    ``packages``: by name, the version: ``ripgrep="14.1.0-r0"``.
    """
    shutil.copy("/usr/bin/busybox", host.root_path / "usr/bin/busybox")
    (host.root_path / "usr/bin/apk").write_text(_APK)
    host.run("rm -f /etc/os-release /usr/lib/os-release; cat >/etc/os-release", stdin=_OS_RELEASE)
    host.run("mkdir -p /lib/apk/db /var/cache/apk /srv/apk; chmod 755 /usr/bin/apk; touch /lib/apk/db/installed")
    for name, version in packages.items():
        host.run(f"echo {version} >/srv/apk/{name}")
    skipped = "|".join(_KEPT)
    host.run(
        "rm -f /usr/bin/apt-get /usr/bin/apt-cache /usr/bin/dpkg-query; touch /var/cache/apk/APKINDEX.0.tar.gz; "
        "ln -sf /usr/bin/busybox /usr/bin/sh; for applet in $(busybox --list); do "
        f"case $applet in {skipped}) ;; *) ln -sf /usr/bin/busybox /usr/bin/$applet ;; esac; done"
    )
