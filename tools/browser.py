"""A headless Chromium that reaches no network: for pictures, and for tests of pages.

Debian's package ``chromium`` (``tests/support/hosts/prepare`` installs it), driven by playwright, whose own download of
a browser is not needed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def find() -> str | None:
    """The browser's program; None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser that ends with the block. No name is resolved in it but 127.0.0.1.

    Raises:
        RuntimeError: there is no Chromium on this machine.
    """
    program = find()
    if program is None:
        raise RuntimeError("no chromium: install it, on Debian with apt-get install chromium")
    from playwright.sync_api import sync_playwright

    flags = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()
