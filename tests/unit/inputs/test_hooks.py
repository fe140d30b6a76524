"""Each plugin is called by name, in our own order. Source: docs/contract.md "Hooks"."""

import asyncio
import dataclasses
import inspect
import itertools
import random
import re

import pluggy
import pytest

from mngr_ansible import FileTransferSpec, PluginMngrError, hookimpl
from mngr_ansible.errors import ErrorGroup, PluginError, PreconditionError
from mngr_ansible.inputs import hookspecs
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.hook_arguments import HOOKS
from mngr_ansible.inputs.hooks import hooks, run_after, run_before
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.provisioning.listing import plugins_report
from mngr_ansible.provisioning.request import Request
from mngr_ansible.provisioning.targets import open_targets
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.system.signals import Terminated
from tests.support.plugin_managers import ARGUMENTS, asked, manager, needing, order, sending


def refusing(error: BaseException) -> object:
    class Plugin:
        @hookimpl
        def on_before_agent_provisioning(self):
            raise error

    return Plugin()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_tryfirst_then_names_then_trylast_then_precedence_however_they_registered(seed):
    plugins = {
        "zeta": needing([], tryfirst=True),
        "beta": needing([]),
        "alpha": needing([]),
        "aaa": needing([], trylast=True),
        "claude": needing([], tryfirst=True),
        "base": needing([], trylast=True),
    }
    names = list(plugins)
    random.Random(seed).shuffle(names)

    made = manager(**{name: plugins[name] for name in names})

    assert order(made, ["base", "absent", "claude"]) == ["zeta", "alpha", "beta", "aaa", "base", "claude"]


def test_every_hook_has_an_order_of_its_own():
    class Both:
        @hookimpl(trylast=True)
        def provision_agent(self): ...

        @hookimpl(tryfirst=True)
        def get_provision_file_transfers(self): ...

    found = hooks(manager(a=Both(), b=Both(), c=needing([]), d=sending([])))

    assert [hook.plugin for hook in found["provision_agent"]] == ["c", "a", "b"]
    assert [hook.plugin for hook in found["get_provision_file_transfers"]] == ["a", "b", "d"]


def test_plugins_are_listed_in_their_order_with_any_set_of_hooks():
    class Before:
        @hookimpl(tryfirst=True)
        def on_before_agent_provisioning(self): ...

    plugins = {"a": sending([]), "b": needing([]), "base": needing([]), "d": Before()}
    own = Contribution("agent")
    request = Request(manager(**plugins), Settings(precedence=("base",)), user=(Contribution("command-line"),))
    with open_targets(()) as (targets, _):
        report = plugins_report(request, [dataclasses.replace(targets[0], own=(own,))])

    assert [each["name"] for each in report.extra["plugins"]] == [
        "agent",
        "d",
        "a",
        "b",
        "base",
        "command-line",
    ]


def test_an_implementation_gets_the_arguments_that_it_has():
    seen = []

    class Plugin:
        @hookimpl
        def provision_agent(self, mngr_ctx, agent):
            seen.append((mngr_ctx, agent))

        @hookimpl
        def get_provision_file_transfers(self, agent, host, options, mngr_ctx):
            seen.append((agent, host, options, mngr_ctx))

        @hookimpl
        def on_after_agent_provisioning(self, report):
            seen.append(report)

    made = manager(p=Plugin())
    asked(made)
    run_after(hooks(made), {**ARGUMENTS, "report": "REPORT"}, host="h")

    assert seen == [("AGENT", "HOST", "OPTIONS", "CONTEXT"), ("CONTEXT", "AGENT"), "REPORT"]


def test_a_peer_that_knows_only_pluggy_is_called_too():
    marker = pluggy.HookimplMarker("mngr")

    class Peer:
        @marker
        def provision_agent(self):
            return ["git"]

    assert asked(manager(peer=Peer()))[0].requirements == (PackageRequirement("git"),)


def test_implementations_are_found_beside_a_core_that_registered_hooks_of_the_same_names():
    class Core:
        @pluggy.HookspecMarker("mngr")
        def provision_agent(self, agent): ...

    made = manager(p=needing(["git"]))
    made.add_hookspecs(Core)

    assert order(made) == ["p"]


