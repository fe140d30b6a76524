"""Attackers: unprivileged users of a test host who race with the role's module and with whole runs."""
