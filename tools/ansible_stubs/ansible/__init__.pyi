# What the roles use of ansible-core, which has no types of its own; read by tools/typecheck_roles.py.
