"""mngr's agents and hosts as targets, its settings and options as a request."""

from collections.abc import Sequence
from typing import Any

from imbue.mngr.agents.agent_registry import list_selectable_agent_type_names
from imbue.mngr.config.data_types import MngrContext
from imbue.mngr.interfaces.agent import AgentInterface, HasAutoInstallMixin
from imbue.mngr.interfaces.host import CreateAgentOptions, OnlineHostInterface

from mngr_ansible.catalog.lookup import find_tool
from mngr_ansible.inputs.contribution import Contribution
from mngr_ansible.inputs.fleet import Fleet
from mngr_ansible.inputs.hook_arguments import Agent
from mngr_ansible.inputs.own_playbooks import require_own_words, with_playbooks
from mngr_ansible.inputs.settings import Settings
from mngr_ansible.inputs.user import user_contributions
from mngr_ansible.mngr.config import NAME, AnsiblePluginConfig
from mngr_ansible.mngr.connection import connected
from mngr_ansible.mngr.created_with import CreatedWith
from mngr_ansible.mngr.trust import Words
from mngr_ansible.plan.plan import Only
from mngr_ansible.portable.versions import is_readable
from mngr_ansible.provisioning.request import Request, Target
from mngr_ansible.spec.packages import Install, PackageRequirement
from mngr_ansible.values import replace

_OPTIONS = {"--manifest": "manifest", "--file": "file", "--package": "package"}
"""The parameters of our verbs, by their options."""


def agent_target(
    agent: AgentInterface[Any],
    host: OnlineHostInterface,
    options: CreateAgentOptions | None,
    mngr_ctx: MngrContext,
    address: str = "",
) -> Target:
    """An agent on its host; the hooks get mngr's own objects. ``address``: what it is called among several."""
    name, connection = connected(host, address)
    return Target(name, connection, agent, host, str(agent.work_dir), options, mngr_ctx, own_needs(agent))


def bare_target(host: OnlineHostInterface, mngr_ctx: MngrContext) -> Target:
    """A host without an agent; no hook is called for it."""
    name, connection = connected(host)
    return Target(name, connection, Agent("mngr", "~"), host, mngr_ctx=mngr_ctx)


def own_needs(agent: AgentInterface[Any]) -> tuple[Contribution, ...]:
    """The program that an agent type can install by itself, if the catalog knows it.

    It is optional: mngr's own provisioning comes right after us and installs it, or fails. Nothing is needed where the
    settings of the type switch the check off (``check_installation``). Source: mngr 0.3, ``HasAutoInstallMixin``.
    """
    if not isinstance(agent, HasAutoInstallMixin) or not getattr(agent.agent_config, "check_installation", True):
        return ()
    tool = find_tool(agent.get_install_binary_name())
    if tool is None:
        return ()
    pinned = getattr(agent.agent_config, "version", None)
    version = f"=={pinned}" if isinstance(pinned, str) and is_readable(pinned) else ""
    need = PackageRequirement(tool.name, version, is_required=False, purpose="the agent itself")
    return (Contribution(str(agent.agent_type), requirements=(need,)),)


def mngr_request(
    mngr_ctx: MngrContext,
    words: Words,
    created_with: CreatedWith,
    *,
    is_local: bool,
    manifests: Sequence[str] = (),
    files: Sequence[str] = (),
    packages: Sequence[str] = (),
    install: Install | None = None,
    check_packages: bool = True,
    only: Only | None = None,
    reads_all: bool = False,
    become: bool = False,
    timeout: float | None = None,
    password: str | None = None,
    control_path: str | None = None,
    fleet: Fleet | None = None,
) -> Request:
    """The request of mngr's settings, of what the agent was created with, and of a command line, which wins.

    Relative paths in the settings start at the repository's root. ``words``: who says what.

    Raises:
        MngrAnsibleError: a setting, a manifest or an option is wrong, or a repository that the user does not trust
            names playbooks.
    """
    settings = Settings.parse(words.settings(mngr_ctx.get_plugin_config(NAME, AnsiblePluginConfig)))
    if words.repository is not None:
        require_own_words(settings, words.repository, lambda value: words.are_own("playbooks", value))
    may_install = mngr_ctx.config.is_remote_agent_installation_allowed and not words.forbids_remote_installation()
    stranger = words.stranger(_OPTIONS)
    contributions = (
        *user_contributions(
            settings, (), (), (), directory=mngr_ctx.project_root, stranger=stranger, seconds=settings.timeout
        ),
        *created_with.contributions(),
        *user_contributions(Settings(), manifests, files, packages, directory=mngr_ctx.project_root, stranger=stranger),
    )
    return Request(
        plugins=mngr_ctx.pm,
        settings=settings,
        user=contributions,
        install=install or created_with.install,
        check_packages=check_packages,
        only=only,
        reads_all=reads_all,
        become=become,
        timeout=settings.timeout if timeout is None else timeout,
        password=password,
        control_path=control_path,
        fleet=with_playbooks(fleet or Fleet(), settings, directory=mngr_ctx.project_root),
        is_print_only=not is_local and not may_install,
        agent_types=tuple(list_selectable_agent_type_names(mngr_ctx.config)),
    )


def create_request(mngr_ctx: MngrContext, created_with: CreatedWith, *, is_local: bool, words: Words) -> Request:
    """The request of mngr's settings and the options of ``mngr create``; raises as :func:`mngr_request` does."""
    return replace(mngr_request(mngr_ctx, words, created_with, is_local=is_local), is_patient=True)
