"""What people are shown, as values: a page is blocks, which :mod:`.plain` writes for pipes and :mod:`.terminal` for
terminals. Texts are as hosts and plugins gave them; the writers escape them."""

from typing import Literal

from mngr_ansible.values import frozen

Tone = Literal["change", "done", "fine", "idle", "open", "warning", "problem"]
"""What a row means for whoever reads it: to change · was changed · as it should be · left out or not started · only a
run can tell · look at it, but nothing fails · something fails. A terminal has a sign and a colour for each."""


@frozen
class Row:
    """One line of a table.

    Attributes:
        status: one or two words: ``too old``.
        name: of the step or the check; it is never cut.
        facts: what is there, what is needed, where it comes from (each may be empty); or one, for people.
        why: the purpose, or the plugins that need it.
        reason: why it is a problem, and what to do about it: a sentence below the row.
        diff: lines below the row.
    """

    status: str
    tone: Tone
    name: str
    facts: tuple[str, ...] = ()
    why: str = ""
    reason: str = ""
    diff: str = ""


@frozen
class Table:
    """Rows about one host, about several that are alike, or about one subject of ``doctor``.

    Attributes:
        title: the host, or how many they are; empty: the table has no heading.
        about: the system and the user.
        place: where relative names start; empty where no name is relative.
        count: how many rows are to change, or were changed.
        names: the hosts, if there are several.
        rows: in the order of the plan.
        is_run: whether these are results, not a plan. Then failures come last in a terminal.
        is_sorted: whether a terminal sorts the rows by their tones and folds what is fine.
        what: what several rows are called where they are counted.
    """

    rows: tuple[Row, ...]
    title: str = ""
    about: str = ""
    place: str = ""
    count: str = ""
    names: tuple[str, ...] = ()
    is_run: bool = False
    is_sorted: bool = True
    what: str = "steps"


@frozen
class Part:
    """So many hosts that ended alike. ``more``: what is said of them besides: ``9 changed``."""

    count: int
    word: str
    tone: Tone
    names: tuple[str, ...]
    more: str = ""


@frozen
class Summary:
    """How many hosts ended how. ``title``: ``12 hosts``."""

    title: str
    parts: tuple[Part, ...]


@frozen
class Note:
    """Sentences, and behind them a command to copy, which is never broken. ``label``: a word before them: ``note``."""

    text: str
    command: str = ""
    label: str = ""


@frozen
class Commands:
    """Commands to copy, one a line. ``title``: what they are for; empty: they are all that stdout shows."""

    lines: tuple[str, ...]
    title: str = ""


@frozen
class Problem:
    """An error.

    Attributes:
        place: the hosts that it is about, or how many they are; empty where none is.
        problem: what is wrong; below its first line perhaps a list.
        remedy: what to do.
        names: the hosts, where they are too many for ``place``.
    """

    place: str
    problem: str
    remedy: str
    names: tuple[str, ...] = ()


@frozen
class Pairs:
    """Names, and what each is, in two columns."""

    rows: tuple[tuple[str, str], ...]


@frozen
class Section:
    """A heading, and below it lines with a label: ``needs``, ``from``."""

    title: str
    about: str = ""
    lines: tuple[tuple[str, str], ...] = ()


@frozen
class Verbatim:
    """Text that is written as it is: a path, a document."""

    text: str


Block = Table | Summary | Note | Commands | Problem | Pairs | Section | Verbatim
Page = tuple[Block, ...]
