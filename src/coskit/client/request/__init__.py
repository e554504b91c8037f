"""One request and its response: validation, dialects, signing and parsing."""
