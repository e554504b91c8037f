"""Settings of a client: retries, transfers, the transport and their checks."""
