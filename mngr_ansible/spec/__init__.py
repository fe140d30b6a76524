"""The specifications that plugins, manifests and settings use: files, packages, checks, sources.

Face: ``files`` (``FileTransferSpec``), ``packages`` (``PackageRequirement``, ``Check``), ``sources`` (``Source``),
``patterns`` (gitignore patterns) and ``validation`` (the fields' checks; ``nearest`` for "did you mean").

All values are frozen and check themselves when they are made. Imports ``portable`` and ``errors``.
"""
