"""What people and programs are shown: the result of a command, its JSON, its text, its files, its progress.

Face: ``report`` (``Report``, ``HostReport``, ``Interrupted``), ``outcomes`` (``from_events``: events of a run → one
outcome a step), ``text`` (tables, errors, commands), ``html.page`` and ``junit`` (the files of a result) and
``progress`` (lines while a command runs).

Pure. Imports ``run``, ``diff``, ``plan``, ``portable`` and ``errors``.
"""
