"""The agent that hooks get in tests."""

from typing import Any


class FakeAgent:
    """An agent with the attributes that it has without mngr, and those that a test gives besides.

    Attributes:
        name: of the agent.
        work_dir: its directory on the host.
        agent_type: such as ``claude``.
    """

    def __init__(self, *, name: str = "agent", work_dir: str = "~", agent_type: str = "generic", **more: Any) -> None:
        """``more``: attributes that mngr's own agents have, such as ``id``."""
        self.name = name
        self.work_dir = work_dir
        self.agent_type = agent_type
        self._more = more

    def __getattr__(self, name: str) -> Any:
        """An attribute of ``more``."""
        more = vars(self).get("_more", {})
        if name in more:
            return more[name]
        raise AttributeError(
            f"the agent has no {name!r}: without mngr it has name, work_dir and agent_type. In a test, give it: "
            f"plan_of(plugin, {name}=…)"
        )
