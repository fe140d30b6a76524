"""Ask each plugin by name, in our own order. Source: CONTRACT "Hooks"."""

import random
from dataclasses import dataclass
from pathlib import Path

import pluggy
import pytest
from imbue.mngr.interfaces.data_types import FileTransferSpec as MngrFileTransferSpec

from mngr_ansible import PluginMngrError, hookimpl
from mngr_ansible.collect import contributions, hooks, plugin_manager, run_after, run_before
from mngr_ansible.errors import ErrorGroup, InputError, PluginError, PreconditionError
from mngr_ansible.hookspecs import HOOKS
from mngr_ansible.model import FileTransferSpec, PackageRequirement

ARGUMENTS = {"agent": "AGENT", "host": "HOST", "options": "OPTIONS", "mngr_ctx": "CONTEXT"}


def manager(**plugins: object) -> pluggy.PluginManager:
    made = pluggy.PluginManager("mngr")
    for name, plugin in plugins.items():
        made.register(plugin, name)
    return made


def needing(answer: object, **marks: bool) -> object:
    """A plugin whose ``provision_agent`` answers this; an exception is raised."""

    class Plugin:
        @hookimpl(**marks)
        def provision_agent(self):
            if isinstance(answer, BaseException):
                raise answer
            return answer

    return Plugin()


def sending(answer: object) -> object:
    class Plugin:
        @hookimpl
        def get_provision_file_transfers(self):
            return answer

    return Plugin()


def refusing(error: BaseException) -> object:
    class Plugin:
        @hookimpl
        def on_before_agent_provisioning(self):
            raise error

    return Plugin()


def asked(made: pluggy.PluginManager, precedence=()):
    return contributions(hooks(made, precedence), ARGUMENTS, host="build-1")


def order(made: pluggy.PluginManager, precedence=()) -> list[str]:
    return [hook.plugin for hook in hooks(made, precedence)["provision_agent"]]


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


def test_an_implementation_gets_the_arguments_that_it_asks_for():
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


def test_a_peer_that_knows_only_pluggy_is_asked_too():
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


def test_our_own_plugin_and_a_blocked_one_are_not_asked():
    made = manager(ansible=needing(["git"]), p=needing(["git"]), q=needing(["git"]))
    made.unregister(name="q")
    made.set_blocked("q")
    assert order(made) == ["p"]


def test_a_wrong_argument_is_one_error_that_names_plugin_hook_and_argument():
    class Plugin:
        @hookimpl
        def provision_agent(self, agnet): ...

    with pytest.raises(
        PluginError, match=r"peer: its provision_agent asks for the argument 'agnet' \(did you mean agent"
    ):
        hooks(manager(peer=Plugin()))


def test_a_report_is_only_for_the_hook_after():
    class Plugin:
        @hookimpl
        def provision_agent(self, report): ...

    with pytest.raises(PluginError, match="asks for the argument 'report'"):
        hooks(manager(peer=Plugin()))


@pytest.mark.parametrize("mark", ["wrapper", "hookwrapper"])
def test_a_hook_wrapper_is_refused_with_a_message(mark):
    class Plugin:
        @hookimpl(**{mark: True})
        def provision_agent(self):
            yield

    with pytest.raises(PluginError, match="peer: its provision_agent is a hook wrapper") as refused:
        hooks(manager(peer=Plugin()))
    assert "disable the plugin peer" in refused.value.remedy


def test_all_faulty_implementations_are_told_together():
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

    assert refused.value.problem.splitlines()[1:] == ["  a: ValueError: odd thing", "  b: no key", "  c: SystemExit: 3"]
    assert refused.value.remedy == "Export KEY. Nothing was changed."
    assert refused.value.host == "build-1"


def test_an_interrupt_in_a_hook_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt):
        run_before(hooks(manager(a=refusing(KeyboardInterrupt()))), ARGUMENTS, host="h")


def test_the_hook_after_that_raises_is_an_error_that_names_it():
    class Plugin:
        @hookimpl
        def on_after_agent_provisioning(self):
            raise PluginMngrError("the agent does not start")

    with pytest.raises(PluginError, match="p: on_after_agent_provisioning failed: the agent does not start"):
        run_after(hooks(manager(p=Plugin())), {**ARGUMENTS, "report": None}, host="h")


@pytest.mark.parametrize("answer", [None, [], (), iter(())])
def test_a_plugin_may_want_nothing(answer):
    assert [(each.requirements, each.transfers) for each in asked(manager(p=needing(answer)))] == [((), ())]


@pytest.mark.parametrize(
    "answer", [["git>=2"], ("git>=2",), [PackageRequirement("git", ">=2")], [{"name": "git", "version": ">=2"}]]
)
def test_a_requirement_may_be_text_a_mapping_or_an_object(answer):
    assert asked(manager(p=needing(answer)))[0].requirements == (PackageRequirement("git", ">=2"),)


