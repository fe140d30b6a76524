"""A host as it is now: how to reach it, what to ask it, what its answer means. Nothing here changes a host.

Face: ``connection`` (``Connection``, ``LocalShell``), ``ssh`` (``OpenSsh``, ``Address``), ``masters``
(``control_sockets``: where connections stay open, and how all of them end), ``probe`` (``probe`` asks everything in one
round trip), ``probe_request`` (``ProbeRequest``, the question), ``state`` (``HostState``, the result) and ``contents``
(``fetch_contents``: what files hold). ``probe_script`` writes the question as shell text, from the ``.sh`` templates of
this folder; ``probe_answer`` reads the answer.

Imports ``plan``, ``portable``, ``system`` and ``errors``.
"""
