"""What else is known of an object: versions, tags, expiration."""
