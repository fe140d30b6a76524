"""A report as one page for a browser: no script, nothing from elsewhere. Face: ``page.page``."""
