"""The operating system of this machine: programs, signals, temporary directories.

Face: ``processes`` (``run_bounded``: run a program with limits), ``signals`` (``terminate_gracefully``,
``signals_ignored``: clean up when a signal comes), ``tempdirs`` (``private_directory``, ``socket_directory``),
``descriptors`` (``room``: how many files may be open) and ``owners`` (what other users of this machine can do).

Imports nothing else of this package.
"""
