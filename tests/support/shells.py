"""The shells that a host may have, for tests of scripts."""

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
"""By name: the words that start it."""
