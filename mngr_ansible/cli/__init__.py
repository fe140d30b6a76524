"""The command ``mngr-ansible``.

Face: ``main`` (``main``: arguments in, text or JSON and an exit code out). ``parser`` has the options and their help,
``commands`` one function a verb.

Imports ``provisioning``, ``report``, ``run``, ``system``, ``portable`` and ``errors``; never mngr.
"""
