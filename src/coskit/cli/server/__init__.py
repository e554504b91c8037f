"""Commands that run a server and care for its data."""
