"""HTML that cannot be broken by foreign words: whatever is not an :class:`Html` is text, and is escaped."""

from collections.abc import Iterable
from html import escape

from mngr_ansible.portable.text import printable


class Html(str):
    """Markup. Only :func:`el` and :func:`joined` make it, from names that are written in our own code."""

    __slots__ = ()


LINE_END = Html("\n")
"""Between lines of an element that keeps them."""

Child = Html | str | None
"""Markup, text, or nothing."""

_EMPTY = frozenset({"meta", "br", "col", "wbr"})
"""Elements without an end. Source: HTML, "Void elements"."""


def el(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """An element. Text and the values of attributes are escaped, control characters in them shown as ``\\x1b``.

    Args:
        name: of the element.
        children: what is in it; None is nothing.
        attributes: ``class_`` is ``class``, ``aria_label`` is ``aria-label``; None and False are left out, True is an
            attribute without a value.
    """
    start = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Html(f"<{start}>")
    return Html(f"<{start}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Children without an element around them."""
    return Html("".join(each if isinstance(each, Html) else text(each) for each in children if each))


def text(words: str) -> Html:
    """Words of anybody: one line, escaped."""
    return Html(escape(printable(words), quote=False))


def lines(words: str) -> Html:
    """Words of several lines."""
    return Html("<br>".join(map(text, words.split("\n"))))


def path(words: str) -> Html:
    """A name, of which a long path goes on in the next line behind a ``/``."""
    return Html("/<wbr>".join(map(text, words.split("/"))).removesuffix("<wbr>"))


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(printable(str(value)))}"'
