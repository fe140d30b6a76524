"""The desired state of a host, from all contributions: checked, merged, one step for each file and package.

Face: ``plan`` (``build`` → ``Plan``; ``resolve_destinations`` when the host's directories are known). ``local_files``
reads the sources of files, ``transfers`` lays files of several plugins over each other (the later plugin wins), and
``requirements`` merges version ranges.

Reads local files and contacts no host. Imports ``inputs``, ``catalog``, ``spec``, ``portable`` and ``errors``.
"""
