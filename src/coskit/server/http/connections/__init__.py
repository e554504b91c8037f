"""Connections: accepting, TLS, timeouts and one request's cycle."""
