"""Transfers of directories and deletions of folders."""
