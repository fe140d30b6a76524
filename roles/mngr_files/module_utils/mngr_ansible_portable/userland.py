"""The architecture of a host's programs, which may be a 32-bit one under a 64-bit kernel.

``uname -m`` names the kernel. Raspberry Pi OS and i386 containers run 32-bit programs under a 64-bit one: the packages
and archives of the kernel's architecture do not run there.

Shared with the roles (Python 3.9, standard library only).
"""

from __future__ import annotations

_OF_PACKAGES = {
    "i386": "i686",
    "armhf": "armv7l",
    "armel": "armv6l",
    "mips": "mips",
    "mipsel": "mipsel",
    "powerpc": "ppc",
    "s390": "s390",
    "x86": "i686",
    "armv7": "armv7l",
}
"""32-bit architectures: dpkg's and apk's names → that of ``uname -m``. apk's ``armhf`` is ARMv6, which ARMv7 runs."""

_OF_32_BITS = {
    "x86_64": "i686", "amd64": "i686", "aarch64": "armv7l", "arm64": "armv7l", "ppc64": "ppc", "ppc64le": "ppcle",
    "s390x": "s390", "riscv64": "riscv32", "mips64": "mips", "sparc64": "sparc",
}  # fmt: skip
"""The architecture of 32-bit programs under a 64-bit kernel, by what ``uname -m`` prints."""


def userland_architecture(machine: str, packages: str, bits: str) -> str:
    """The architecture of a host's programs, as ``uname -m`` would name it.

    Args:
        machine: what ``uname -m`` prints.
        packages: what ``dpkg --print-architecture`` prints, or ``/etc/apk/arch`` holds; empty where there is neither.
        bits: what ``getconf LONG_BIT`` prints; empty where there is no getconf. Source: POSIX, getconf.
    """
    if machine not in _OF_32_BITS:
        return machine
    if packages in _OF_PACKAGES:
        return _OF_PACKAGES[packages]
    return _OF_32_BITS[machine] if bits == "32" else machine
