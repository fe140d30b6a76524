"""``Due`` → a playbook of plain tasks, for people who go on by hand: Ansible's own modules, no role of ours. Pure.

There is one play, since Ansible ends a playbook with the first play of which every host has failed. Hosts with the same
tasks share a file of tasks. Data that looks like a template has the tag ``!unsafe``.
Source: docs/ops.md "One plain task a step".
"""

import json
from collections.abc import Iterator, Sequence

from mngr_ansible.errors import InputError
from mngr_ansible.portable.text import printable
from mngr_ansible.run.bundle import Bundle
from mngr_ansible.run.host_vars import environment
from mngr_ansible.run.plain_files import Task, file_tasks
from mngr_ansible.run.plain_packages import package_tasks, package_variables, python_tasks
from mngr_ansible.run.playbook import HostRun
from mngr_ansible.run.yaml_text import Template, document

_HEAD = """\
---
# Plain tasks, one for each step: edit them as you like. ../plan.json says which plugin needs what.
# "removes: /" is always true; with it, --check says "changed" for a command that a run would start.
# Run it by hand: ansible-playbook -i ../inventory provision.yml
"""

_HEAD_OF_TASKS = """\
---
# The tasks of {hosts}. ../provision.yml includes them, and has the variables that they use.
"""

_VALUE = "lookup('ansible.builtin.env', item)"
_IS_BASE64 = (
    f"{_VALUE} | length == 0 or {_VALUE}.split() | join "
    "is match('([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$')"
)
_NO_BASE64 = "{{ item }} is not base64. README.md says what it must contain. Nothing was changed."

_MOST_NAMES = 8
"""Names of hosts that are written in the name of a play or task."""


def plain_playbook(runs: Sequence[HostRun], bundle: Bundle, *, is_desired: bool = False) -> dict[str, str]:
    """The playbook with one plain task a step, and the files of tasks that it includes.

    Args:
        runs: the hosts.
        bundle: where their files are beside the playbook, and the environment variables of their secrets.
        is_desired: it holds all that is wanted, not only what is due.

    Returns:
        Path beside the playbook → text: ``provision.yml``, and where the hosts have different tasks
        ``tasks/NAME.yml``, by the name of the first host that has them.

    Raises:
        InputError: a name is not UTF-8, and YAML has no way to write it.
    """
    sets: list[tuple[list[str], Task]] = []
    for run in runs:
        made = _tasks(run, bundle, is_desired=is_desired)
        same = next((hosts for hosts, each in sets if each == made), None)
        if same is None:
            sets.append(([run.alias], made))
        else:
            same.append(run.alias)
    everyone = [run.alias for run in runs]
    play: Task = {"name": f"Provision {_hosts(everyone)}", "hosts": "mngr_hosts", "gather_facts": False}
    if len(sets) == 1:
        return {"provision.yml": _HEAD + document([play | sets[0][1]])}
    files: dict[str, str] = {}
    tasks: list[Task] = []
    stopped = {run.alias for run in runs if run.stop}
    for hosts, made in sets:
        when = f"inventory_hostname in {json.dumps(hosts)}"
        if hosts[0] in stopped:
            tasks += [each | {"when": when} for each in made["tasks"]]
        elif made["tasks"]:
            name = f"tasks/{hosts[0]}.yml"
            files[name] = _HEAD_OF_TASKS.format(hosts=_hosts(hosts)) + document(made["tasks"], are_tasks=True)
            include: Task = {"name": f"Do the tasks of {_hosts(hosts)}", "ansible.builtin.include_tasks": name}
            tasks.append(include | {key: value for key, value in made.items() if key == "vars"} | {"when": when})
    return {"provision.yml": _HEAD + document([play | {"tasks": tasks}]), **files}


def _hosts(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{', '.join(names[:_MOST_NAMES])} and others"


def _tasks(run: HostRun, bundle: Bundle, *, is_desired: bool) -> Task:
    """The variables, if there are any, and the tasks of one host."""
    if run.stop:
        stop = {"name": "Stop, since it is known that a step cannot be done", "ansible.builtin.fail": {"msg": run.stop}}
        return {"tasks": [stop]}
    _refuse_other_names(run)
    variables = package_variables(run)
    tasks = [
        *_environment_check(run, bundle),
        *python_tasks(run),
        *file_tasks(run, bundle, is_desired=is_desired),
        *package_tasks(run),
    ]
    return ({"vars": variables} if variables else {}) | {"tasks": tasks}


def _environment_check(run: HostRun, bundle: Bundle) -> Iterator[Task]:
    """The first tasks: nothing is changed where the environment lacks a secret, or what it has is no base64."""
    if needed := environment(run, bundle):
        yield {
            "name": "Check that the environment has what this directory leaves out",
            "ansible.builtin.assert": {
                "that": Template(
                    "lookup('ansible.builtin.env', item.name) | length > 0 "
                    "or lookup('ansible.builtin.env', item.name ~ '_FILE') is exists"
                ),
                "fail_msg": Template(
                    "{% set file = lookup('ansible.builtin.env', item.name ~ '_FILE') %}"
                    "{{ file ~ ', of ' ~ item.name ~ '_FILE, does not exist. Nothing was changed.' "
                    "if file else item.unset }}"
                ),
                "quiet": True,
            },
            "loop": [dict(each) for each in needed],
            "loop_control": {"label": Template("{{ item.name }}")},
        }
    needed_names = {each["name"] for each in needed}
    encoded = [each for each in bundle.secrets.values() if each.is_base64 and each.variable in needed_names]
    if encoded:
        yield {
            "name": "Check that what is not text is given as base64",
            "ansible.builtin.assert": {"that": Template(_IS_BASE64), "fail_msg": Template(_NO_BASE64), "quiet": True},
            "loop": [each.variable for each in encoded],
        }


def _refuse_other_names(run: HostRun) -> None:
    for due in run.due.transfers:
        for placed in due.entries:
            for name in (placed.path, placed.entry.target or ""):
                if not name.isascii() and "\udc80" <= max(name) <= "\udcff":
                    raise InputError(
                        f"{printable(name)} is not UTF-8, and a playbook cannot contain such a name",
                        remedy="Rename it, exclude it, or leave --tasks out: the roles can write it.",
                        host=run.alias,
                    )
