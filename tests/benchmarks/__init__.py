"""Timings, as ratios measured in one run: ``python -m tests.benchmarks`` prints a table."""
