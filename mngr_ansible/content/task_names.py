"""Full names for modules and roles in YAML: ``mngr_files_copy`` becomes ``mngr.provisioning.mngr_files_copy``.

Ansible finds the modules and roles of a collection only by such a name. What is rewritten is found in the parsed YAML,
so a variable that has the name of a module stays as it is; everything else of the text is kept, comments too. Source of
the keys of plays and tasks: Ansible's "Playbook Keywords".
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

import yaml

from mngr_ansible.portable.regular_expressions import regex

_TASK_LISTS = frozenset({"tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"})
_ROLE_TASKS = frozenset(f"{prefix}{verb}_role" for prefix in ("", "ansible.builtin.") for verb in ("import", "include"))
_YAML_BLOCK = regex(r"^```ya?ml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_ROLE_AT_END = regex(r"(?:^|/|')(?P<name>\w+)(?:/*|'\] \| path_join \}\})$")
_SHIPPED_PLAYBOOK = regex(r'"\$\(mngr-ansible content\)/playbooks/(?P<name>\w+)\.yml"')
_COMMENT_ON_ROLES = regex(r"(?<=\broles:) #.*$", re.MULTILINE)
_MODULE_REFERENCE = r"(?P<before>\bM\(|- (?:module|plugin): )(?P<name>{names})\b"


class Names(NamedTuple):
    """What has a full name: the modules and the roles of one collection, and the prefix, with its full stop."""

    modules: Collection[str]
    roles: Collection[str]
    prefix: str


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def with_full_names(text: str, names: Names) -> str:
    """A file of tasks, of handlers or of plays, with full names. Text that is no list of those comes back as it is."""
    edits = sorted(_edits(yaml.compose(text, Loader=yaml.SafeLoader), names), reverse=True)
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    return text


def page_with_full_names(text: str, names: Names) -> str:
    """A Markdown page whose examples have full names: each block of YAML that holds plays or tasks."""
    text = _SHIPPED_PLAYBOOK.sub(lambda found: f"{names.prefix}{found['name']}", text)
    return _YAML_BLOCK.sub(lambda found: f"```yaml\n{with_full_names(found['text'], names)}```", text)


def playbook_with_full_names(text: str, names: Names) -> str:
    """A playbook with full names, whose comments say how it is run from the collection."""
    text = _SHIPPED_PLAYBOOK.sub(lambda found: f"{names.prefix}{found['name']}", with_full_names(text, names))
    return _COMMENT_ON_ROLES.sub("", text)


def documentation_with_full_names(text: str, names: Names) -> str:
    """A module's DOCUMENTATION or RETURN whose references to other modules have full names."""
    pattern = _MODULE_REFERENCE.format(names="|".join(map(re.escape, sorted(names.modules, reverse=True))))
    return re.sub(pattern, lambda found: f"{found['before']}{names.prefix}{found['name']}", text)


def _edits(node: yaml.Node | None, names: Names) -> Iterator[_Edit]:
    """The places of a list of plays or tasks where a short name stands."""
    if not isinstance(node, yaml.SequenceNode):
        return
    for each in node.value:
        if isinstance(each, yaml.MappingNode):
            yield from _play_or_task(each, names)


def _play_or_task(node: yaml.MappingNode, names: Names) -> Iterator[_Edit]:
    for key, value in node.value:
        if key.value in _TASK_LISTS:
            yield from _edits(value, names)
        elif key.value == "roles" and isinstance(value, yaml.SequenceNode):
            for each in value.value:
                yield from _role(each, ("role", "name"), names)
        elif key.value in _ROLE_TASKS:
            yield from _role(value, ("name",), names)
        elif key.value in names.modules:
            yield _named(key, key.value, names)


def _role(node: yaml.Node, keys: Collection[str], names: Names) -> Iterator[_Edit]:
    """A role that is named by its name, its path or the parts of its path, alone or under one of the keys."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in keys:
                yield from _role(value, (), names)
    elif isinstance(node, yaml.ScalarNode):
        found = _ROLE_AT_END.search(node.value)
        if found and found["name"] in names.roles:
            yield _named(node, found["name"], names)


def _named(node: yaml.Node, name: str, names: Names) -> _Edit:
    return _Edit(node.start_mark.index, node.end_mark.index, f"{names.prefix}{name}")
