"""Credentials of a client: providers, the sources that are searched, and their refresh."""
