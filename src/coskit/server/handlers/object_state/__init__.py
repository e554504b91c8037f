"""State of an object besides its bytes: versions, tags, expiration, storage class."""
