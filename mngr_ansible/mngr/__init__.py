"""mngr."""
