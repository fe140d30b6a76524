"""Read what plugins, manifests, settings and the command line contribute.

Face: ``plugins`` (``plugin_manager`` loads them), ``hooks`` (``hooks``, ``run_before``, ``contributions``,
``run_after`` call them), ``hookspecs`` (the four hooks), ``hook_arguments`` (what they get), ``settings``
(``Settings``), ``manifest`` (``read``), ``user`` (``user_contributions``), ``arguments`` (the options and lists that
callers give) and ``contribution`` (``Contribution``, the common result).

Imports ``spec`` and ``errors``.
"""
