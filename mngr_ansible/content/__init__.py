"""The Ansible content that this package ships: where it is, copies of it, and the collection that is built from it.

Face: ``location`` (``content_directory``), ``copies`` (``copy_content``: roles and playbooks to take along) and
``collection`` (``write_collection``: ``mngr.provisioning`` as source tree and as tarball). ``task_names`` and
``python_imports`` rewrite what has another name inside the collection.

Imports ``portable``, ``system`` and ``errors``; never Ansible.
"""
