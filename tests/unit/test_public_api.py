"""What ``from mngr_ansible import …`` gives, and what it costs. Source: docs/contract.md "Package"."""

import copy
import dataclasses
import inspect
import json
import pickle
import socket
import subprocess
import sys
import time
import typing
from pathlib import Path

import pytest

import mngr_ansible
from mngr_ansible import errors
from mngr_ansible.host.connection import HostStoppedError
from mngr_ansible.report.report import Interrupted

PLUGIN_AUTHORS = {"hookimpl", "FileTransferSpec", "PackageRequirement", "Check", "Source", "PluginMngrError"}
CALLERS = {"provision", "build_plan", "Plan", "Report", "HostReport", "Outcome", "Status", "MngrAnsibleError"}


def loaded(code: str, *, without: str = "") -> list[str]:
    """The top-level modules, and those of ours, that a fresh Python has after this code."""
    hide = f"import sys; sys.modules[{without!r}] = None; " if without else "import sys; "
    report = "; import json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", hide + code + report], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_public_names_are_those_of_the_contract_sorted_and_no_more():
    assert set(mngr_ansible.__all__) == PLUGIN_AUTHORS | CALLERS
    assert mngr_ansible.__all__ == sorted(mngr_ansible.__all__)
    assert dir(mngr_ansible) == mngr_ansible.__all__


@pytest.mark.parametrize("name", sorted(PLUGIN_AUTHORS | CALLERS))
def test_every_public_name_is_there(name):
    assert getattr(mngr_ansible, name) is getattr(mngr_ansible, name)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        mngr_ansible.nonsense  # noqa: B018


def test_importing_the_package_imports_none_of_its_modules_and_nothing_heavy():
    modules = loaded("import mngr_ansible")
    assert [each for each in modules if each.startswith("mngr_ansible.")] == []
    assert {"yaml", "pluggy", "ansible_runner", "imbue", "click", "rich", "psutil"}.isdisjoint(modules)


def test_what_plugin_authors_import_needs_no_yaml_no_ansible_and_no_mngr():
    modules = loaded("from mngr_ansible import hookimpl, FileTransferSpec, PackageRequirement, Check, Source")
    assert {"yaml", "ansible_runner", "ansible", "imbue", "click", "rich", "psutil"}.isdisjoint(modules)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ("build_plan", "manifests plugins files packages work_dir settings checksum"),
        (
            "provision",
            """hosts manifests plugins files packages work_dir key known_hosts become settings timeout checksum
            inventory limit canary forks host_timeout max_fail_percentage workers playbooks vault_ids""",
        ),
    ],
)
def test_the_functions_have_the_arguments_of_the_contract(function, parameters):
    signature = inspect.signature(getattr(mngr_ansible, function))
    assert list(signature.parameters) == parameters.split()
    assert {each.kind for name, each in signature.parameters.items() if name != "hosts"} == {
        inspect.Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize(
    ("word", "parameters"),
    [
        (
            "FileTransferSpec",
            (
                "local_path remote_path is_required mode directory_mode owner group exclude symlinks is_secret "
                "if_exists mirror"
            ),
        ),
        ("PackageRequirement", "name version checks sources is_required install purpose"),
        ("Check", "kind value args pattern"),
        ("Source", "manager packages version repository url sha256 scope requires when"),
    ],
)
def test_the_classes_have_the_fields_of_the_contract(word, parameters):
    assert list(inspect.signature(getattr(mngr_ansible, word)).parameters) == parameters.split()


def test_the_plugins_error_is_mngrs_own_where_mngr_is_installed():
    from imbue.mngr.errors import PluginMngrError

    assert mngr_ansible.PluginMngrError is PluginMngrError


def test_without_mngr_the_plugins_error_has_the_same_text_help_and_exit_code():
    own, mngrs = errors._PluginMngrError("no key"), mngr_ansible.PluginMngrError("no key")

    assert str(own) == str(mngrs) == "no key"
    assert own.user_help_text is mngrs.user_help_text is None
    assert own.exit_code == mngrs.exit_code == 1
    modules = loaded(
        "from mngr_ansible import PluginMngrError as E; assert str(E('x')) == 'x'", without="imbue.mngr.errors"
    )
    assert "mngr_ansible.errors" in modules


def test_build_plan_contacts_no_host_and_returns_the_desired_state(tmp_path):
    (tmp_path / "file").write_text("x")

    plan = mngr_ansible.build_plan(files=[f"{tmp_path}/file:~/x"], packages=["git>=2", "git<4"])

    assert [each.id for each in plan.transfers] == ["file:~/x"]
    assert [(each.id, str(each.range)) for each in plan.requirements] == [("package:git", ">=2,<4")]


def test_the_time_that_settings_give_holds_where_the_call_gives_none():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        report = mngr_ansible.provision([address], packages=["git"], settings={"timeout": 1})
        again = mngr_ansible.provision([address], packages=["git"], settings={"timeout": 30}, timeout=1)

    assert ["no answer within 1 s" in str(each.hosts[0].error) for each in (report, again)] == [True, True]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hosts": "web"}, "hosts = 'web' is not a list"),
        ({"hosts": [None]}, "hosts contains None"),
        ({"packages": "git"}, "packages = 'git' is not a list"),
        ({"manifests": Path("m.yml")}, "is not a list"),
        ({"files": {"local_path": "x", "remote_path": "y"}}, "is not a list"),
        ({"plugins": "mine"}, "plugins = 'mine' is not a list"),
        ({"timeout": -5}, "timeout = -5 is not a number of seconds above 0"),
        ({"timeout": float("nan")}, "timeout = nan is not"),
        ({"timeout": "5"}, "timeout = '5' is not"),
    ],
)
def test_what_is_no_list_or_no_time_is_refused_before_anything_is_asked(given, message):
    with pytest.raises(errors.UsageError) as refused:
        mngr_ansible.provision(**given)
    assert message in refused.value.problem
    assert refused.value.remedy


