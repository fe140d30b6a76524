"""What can stop or delay a run, asked of this machine and of hosts: the verb ``doctor``.

Its face: ``examination.examine``."""