def test_our_own_plugin_and_a_blocked_one_are_not_called():
    made = manager(ansible=needing(["git"]), p=needing(["git"]), q=needing(["git"]))
    made.unregister(name="q")
    made.set_blocked("q")
    assert order(made) == ["p"]


def test_a_wrong_argument_is_one_error_that_names_plugin_hook_and_argument():
    class Plugin:
        @hookimpl
        def provision_agent(self, agnet): ...

    with pytest.raises(
        PluginError, match=r"peer: its provision_agent has the unknown argument 'agnet' \(did you mean agent"
    ):
        hooks(manager(peer=Plugin()))


def test_a_report_is_only_for_the_hook_after():
    class Plugin:
        @hookimpl
        def provision_agent(self, report): ...

    with pytest.raises(PluginError, match="has the unknown argument 'report'"):
        hooks(manager(peer=Plugin()))


@pytest.mark.parametrize("mark", ["wrapper", "hookwrapper"])
def test_a_hook_wrapper_is_refused_with_a_message(mark):
    class Plugin:
        @hookimpl(**{mark: True})
        def provision_agent(self):
            yield

    with pytest.raises(PluginError, match="peer: its provision_agent is a hook wrapper"):
        hooks(manager(peer=Plugin()))


@pytest.mark.parametrize(
    ("beside", "remedy"),
    [
        ({"ansible": object()}, "Fix the plugin 'peer' or disable it: mngr plugin disable peer."),
        ({}, "Fix the plugin 'peer', or leave it out."),
    ],
    ids=["in mngr", "stand-alone"],
)
def test_mngrs_command_is_a_remedy_only_where_mngr_chose_the_plugins(beside, remedy):
    made = manager(**beside, peer=needing(KeyError("x")))
    with pytest.raises(PluginError) as raised:
        asked(made)
    assert remedy in raised.value.remedy
    with pytest.raises(PluginError) as returned:
        asked(manager(**beside, peer=needing(3)))
    assert remedy in returned.value.remedy


def test_a_class_in_place_of_a_plugin_is_refused_unless_its_hooks_need_no_object():
    class Plugin:
        @hookimpl
        def provision_agent(self): ...

    class Static:
        @staticmethod
        @hookimpl
        def provision_agent():
            return ["git"]

        @classmethod
        @hookimpl
        def get_provision_file_transfers(cls): ...

    with pytest.raises(PluginError, match="belongs to the class Plugin, and is called without an object of") as refused:
        hooks(manager(peer=Plugin))
    assert "plugin = Plugin()" in refused.value.remedy
    assert order(manager(peer=Static)) == ["peer"]


def test_a_hook_that_would_do_nothing_when_it_is_called_is_refused():
    class Async:
        @hookimpl
        async def on_before_agent_provisioning(self):
            raise PluginMngrError("never seen")

    class Lazy:
        @hookimpl
        def on_after_agent_provisioning(self):
            yield PluginMngrError("never seen")

    class Streaming:
        @hookimpl
        async def get_provision_file_transfers(self):
            yield {}

    for plugin, said in ((Async(), "is async"), (Lazy(), "contains yield"), (Streaming(), "is async")):
        with pytest.raises(PluginError, match=said):
            hooks(manager(peer=plugin))


def test_all_faulty_implementations_are_reported_together():
    class Plugin:
        @hookimpl
        def provision_agent(self, bad): ...

    with pytest.raises(ErrorGroup) as group:
        hooks(manager(a=Plugin(), b=Plugin()))
    assert [error.problem[0] for error in group.value.errors] == ["a", "b"]


def test_all_refusals_of_a_host_are_shown_together_with_their_help():
    helped = PluginMngrError("no key")
    helped.user_help_text = "Export KEY."
    made = manager(b=refusing(helped), a=refusing(ValueError("odd\nthing")), c=refusing(SystemExit(3)))

    with pytest.raises(PreconditionError) as refused:
        run_before(hooks(made), ARGUMENTS, host="build-1")

    place = rf"\({re.escape(__file__)}:\d+\)"
    a, b, c = refused.value.problem.splitlines()[1:]
    assert re.fullmatch(rf"  a: ValueError: odd thing {place}", a)
    assert b == "  b: no key"
    assert re.fullmatch(rf"  c: SystemExit: 3 {place}", c)
    assert refused.value.remedy == (
        "Fix the plugin 'a', or leave it out. Export KEY. Fix the plugin 'c', or leave it out. "
        "-v shows the traceback. Nothing was changed."
    )
    assert len(refused.value.__cause__.exceptions) == 3


