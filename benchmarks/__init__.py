"""What a run costs beside other tools: ``python -m benchmarks --help``, results in ``docs/benchmarks.md``."""
