"""The catalog of common tools: how to find each on a host, and from where to install it.

Face: ``lookup`` (``find_tool``, ``tool_names``, ``Tool``). The data is in ``tools/NAME.yml``, one file a tool;
``tools.schema.json`` describes it. ``python -m tools.catalog`` writes ``tools.json``, which is read.

Imports ``spec`` and ``errors``.
"""
