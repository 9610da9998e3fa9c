"""Benchmarks: what polls, waits and writes cost. docs/benchmarks.md has what they found."""
