"""The asynchronous world: the source that the synchronous one is generated from."""
