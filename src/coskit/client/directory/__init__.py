"""Transfers of whole directories: the plan, the local files and the result."""
