"""Full names in YAML, in pages and in Python."""

from mngr_ansible.content.python_imports import action_with_full_names, with_collection_imports
from mngr_ansible.content.task_names import Names, page_with_full_names, with_full_names

NAMES = Names({"do_it", "do_it_all"}, {"role_a"}, "ns.col.")


def test_a_task_a_block_and_a_handler_get_full_names() -> None:
    text = "---\n- name: X # why\n  block:\n    - do_it: {do_it: 1}\n  rescue:\n    - do_it_all:\n"
    assert with_full_names(text, NAMES) == text.replace("- do_it: {", "- ns.col.do_it: {").replace(
        "- do_it_all", "- ns.col.do_it_all"
    )


def test_a_variable_with_the_name_of_a_module_stays() -> None:
    text = "- ansible.builtin.debug:\n    do_it: x\n  vars:\n    do_it: y\n  register: do_it\n"
    assert with_full_names(text, NAMES) == text


def test_roles_get_full_names_however_they_are_named() -> None:
    text = (
        "- hosts: all\n  roles:\n    - role_a\n    - {role: ../roles/role_a}\n    - role: other\n"
        "    - role: \"{{ ['..', 'role_a'] | path_join }}\"\n    - {role: '{{ role_a }}'}\n  tasks:\n"
        "    - include_role: {name: role_a}\n    - ansible.builtin.import_role:\n        name: 'role_a'\n"
        "        tasks_from: role_a\n"
        "    - import_role:\n        name: \"{{ ['..', 'roles', 'role_a'] | path_join }}\"\n"
    )
    assert with_full_names(text, NAMES) == (
        "- hosts: all\n  roles:\n    - ns.col.role_a\n    - {role: ns.col.role_a}\n    - role: other\n"
        "    - role: ns.col.role_a\n    - {role: '{{ role_a }}'}\n  tasks:\n"
        "    - include_role: {name: ns.col.role_a}\n    - ansible.builtin.import_role:\n        name: ns.col.role_a\n"
        "        tasks_from: role_a\n"
        "    - import_role:\n        name: ns.col.role_a\n"
    )


def test_text_that_is_no_list_of_tasks_stays() -> None:
    for text in ("", "do_it: 1\n", "- do_it\n", "---\n"):
        assert with_full_names(text, NAMES) == text


def test_the_examples_of_a_page_get_full_names_and_its_text_does_not() -> None:
    text = "# role_a\n\n`do_it:`\n\n```yaml\n- do_it:\n```\n\n```sh\ndo_it:\n```\n"
    assert page_with_full_names(text, NAMES) == text.replace("- do_it:", "- ns.col.do_it:")


def test_a_module_imports_from_the_collection_and_shows_full_names() -> None:
    names = Names({"mngr_x"}, (), "ns.col.")
    source = (
        'DOCUMENTATION = r"""\nmodule: mngr_x\nseealso:\n  - module: mngr_x\ndescription: See M(mngr_x).\n"""\n'
        'EXAMPLES = r"""\n- mngr_x:\n"""\nfrom ansible.module_utils import mngr_y as y  # noqa: E402\n'
        "from ansible.module_utils.basic import AnsibleModule\nfrom ansible.module_utils.mngr_y import (\n    z,\n)\n"
        "if TYPE_CHECKING:\n    from ansible.module_utils.mngr_p.q import r\n"
    )
    package = "ansible_collections.ns.col.plugins.module_utils"
    assert with_collection_imports(source, names) == (
        'DOCUMENTATION = r"""\nmodule: mngr_x\nseealso:\n'
        '  - module: ns.col.mngr_x\ndescription: See M(ns.col.mngr_x).\n"""\n'
        f'EXAMPLES = r"""\n- ns.col.mngr_x:\n"""\nfrom {package} import mngr_y as y\n'
        f"from ansible.module_utils.basic import AnsibleModule\nfrom {package}.mngr_y import (\n    z,\n)\n"
        f"if TYPE_CHECKING:\n    from {package}.mngr_p.q import r\n"
    )


def test_an_action_imports_what_it_loads_by_a_path_in_a_role() -> None:
    names = Names({"mngr_x"}, (), "ns.col.")
    source = (
        "import importlib.util\nimport os\nfrom typing import TYPE_CHECKING, cast\n\n"
        "if TYPE_CHECKING:\n    from typing import Any\n\n"
        "    from ansible.module_utils import mngr_y as y\nelse:\n    y = importlib.import_module(here())\n\n"
        'y.run(os, self._execute_module("mngr_x", {"mngr_x": 1}), "ü", f("mngr_x"))\n'
    )
    assert action_with_full_names(with_collection_imports(source, names), names) == (
        "import os\nfrom typing import TYPE_CHECKING\n\n"
        "from ansible_collections.ns.col.plugins.module_utils import mngr_y as y\n\n"
        "if TYPE_CHECKING:\n    from typing import Any\n\n"
        'y.run(os, self._execute_module("ns.col.mngr_x", {"ns.col.mngr_x": 1}), "ü", f("ns.col.mngr_x"))\n'
    )


def test_what_is_not_used_has_a_name_that_is_not_gettexts() -> None:
    source = 'for _ in range(2):\n    a, _, __ = f(_x, "_")\n'
    assert with_collection_imports(source, NAMES) == 'for _unused in range(2):\n    a, _unused, __ = f(_x, "_")\n'
