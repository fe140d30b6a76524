"""For tests of plugins, without a host, without ssh and without processes.

::

    def test_an_old_git_is_replaced():
        plan = plan_of(mngr_tutor, work_dir="/srv/agent")
        report = plan_host(plan, fake_host("debian:12", packages={"git": "2.20.1"}))
        assert statuses(report)["package:git"] == "too-old"

``plan_of`` asks a plugin's hooks as a run does; ``fake_host`` says what a host has; ``plan_host`` compares the two as
``mngr-ansible plan`` does; ``statuses`` is the short form of a report. In pytest all four are fixtures too. Names are
loaded when they are first used: pytest imports this package wherever mngr-ansible is installed.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mngr_ansible.testing.agents import FakeAgent
    from mngr_ansible.testing.hosts import FakeHost, fake_host
    from mngr_ansible.testing.plans import plan_host, plan_of, statuses

__all__ = ["FakeAgent", "FakeHost", "fake_host", "plan_host", "plan_of", "statuses"]

_HOMES = {
    "FakeAgent": "agents",
    "FakeHost": "hosts",
    "fake_host": "hosts",
    "plan_host": "plans",
    "plan_of": "plans",
    "statuses": "plans",
}


if not TYPE_CHECKING:  # for a type checker the module has only the names above

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
