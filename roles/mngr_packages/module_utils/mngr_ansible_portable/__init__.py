"""Rules that the package and its Ansible roles share: versions, package managers, checks of what a host has.

Face: ``versions`` (what a version is), ``managers`` (the table of package managers), ``checks`` (judges) and
``check_script`` (asks) what is installed, ``offers`` (what managers offer), ``repositories`` (the files of vendors'
repositories), ``trees`` (reads what is copied), ``shapes`` (the dictionaries that travel), ``requirements``
(requirements as people write them), ``fields`` and ``validation`` (what single values must look like),
``trusted_programs`` (what root may run), ``marked_text`` (a list as one text), ``file_diff``, ``dead_runs``, ``sh``,
``regular_expressions`` and ``text``.

The roles hold copies of these files, written by ``python -m tools.portable``. They run on the hosts, so they are
written for Python 3.9 and import the standard library and each other (``from . import versions``), nothing else.
"""
