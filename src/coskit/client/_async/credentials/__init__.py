"""Providers that fetch and refresh credentials."""
