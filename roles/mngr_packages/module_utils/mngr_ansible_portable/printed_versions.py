"""The version in what a program prints.

Shared with the roles (Python 3.9, standard library only). The rule, in three sentences (docs/users.md "Packages"):

1. The number after the program's own name is its version; words in parentheses and "version" may stand between them.
2. Without the name it is a line that is nothing but a version, else the first line's number after the word "version"
   or after a name (``ripgrep 13.0.0``), else the only number after "version", else the only number of all.
3. Standard output counts before standard error, and there is no version where such numbers disagree, where the output
   is of another program, or where a number is an address, a path, an option, a license's, or in a warning.

A program for which this is wrong has a pattern of its own: here, in the catalog, or in a check.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .regular_expressions import regex
from .versions import NUMBER, NUMBERS, SUFFIX, is_readable

_LONGEST_LINE = 500
_LONGEST_TEXT = 50_000
"""Characters of one line, and of a whole output, in which a version is searched. Some patterns need time that grows
with the square of the length, and the text may come from a hostile host."""

_OWN_PATTERNS = {
    **dict.fromkeys(("magick", "convert", "identify", "mogrify"), r"ImageMagick ([0-9]+(?:\.[0-9]+)+-[0-9]+)"),
    "bazel": r"(?:^Build label: |^bazel )([0-9]+(?:\.[0-9]+)+)",
    **dict.fromkeys(
        ("mysql", "mysqldump", "mysqladmin", "mysqld", "mariadb", "mariadb-dump", "mariadb-admin", "mariadbd"),
        r"(?:\bDistrib|\bfrom|\bVer(?!.*\b(?:Distrib|from)\b)) v?([0-9]+(?:\.[0-9]+)+)",
    ),
}
"""Programs for which the rule is wrong: ImageMagick's version ends in what is a packager's revision elsewhere, and
MySQL's clients print a number of their own before the one of the release."""

_IMPOSTORS = {
    "docker": r"podman",
    "vim": r"nvim|neovim",
    "vi": r"nvim|neovim",
    "awk": r"mawk|busybox",
    "gawk": r"mawk|busybox",
    "tar": r"bsdtar",
    "sudo": r"sudo-rs",
    "make": r"bmake",
    "gcc": r"clang",
    "g++": r"clang",
    "java": r"gcj|gij",
    "mysql": r"mysql\.rb",
}
"""Programs that stand under another one's name on some systems, and number their versions in another way."""

_COLOUR = regex(r"\x1b\[[0-9;]*[A-Za-z]|\?\[[0-9;]*m")
_NOT_A_VERSION = regex(
    r"\S*://\S*|(?<!\S)[(\"'\[]?/\S*|\S*\.so\b\S*|(?<!\S)-\S*=\S*|[0-9]+(?:\.[0-9]+){3}:[0-9]+"
    r"|\b(?:[0-9]{1,2}:){1,2}[0-9]{2}(?:\.[0-9]+)?\b"
)
"""Addresses, paths, libraries, options with a value, hosts with a port, and times of day."""
_SKIPPED = regex(
    r"\s*(?:licen[sc]e|copyright|\(c\)|this (?:program )?is free|there is no warranty)\b"
    r"|.*(?:[0-9]\s*(?:->|=>|\u2192|\?{1,3})\s*v?[0-9]"
    r"|\b(?:update|upgrade|new(?:er)?\b.{0,40}) (?:is )?available\b|\bnot gnu\b)",
    re.IGNORECASE,
)
"""A line about the program's license, which has a version too, or news about another version."""
_WARNING = regex(
    r"\s*(?:[\w.-]+:?\s+){0,2}\[?(?:(?:warning|warn|notice|note|info|hint|debug|error)(?:\[[0-9]+\])?[\]:]"
    r"|(?-i:WARN|ERR!)\s|\w*deprecat)",
    re.IGNORECASE,
)
_IN_PARENTHESES = regex(r"\([^()]*\)|\[[^\[\]]*\]")
_ADDRESS = regex(r"(?:0\.0|10\.[0-9]+|127\.[0-9]+|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168)(?:\.[0-9]+){2}")
"""An address of a private network. Source: RFC 1918, RFC 3927, RFC 6890."""

