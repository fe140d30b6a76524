"""For tests of plugins, without a host and without ssh: ``plan_of``, ``fake_host``, ``plan_host``."""
