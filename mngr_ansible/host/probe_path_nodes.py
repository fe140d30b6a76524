"""Read what the probe found on the ways to destinations: whose each directory and link is, and where links lead."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from mngr_ansible.host.probe_request import directories_above
from mngr_ansible.host.state import PathNode
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import printable

_KINDS = {"d": "directory", "l": "link", "L": "link"}
_NODE = regex(r"([0-7]{1,5}):(\d{1,10}):(.{0,80})")
_STEP = regex(r"([01]) ([dl]) (\S+) (\S*) (.+)")


def read_path_nodes(
    lines: Sequence[str],
    nodes: Sequence[str],
    targets: Sequence[str],
    steps: Sequence[str],
    asked: Sequence[tuple[bool, Sequence[str]]],
) -> Mapping[bool, Mapping[str, PathNode]]:
    """What is at every path on the ways to destinations, as root saw it and as the remote user saw it.

    Args:
        lines: of the word ``way``.
        nodes: of ``node``.
        targets: of ``to``.
        steps: of ``step``.
        asked: who looked at which absolute paths, in the order of the lines.

    Raises:
        ValueError: the lines are about other paths.
    """
    found: dict[bool, dict[str, PathNode]] = {False: {}, True: {}}
    if len(lines) != len(asked):
        raise ValueError("nodes of other paths")
    states, links = iter(nodes), iter(targets)
    for line, (as_root, paths) in zip(lines, asked, strict=True):
        match = re.fullmatch(r"([01]) ([lLfudon]*)", line)
        if match is None or (match[1] == "1") is not as_root or len(match[2]) != len(paths):
            raise ValueError("nodes of other paths")
        for path, letter in zip(paths, match[2], strict=True):
            if letter != "n":
                found[as_root][path] = _node(_KINDS.get(letter, "other"), next(states, ""))
        for path, letter in zip(paths, match[2], strict=True):
            if letter in "lL":
                node = found[as_root][path]
                found[as_root][path] = node._replace(target=decoded_path(next(links, "")))
    if next(states, None) is not None or next(links, None) is not None:
        raise ValueError("nodes of more paths than there are")
    for as_root, path, node in _steps(steps):
        found[as_root].setdefault(path, node)
    return found


def asked_paths(home: str, work_dir: str, paths: Sequence[str]) -> list[list[str]]:
    """The paths that the script looks at, line by line."""
    return [directories_above(home), directories_above(work_dir), list(paths)]


def _steps(lines: Sequence[str]) -> Iterator[tuple[bool, str, PathNode]]:
    for line in lines:
        match = _STEP.fullmatch(line)
        if match is None:
            raise ValueError(f"the step {line[:80]!r}")
        who, letter, path, target, state = match.groups()
        yield who == "1", decoded_path(path), _node(_KINDS[letter], state)._replace(target=decoded_path(target))


def _node(kind: str, state: str) -> PathNode:
    match = _NODE.fullmatch(state)
    if match is None:
        raise ValueError(f"the state {state[:40]!r}")
    return PathNode(kind, int(match[1], 8), int(match[2]), printable(match[3]))


def decoded_path(text: str) -> str:
    """A path as the script encodes it: after ``=`` as it is, else in hexadecimal.

    Raises:
        ValueError: it is neither.
    """
    if re.fullmatch(r"=[!-~]*", text):
        return text[1:]
    if not re.fullmatch(r"(?:[0-9a-f]{2})+", text):
        raise ValueError(f"the path {text[:80]!r}")
    return os.fsdecode(bytes.fromhex(text))
