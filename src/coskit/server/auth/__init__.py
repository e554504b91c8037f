"""Who sent a request, and whether it is authentic."""