def test_a_refusal_that_is_meant_for_people_has_their_help_alone():
    helped = PluginMngrError("no key")
    helped.user_help_text = "Export KEY."
    with pytest.raises(PreconditionError) as refused:
        run_before(hooks(manager(b=refusing(helped))), ARGUMENTS, host="build-1")
    assert refused.value.problem.splitlines()[1:] == ["  b: no key"]
    assert refused.value.remedy == "Export KEY. Nothing was changed."
    assert refused.value.host == "build-1"


class Mute(Exception):
    def __str__(self):
        raise ValueError("not even that")


@pytest.mark.parametrize(("error", "said"), [(Mute(), "Mute ("), (RuntimeError("x" * 10**5), "RuntimeError: xxx")])
def test_an_exception_that_cannot_be_shown_or_is_endless_is_still_one_line_with_its_place(error, said):
    with pytest.raises(PluginError) as failed:
        asked(manager(peer=needing(error)))
    assert f"peer: provision_agent failed: {said}" in failed.value.problem
    assert re.search(r"plugin_managers\.py:\d+\)$", failed.value.problem)
    assert len(failed.value.problem) < 3000


def test_a_wrong_item_is_named_by_its_number_and_a_wrong_specification_by_its_line():
    with pytest.raises(PluginError, match=r"20' is not supported.* \(item 2 of what it returned\)"):
        asked(manager(peer=needing(["git", "node^20"])))

    class Peer:
        @hookimpl
        def get_provision_file_transfers(self):
            return [FileTransferSpec("a", "b", mode=644)]

    with pytest.raises(PluginError) as failed:
        asked(manager(peer=Peer()))
    assert re.search(r"mode: 644 is not a mode here \(.*test_hooks\.py:\d+\)$", failed.value.problem)
    assert "0o644" in failed.value.remedy


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), Terminated(143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_during_a_hook_is_not_blamed_on_the_plugin(signal):
    with pytest.raises(type(signal)):
        run_before(hooks(manager(a=refusing(signal))), ARGUMENTS, host="h")
    with pytest.raises(type(signal)):
        asked(manager(a=needing(signal)))


@pytest.mark.parametrize("error", [BaseException("odd"), GeneratorExit(), asyncio.CancelledError()])
def test_whatever_else_a_hook_raises_is_an_error_of_the_plugin(error):
    with pytest.raises(PreconditionError, match=f"a: {type(error).__name__}"):
        run_before(hooks(manager(a=refusing(error))), ARGUMENTS, host="h")
    with pytest.raises(PluginError, match=f"a: provision_agent failed: {type(error).__name__}"):
        asked(manager(a=needing(error)))


def test_a_hook_that_returns_values_without_end_is_refused():
    with pytest.raises(PluginError, match="a: its provision_agent returned more than 100000 items"):
        asked(manager(a=needing(itertools.repeat("git"))))


def test_the_hook_after_that_raises_is_an_error_that_names_it():
    class Plugin:
        @hookimpl
        def on_after_agent_provisioning(self):
            raise PluginMngrError("the agent does not start")

    with pytest.raises(PluginError, match="p: on_after_agent_provisioning failed: the agent does not start"):
        run_after(hooks(manager(p=Plugin())), {**ARGUMENTS, "report": None}, host="h")


def test_the_hooks_and_their_arguments_are_those_of_the_contract():
    four = ("agent", "host", "options", "mngr_ctx")
    assert {
        "on_before_agent_provisioning": four,
        "get_provision_file_transfers": four,
        "provision_agent": four,
        "on_after_agent_provisioning": (*four, "report"),
    } == HOOKS


def test_the_arguments_of_the_hooks_are_those_of_their_specifications():
    functions = [each for each in vars(hookspecs).values() if hasattr(each, "mngr_spec")]
    assert [(each.__name__, tuple(inspect.signature(each).parameters)) for each in functions] == list(HOOKS.items())
