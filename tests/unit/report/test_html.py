"""The page of a report: what is on it, and that nothing foreign can become markup. What it looks like in a browser is
in tests/command/test_report_in_a_browser.py."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from mngr_ansible.diff.outcome import Outcome, Status
from mngr_ansible.errors import HostError, InputError
from mngr_ansible.report.html.elements import Html, el, path
from mngr_ansible.report.html.page import page, verdict
from mngr_ansible.report.report import HostReport, Report
from mngr_ansible.report.timeline import Span, Timing
from mngr_ansible.values import replace
from tests.support import reports

ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "a", "b", "br", "caption",
    "code", "details", "div", "h1", "h2", "h3", "h4", "li", "p", "pre", "rect", "span", "summary", "svg", "table",
    "tbody", "td", "th", "thead", "time", "tr", "ul", "wbr",
}  # fmt: skip


class Read(HTMLParser):
    """A page as a browser reads it: its elements, and its text without tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.is_one_word = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.is_one_word = tag == "wbr"

    def handle_data(self, data: str) -> None:
        if self.is_one_word:
            data = self.words.pop() + data
        self.words.append(data)
        self.is_one_word = False

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def shown(report: Report, *, is_timed: bool = False) -> str:
    """The text of the page below its style."""
    return Read(page(report, reports.timing(report) if is_timed else None).partition("</head>")[2]).text


def test_foreign_words_are_never_markup() -> None:
    read = Read(page(reports.a_nasty_run(), reports.timing(reports.a_nasty_run())))
    assert {name for name, _ in read.elements} <= ELEMENTS
    for _, attributes in read.elements:
        assert not [each for each in attributes if each.startswith("on") or each == "style"]
        assert attributes.get("href", "#").startswith("#")
        assert "src" not in attributes
    assert [attributes["id"] for _, attributes in read.elements if "id" in attributes] == [
        "errors", "steps", "hosts", "hosts-1", "hosts-2", "time", "notes"
    ]  # fmt: skip


def test_control_characters_are_shown_as_what_they_are() -> None:
    html = page(reports.a_nasty_run())
    assert "\\x1b[31m\\u202e\\x00\\xff\\ufffe" in html
    assert all(character.isprintable() or character == "\n" for character in html)


def test_the_page_needs_nothing_but_itself_and_runs_no_script() -> None:
    html = page(reports.a_fleet(), reports.timing(reports.a_fleet()))
    assert not re.search(r"<script|<link|<img|<iframe|url\(|@import|https?://(?!deb\.nodesource)", html)
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    metas = [attributes for name, attributes in Read(html).elements if name == "meta"]
    assert {"http-equiv": "Content-Security-Policy", "content": policy} in metas


def test_a_plan_says_what_is_there_what_is_needed_and_why() -> None:
    text = shown(reports.a_plan())
    assert text.startswith("Skip to the hosts Plan: build-1 would change")
    assert "Nothing was changed." in text
    assert "too old node 18.19.1 >=20, from NodeSource codex: runs the agent" in text
    assert "differs .claude/ 2 of 41 files differ 0644 claude" in text
    assert '@@ -1 +1 @@ -"old" +"new"' in text
    assert f"Relative names start at {reports.WORK} ." in text
    assert "To run by hand curl -fsSL" in text
    assert "apt's lists are 12 days old" in text


def test_a_run_says_what_was_before_and_what_is_after() -> None:
    text = shown(reports.a_run())
    assert "changed node 18.19.1 → 20.11.0 >=20, from NodeSource codex: runs the agent" in text
    assert "changed ripgrep not installed → 13.0.0" in text
    assert "changed ~/.npmrc missing → copied 0600, secret" in text
    assert "changed settings.json differs → updated" in text
    assert "changed .claude/ 2 of 41 files updated" in text
    assert "skipped ~/.claude.json there is no ~/.claude.json on this machine" in text


def test_what_went_wrong_comes_first_each_cause_once_with_what_to_do() -> None:
    text = shown(reports.a_fleet())
    before, _, after = text.partition("Hosts and steps")
    assert "Apply: 3 of 50 hosts are not as planned" in before
    assert before.count("it does not answer on port 22") == 1
    assert "web-013, web-014: it does not answer on port 22 (connection timed out) Check its address" in before
    assert "web-007 : node: failed apt could not reach deb.nodesource.com" in before
    assert after.index("web-007") < after.index("web-001")


def test_steps_with_one_cause_are_told_together_and_what_is_for_a_person_with_its_commands() -> None:
    why = "Debian offers none of the packages tree and jq"
    steps = (
        Outcome("package:tree", "package", Status.BLOCKED, None, "any", ("a",), why),
        Outcome("package:jq", "package", Status.BLOCKED, None, "any", ("a",), why),
        Outcome("package:fd", "package", Status.ADVISED, None, "any", ("a",), "a: finds files", "apt"),
        Outcome("package:rg", "package", Status.ADVISED, None, "any", ("a",), "", "apt"),
        Outcome("package:git", "package", Status.NOT_REACHED, None, "any", ("a",)),
    )
    text = shown(Report("apply", (reports.host("x", steps, commands=("sudo apt-get install -y fd rg",)),)))
    told = text.partition("What went wrong ")[2].partition(" Host ")[0]
    assert told == f"x : tree, jq: blocked {why} x : to install by hand: fd, rg sudo apt-get install -y fd rg"
    assert "by hand fd any, from apt a: finds files" in text


