"""Placeholder until the catalog is in place."""

from typing import Any, NamedTuple


class Tool(NamedTuple):
    name: str
    summary: str
    homepage: str
    checks: tuple[Any, ...]
    sources: tuple[Any, ...]
    proven: tuple[str, ...]
    note: str = ""


def find(name: str) -> Tool | None:
    return None


def names() -> tuple[str, ...]:
    return ()
