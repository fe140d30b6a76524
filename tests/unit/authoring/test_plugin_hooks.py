"""What ``check-plugin`` says of hooks and of what they return, without a process."""

import types

import pytest

from mngr_ansible import FileTransferSpec, PluginMngrError, hookimpl
from mngr_ansible.authoring.plugin_hooks import called, hook_findings
from mngr_ansible.authoring.plugin_start import _mngr_findings
from mngr_ansible.inputs.hook_arguments import Agent, Host
from mngr_ansible.inputs.plugins import registered

ARGUMENTS = {"agent": Agent("agent", "~"), "host": Host("localhost", True, None), "options": None, "mngr_ctx": None}


def nothing():
    return []


def plugin(**functions):
    made = types.ModuleType("tutor")
    for name, function in functions.items():
        function.__module__ = "tutor"
        setattr(made, name, function)
    return registered(made, "tutor")


def found(**functions):
    """What is found about the hooks, as ``(name, status, text, remedy)``."""
    return [
        (each.name, each.status, each.text, each.remedy) for each in hook_findings(plugin(**functions), "tutor", ())
    ]


def after_calls(**functions):
    findings = []
    needs = called(plugin(**{name: hookimpl(each) for name, each in functions.items()}), ARGUMENTS, findings)
    return needs, [(each.name, each.status, each.text, each.remedy) for each in findings]


def test_the_last_hook_is_looked_at_and_not_called():
    assert after_calls(on_after_agent_provisioning=lambda report: 1 / 0)[1] == [
        ("hooks: on_after_agent_provisioning", "ok", "its arguments are right; it is not called here", "")
    ]


@pytest.mark.parametrize(
    ("functions", "status", "text", "remedy"),
    [
        (
            {"provision_agents": hookimpl(nothing)},
            "warning",
            "'provision_agents' is not a hook of mngr or mngr-ansible (did you mean provision_agent?)",
            "Write the name as it is",
        ),
        (
            {"finish_everything": hookimpl(nothing)},
            "warning",
            "'finish_everything' is not a hook of mngr or mngr-ansible",
            "unless another plugin calls it",
        ),
        (
            {"provision_agent": lambda: ["git"]},
            "problem",
            "it is not marked with @hookimpl, so it is not called",
            "@hookimpl",
        ),
        (
            {"provision_agent": hookimpl(lambda agnet: [])},
            "problem",
            "it has the unknown argument 'agnet' (did you mean agent?)",
            "may have the arguments agent, host, options, mngr_ctx.",
        ),
        ({}, "warning", "it has no hook that mngr-ansible calls", "Implement one of on_before_agent_provisioning"),
    ],
)
def test_a_hook_that_nobody_would_call_is_found(functions, status, text, remedy):
    findings = found(**functions)
    assert any(each[1] == status and each[2] == text and remedy in each[3] for each in findings), findings
    assert not any("leave it out" in each[3] for each in findings), "that is for users of a plugin"


def test_mngrs_own_hooks_are_no_mistake():
    assert found(on_startup=hookimpl(lambda: None), provision_agent=hookimpl(nothing)) == []


def test_every_wrong_value_is_found_and_the_good_ones_are_looked_at():
    needs, findings = after_calls(provision_agent=lambda: ["git>=2.39", "^^", 5])
    assert [str(each) for each in needs.requirements] == ["git>=2.39"]
    problems = [each for each in findings if each[1] == "problem"]
    assert len(problems) == 2
    assert all("item" in each[2] and each[3] for each in problems)
    assert not any("tutor" in each[2] for each in problems), "the whole page is about this plugin"


def test_a_mode_with_a_wrong_value_names_the_line_of_the_plugin():
    _, findings = after_calls(get_provision_file_transfers=lambda: [FileTransferSpec("a", "b", mode=644)])
    assert findings[0][1] == "problem"
    assert "is not a mode here" in findings[0][2]
    assert __file__ in findings[0][2]


def test_what_is_no_list_is_a_problem():
    _, findings = after_calls(provision_agent=lambda: "git")
    assert findings[0][1:3] == ("problem", "returned 'git', which is not a list")


def test_a_refusal_on_purpose_is_told_with_its_remedy_or_without():
    def refusal(remedy):
        def before():
            error = PluginMngrError("there is no token")
            error.user_help_text = remedy
            raise error

        return after_calls(on_before_agent_provisioning=before)[1][0]

    assert refusal("Log in.") == (
        "hooks: on_before_agent_provisioning",
        "warning",
        "on this machine it stops provisioning: there is no token",
        "Users see: Log in.",
    )
    assert refusal(None)[2].endswith("and it does not say what to do")


def test_a_mistake_in_a_hook_is_a_problem_with_its_line():
    _, findings = after_calls(on_before_agent_provisioning=lambda: 1 / 0)
    assert findings[0][1] == "problem"
    assert "division by zero" in findings[0][2]


@pytest.mark.parametrize("hook", ["on_before_agent_provisioning", "provision_agent"])
def test_what_only_works_in_mngr_is_a_warning(hook):
    _, findings = after_calls(**{hook: lambda agent: [agent.id]})
    assert findings[0][1] == "warning"
    assert findings[0][2].startswith("it works only in mngr: ")
    _, findings = after_calls(**{hook: lambda mngr_ctx: [mngr_ctx.config]})
    assert findings[0][1] == "warning"


def test_a_hook_that_changes_its_mind_is_a_warning():
    answers = iter([["git"], ["jq"]])
    _, findings = after_calls(provision_agent=lambda: next(answers))
    assert findings[0][2] == "it returns something else when it is asked again"


def test_a_plugin_that_mngr_refuses_or_disables_is_told():
    start = {"is_mngr": True, "refusal": "", "is_disabled": False}
    assert [each.status for each in _mngr_findings(start, "tutor")] == ["ok"]
    (disabled,) = _mngr_findings({**start, "is_disabled": True}, "tutor")
    assert (disabled.status, disabled.remedy) == ("warning", "Enable it: mngr plugin enable tutor.")
    (refused,) = _mngr_findings({**start, "refusal": "Argument(s) {'agnet'} are declared …"}, "tutor")
    assert refused.status == "problem"
    assert [each.status for each in _mngr_findings({"is_mngr": False}, "tutor")] == ["ok"]
