"""The storage of buckets and objects: an index, immutable blobs, and the order of writes."""
