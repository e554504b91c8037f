"""HTTP: connections, requests and responses, the gateway, and the status pages."""
