"""Interfaces between the store and its backends: the index and the blobs."""
