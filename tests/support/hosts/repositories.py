"""What the repositories of the different package managers have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Repository(Protocol):
    """A directory of packages that a host has as its only source."""

    @property
    def path(self) -> Path:
        """Where it is on this machine."""

    @property
    def place(self) -> str:
        """Where it is on the host."""

    @property
    def sources(self) -> Mapping[str, str]:
        """The files on the host that name it to the package manager."""

    @property
    def refresh(self) -> str:
        """sh code that reads its index on the host."""

    @property
    def lists(self) -> tuple[str, ...]:
        """Where a host keeps what it read."""
