"""When each host was at what, all on one scale: of few hosts a line for each work, of many one for each host."""

from collections.abc import Sequence

from mngr_ansible.report.html.elements import Html, el
from mngr_ansible.report.timeline import Span, Timing

_KINDS = {
    "check": ("look", "looking at the host"),
    "ask": ("look", "looking at the host"),
    "wait": ("wait", "waiting"),
    "copy": ("files", "files"),
    "updat": ("files", "files"),
    "install": ("packages", "packages"),
    "download": ("packages", "packages"),
    "start": ("start", "starting Ansible"),
}
"""How a work begins → its colour, and what that means. Source: ``Dialog.at``, ``report.progress.Follower``."""
_OTHER = ("other", "other work")

_WHOLE = 3
"""Of so many hosts each work has a line of its own."""
_SHORTEST = 0.05
"""Seconds; what took less is not shown."""
_FOLDED = 20
"""More hosts than these are folded."""
_WIDTH = 1000
"""Units of a bar; its width on the page is what there is."""
_LEAST = 3
"""So wide is a bar at least: what was short is seen too."""


def section(timing: Timing, hosts: Sequence[str]) -> Html | None:
    """Tables with bars; None where nothing was noted."""
    noted = {host: [each for each in timing.spans.get(host, ()) if each.seconds >= _SHORTEST] for host in hosts}
    shown = {host: spans for host, spans in noted.items() if spans}
    if not shown:
        return None
    every = [each for spans in shown.values() for each in spans]
    total = max(timing.seconds, *(each.begin + each.seconds for each in every), 0.001)
    if len(shown) <= _WHOLE:
        tables = [
            _table(
                "Work", [(each.what, [each], each.seconds) for each in spans], total, host if len(shown) > 1 else None
            )
            for host, spans in shown.items()
        ]
    else:
        tables = [_table("Host", [(host, spans, _took(spans)) for host, spans in shown.items()], total)]
    if len(shown) > _FOLDED:
        tables = [el("details", el("summary", f"{len(shown)} hosts"), *tables)]
    return el("section", el("h2", "Time", id="time"), _legend(every), *tables)


def _table(
    first: str, rows: Sequence[tuple[str, Sequence[Span], float]], total: float, caption: str | None = None
) -> Html:
    heads = (el("th", each, scope="col") for each in (first, f"From 0 to {seconds(total)}"))
    head = el("tr", *heads, el("th", "Took", scope="col", class_="number"))
    body = (_row(name, spans, took, total) for name, spans, took in rows)
    name = None if caption is None else el("caption", caption)
    return el("table", name, el("thead", head), el("tbody", *body), class_="bars")


def _row(name: str, spans: Sequence[Span], took: float, total: float) -> Html:
    bars = (
        el(
            "rect",
            el("title", f"{each.what}: {seconds(each.seconds)}"),
            x=f"{each.begin / total * _WIDTH:.1f}",
            y=0,
            width=f"{max(each.seconds / total * _WIDTH, _LEAST):.1f}",
            height=10,
            class_=_kind(each)[0],
        )
        for each in spans
    )
    told = "; ".join(f"{each.what} from {seconds(each.begin)} for {seconds(each.seconds)}" for each in spans)
    picture = el("svg", *bars, viewBox=f"0 0 {_WIDTH} 10", preserveAspectRatio="none", aria_hidden="true")
    return el(
        "tr",
        el("th", name, scope="row"),
        el("td", picture, el("span", told, class_="vh"), class_="bar"),
        el("td", seconds(took), class_="number"),
    )


def _took(spans: Sequence[Span]) -> float:
    return spans[-1].begin + spans[-1].seconds - spans[0].begin


def _kind(span: Span) -> tuple[str, str]:
    return next((kind for start, kind in _KINDS.items() if span.what.startswith(start)), _OTHER)


def _legend(spans: Sequence[Span]) -> Html:
    items = (
        el(
            "li",
            el("svg", el("rect", width=10, height=10, class_=name), viewBox="0 0 10 10", aria_hidden="true"),
            words,
        )
        for name, words in dict.fromkeys(map(_kind, spans))
    )
    return el("ul", *items, class_="legend")


def seconds(value: float) -> str:
    """A time for people: ``0.4 s``, ``45 s``, ``2 min 5 s``."""
    if value < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
