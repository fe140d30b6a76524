"""What tests share: builders of values, test hosts and servers, ways to run mngr-ansible and find what a run left."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
