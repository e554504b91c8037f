"""Counters, their sum over workers, and how they are shown."""
