"""The documentation site, built as ``.ci/run`` builds it: its pages, and what a reader's browser makes of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tools.browser import chromium, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
READERS = ("index", "start", "plugin-authors", "reference/command-line", "benchmarks")
"""Pages of each kind: prose, code, generated tables, pictures."""
NOT_OF_WCAG = {"landmark-unique": {"enabled": False}, "empty-table-header": {"enabled": False}}
"""Advice of axe that is no rule of WCAG, about what material writes and about the corners of tables of figures."""


@dataclass
class Html(HTMLParser):
    """What a page links to, loads, and is structured by."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.loads += [given[name] for name in ("src", "data") if given.get(name)]
            self.loads += [each.split()[0] for each in (given.get("srcset") or "").split(",") if each.strip()]
        if tag == "link" and given.get("rel") not in ("next", "prev", "canonical"):
            self.loads.append(given["href"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and not given.get("alt"):
            self.without_text.append(given.get("src", ""))


@dataclass(frozen=True)
class Site:
    """The built site: its directory, and each page by its path there."""

    directory: Path
    pages: dict[str, Html]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """The site, built without a warning."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    pages = {}
    for file in directory.rglob("*.html"):
        page = pages[str(file.relative_to(directory))] = Html()
        page.feed(file.read_text())
    return Site(directory, pages)


def is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp")


def test_no_page_and_no_style_loads_anything_from_another_site(site):
    assert {each for page in site.pages.values() for each in page.loads if is_elsewhere(each)} == set()
    for style in site.directory.rglob("*.css"):
        addresses = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", style.read_text())
        assert [each for pair in addresses for each in pair if is_elsewhere(each)] == []


def test_what_a_page_loads_is_a_file_of_the_site(site):
    for name, page in site.pages.items():
        wanted = {os.path.normpath(Path(name).parent / urlsplit(each).path) for each in page.loads}
        missing = {each for each in wanted if not (site.directory / each.lstrip("/")).is_file()}
        assert name == "404.html" or missing == set(), name


def test_no_page_has_what_a_fetched_script_would_draw(site):
    drawn = re.compile(r'class="[^"]*mermaid')
    assert [name for name in site.pages if drawn.search((site.directory / name).read_text())] == []


def test_every_link_inside_the_site_leads_to_a_page_and_to_a_place_there(site):
    for name, page in site.pages.items():
        if name == "404.html":  # its links begin at the root of a server
            continue
        for link in page.links:
            path, anchor = unquote(urlsplit(link).path), unquote(urlsplit(link).fragment)
            if is_elsewhere(link) or link.startswith(("mailto:", "javascript:")):
                continue
            target = os.path.normpath(Path(name).parent / path) if path else name
            assert (site.directory / target).is_file(), f"{name}: {link}"
            if anchor and target in site.pages and not anchor.startswith("__"):
                assert anchor in site.pages[target].ids, f"{name}: {link}"


def test_a_link_says_the_title_of_its_page_and_not_the_name_of_a_file(site):
    for name in READERS:
        assert re.findall(r"<a [^>]*>[\w/-]+\.md</a>", (site.directory / f"{name}.html").read_text()) == [], name


def test_a_page_has_one_title_and_no_heading_leaves_out_a_level(site):
    for name, page in site.pages.items():
        assert page.headings.count(1) == 1, name
        steps = [after - before for before, after in zip(page.headings, page.headings[1:], strict=False)]
        assert max(steps, default=0) <= 1, name


def test_a_picture_says_what_it_shows(site):
    assert {name: page.without_text for name, page in site.pages.items() if page.without_text} == {}


def test_every_page_is_found_by_the_search(site):
    found = json.loads((site.directory / "search" / "search_index.json").read_text())["docs"]
    names = {entry["location"].partition("#")[0] for entry in found}
    shown_files = {name for name in site.pages if name.startswith("repository/")}
    assert set(site.pages) - {"404.html"} - names == shown_files


def test_the_navigation_begins_with_what_a_reader_is(site):
    text = (site.directory / "index.html").read_text()
    shown = [re.sub(r"\s+", " ", each).strip() for each in re.findall(r'class="md-ellipsis">([^<]+)<', text)]
    wanted = ["Start here", "Concepts", "mngr users", "Plugin authors", "Ops teams", "Recipes", "Reference", "Promises"]
    wanted += ["Security", "Benchmarks", "Trouble", "Compare", "Migrate"]
    assert [each for each in dict.fromkeys(shown) if each in wanted] == wanted


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests, in which no name of a host is known."""
    if find() is None:
        pytest.skip("no chromium: tests/support/hosts/prepare installs it")
    with chromium() as opened:
        yield opened


@pytest.fixture
def opened(browser, site, request):
    """Open a page of the site from its file: ``opened(page, dark=False, width=1280)``.

    What the page asked for and is no file of it, and what its scripts complain about, fails the test.
    """
    wrong: list[str] = []
    contexts = []

    def open_page(name: str, *, dark: bool = False, width: int = 1280) -> Page:
        scheme = "dark" if dark else "light"
        contexts.append(browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}))
        contexts[-1].set_default_timeout(180_000)  # a machine may be slow
        page = contexts[-1].new_page()
        page.on("request", lambda asked: wrong.append(asked.url) if is_elsewhere(asked.url) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((site.directory / f"{name}.html").as_uri())
        return page

    yield open_page
    for each in contexts:
        each.close()
    assert wrong == []


def test_the_search_works_from_files_without_a_network(opened):
    page = opened("index")
    page.click(".md-search__input")
    page.keyboard.type("--limit")
    hit = page.locator(".md-search-result__link[href*='command-line.html']").first
    hit.wait_for()
    hit.click()
    page.wait_for_url("**/reference/command-line.html?h=*")
    assert "--limit" in page.inner_text("article")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", READERS)
def test_a_page_can_be_read_by_everybody(opened, name, dark):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(name, dark=dark)
    page.wait_for_load_state("load")
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": NOT_OF_WCAG}).response["violations"]
    assert [(each["id"], [node["html"][:80] for node in each["nodes"][:3]]) for each in found] == []


def test_on_a_phone_only_tables_and_code_scroll_sideways(opened):
    for name in READERS:
        page = opened(name, width=320)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_the_keyboard_reaches_the_text_the_menu_and_a_wide_table(opened):
    page = opened("benchmarks", width=600)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Skip to content"
    page.keyboard.press("Enter")
    assert urlsplit(page.url).fragment in page.evaluate("[...document.querySelectorAll('article [id]')].map(e => e.id)")
    tables = page.locator(".md-typeset__scrollwrap")
    tables.nth(2).focus()
    before = tables.nth(2).evaluate("each => each.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("([each, before]) => each.scrollLeft > before", arg=[tables.nth(2).element_handle(), before])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pictures_are_those_of_the_mode(opened, dark):
    page = opened("concepts", dark=dark)
    shown = page.evaluate("[...document.querySelectorAll('article img')].filter(e => e.offsetWidth).map(e => e.src)")
    assert shown
    assert all(("-dark.svg" in each) == dark for each in shown)
