"""The page of the Python names, from the source of their modules: signatures and docstrings."""

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

import mngr_ansible
from mngr_ansible import api, errors, testing
from mngr_ansible.diff import outcome
from mngr_ansible.inputs import hookspecs
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.plan import plan
from mngr_ansible.report import report
from mngr_ansible.spec import files, packages, sources
from mngr_ansible.testing import agents, hosts, plans
from tools.reference.markdown import block, code, head, table

_HOOKIMPL = """\
### hookimpl

```python
@hookimpl
def provision_agent(agent): ...
```

The decorator of a plugin's hooks. mngr's own `hookimpl` does the same.
"""
_AUTHORS = {
    "FileTransferSpec": files,
    "PackageRequirement": packages,
    "Check": packages,
    "Source": sources,
    "PluginMngrError": errors,
}
_MAPPINGS = {"Repository": sources, "When": sources}
_CALLERS = {
    "build_plan": api,
    "provision": api,
    "Plan": plan,
    "Report": report,
    "HostReport": report,
    "Outcome": outcome,
    "Status": outcome,
    "MngrAnsibleError": errors,
}
_TESTS = {
    "plan_of": plans,
    "fake_host": hosts,
    "plan_host": plans,
    "statuses": plans,
    "FakeHost": hosts,
    "FakeAgent": agents,
}
_WIDTH = 88
_RETURNED = ("Plan", "Report", "HostReport", "Outcome", "Status", "FakeHost", "FakeAgent")
"""What callers are given, and never make."""
_SECTIONS = ("Args", "Attributes", "Raises", "Returns")
type _Definition = ast.FunctionDef | ast.ClassDef


def page() -> str:
    """Every public name, each with its signature and what it does.

    Raises:
        ValueError: a public name has no place on the page.
    """
    if missing := {*mngr_ansible.__all__, *testing.__all__} - {*_AUTHORS, *_CALLERS, *_TESTS, "hookimpl"}:
        raise ValueError(f"no place on the page of Python names: {missing}")
    lines = head(
        "Python names",
        "the docstrings of `mngr_ansible`",
        "What `from mngr_ansible import …` and `mngr_ansible.testing` offer; nothing else is promised. How to use it: "
        "[For plugin authors](../plugin-authors.md), [Python API](../python-api.md).",
        "## Hooks",
        "A plugin implements any of these, with any of the arguments.",
    )
    for name in HOOKS:
        lines += _entry(name, _definition(hookspecs, name))
    lines += ["## For plugin authors", "", _HOOKIMPL]
    for name, module in _AUTHORS.items():
        lines += _entry(name, _definition(module, name))
    lines += ["## Keys of a source", "", "`repository` and `when` of a `Source` are mappings with these keys.", ""]
    for name, module in _MAPPINGS.items():
        lines += _entry(name, _definition(module, name))
    lines += [
        "## For tests of plugins",
        "",
        "From `mngr_ansible.testing`; the functions are fixtures of pytest too.",
        "",
    ]
    for name, module in _TESTS.items():
        lines += _entry(name, _definition(module, name))
    lines += ["## For callers", ""]
    for name, module in _CALLERS.items():
        lines += _entry(name, _definition(module, name))
    return "\n".join(lines).rstrip() + "\n"


def _definition(module: Any, name: str) -> _Definition:
    tree = ast.parse(inspect.getsource(module))
    found = [each for each in tree.body if isinstance(each, _Definition.__value__) and each.name.lstrip("_") == name]
    return found[0]  # type: ignore[no-any-return]


def _entry(name: str, defined: _Definition) -> list[str]:
    lines = [f"### {name}", ""]
    is_enumeration = isinstance(defined, ast.ClassDef) and any("Enum" in ast.unparse(each) for each in defined.bases)
    if name not in _RETURNED:
        lines += block(_signature(name, _parameters(defined), getattr(defined, "returns", None)), "python")
    lines += _prose(ast.get_docstring(defined) or "")
    if isinstance(defined, ast.ClassDef):
        lines += table(("it has", "which is"), _members(defined))
        if is_enumeration:
            values = (code(str(each.value.value)) for each in defined.body if _is_constant(each))  # type: ignore[attr-defined]
            lines += [", ".join(values), ""]
    return lines


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


def _parameters(defined: _Definition) -> list[str]:
    """The parameters of a function, or of a class: those of its own ``__init__``, or else its fields."""
    if isinstance(defined, ast.ClassDef):
        own = [each for each in defined.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        if not own:
            fields = [each for each in defined.body if isinstance(each, ast.AnnAssign)]
            return [ast.unparse(each) for each in fields if not ast.unparse(each.target).startswith("_")]
        return [each for each in _parameters(own[0]) if each != "self"]
    given = defined.args
    first = len(given.args) - len(given.defaults)
    found = [
        _parameter(each, given.defaults[index - first] if index >= first else None)
        for index, each in enumerate(given.args)
    ]
    if given.kwonlyargs:
        found += ["*", *map(_parameter, given.kwonlyargs, given.kw_defaults)]
    return [*found, f"**{ast.unparse(given.kwarg)}"] if given.kwarg else found


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default is not None else "")


def _signature(name: str, parameters: Sequence[str], returns: ast.expr | None) -> str:
    end = f") -> {ast.unparse(returns)}" if returns is not None else ")"
    line = f"{name}({', '.join(parameters)}{end}"
    return line if len(line) <= _WIDTH else "\n".join([f"{name}(", *(f"    {each}," for each in parameters), end])


def _members(defined: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The public methods and properties of a class, each with the first paragraph of its docstring."""
    for each in defined.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            decorators = {ast.unparse(decorator) for decorator in each.decorator_list}
            names = [one.arg for one in (*each.args.args, *each.args.kwonlyargs) if one.arg not in ("self", "cls")]
            shown = each.name if "property" in decorators else f"{each.name}({', '.join(names)})"
            yield code(shown), _inline((ast.get_docstring(each) or "").partition("\n\n")[0])


def _prose(docstring: str) -> list[str]:
    """A docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    for paragraph in docstring.split("\n\n"):
        title, _, rest = paragraph.partition("\n")
        if title.rstrip(":") in _SECTIONS and title.endswith(":"):
            entries = re.split(r"\n(?=\S)", inspect.cleandoc(rest))
            lines += [f"**{title.rstrip(':')}**", "", *map(_list_entry, entries), ""]
        else:
            lines += [_inline(paragraph), ""]
    return lines


def _list_entry(entry: str) -> str:
    name, _, text = entry.partition(": ")
    return f"- `{name}`: {_inline(text)}"


def _inline(text: str) -> str:
    """reStructuredText inside a paragraph as Markdown, in one line."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    text = re.sub(r"`*docs/([\w-]+\.md)`*(?: \"([^\"]+)\")?", _cited, text)
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def _cited(found: re.Match[str]) -> str:
    page, section = found[1], found[2]
    if section is None:
        return f"[{page}](../{page})"
    anchor = re.sub(r"[^\w\- ]", "", section.lower()).replace(" ", "-")
    return f"[{page}, {section}](../{page}#{anchor})"
