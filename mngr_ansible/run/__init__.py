"""Run Ansible for what is due: write a run directory, run it in a child process, report its events.

Face: ``playbook`` (``HostRun``, ``run_stages``), ``directory`` (``write_run_directory``), ``runner`` (``run`` →
``RunResult`` with its events), ``archive`` (where run directories are, and which are kept) and ``content`` (where the
roles are). ``supervisor`` is the child process: the only file that imports ansible-runner.

Imports ``diff``, ``host``, ``plan``, ``spec``, ``portable``, ``system`` and ``errors``.
"""
