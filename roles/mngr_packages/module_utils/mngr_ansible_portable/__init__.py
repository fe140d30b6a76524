"""Python 3.9 and the standard library, nothing else: shared with the roles, which hold copies of these files."""