def test_what_reading_takes_is_part_of_the_time(tmp_path):
    class Slow:
        @mngr_ansible.hookimpl
        def get_provision_file_transfers(self):
            time.sleep(1.2)
            return []

    with pytest.raises(errors.InputError, match=r"took \d+ s; the whole run may take 1 s"):
        mngr_ansible.provision(files=[f"{__file__}:x"], plugins=[Slow()], work_dir=tmp_path, timeout=1)
    assert not (tmp_path / "x").exists()


def test_every_error_is_a_problem_and_a_remedy_and_exits_1_but_for_usage():
    kinds = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.MngrAnsibleError)
    ]
    plain = [each for each in kinds if each is not errors.ErrorGroup]
    made = {each.__name__: each("it broke", remedy="Mend it.", host="build-1") for each in plain}

    assert {str(error) for error in made.values()} == {"build-1: it broke\nMend it."}
    assert {name for name, error in made.items() if error.exit_code != 1} == {"UsageError"}
    assert made["UsageError"].exit_code == 64


@pytest.mark.parametrize("name", sorted((PLUGIN_AUTHORS | CALLERS) - {"hookimpl"}))
def test_the_annotations_of_every_public_name_can_be_read(name):
    assert typing.get_type_hints(getattr(mngr_ansible, name)) is not None


def copies(value):
    """A deep copy, and what each protocol of pickle makes."""
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    return [copy.deepcopy(value), copy.copy(value), *(pickle.loads(pickle.dumps(value, each)) for each in protocols)]


def test_a_plan_with_files_and_packages_can_be_copied_pickled_and_taken_apart(tmp_path):
    (tmp_path / "x").write_text("x")
    plan = mngr_ansible.build_plan(packages=["git>=2.39,<3,!=2.40", "node"], files=[f"{tmp_path}/x:x"])

    assert copies(plan) == [plan] * 8
    assert len(dataclasses.asdict(plan)["requirements"]) == 2


def test_every_error_can_be_copied_and_pickled_also_in_a_report():
    plain = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]
    made = [
        each("it broke", remedy="Mend it.", host="b")
        for each in plain
        if issubclass(each, errors.MngrAnsibleError) and each is not errors.ErrorGroup
    ]
    group = errors.ErrorGroup([errors.UsageError("a", remedy="b"), errors.HostError("c", remedy="d", host="e")])
    for error in (*made, HostStoppedError("stopped", remedy="Run again.", host="b"), group):
        for each in copies(mngr_ansible.Report("plan", errors=(error,))):
            (copied,) = each.errors
            assert (type(copied), str(copied), copied.exit_code) == (type(error), str(error), error.exit_code)
            assert (copied.problem, copied.remedy, copied.host) == (error.problem, error.remedy, error.host)
    for stopped in copies(Interrupted(mngr_ansible.Report("apply", errors=(group,)), KeyboardInterrupt())):
        assert (stopped.report.command, type(stopped.signal)) == ("apply", KeyboardInterrupt)
        assert [str(each) for each in stopped.report.errors[0].errors] == ["a\nb", "e: c\nd"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"inventory": 5}, "inventory = 5 is not a list"),
        ({"inventory": [5]}, "inventory contains 5, which is not a path"),
        ({"workers": [5]}, "--worker 5 is no text"),
        ({"vault_ids": [5]}, "--vault-id 5 is no text"),
        ({"timeout": "x"}, "timeout = 'x' is not a number of seconds above 0"),
        ({"timeout": -1}, "timeout = -1 is not a number of seconds above 0"),
        ({"timeout": None}, "timeout = None is not a number of seconds above 0"),
        ({"key": 5}, "key contains 5, which is not a path"),
        ({"known_hosts": 5}, "known_hosts contains 5, which is not a path"),
        ({"work_dir": 5}, "work_dir contains 5, which is not a path"),
        ({"playbooks": [5]}, "playbooks contains 5, which is not a path"),
        ({"canary": 0}, "--canary 0 is not a number"),
    ],
)
def test_what_is_no_value_of_an_argument_is_wrong_usage_before_an_inventory_is_read(arguments, problem):
    with pytest.raises(errors.UsageError) as wrong:
        mngr_ansible.provision(**{"inventory": ["/nowhere/hosts.yml"], **arguments})
    assert wrong.value.problem.startswith(problem)
    assert wrong.value.remedy


@pytest.mark.parametrize("settings", ["x", 5, {"playbooks": 5}, {"nonsense": 1}])
def test_settings_that_are_none_are_an_error_before_an_inventory_is_read(settings):
    with pytest.raises(errors.MngrAnsibleError) as wrong:
        mngr_ansible.provision(inventory=["/nowhere/hosts.yml"], settings=settings)
    assert "nowhere" not in wrong.value.problem