@dataclass
class Foreign:
    """A peer's own class with the spec's fields."""

    local_path: str
    remote_path: str
    is_secret: bool = True
    unrelated: int = 3


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (FileTransferSpec("/a", "b"), FileTransferSpec("/a", "b")),
        ({"local_path": "/a", "remote_path": "~/b", "mode": "0600"}, FileTransferSpec("/a", "~/b", mode="0600")),
        (Foreign("/a", "b"), FileTransferSpec("/a", "b", is_secret=True)),
        (
            MngrFileTransferSpec(local_path=Path("/a"), agent_path="b/c", is_required=False),
            FileTransferSpec("/a", "b/c", is_required=False),
        ),
    ],
)
def test_a_transfer_may_be_ours_mngrs_a_mapping_or_any_object_with_the_fields(spec, expected):
    assert asked(manager(p=sending([spec])))[0].transfers == (expected,)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("git", "returned 'git', which is not a list"),
        ({"name": "git"}, "not a list"),
        (3, "returned 3, which is not a list"),
        (PackageRequirement("git"), "not a list"),
        ([3], "3 is not a package requirement"),
        ([None], "None is not a package requirement"),
        (["-rf"], "'-rf' does not parse"),
        ([{"name": "git", "verison": "1"}], r"unknown key 'verison' \(did you mean version"),
        ((each for each in [1 / 3, "git"]), "is not a package requirement"),
        (RuntimeError("boom"), "provision_agent failed: RuntimeError: boom"),
        (SystemExit("bye"), "provision_agent failed: SystemExit: bye"),
        (InputError("bad input", remedy="Mend it."), "bad input"),
    ],
)
def test_what_is_not_a_requirement_is_one_error_that_names_plugin_hook_and_value(answer, said):
    with pytest.raises(PluginError, match=said) as refused:
        asked(manager(peer=needing(answer)))
    assert refused.value.problem.startswith("peer: ")
    assert "provision_agent" in refused.value.problem
    assert refused.value.remedy


@pytest.mark.parametrize("value", ["a:b", 3, object(), {"local_path": "a"}, {"local_path": "a", "remote_path": "../b"}])
def test_what_is_not_a_transfer_is_one_error_that_names_plugin_and_hook(value):
    with pytest.raises(PluginError, match="peer: get_provision_file_transfers: "):
        asked(manager(peer=sending([value])))


class Sly:
    local_path = "a"

    @property
    def remote_path(self):
        raise RuntimeError("no")


def test_an_object_whose_fields_raise_is_one_error():
    with pytest.raises(PluginError, match="peer: get_provision_file_transfers: .* is not understood: no"):
        asked(manager(peer=sending([Sly()])))


def test_plugin_objects_are_registered_under_their_own_names_and_no_name_twice():
    module = needing([])
    module.__name__ = "my_module"
    made = plugin_manager([needing([]), needing([]), module, module])
    assert sorted(name for name, _ in made.list_name_plugin()) == ["Plugin", "Plugin-2", "my_module"]


class Broken:
    @property
    def provision_agent(self):
        raise RuntimeError("at import")


def test_an_attribute_that_raises_does_no_harm():
    assert order(plugin_manager([Broken()])) == []


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Distributions with entry points in the group ``mngr``: good, grumpy (raises when imported), ansible (ours)."""
    (tmp_path / "good_peer.py").write_text(
        "import pluggy\n@pluggy.HookimplMarker('mngr')\ndef provision_agent():\n    return ['git']\n"
    )
    (tmp_path / "grumpy_peer.py").write_text("raise RuntimeError('bad day')\n")
    info = tmp_path / "peers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: peers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mngr]\ngood-peer = good_peer\ngrumpy-peer = grumpy_peer\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_plugin_is_found_by_its_entry_points_name():
    assert asked(plugin_manager(["good-peer", "good-peer"]))[0].requirements == (PackageRequirement("git"),)


@pytest.mark.usefixtures("installed")
def test_an_unknown_plugin_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"no plugin named 'god-peer' is installed \(did you mean good-peer\?\)"):
        plugin_manager(["god-peer"])


@pytest.mark.usefixtures("installed")
def test_a_plugin_that_cannot_be_imported_is_one_error_that_names_it():
    with pytest.raises(PluginError, match="grumpy-peer: the plugin cannot be imported: RuntimeError: bad day"):
        plugin_manager(["grumpy-peer"])


def test_the_hooks_and_their_arguments_are_those_of_the_contract():
    four = ("agent", "host", "options", "mngr_ctx")
    assert {
        "on_before_agent_provisioning": four,
        "get_provision_file_transfers": four,
        "provision_agent": four,
        "on_after_agent_provisioning": (*four, "report"),
    } == HOOKS
