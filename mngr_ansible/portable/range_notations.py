"""Version ranges as other tools write them, and what to write instead. Used only to say so.

Shared with the roles (Python 3.9, standard library only). Source: node-semver (``^``, ``~``, ``x``, ``-``, ``||``),
PEP 440 (``~=``, ``==3.9.*``), RubyGems (``~>``), Cargo (``=``), Maven's intervals, Gradle (``1.+``), Debian policy 7.1
(``>>``, parentheses).
"""

from __future__ import annotations

import re

from .regular_expressions import regex

_VERSION = r"v?([0-9]+(?:\.[0-9]+)*)"
_PLAIN = regex(rf"{_VERSION}(?:[-+~][0-9A-Za-z.+~-]*|(?:a|b|rc|p)[0-9]+|[a-z])?")
_WILDCARD = regex(rf"(>=|<=|==|!=|>|<)?\s*{_VERSION}(?:\.[xX*])+")
_INTERVAL = regex(r"([\[(])\s*([0-9][\w.-]*)?\s*(?:(,)\s*([0-9][\w.-]*)?)?\s*([\])])")
_COMPATIBLE = regex(rf"(\^|~=|~>|~)\s*{_VERSION}((?:\.[xX*])*|[-+a-z][0-9A-Za-z.+-]*)")
_HYPHEN = regex(rf"{_VERSION}(?:\.[xX*])*\s+-\s+{_VERSION}((?:\.[xX*])*)")
_CLAUSE = regex(r"(?:>=|<=|==|!=|>|<)\s*v?[0-9][0-9A-Za-z.+~_-]*")
_BETWEEN_CLAUSES = regex(
    r"\s*(?:,|;|&&?)\s*|\s+and\s+|(?<=[0-9A-Za-z*])\s+(?=[<>=!~^])|(?<=[0-9A-Za-z])(?=[<>!^])", re.IGNORECASE
)
_OPERATORS = {
    ">>": ">",
    "<<": "<",
    "=": "==",
    "===": "==",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "\u2265": ">=",
    "\u2264": "<=",
    "\u2260": "!=",
    "!": "!=",
    "!==": "!=",
}
_OPERATOR = regex(rf"({'|'.join(sorted(map(re.escape, _OPERATORS), key=len, reverse=True))})\s*([^<>=!~^\s]\S*)")
_ANY = regex(r"[*xX]|latest|newest|any|lts|stable|current", re.IGNORECASE)


def translation(text: str) -> str:
    """What to write instead of another tool's notation, as the end of a sentence; empty if it is none that is known."""
    text = text.strip()
    if _ANY.fullmatch(text):
        return "leave the version out for any version"
    if "||" in text or re.search(r"[0-9*xX\s]\|[^|]|\bor\b", text):
        return "it has alternatives; write one range that covers what you need, such as '>=20,<23'"
    if re.search(r"\d![0-9]", text):  # Source: PEP 440, "Version epochs"
        return f"leave out the epoch, upstream versions are compared: {re.sub(r'[0-9]+!(?=[0-9])', '', text)!r}"
    clauses = _whole(text) or [clause for clause in _BETWEEN_CLAUSES.split(text) if clause]
    written = [_translated(clause) for clause in clauses]
    if "" in written:
        return "a version without its last parts cannot be left out of a range; write the versions that you need"
    if not all(map(_CLAUSE.fullmatch, ",".join(written).split(","))):
        return ""
    written = [each.replace(" ", "") for each in written]
    if written != clauses or clauses != [each.strip() for each in text.split(",") if each.strip()]:
        return f"write {','.join(written)!r}"
    return ""


def requirement_translation(name: str, rest: str) -> str:
    """What requirement to write instead of a name with this after it (``@20``, ``(>= 2.39)``, ``20.x``), as a sentence.

    Empty if the notation is not known.
    """
    rest = rest.strip()
    text = rest.lstrip("@:=").strip()
    if _ANY.fullmatch(text):
        return f"Write {name} for any version."
    inner = re.fullmatch(r"""\(\s*([<>=!~^].*)\)|["'{]\s*([<>=!~^].*)["'}]""", text)
    text = (inner[1] or inner[2]).strip() if inner else text
    if _PLAIN.fullmatch(text) and not text.endswith("+"):
        if rest[0] in "@:" and re.fullmatch(_VERSION, text):
            return f"Write '{name}{_translated(text.lstrip('v') + '.x')}'."  # npm's and docker's 20 is 20.x
        return f"Write '{name}>={text}' or '{name}=={text}'."
    told = re.fullmatch(r"write '(.*)'", translation(text))
    if told:
        return f"Write '{name}{told[1]}'."
    return f"Write '{name}{text.replace(' ', '')}'." if inner and not translation(text) else ""


def _whole(text: str) -> list[str]:
    """The clauses of a notation that is not put together from clauses: an interval, or two versions with a hyphen."""
    interval = _INTERVAL.fullmatch(text)
    if interval:
        first, lower, comma, upper, last = interval.groups()
        if not comma:
            return [f"=={lower}"] if lower else []
        bounds = [
            f"{'>=' if first == '[' else '>'}{lower}" if lower else "",
            f"{'<=' if last == ']' else '<'}{upper}" if upper else "",
        ]
        return [each for each in bounds if each]
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen:
        return [f">={hyphen[1]}", f"<{_following(hyphen[2])}" if hyphen[3] else f"<={hyphen[2]}"]
    return []


def _translated(clause: str) -> str:
    """One clause in our notation; the clause itself if it is not of another tool, empty if ours has nothing for it."""
    compatible = _COMPATIBLE.fullmatch(clause)
    if compatible:
        suffix = "" if compatible[3].startswith(".") else compatible[3]
        return _compatible_range(compatible[1], compatible[2], suffix)
    strict = _OPERATOR.fullmatch(clause)
    if strict:
        clause = _OPERATORS[strict[1]] + strict[2]
    wildcard = _WILDCARD.fullmatch(clause)
    if not wildcard:
        clause = re.sub(r"\A(>=|<)\s*(v?[0-9.]+)-0\Z", r"\1\2", clause)  # node-semver: with all pre-releases
        if re.fullmatch(r"v?[0-9][0-9.]*\.\+", clause):
            return _translated(f"{clause[:-1]}x")
        return f">={clause[:-1]}" if re.fullmatch(r"v?[0-9][0-9.]*\+", clause) else clause
    operator, version = wildcard[1] or "==", wildcard[2]
    return {
        "==": f">={version},<{_following(version)}",
        ">=": f">={version}",
        "<": f"<{version}",
        ">": f">={_following(version)}",
        "<=": f"<{_following(version)}",
        "!=": "",
    }[operator]


def _following(version: str) -> str:
    """The first version after all that begin like this one: ``3.10`` for ``3.9``."""
    head, _, last = version.rpartition(".")
    return f"{head}{'.' if head else ''}{int(last) + 1}"


def _compatible_range(operator: str, version: str, suffix: str) -> str:
    """``^20`` as ``>=20,<21``, ``~1.2`` as ``>=1.2,<1.3``, ``~=1.2`` and ``~>1.2`` as ``>=1.2,<2``."""
    parts = version.split(".")
    last = len(parts) - 1
    if operator == "^":
        fixed = next((index for index, part in enumerate(parts) if int(part)), last)
    elif operator == "~":
        fixed = min(1, last)
    else:
        fixed = max(last - 1, 0)
    return f">={version}{suffix},<{_following('.'.join(parts[: fixed + 1]))}"
