"""Benchmark: each stage beside other implementations, and against the limit of the machine."""
