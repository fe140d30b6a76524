"""What helps people who write manifests and plugins: ``init``, ``check``, ``check-plugin``."""
