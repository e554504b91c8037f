"""Connections: accepting, TLS, timeouts, and requests on a connection."""
