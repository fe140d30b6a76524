"""A manifest as text with places: its values, and where each of them is written."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mngr_ansible.inputs.yaml_documents import explained, loader
from mngr_ansible.values import frozen

if TYPE_CHECKING:
    import yaml

type Path = tuple[str | int, ...]
"""Keys and numbers that lead to a value: ``("files", 0, "mode")``."""


@frozen
class Problem:
    """Something in a manifest that a run would refuse, or that may surprise.

    Attributes:
        place: ``LINE:COLUMN`` where it is known, else words such as ``files 2``; empty for the whole file.
        text: what is wrong, a clause without a full stop.
        remedy: what to do, as sentences.
        is_warning: whether it works all the same.
    """

    place: str
    text: str
    remedy: str
    is_warning: bool = False


class ManifestText:
    """The values of a manifest.

    Attributes:
        document: what the text says; None where it does not parse.
        is_readable: whether it parses.
        is_toml: whether it is TOML, which gives no places.
        problems: why it does not parse, or the keys that are given twice.
    """

    def __init__(self, text: str, *, is_toml: bool) -> None:
        self.document: Any = None
        self.is_readable = True
        self.is_toml = is_toml
        self.problems: list[Problem] = []
        self._root: yaml.Node | None = None
        try:
            self._read_toml(text) if is_toml else self._read_yaml(text)
        except RecursionError:
            self._refuse(Problem("", "it is nested too deeply", "Write it with fewer levels."))

    def _refuse(self, problem: Problem) -> None:
        self.is_readable = False
        self.problems.append(problem)

    def _read_toml(self, text: str) -> None:
        import tomllib

        try:
            self.document = tomllib.loads(text)
        except ValueError as error:
            self._refuse(_repeated_in_toml(str(error), text) or _of_a_parser(str(error)))

    def _read_yaml(self, text: str) -> None:
        import yaml

        try:
            reader = loader(text)
            self._root = reader.get_single_node()
            if self._root is not None:
                self.problems += _without_repeated_keys(self._root, set())
                self.document = reader.construct_document(self._root)
        except yaml.YAMLError as error:
            self._refuse(_of_a_parser(explained(error, text)))

    def written(self, path: Path) -> str | None:
        """A word as it is written in YAML, such as ``no``; None for what is no single word."""
        import yaml

        node = self._root
        for part in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
            elif isinstance(node, yaml.MappingNode):
                node = next((value for key, value in node.value if getattr(key, "value", None) == str(part)), None)
            else:
                return None
        return str(node.value) if isinstance(node, yaml.ScalarNode) else None

    def place(self, path: Path) -> str:
        """Where a value is written, or its key if the last part of the path is one that has none."""
        import yaml

        if self._root is None:
            return " ".join(str(each + 1) if isinstance(each, int) else each for each in path)
        node, mark = self._root, self._root.start_mark
        for part in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                mark = node.start_mark
            elif isinstance(node, yaml.MappingNode):
                pairs = [pair for pair in node.value if getattr(pair[0], "value", None) == str(part)]
                if not pairs:
                    break
                key, node = pairs[-1]
                mark = key.start_mark
            else:
                break
        return f"{mark.line + 1}:{mark.column + 1}"


def _repeated_in_toml(message: str, text: str) -> Problem | None:
    """The problem where a key is given twice, which TOML's parser does not name; None for another message."""
    found = re.match(r"Cannot overwrite a value \(at line (\d+), column \d+\)", message)
    lines = text.split("\n")
    if found is None or int(found[1]) > len(lines):
        return None
    number = int(found[1])
    key = re.match(r"\s*([\w.\"'-]+)\s*=", lines[number - 1])
    if key is None:
        return None
    same = re.compile(rf"\s*{re.escape(key[1])}\s*=")
    first = next((each for each in range(number - 1, 0, -1) if same.match(lines[each - 1])), None)
    where = f"; the first time in line {first}" if first else ""
    column = len(lines[number - 1]) - len(lines[number - 1].lstrip()) + 1
    return Problem(f"{number}:{column}", f"{key[1]!r} is given twice{where}", "Remove one of them.")


def _of_a_parser(message: str) -> Problem:
    """The problem for a text that does not parse, whose message ends with its place."""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    place = f"{found[1]}:{found[2]}" if found else ""
    what = " ".join(message[: found.start()].split()) if found else " ".join(message.split())
    return Problem(place, f"it does not parse: {what}", _remedy(what))


def _remedy(what: str) -> str:
    """What to do about what YAML's own words mean."""
    if "found character '\\t'" in what:
        return "YAML does not allow tabs: indent with blanks."
    if "mapping values are not allowed" in what:
        return "Put quotes around a value that has a colon in it."
    if "cannot start any token" in what or "while scanning" in what:
        return "Put quotes around a value that begins with a special character such as @, %, * or >."
    return "Correct the text at this place, or just before it."


def _without_repeated_keys(node: "yaml.Node", seen: set[int]) -> Iterator[Problem]:
    """The keys that are given twice; of each the first value is left in the nodes."""
    import yaml

    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _without_repeated_keys(each, seen)
    elif isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        kept = []
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in first:
                place = f"{key.start_mark.line + 1}:{key.start_mark.column + 1}"
                text = f"{key.value!r} is given twice; the first time in line {first[key.value]}"
                yield Problem(place, text, "Remove one of them, or write both values as one list.")
                continue
            if isinstance(key, yaml.ScalarNode):
                first[key.value] = key.start_mark.line + 1
            kept.append((key, value))
            yield from _without_repeated_keys(value, seen)
        node.value = kept
