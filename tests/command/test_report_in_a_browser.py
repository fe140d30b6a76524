"""The page of a report in a real browser: on a phone, in the dark, on paper, by keyboard, and as axe judges it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from mngr_ansible.report.html.page import page as page_of
from mngr_ansible.report.report import Report
from tests.support import reports
from tools import browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

SAMPLES = {
    "plan": reports.a_plan(),
    "run": reports.a_run(),
    "fleet": reports.a_fleet(),
    "long": reports.a_fleet_of_long_names(),
    "nasty": reports.a_nasty_run(),
    "nothing": Report("plan", (reports.host(outcomes=()),)),
}
PHONE, DESKTOP = 360, 1280


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if browser.find() is None:
        pytest.skip("no chromium; tests/support/hosts/prepare installs it")
    with browser.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The samples as files."""
    top = tmp_path_factory.mktemp("reports")
    for name, report in SAMPLES.items():
        (top / f"{name}.html").write_text(page_of(report, reports.timing(report)), "utf-8")
    return {name: top / f"{name}.html" for name in SAMPLES}


def opened(chromium: Browser, file: Path, width: int = DESKTOP, scheme: str = "light") -> Page:
    """The page, of which every message of the browser and every request is an error."""
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(20_000)
    page.on("console", lambda message: pytest.fail(message.text))
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()], "nothing else is fetched"
    return page


@pytest.mark.parametrize("name", SAMPLES)
def test_no_page_is_wider_than_a_phone_or_a_desktop(chromium: Browser, files: dict[str, Path], name: str) -> None:
    page = opened(chromium, files[name], PHONE)
    for width in (PHONE, 700, DESKTOP):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize(("name", "scheme"), [("plan", "light"), ("nasty", "light"), ("fleet", "dark")])
def test_axe_finds_nothing_to_complain_about(chromium: Browser, files: dict[str, Path], name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(chromium, files[name], scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    unknown = [
        node for each in found.response["incomplete"] if each["id"] == "color-contrast" for node in each["nodes"]
    ]
    signs = [node for node in unknown if node["any"][0]["data"]["messageKey"] == "nonBmp"]
    assert unknown == signs, "of a sign alone axe knows none; the words beside it have its colour"
    page.close()


def test_on_a_phone_the_steps_are_still_a_table_for_who_hears_them(chromium: Browser, files: dict[str, Path]) -> None:
    page = opened(chromium, files["plan"], PHONE)
    table = page.get_by_role("table").first
    assert table.get_by_role("columnheader").count() == 5
    assert table.get_by_role("row").count() == 9
    assert table.get_by_role("cell", name="Why: codex: runs the agent").is_visible()
    page.close()


def test_the_headings_are_in_their_order(chromium: Browser, files: dict[str, Path]) -> None:
    page = opened(chromium, files["fleet"])
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(each => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    page.close()


def test_everything_is_reached_by_keyboard(chromium: Browser, files: dict[str, Path]) -> None:
    page = opened(chromium, files["fleet"])
    seen = []
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid" or seen[-1] == "BODY", "where one is can be seen"
    assert seen[0] == "skip"
    assert {"scroll", "SUMMARY", "A", "PRE"} <= set(seen)
    fine = page.locator("summary", has_text="10 hosts")
    fine.focus()
    assert not page.locator("details", has=fine).evaluate("each => each.open")
    page.keyboard.press("Enter")
    assert page.locator("details", has=fine).evaluate("each => each.open")
    page.close()


def test_a_link_leads_to_the_block_of_its_hosts(chromium: Browser, files: dict[str, Path]) -> None:
    page = opened(chromium, files["fleet"])
    page.locator(".matrix a", has_text="web-007").click()
    assert page.url.endswith("#hosts-3")
    assert page.locator("#hosts-3 h3").inner_text() == "web-007"
    page.close()


def test_on_paper_all_that_is_folded_is_there_and_dark_is_light(chromium: Browser, files: dict[str, Path]) -> None:
    page = opened(chromium, files["fleet"], scheme="dark")
    hidden = page.locator("#hosts-2 td", has_text="2.39.5")
    assert not hidden.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert hidden.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(format="A4")) > 10_000
    page.close()


@pytest.mark.parametrize(("width", "media"), [(PHONE, "screen"), (DESKTOP, "screen"), (700, "print")])
def test_long_names_are_whole_and_print_over_nothing(
    chromium: Browser, files: dict[str, Path], width: int, media: str
) -> None:
    page = opened(chromium, files["long"], width)
    page.emulate_media(media=media)
    heads = page.evaluate("""[...document.querySelectorAll('.matrix thead th')].map(th => {
        const range = document.createRange()
        range.selectNodeContents(th)
        const [words, cell] = [range.getBoundingClientRect(), th.getBoundingClientRect()]
        return [cell.top - words.top, cell.left - words.left, words.right - cell.right, words.bottom - cell.bottom]
    })""")
    assert len(heads) == 12
    assert max(over for each in heads for over in each) <= 1
    torn = "[...document.querySelectorAll('.members li')].filter(each => each.getClientRects().length > 1).length"
    assert page.locator(".members li").count() == 8
    assert page.evaluate(torn) == 0
    page.close()


def test_without_its_style_the_page_is_still_in_order(chromium: Browser, files: dict[str, Path]) -> None:
    """Some CI servers show artifacts with a policy that allows no style."""
    page = chromium.new_page()
    page.route("**/*", lambda route: route.fulfill(
        body=files["fleet"].read_text("utf-8"), content_type="text/html",
        headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
    ))  # fmt: skip
    page.goto("http://127.0.0.1/report.html")
    words = page.locator("body").inner_text()
    order = [
        "3 of 50 hosts are not as planned",
        "What went wrong",
        "web-013",
        "no DNS",
        "Hosts and steps",
        "each: 5 of 8 changed",
        "Time",
    ]
    places = [words.index(each) for each in order]
    assert places == sorted(places)
    page.close()


def test_two_hundred_hosts_are_shown_at_once(chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    report = reports.a_fleet(200)
    file.write_text(page_of(report, reports.timing(report)), "utf-8")
    page = opened(chromium, file, PHONE)
    assert page.locator("details").count() == 5
    assert page.locator(".bars tbody tr").count() == 200
    page.close()
