"""Uploads, downloads, copies and directory synchronisation."""
