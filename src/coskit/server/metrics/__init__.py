"""Counters, their sum over workers, and their text format."""
