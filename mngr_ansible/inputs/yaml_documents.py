"""YAML documents, strictly: a key that is given twice is refused, and numbers stay as they were written."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from mngr_ansible.inputs.written_numbers import WrittenFloat, WrittenInteger
from mngr_ansible.spec.validation import short_repr

if TYPE_CHECKING:
    import yaml


def read_yaml(text: str) -> object:
    """Read YAML. A key that is given twice is refused: PyYAML would drop the first one silently.

    Raises:
        ValueError: it does not parse; the message ends with the place.
    """
    import yaml

    try:
        return loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(explained(error, text)) from error


def loader(text: str) -> "yaml.SafeLoader":
    """What reads the text: first its nodes, which know their places, then their values.

    Raises:
        yaml.YAMLError: a character of it is not allowed; its methods raise where the text does not parse.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            names = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in names:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
                names.add(key.value)
            mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
            return mapping

        def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except (ValueError, LookupError, AttributeError, TypeError) as error:  # of PyYAML's: 2020-02-30, !!int ""
                kind = node.tag.rpartition(":")[2]
                shown = short_repr(node.value) if isinstance(node.value, str) else "this"
                problem = f"{shown} cannot be read as {kind}"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

        def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
            return WrittenInteger(super().construct_yaml_int(node), node.value)

        def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
            return WrittenFloat(super().construct_yaml_float(node), node.value)

    Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_yaml_int)
    Loader.add_constructor("tag:yaml.org,2002:float", Loader.construct_yaml_float)
    return Loader(text)


def explained(error: "yaml.YAMLError", text: str) -> str:
    """What YAML found wrong, with its place at the end."""
    import yaml

    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        return f"{', '.join(filter(None, (error.context, error.problem)))}{where}"
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        return f"the character U+{ord(text[error.position]):04X} is not allowed (at line {line}, column {column})"
    return str(error)
