"""Benchmarks behind `make bench`: every workload checks its own result, or the run ends with status 1."""
