"""Text in lines: names break behind ``/``, sentences between words, commands nowhere."""

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

from mngr_ansible.portable.regular_expressions import regex

_PROGRAMS = (
    "ansible|ansible-galaxy|ansible-inventory|ansible-playbook|ansible-vault|apk|apt|apt-get|brew|chgrp|chmod|chown|curl|df|dnf|doas|"
    "dpkg|eval|export|git|kill|ls|mkdir|mngr|mngr-ansible|mv|npm|pacman|pip|pipx|ps|python3|rm|rpm|sh|ssh|ssh-add|"
    "ssh-copy-id|ssh-keygen|ssh-keyscan|su|sudo|systemctl|timedatectl|unset|usermod|uv|xcode-select|zypper"
)
"""What commands in messages begin with."""

_COMMAND = regex(rf"(?<=[:;] )(?:{_PROGRAMS}) .*?(?=\.?$|\. [A-Z]|; then |, then )")
"""A command in a sentence: behind a colon, to the end of the sentence."""


def sentences(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces: words, and commands to copy (True), without the full stop behind them."""
    end = 0
    for found in _COMMAND.finditer(text):
        if before := text[end : found.start()].strip():
            yield before, False
        yield found[0].rstrip(), True
        end = found.end()
        if text[end : end + 1] == ".":
            end += 1
    if rest := text[end:].strip(" ;"):
        yield rest, False


_TOGETHER = regex(rf"\b(?:{_PROGRAMS})(?: [a-z][a-z-]*)?(?: --?[a-z][\w-]*)+|--[a-z][\w-]* [A-Z][A-Z@:]+")
"""Words that stay in one line: a short command with its options, an option with its value."""

_BOUND = "\xa0"
"""Stands for a blank at which no line is broken. It is never in a text: the writers escape it."""


def wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most so many columns, broken between words; a word that is longer is broken as a name."""
    bound = _TOGETHER.sub(lambda found: found[0].replace(" ", _BOUND), text)
    return (line.replace(_BOUND, " ") for line in _wrapped(bound, width))


def _wrapped(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        *full, line = broken(word, width)
        yield from full
    yield line


def broken(name: str, width: int) -> list[str]:
    """A name in lines of at most so many columns, if possible broken behind ``/``, ``-`` or a comma."""
    lines = []
    while cell_len(name) > width:
        start = set_cell_size(name, width).rstrip(" ") or name[:1]
        places = (start.rfind(each) + 1 for each in ("/", "-", ","))
        cut = next((each for each in places if each > width // 3), len(start))
        lines.append(name[:cut])
        name = name[cut:]
    return [*lines, name]


def padded(text: str, width: int) -> str:
    """The text with blanks up to this width."""
    return text + " " * (width - cell_len(text))
