"""mngr's side: the plugin ``ansible`` of mngr. The only folder that imports mngr.

Face: ``plugin`` (the entry point: what mngr calls, and when) and ``commands`` (``mngr ansible …``).

* ``create``, ``bootstrap``, ``private_files``, ``uploads``: what happens around ``mngr create``
* ``commands``, ``invocation``: one call of ``mngr ansible VERB``
* ``several``, ``agents``, ``discovery``, ``at_once``: several agents in one call, whatever hosts are silent
* ``inventory``, ``ssh_hosts``: mngr's hosts as an Ansible inventory
* ``connection``, ``request``, ``config``: mngr's hosts, agents and settings as values of ``host`` and ``provisioning``
* ``messages``, ``status``: what mngr's user sees, and what ``mngr list`` shows

mngr imports ``plugin`` at the start of every command, so that file imports the others only where it uses them. May
import everything below, but not ``cli``.
"""