_BETWEEN = (
    r"(?:\s*\([^()]*\))*(?:\s+from\s+[A-Za-z][\w.-]*)?(?:[\s:,-]*\b(?:version|ver|v|release|cli|jvm|client|core)\b\.?)?"
    r"[\s:=,\"'/_-]*(?:\([^()]*\)\s*)?"
)
"""What may stand between a program's name and its version. The patterns below begin after the name."""
_DOTTED_NAME = regex(rf"{_BETWEEN}v?({NUMBERS})", re.IGNORECASE)
_NUMBERED_NAME = regex(rf"[-.0-9]+\s+version[\s:]+v?({NUMBERS})", re.IGNORECASE)
_GLUED_NAME = regex(rf"[\s:,-]*\bversion[\s:]+[A-Za-z]+[-_/]?({NUMBERS})", re.IGNORECASE)
_WHOLE_NAME = regex(rf"{_BETWEEN}v?({NUMBER})(?: \(\1(\.[0-9.]+))?", re.IGNORECASE)
_SNAPSHOT_NAME = regex(r"\s+version\s+(?=\S*[0-9])\S|[\s-]+(?:master|main|head|trunk|openbsd|unknown)\b", re.IGNORECASE)
"""``ffmpeg version N-92806-…``, ``tmux master``; ``tmux openbsd-7.4`` is the tmux of that release of the system."""
_PREFIX = regex(r"(?:[\w.+]+-)*")

_DOTTED = regex(rf"(?<![0-9.])({NUMBERS})", re.IGNORECASE)
_BARE = regex(rf"(?:GNU )?(?:[A-Za-z][\w+-]*?[\s,:_-]+)?v?({NUMBER})(?: \(\1(\.[0-9.]+))?", re.IGNORECASE)
_ALONE = regex(rf"v?((?:{NUMBERS}|[0-9]+{SUFFIX}))(?:[+-][\w.+-]*)?", re.IGNORECASE)
_AFTER_VERSION = regex(
    r"(?P<label>(?:[\w.+-]+ ){0,3})(?<![\w/-])(?:(?:git)?version|cli)(?:\s+is\b)?[\s:=]+"
    rf"[\"']?(?:[A-Za-z][\w-]*[/ ])?[A-Za-z]{{0,3}}(?P<number>{NUMBERS}|{NUMBER})",
    re.IGNORECASE,
)
_OF_SOMETHING_ELSE = regex(
    r"\b(?:protocol|licen[sc]e|gpl|lgpl|format|schema|api|abi|grammar|kernel|java|python|node|perl|ruby|php|jvm|os)\Z",
    re.IGNORECASE,
)
_OF_ITSELF = regex(r"(?:\A|\b(?:client|cli|library|package|program|tool|current|installed|core))\Z", re.IGNORECASE)
_OF_ANOTHER = regex(
    r"\b(?:from|using|with|built|build|for|requires?|needs?|than|on|at|by|port|listening|connect\w*|to|of|until|since)"
    r"\s+(?:\S+\s+)?v?\Z",
    re.IGNORECASE,
)


class _Reading(NamedTuple):
    """What a text says: ``is_certain`` with a version, or with None where it is certain that none can be told."""

    is_certain: bool
    version: str | None = None


_NOTHING = _Reading(False)
_NONE = _Reading(True)


def find(text: str, pattern: str | None = None, program: str = "", *, errors: str = "") -> str | None:
    """The version in what a command printed; None if there is none, or if none is certain: see the rule above.

    Args:
        text: what it printed to its standard output.
        pattern: a regular expression whose first group (or whole match) is the version, instead of the rule.
        program: the name or the path of the program; empty if it is not known.
        errors: what it printed to its standard error.

    Raises:
        ValueError: the pattern is not a regular expression.
    """
    program = program.rpartition("/")[2]
    if pattern is None:
        pattern = _OWN_PATTERNS.get(program)
    if pattern is not None:
        return _by_pattern(pattern, text) or _by_pattern(pattern, errors)
    streams = [_lines(each) for each in (text, errors)]
    printed = [line for lines in streams for line in lines]
    if _is_impostor(program, printed):
        return None
    for lines in streams:
        plain = [line for line in lines if not _WARNING.match(line)]
        for read in (_after_name, _of_its_own, _alone, _on_the_first_line, _after_version, _only_one):
            reading = read(program, plain, printed)
            if reading.is_certain:
                return reading.version
    for lines in streams:  # and last in warnings
        for read in (_after_name, _of_its_own):
            reading = read(program, lines, printed)
            if reading.is_certain:
                return reading.version
    return None


