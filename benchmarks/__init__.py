"""Benchmarks against rivals, in one run on one machine."""
