"""Which pages there are, and what makes each."""

from collections.abc import Callable, Mapping

from tools.reference import catalog, command_line, manifest, mngr, python, roles, settings

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/command-line.md": command_line.page,
    "reference/manifest.md": manifest.page,
    "reference/mngr.md": mngr.page,
    "reference/settings.md": settings.page,
    "reference/roles.md": roles.page,
    "reference/catalog.md": catalog.page,
    "reference/python.md": python.page,
}
"""Below ``docs/`` → the function that returns its text."""
