"""HTTP requests and responses around the handlers."""
