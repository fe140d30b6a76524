"""What is copied: trees of random bytes, laid out here as they are to stand below one directory of the host."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUT = "/root/out"
"""Where every way puts everything on the host."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Workload:
    """Files below ``top``, and the entries (files or trees, relative) by which a person would name them."""

    name: str
    top: Path
    entries: tuple[str, ...]
    sizes: dict[str, int]

    def write(self) -> None:
        """Make the files."""
        for name, size in self.sizes.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, size, _BLOCK):
                    file.write(os.urandom(min(_BLOCK, size - start)))
            path.chmod(0o600 if name.endswith("secret") else 0o644)

    def change(self) -> None:
        """Give one small file other content of the same size."""
        name = min(self.sizes, key=lambda each: (self.sizes[each], each))
        (self.top / name).write_bytes(os.urandom(self.sizes[name]))

    def sample(self, count: int) -> Workload:
        """The same with only so many of its small files, as links in a directory beside it; large files all stay."""
        small = [name for name in self.sizes if self.sizes[name] < _BLOCK]
        kept = {*small[:count], *(name for name in self.sizes if self.sizes[name] >= _BLOCK)}
        top = self.top.with_name(f"{self.top.name}-{count}")
        for name in kept:
            if not (top / name).exists():
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).hardlink_to(self.top / name)
        entries = tuple(each for each in self.entries if any(name == each or name.startswith(each) for name in kept))
        sizes = {name: size for name, size in self.sizes.items() if name in kept}
        return replace(self, top=top, entries=entries, sizes=sizes)


def _of(directory: Path, name: str, entries: tuple[str, ...], sizes: Iterator[tuple[str, int]]) -> Workload:
    return Workload(name, directory / name, entries, dict(sizes))


def _one() -> Iterator[tuple[str, int]]:
    yield ".npmrc-secret", 1024


def _three() -> Iterator[tuple[str, int]]:
    yield from ((".npmrc-secret", 300), (".config/tool/settings.json", 2000), (".local/share/tool/notes", 5000))


def _many() -> Iterator[tuple[str, int]]:
    for entry in range(20):
        yield from ((f"skill-{entry:02}/part-{number}.md", 3000) for number in range(11 if entry < 19 else 10))
    yield "settings.json", 1000


def _large() -> Iterator[tuple[str, int]]:
    yield from ((f"tree/{number % 50:02}/{number}", 4096) for number in range(1000))
    yield "model.bin", 50 << 20


def _crowd() -> Iterator[tuple[str, int]]:
    yield from ((f"tree/{number % 100:02}/{number}", 1024) for number in range(10_000))


def made(directory: Path) -> dict[str, Workload]:
    """Every workload by its name; none is written yet."""
    skills = (*(f"skill-{entry:02}/" for entry in range(20)), "settings.json")
    return {
        "1": _of(directory, "1", tuple(name for name, _ in _one()), _one()),
        "3": _of(directory, "3", tuple(name for name, _ in _three()), _three()),
        "220": _of(directory, "220", skills, _many()),
        "1000+50M": _of(directory, "1000+50M", ("tree/", "model.bin"), _large()),
        "10000": _of(directory, "10000", ("tree/",), _crowd()),
        "1G": _of(directory, "1G", ("image",), iter([("image", 1 << 30)])),
    }


TITLES = {
    "1": "1 file of 1 KiB",
    "3": "3 files (0600, 0644, new parents)",
    "220": "220 files in 21 entries",
    "1000+50M": "1,000 x 4 KiB and 50 MiB, random",
    "10000": "10,000 x 1 KiB, random",
    "1G": "1 file of 1 GiB, random",
}
