"""What every command does with its hosts: gather, inspect, confirm, run, report, finish.

Face: ``gathering`` (the beginning of the story: ``gather``; then ssh begins to connect), ``provisioner`` (the rest:
``inspect``, ``render``, ``provision``), ``request`` (``Target``, ``Request``, ``Prepared``, ``Dialog``), ``targets``
(``open_targets``: hosts without mngr), ``reporting`` (``plan_report``, ``apply_report``) and ``bootstrap`` (``gather``
for what mngr itself needs). ``execution`` runs Ansible, ``recheck`` looks at files once more, ``for_distro`` plans for
a system that is only named, ``listing`` makes the documents of ``plugins`` and ``catalog``.

Imports every folder below, but neither mngr nor ``cli``.
"""
