"""Imports of the collection in the Python files of the roles, which Ansible finds there by another name.

A role's module imports ``ansible.module_utils.mngr_packages_queries``; in a collection that file is
``ansible_collections.mngr.provisioning.plugins.module_utils.mngr_packages_queries``. What is rewritten is found in the
parsed file, and replaced in its text. Source: Ansible's "Developing collections", "Using collections in playbooks".
"""

import ast
import io
import re
import tokenize

from mngr_ansible.content.task_names import Names, documentation_with_full_names, with_full_names

_OLD = "ansible.module_utils"


def with_collection_imports(source: str, names: Names) -> str:
    """A module or an action plugin that imports from the collection, and whose documentation has full names.

    An action plugin of a role has to load its ``module_utils`` by their path, in the ``else`` of ``if TYPE_CHECKING``,
    because Ansible gives those of a role to modules alone. In a collection both are one import.
    """
    tree = ast.parse(source)
    edits: list[tuple[int, int, str]] = []
    for node in tree.body:
        if isinstance(node, ast.If) and node.orelse and any(map(_is_ours, node.body)):
            edits.append(_whole_lines(node, _imports_for_good(source, node, names)))
        elif _is_ours(node) or isinstance(node, ast.If):
            edits.append(_whole_lines(node, _renamed(_lines(source, node), names)))
        elif (
            isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            edits.append(_whole_lines(node, _documented(node, node.value.value, _lines(source, node), names)))
    return _with_unused_named(_without_idle_imports(_replaced(source, edits)))


def _is_ours(node: ast.stmt) -> bool:
    """Whether a statement imports ``module_utils`` of a role: ``mngr_…`` of Ansible's package."""
    if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
        return False
    if node.module == _OLD:
        return all(each.name.startswith("mngr_") for each in node.names)
    return node.module.startswith(f"{_OLD}.mngr_")


def _imports_for_good(source: str, node: ast.If, names: Names) -> str:
    """An ``if TYPE_CHECKING`` with an ``else`` that loads the same: our imports before it, the rest inside it."""
    ours = "".join(_dedented(_lines(source, each)) for each in node.body if _is_ours(each))
    others = "".join(_lines(source, each) for each in node.body if not _is_ours(each))
    test = ast.get_source_segment(source, node.test)
    return _renamed(ours, names) + (f"\nif {test}:\n{others}" if others else "")


def _renamed(lines: str, names: Names) -> str:
    """Imports of a role's ``module_utils``, from the collection."""
    package = f"ansible_collections.{names.prefix}plugins.module_utils"
    lines = re.sub(rf"\bfrom {re.escape(_OLD)}\.(?=mngr_)", f"from {package}.", lines)
    lines = re.sub(rf"\bfrom {re.escape(_OLD)} import (?=\(?\s*mngr_)", f"from {package} import ", lines)
    return re.sub(r"  # noqa: E402$", "", lines, flags=re.MULTILINE)


def _documented(node: ast.Assign, value: str, lines: str, names: Names) -> str:
    target = node.targets[0]
    what = target.id if isinstance(target, ast.Name) else ""
    if what == "EXAMPLES":
        return lines.replace(value, with_full_names(value, names))
    if what in ("DOCUMENTATION", "RETURN"):
        return lines.replace(value, documentation_with_full_names(value, names))
    return lines


def action_with_full_names(source: str, names: Names) -> str:
    """An action plugin that runs the collection's modules: a string that is a module's name is its full name."""
    lines = source.splitlines(keepends=True)
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names.modules
    ]
    for node in sorted(found, key=lambda node: node.col_offset, reverse=True):
        index = node.lineno - 1
        start = len(lines[index].encode()[: node.col_offset].decode())
        name = str(node.value)
        lines[index] = lines[index][:start] + lines[index][start:].replace(name, names.prefix + name, 1)
    return "".join(lines)


def _without_idle_imports(source: str) -> str:
    """Without the imports of the standard library that nothing in the file uses any more, not even in an annotation."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    edits: list[tuple[int, int, str]] = []
    for node in tree.body:
        if isinstance(node, ast.Import) and not any((a.asname or a.name.partition(".")[0]) in used for a in node.names):
            edits.append(_whole_lines(node, ""))
        elif isinstance(node, ast.ImportFrom) and node.module == "typing":
            names = ", ".join(each.name for each in node.names if each.name in used)
            if len(names.split(", ")) < len(node.names) or not names:
                edits.append(_whole_lines(node, f"from typing import {names}\n" if names else ""))
    return _replaced(source, edits)


def _with_unused_named(source: str) -> str:
    """With ``_unused`` for ``_``, which ansible-test does not allow as a name: elsewhere it is gettext's."""
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type == tokenize.NAME and token.string == "_":
            row, column = token.start
            lines[row - 1] = f"{lines[row - 1][:column]}_unused{lines[row - 1][column + 1 :]}"
    return "".join(lines)


def _lines(source: str, node: ast.stmt) -> str:
    return "".join(source.splitlines(keepends=True)[node.lineno - 1 : node.end_lineno])


def _dedented(lines: str) -> str:
    """Lines of an indented statement at the left margin."""
    return re.sub(r"^    ", "", lines, flags=re.MULTILINE)


def _whole_lines(node: ast.stmt | ast.expr, new: str) -> tuple[int, int, str]:
    return node.lineno - 1, node.end_lineno or node.lineno, new


def _replaced(source: str, edits: list[tuple[int, int, str]]) -> str:
    lines = source.splitlines(keepends=True)
    for first, last, new in sorted(edits, reverse=True):
        lines[first:last] = [new]
    return "".join(lines)
