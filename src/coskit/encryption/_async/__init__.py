"""Client-side encryption for the asynchronous client."""