def _by_pattern(pattern: str, text: str) -> str | None:
    try:
        match = re.search(pattern, text[:_LONGEST_TEXT], re.MULTILINE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    found = (match[1] if match.re.groups else match[0]) if match else None
    return found.strip() if found and is_readable(found) else None


def _lines(text: str) -> list[str]:
    """The lines that may have a version, without what is none."""
    lines = (_COLOUR.sub("", line[:_LONGEST_LINE]) for line in text[:_LONGEST_TEXT].splitlines())
    kept = (_NOT_A_VERSION.sub(" ", line).strip() for line in lines if not _SKIPPED.match(line))
    return [line for line in kept if line]


def _is_impostor(program: str, lines: list[str]) -> bool:
    """Whether the output is that of another program, which stands under this one's name."""
    other = _IMPOSTORS.get(program)
    return other is not None and any(re.search(rf"(?<![\w-])(?:{other})(?!\w)", line, re.IGNORECASE) for line in lines)


def _after_name(program: str, lines: list[str], _printed: list[str]) -> _Reading:
    if not program:
        return _NOTHING
    reading = _after_this_name(program, lines)
    family = re.sub(r"[-.]?[0-9][0-9.]*$", "", program)
    if not reading.is_certain and family[-1:].isalpha() and family != program:  # python3.11 says Python
        reading = _after_this_name(family, [line.replace(program, family) for line in lines])
    return reading


def _after_this_name(name: str, lines: list[str]) -> _Reading:
    """The number after this name; a snapshot has a word instead of a number, so that none can be told."""
    own = re.compile(rf"(?<![\w@]){re.escape(name)}(?![\w.+-]*\.\w+:)", re.IGNORECASE)
    for line in lines:
        places = list(own.finditer(line))
        for pattern in (_NUMBERED_NAME, _DOTTED_NAME, _GLUED_NAME):
            for place in places:
                match = pattern.match(line, place.end())
                if match and (match[1].startswith("10.") or not _ADDRESS.fullmatch(match[1])):
                    return _Reading(True, match[1])
        at_start = [each for each in reversed(places) if _PREFIX.fullmatch(line, 0, each.start())]
        for place in at_start:
            match = _WHOLE_NAME.match(line, place.end())
            if match and match.start(1) > place.end() and not _AFTER_VERSION.search(line, match.end(1)):
                return _Reading(True, match[1] + (match[2] or ""))
        if any(_SNAPSHOT_NAME.match(line, place.end()) for place in at_start):
            return _NONE
    return _NOTHING


def _alone(_program: str, lines: list[str], _printed: list[str]) -> _Reading:
    """The line that is nothing but a version."""
    matches = [_ALONE.fullmatch(line) for line in lines if "." in line]
    return _agreed([match[1] for match in matches if match])


def _of_its_own(program: str, lines: list[str], _printed: list[str]) -> _Reading:
    """The number after "version" in lines that give it to this program, or to the client."""
    own = rf"(?<!\w){re.escape(program)}(?!\w)|\Aclient\Z"
    found = [match for line in lines for match in _AFTER_VERSION.finditer(line) if program]
    return _agreed([each["number"] for each in found if re.search(own, each["label"].strip(), re.IGNORECASE)])


def _after_version(program: str, lines: list[str], printed: list[str]) -> _Reading:
    """The number after the word "version" alone, else the only number after something's version."""
    own: list[str] = []
    others: list[str] = []
    for line in lines:
        for match in _AFTER_VERSION.finditer(line):
            label, number = match["label"].strip(), match["number"]
            if _OF_SOMETHING_ELSE.search(label) or ("." not in number and _DOTTED.search(line)):
                continue
            if _is_of_another(label, program, line, printed):
                return _NONE
            (own if _OF_ITSELF.search(label) else others).append(number)
    return _agreed(own or others)


def _is_of_another(label: str, program: str, line: str, printed: list[str]) -> bool:
    """Whether a line gives the version of another program, and another line speaks of this one."""
    if not program or not label or " " in label or not line.startswith(label):
        return False
    own = re.compile(rf"(?<![\w-]){re.escape(program)}(?![\w-])", re.IGNORECASE)
    return any(own.search(each) for each in printed if each != line)


def _on_the_first_line(program: str, lines: list[str], printed: list[str]) -> _Reading:
    """The number that the first line gives after the word "version", else after some name."""
    reading = _after_version(program, lines[:1], printed)
    number = _first_number(lines[0]) if lines and not reading.is_certain else None
    return _Reading(True, number) if number else reading


def _only_one(_program: str, lines: list[str], _printed: list[str]) -> _Reading:
    return _agreed([number for number in map(_first_number, lines) if number])


def _first_number(line: str) -> str | None:
    bare = _BARE.match(line)
    if bare and not _DOTTED.match(line, bare.start(1)):
        return bare[1] + (bare[2] or "")
    outside = _IN_PARENTHESES.sub(" ", line)
    for text in (outside, line):
        for match in _DOTTED.finditer(text):
            if not _ADDRESS.fullmatch(match[1]) and not _OF_ANOTHER.search(text[: match.start()]):
                return match[1]
    return None


def _agreed(numbers: list[str]) -> _Reading:
    """The one version of which all of these are; none is certain where they disagree."""
    if not numbers:
        return _NOTHING
    return _Reading(True, numbers[0]) if len(set(numbers)) == 1 else _NONE
