"""The pytest plugin (entry point ``pytest11``).

pytest loads it wherever mngr-ansible is installed, so it imports little."""
