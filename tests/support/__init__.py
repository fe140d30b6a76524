"""What tests share: builders of values, hosts and servers of their own, ways to run us and to look at what is left."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
