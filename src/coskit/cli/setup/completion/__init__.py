"""Completion in shells: verbs, options, choices, buckets and keys."""
