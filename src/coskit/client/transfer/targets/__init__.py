"""Targets of downloads: files, and paths that are written in place."""
