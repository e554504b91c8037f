"""Saved state of interrupted transfers: journals, uploads and downloads."""