def test_hosts_that_are_alike_have_one_block_and_one_line() -> None:
    html = page(reports.a_fleet(200))
    assert html.count("<details") == 4
    assert html.count('scope="row"') == 4
    assert all(f"<li>web-{number:03}</li>" in html for number in range(1, 201) if number != 7)
    assert len(html) < 60_000


def test_a_line_of_many_hosts_has_the_name_of_one_of_them() -> None:
    lines = re.findall(r'<th scope="row"><a href="#hosts-\d">([^<]*)', page(reports.a_fleet()))
    assert lines == ["web-007", "web-013, web-014", "web-001 and 36 more", "web-005 and 9 more"]


def test_a_path_goes_on_in_the_next_line_behind_a_slash() -> None:
    assert path("/tmp/<b>/c/") == "/<wbr>tmp/<wbr>&lt;b&gt;/<wbr>c/"


def test_a_colour_of_the_bars_has_one_meaning() -> None:
    works = ("checking", "asking", "waiting", "copying", "updating", "installing", "downloading", "starting", "else")
    spans = tuple(Span(each, number, 1) for number, each in enumerate(works))
    html = page(reports.a_plan(), Timing(reports.BEGAN, 9, {"build-1": spans}))
    legend = re.findall(r'<rect width="10" height="10" class="(\w+)"></rect></svg>([^<]+)', html)
    assert len(legend) == len({colour for colour, _ in legend}) == len({words for _, words in legend}) == 6


def test_blocks_with_a_problem_are_unfolded_and_fine_ones_of_many_are_not() -> None:
    opened = re.findall(r'<details id="hosts-\d+"( open)?>', page(reports.a_fleet()))
    assert opened == [" open", " open", " open", ""]


def test_every_status_has_a_word_beside_its_sign() -> None:
    steps = tuple(Outcome(f"package:{each}", "package", each) for each in Status)
    html = page(Report("apply", (HostReport("one", False, steps), HostReport("two", False, steps[:1]))))
    assert (
        len(
            re.findall(
                r'<td class="state \w+" role="cell"><span class="sign \w+" aria-hidden="true">[^<]</span> [a-z ]+<',
                html,
            )
        )
        == 13
    )
    assert len(re.findall(r'aria-hidden="true">[^<]</span><span class="vh">[a-z ]+</span>', html)) == 13


def test_more_steps_than_fit_into_a_table_are_only_in_the_hosts_own_blocks() -> None:
    many = tuple(Outcome(f"package:p{number}", "package", Status.OK) for number in range(61))
    report = Report("apply", (HostReport("one", False, many), HostReport("two", False, many[:60])))
    assert "Hosts and steps" not in page(report)


def test_a_waterfall_has_a_line_for_each_work_of_few_hosts_and_one_for_each_of_many() -> None:
    assert "installing with apt: nodejs from 1.8 s for 6.0 s 6.0 s installing with npm: build-1" in shown(
        reports.a_run(), is_timed=True
    )
    html = page(reports.a_fleet(), reports.timing(reports.a_fleet()))
    assert html.count("<rect") == 4 * 50 + 3
    assert "<summary>50 hosts</summary>" in html
    assert "<h2" in page(reports.a_run())
    assert "Time</h2>" not in page(reports.a_run())


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (reports.a_run(), "as planned"),
        (reports.a_plan(), "build-1 would change"),
        (Report("plan", (HostReport("a", False),)), "nothing to change"),
        (Report("plan", (HostReport("a", False, error=HostError("no", remedy="", host="a")),)), "a has a problem"),
        (Report("apply", errors=(InputError("no", remedy=""),)), "nothing was done"),
        (replace(reports.a_run(), errors=(InputError("stopped", remedy=""),)), "stopped"),
        (Report("apply", (reports.unreachable("a"),)), "a is not as planned"),
    ],
)
def test_the_verdict_says_how_the_command_ended(report: Report, words: str) -> None:
    assert verdict(report) == words
    assert f"{report.command.capitalize()}: {words}" in shown(report)


def test_the_time_is_that_of_the_command_with_its_zone() -> None:
    html = page(reports.a_run(), reports.timing(reports.a_run()))
    assert '<time datetime="2026-11-27T11:02:13+00:00">2026-11-27 11:02:13 UTC</time>' in html


def test_text_and_attributes_are_escaped_and_markup_of_our_own_is_not() -> None:
    made = el("a", "<b>", el("i", "&"), None, "", href='"#x"', hidden=False, open=True, aria_label=None, class_="c")
    assert made == '<a href="&quot;#x&quot;" open class="c">&lt;b&gt;<i>&amp;</i></a>'
    assert isinstance(made, Html)
