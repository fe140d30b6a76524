"""``Due`` → a playbook of plain tasks, for people who go on by hand: Ansible's own modules, no role of ours. Pure.

Hosts with the same tasks share a play. Data that looks like a template has the tag ``!unsafe``.
Source: docs/ops.md "One plain task a step".
"""

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


def plain_playbook(runs: Sequence[HostRun], bundle: Bundle, *, is_desired: bool = False) -> str:
    """The text of ``provision.yml`` with one plain task a step.

    Args:
        runs: the hosts.
        bundle: where their files are beside the playbook, and the environment variables of their secrets.
        is_desired: it holds all that is wanted, not only what is due.

    Raises:
        InputError: a name is not UTF-8, and YAML has no way to write it.
    """
    plays: list[tuple[list[str], Task]] = []
    for run in runs:
        play = _play(run, bundle, is_desired=is_desired)
        same = next((hosts for hosts, each in plays if each == play), None)
        if same is None:
            plays.append(([run.alias], play))
        else:
            same.append(run.alias)
    is_one = len(plays) == 1
    documents = [
        {"name": f"Provision {'the hosts' if is_one and len(hosts) > 1 else ', '.join(hosts)}"}
        | {"hosts": "mngr_hosts" if is_one else ",".join(hosts)}
        | play
        for hosts, play in plays
    ]
    return _HEAD + document(documents)


def _play(run: HostRun, bundle: Bundle, *, is_desired: bool) -> Task:
    if run.stop:
        stop = {"name": "Stop, since it is known that a step cannot be done", "ansible.builtin.fail": {"msg": run.stop}}
        return {"gather_facts": False, "tasks": [stop]}
    _refuse_other_names(run)
    variables = package_variables(run)
    tasks = [
        *_environment_check(run, bundle),
        *python_tasks(run),
        *file_tasks(run, bundle, is_desired=is_desired),
        *package_tasks(run),
    ]
    return {"gather_facts": False} | ({"vars": variables} if variables else {}) | {"tasks": tasks}


def _environment_check(run: HostRun, bundle: Bundle) -> Iterator[Task]:
    """The first task: nothing is changed where the environment lacks a secret."""
    if needed := environment(run, bundle):
        yield {
            "name": "Check that the environment has what this directory leaves out",
            "ansible.builtin.assert": {
                "that": Template(
                    "lookup('ansible.builtin.env', item.name) | length > 0 "
                    "or lookup('ansible.builtin.env', item.name ~ '_FILE') | length > 0"
                ),
                "fail_msg": Template("{{ item.unset }}"),
                "quiet": True,
            },
            "loop": [dict(each) for each in needed],
            "loop_control": {"label": Template("{{ item.name }}")},
        }


def _refuse_other_names(run: HostRun) -> None:
    for due in run.due.transfers:
        for placed in due.entries:
            for name in (placed.path, placed.entry.target or ""):
                if not name.isascii() and "\udc80" <= max(name) <= "\udcff":
                    raise InputError(
                        f"{printable(name)} is not UTF-8, and a playbook cannot hold such a name",
                        remedy="Rename it, exclude it, or leave --tasks out: the roles can write it.",
                        host=run.alias,
                    )
