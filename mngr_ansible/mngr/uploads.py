"""The files that mngr itself sends to a host: those of its agent type, and of options of ``mngr create``."""

import os
import posixpath
from collections.abc import Iterator, Mapping

from loguru import logger

from mngr_ansible.provisioning.request import Prepared, Target

type _Upload = tuple[str, str]
"""A path on the host, and the sender in words."""


def mngr_uploads(before: Prepared) -> Mapping[str, str]:
    """The sender of each path on the host, as far as mngr can say; the agent's class is asked once more.

    mngr's own ``get_provision_file_transfers`` of an agent's class only names files. Source: mngr 0.3.0,
    ``Host.provision_agent``.
    """
    target, state = before.target, before.state
    if state is None or target.options is None:
        return {}
    home = os.getcwd() if target.connection.is_local else state.login.home  # noqa: PTH109 - as mngr does
    found = list(_of_class(target, state.paths.work_dir))
    for spec in target.options.provisioning.upload_files:
        path = str(spec.remote_path)
        path = posixpath.join(state.login.home, path[2:]) if path.startswith("~/") else posixpath.join(home, path)
        found.append((posixpath.normpath(path), f"mngr's --upload-file {spec.local_path}"))
    return dict(found)


def _of_class(target: Target, work_dir: str) -> Iterator[_Upload]:
    agent, arguments = target.agent, {"host": target.host, "options": target.options, "mngr_ctx": target.mngr_ctx}
    try:
        specs = list(agent.get_provision_file_transfers(**arguments))
    except Exception as error:  # noqa: BLE001 - somebody else's code, and only for a name in a warning
        logger.debug("agent type {} did not name its files: {}", agent.agent_type, error)
        return
    for spec in specs:
        path = posixpath.normpath(posixpath.join(work_dir, str(spec.agent_path)))
        yield path, f"mngr's agent type {agent.agent_type}"
