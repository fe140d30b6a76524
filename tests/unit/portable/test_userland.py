"""The architecture of a host's programs, where the kernel has another one."""

import pytest

from mngr_ansible.portable.userland import userland_architecture


@pytest.mark.parametrize(
    ("machine", "packages", "bits", "architecture"),
    [
        ("x86_64", "amd64", "64", "x86_64"),
        ("x86_64", "i386", "32", "i686"),  # Debian i386 in a container
        ("x86_64", "", "32", "i686"),  # any other 32-bit system there
        ("x86_64", "x86", "", "i686"),  # Alpine x86
        ("aarch64", "arm64", "64", "aarch64"),
        ("aarch64", "armhf", "32", "armv7l"),  # Raspberry Pi OS, 32-bit, with its 64-bit kernel
        ("aarch64", "armv7", "", "armv7l"),
        ("armv7l", "armhf", "32", "armv7l"),
        ("aarch64", "", "", "aarch64"),
        ("arm64", "", "64", "arm64"),  # macOS
        ("i686", "i386", "32", "i686"),
        ("", "", "", ""),
    ],
)
def test_the_architecture_is_that_of_the_programs_not_that_of_the_kernel(machine, packages, bits, architecture):
    assert userland_architecture(machine, packages, bits) == architecture
