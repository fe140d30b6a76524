"""Inventories of Ansible: Ansible itself reads them, and values come back, of which connections are made.

Its face: :func:`~mngr_ansible.inventory.reading.read`, :class:`~mngr_ansible.inventory.answer.InventoryHost`,
:func:`~mngr_ansible.inventory.connecting.connected`. Uses the floors below.
"""
