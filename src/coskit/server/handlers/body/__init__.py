"""Bodies of requests and responses: checksums, encryption, rates."""
