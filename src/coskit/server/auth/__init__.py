"""Authentication: the sender of a request and the validity of its signature."""
