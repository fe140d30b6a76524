"""What is brought to hosts: files laid out here as they are to stand on a host, and packages with minimum versions."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

OUT = "/root/out"
"""Where every way puts all files on a host."""
MIB = 1 << 20
VERSION = "1.4.2"
"""The version of the packages that are made for the benchmark."""
FILE_COUNTS = (10, 100, 1000, 10_000)
SLOW_FILE_COUNTS = (10, 30)
"""How many files a way gets that needs a task or a connection for each."""
PACKAGE_COUNTS = (1, 10, 50, 200)
HOST_COUNTS = (1, 10, 50, 200)
SLOW_HOST_COUNTS = (1, 10)
"""How many hosts a way gets that works on five of them at once; more are estimated."""


class Package(NamedTuple):
    """A package, the command of its name, and the least version that is needed."""

    name: str
    least: str


@dataclass(frozen=True)
class Workload:
    """Files below ``top``, packages, and on how many hosts.

    Attributes:
        name: of the workload, or of a sample of it: ``W2``, ``W2/4``.
        entries: the files and trees (these end with a slash) by which a person would name the files, below ``top``.
        sizes: of every file, by its name below ``top``.
        is_text: whether the small files can be compressed.
        missing: of the packages, those that a host does not have before a first run.
    """

    name: str
    top: Path
    entries: tuple[str, ...] = ()
    sizes: Mapping[str, int] | None = None
    is_text: bool = False
    packages: tuple[Package, ...] = ()
    missing: tuple[str, ...] = ()
    hosts: int = 1

    @property
    def family(self) -> str:
        """The name without the number of files, packages or hosts: what a larger number is estimated from."""
        return self.name.partition("/")[0]

    @property
    def small(self) -> list[str]:
        return [name for name, size in (self.sizes or {}).items() if size < MIB]

    @property
    def count(self) -> int:
        """What its family counts: small files, or packages, or hosts."""
        return {"packages": len(self.packages), "hosts": self.hosts}.get(self.family, len(self.small))

    def write(self) -> None:
        """Make the files, of the same content in every run."""
        for name, size in (self.sizes or {}).items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                self._fill(path, size, name)
                path.chmod(0o600 if name.endswith("secret") else 0o644)

    def change(self, number: int) -> None:
        """Give one small file other content of the same size."""
        name = min(self.small)
        self._fill(self.top / name, (self.sizes or {})[name], f"{name} {number}")

    def _fill(self, path: Path, size: int, seed: str) -> None:
        source = random.Random(seed)
        with path.open("wb") as file:
            for start in range(0, size, MIB):
                block = min(MIB, size - start)
                text = " ".join(source.choices(_WORDS, k=block // 4 + 1)).encode() if self.is_text else b""
                file.write(text[:block] or source.randbytes(block))

    def sample(self, count: int) -> Workload:
        """The same with only so many of its small files, in a directory beside it; large files all stay."""
        kept = {*self.small[:count], *({*(self.sizes or {})} - {*self.small})}
        top = self.top.with_name(f"{self.top.name}-{count}")
        entries = tuple(each for each in self.entries if any(name.startswith(each) for name in kept))
        sizes = {name: size for name, size in (self.sizes or {}).items() if name in kept}
        return replace(self, name=f"{self.family}/{count}", top=top, entries=entries, sizes=sizes)


_WORDS = ("when", "the", "agent", "reads", "a", "file", "it", "keeps", "what", "was", "found", "and", "says", "so")


def _tree(count: int, size: int) -> dict[str, int]:
    return {f"tree/{number % 100:02}/{number}": size for number in range(count)}


def _skills() -> dict[str, int]:
    found = {f"skill-{each:02}/part-{part}.md": 3000 for each in range(20) for part in range(11 if each < 19 else 10)}
    return found | {"settings.json": 1000}


def made_packages(count: int) -> tuple[Package, ...]:
    """The first of the packages that are made for the benchmark."""
    return tuple(Package(f"bench-{number:03}", "1.2") for number in range(count))


def _names(packages: Iterable[Package]) -> tuple[str, ...]:
    return tuple(package.name for package in packages)


def workloads(directory: Path) -> dict[str, Workload]:
    """Every workload by its name; the files of none are written yet."""
    three = {".npmrc-secret": 300, ".config/tool/settings.json": 2000, ".local/share/tool/notes": 5000}
    there = (Package("git", "2.30"), Package("curl", "7.70"), Package("jq", "1.5"))
    five = made_packages(5)
    skills = (*(f"skill-{each:02}/" for each in range(20)), "settings.json")
    w1 = Workload("W1", directory / "W1", (*three,), three, is_text=True, packages=there)
    w2 = Workload("W2", directory / "W2", skills, _skills(), is_text=True, packages=five, missing=_names(five[-2:]))
    w3 = Workload("W3", directory / "W3", ("tree/", "model.bin"), _tree(1000, 4096) | {"model.bin": 50 * MIB})
    found = [w1, w2, w3, replace(w1, name="W4", hosts=10)]
    found.append(Workload("1G", directory / "1G", ("image",), {"image": 1 << 30}))
    found += [
        Workload(f"files/{count}", directory / f"files-{count}", ("tree/",), _tree(count, 1024))
        for count in sorted({*FILE_COUNTS, *SLOW_FILE_COUNTS})
    ]
    for count in PACKAGE_COUNTS:
        packages = made_packages(count)
        found.append(Workload(f"packages/{count}", directory, packages=packages, missing=_names(packages[-2:])))
    found += [replace(w1, name=f"hosts/{count}", hosts=count) for count in HOST_COUNTS]
    return {each.name: each for each in found}
